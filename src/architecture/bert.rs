//! BERT (arXiv 1810.04805) and its relatives RoBERTa, XLM-R, CamemBERT, DistilBERT and MPNet, with the parameter names
//! of transformers' `BertModel`, `DistilBertModel` and `MPNetModel`: embeddings and positions, then blocks of attention
//! and a feed-forward layer, each followed by a layer norm (post-norm). MPNet (arXiv 2004.09297) also adds a number for
//! each distance between two tokens to their attention score.

use super::{
    Activation, Config, Family, pool_and_project,
    program::{
        AddPositions, Attention, Axis, Buffer, FeedForward, Layer, Mask, Op, ParamRole, Place, Program,
        ProgramBuilder, Projection, RelativeBias,
    },
};
use crate::Result;

/// What the parameters of a block are called, behind its number.
struct Names {
    blocks: &'static str,
    query_key_value: [&'static str; 3],
    attention_output: &'static str,
    attention_norm: &'static str,
    up: &'static str,
    down: &'static str,
    output_norm: &'static str,
}

const BERT: Names = Names {
    blocks: "encoder.layer",
    query_key_value: ["attention.self.query", "attention.self.key", "attention.self.value"],
    attention_output: "attention.output.dense",
    attention_norm: "attention.output.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    output_norm: "output.LayerNorm",
};

const DISTIL_BERT: Names = Names {
    blocks: "transformer.layer",
    query_key_value: ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
    attention_output: "attention.out_lin",
    attention_norm: "sa_layer_norm",
    up: "ffn.lin1",
    down: "ffn.lin2",
    output_norm: "output_layer_norm",
};

const MPNET: Names = Names {
    blocks: "encoder.layer",
    query_key_value: ["attention.attn.q", "attention.attn.k", "attention.attn.v"],
    attention_output: "attention.attn.o",
    attention_norm: "attention.LayerNorm",
    up: "intermediate.dense",
    down: "output.dense",
    output_norm: "output.LayerNorm",
};

/// Builds the program of a BERT-like model.
///
/// # Errors
/// As [`ProgramBuilder::finish`].
pub fn program(config: &Config) -> Result<Program> {
    let (width, heads) = (Axis::Width(config.hidden), Axis::Heads(config.hidden));
    let (inner, epsilon) = (Axis::Inner(config.intermediate), config.layer_norm_epsilon);
    let mut build =
        ProgramBuilder::new("embeddings.word_embeddings.weight", config.vocabulary, config.hidden);

    let rows = [Axis::Position(config.positions), width];
    let table = build.param("embeddings.position_embeddings.weight", ParamRole::Position, &rows);
    // RoBERTa has no segments, so its checkpoints may lack this table.
    let rows = [Axis::Segment, width];
    let has_segments = !matches!(config.family, Family::DistilBert | Family::MpNet);
    let segments = has_segments
        .then(|| build.optional("embeddings.token_type_embeddings.weight", ParamRole::Segment, &rows));
    let first = config.first_position;
    // The positions of RoBERTa and MPNet start after the padding id, and padding tokens are not counted.
    let behind = first.checked_sub(1).map(|id| id as u32);
    let padding = behind.filter(|_| matches!(config.family, Family::XlmRoberta | Family::MpNet));
    build.step(Op::AddPositions(AddPositions { to: Buffer::Hidden, table, segments, first, padding }));
    build.layer_norm(Buffer::Hidden, "embeddings.LayerNorm", width, epsilon);

    let rows = [Axis::Bucket(RelativeBias::BUCKETS), Axis::HeadCount(config.heads)];
    let relative = (config.family == Family::MpNet).then(|| RelativeBias {
        table: build.param("encoder.relative_attention_bias.weight", ParamRole::RelativeBias, &rows),
        positions: config.max_tokens,
    });

    let names = match config.family {
        Family::DistilBert => DISTIL_BERT,
        Family::MpNet => MPNET,
        _ => BERT,
    };
    let head_width = config.hidden.checked_div(config.heads).unwrap_or(0);
    for i in 0..config.layers {
        build.at(Place::Block(i));
        let at = |part: &str| format!("{}.{i}.{part}", names.blocks);
        let [query, key, value] = names.query_key_value.map(at);
        let parts = [(Layer::Query, &*query), (Layer::Key, &*key), (Layer::Value, &*value)];
        let linear = build.linear(&parts, heads, width);
        let (from, to, activation) = (Buffer::Hidden, Buffer::Wide, Activation::Identity);
        build.step(Op::Project(Projection { from, to, linear, activation, residual: false }));
        build.step(Op::Attend(Attention {
            from: Buffer::Wide,
            to: Buffer::Context,
            heads: config.heads,
            kv_heads: config.heads,
            head_width,
            scaling: head_width,
            mask: Mask::Full,
            relative,
        }));
        let linear = build.linear(&[(Layer::Output, &at(names.attention_output))], width, heads);
        let (from, to) = (Buffer::Context, Buffer::Hidden);
        build.step(Op::Project(Projection { from, to, linear, activation, residual: true }));
        build.layer_norm(Buffer::Hidden, &at(names.attention_norm), width, epsilon);

        let up = build.linear(&[(Layer::Up, &at(names.up))], inner, width);
        let down = build.linear(&[(Layer::Down, &at(names.down))], width, inner);
        build.step(Op::FeedForward(FeedForward {
            from: Buffer::Hidden,
            to: Buffer::Hidden,
            inner: Buffer::Wide,
            up,
            activation: config.activation,
            down,
        }));
        build.layer_norm(Buffer::Hidden, &at(names.output_norm), width, epsilon);
    }
    pool_and_project(&mut build, config);
    build.finish()
}
