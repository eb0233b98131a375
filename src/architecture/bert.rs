//! BERT (arXiv 1810.04805) and its relatives RoBERTa, XLM-R and CamemBERT, with the parameter names of
//! transformers' `BertModel`: embeddings and positions, then blocks of attention and a feed-forward layer,
//! each followed by a layer norm (post-norm).

use super::{
    Activation, Config, Family, pool_and_project,
    program::{
        AddPositions, Attention, Axis, Buffer, Builder, FeedForward, Gate, HeadNorm, Layer, Mask, Op, Place,
        Program, Projection, Role, Rotation,
    },
};
use crate::Result;

/// Builds the program of a BERT-like model.
///
/// # Errors
/// As [`Builder::finish`].
pub fn program(config: &Config) -> Result<Program> {
    let (width, heads) = (Axis::Width(config.hidden), Axis::Heads(config.hidden));
    let (inner, epsilon) = (Axis::Inner(config.intermediate), config.layer_norm_epsilon);
    let mut build = Builder::new("embeddings.word_embeddings.weight", config.vocabulary, config.hidden);

    let rows = [Axis::Position(config.positions), width];
    let table = build.param("embeddings.position_embeddings.weight", Role::Position, &rows);
    // RoBERTa has no segments, so its checkpoints may lack this table.
    let rows = [Axis::Segment, width];
    let segments = build.optional("embeddings.token_type_embeddings.weight", Role::Segment, &rows);
    let (first, segments) = (config.first_position, Some(segments));
    // RoBERTa's positions start after the padding id, and padding tokens are not counted.
    let padding = match config.family {
        Family::Bert => None,
        Family::XlmRoberta => first.checked_sub(1).map(|id| id as u32),
    };
    build.step(Op::AddPositions(AddPositions { to: Buffer::Hidden, table, segments, first, padding }));
    build.layer_norm(Buffer::Hidden, "embeddings.LayerNorm", width, epsilon);

    for i in 0..config.layers {
        build.at(Place::Block(i));
        let at = |part: &str| format!("encoder.layer.{i}.{part}");
        let [query, key, value] = ["query", "key", "value"].map(|part| at(&format!("attention.self.{part}")));
        let parts = [(Layer::Query, &*query), (Layer::Key, &*key), (Layer::Value, &*value)];
        let linear = build.linear(&parts, heads, width);
        let (from, to, activation) = (Buffer::Hidden, Buffer::Wide, Activation::Identity);
        build.step(Op::Project(Projection { from, to, linear, activation, residual: false }));
        build.step(Op::Attend(Attention {
            from: Buffer::Wide,
            to: Buffer::Context,
            heads: config.heads,
            kv_heads: config.heads,
            head_width: config.hidden.checked_div(config.heads).unwrap_or(0),
            mask: Mask::Full,
            rotation: Rotation::None,
            head_norm: HeadNorm::None,
        }));
        let linear = build.linear(&[(Layer::Output, &at("attention.output.dense"))], width, heads);
        let (from, to) = (Buffer::Context, Buffer::Hidden);
        build.step(Op::Project(Projection { from, to, linear, activation, residual: true }));
        build.layer_norm(Buffer::Hidden, &at("attention.output.LayerNorm"), width, epsilon);

        let up = build.linear(&[(Layer::Up, &at("intermediate.dense"))], inner, width);
        let down = build.linear(&[(Layer::Down, &at("output.dense"))], width, inner);
        build.step(Op::FeedForward(FeedForward {
            from: Buffer::Hidden,
            to: Buffer::Hidden,
            inner: Buffer::Wide,
            gate: Gate::None,
            up,
            activation: config.activation,
            down,
        }));
        build.layer_norm(Buffer::Hidden, &at("output.LayerNorm"), width, epsilon);
    }
    pool_and_project(&mut build, config);
    build.finish()
}
