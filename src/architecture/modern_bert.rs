//! ModernBERT (arXiv 2412.13663), by the names of transformers' `ModernBertModel`: no biases, rotary positions in
//! place of a table, a norm before each layer rather than behind it, gated feed-forward layers, and attention that is
//! local in most blocks.

use super::{
    Activation, Config, Rotary, pool_and_project,
    program::{
        Attention, Axis, Buffer, Gate, Layer, Mask, Op, Place, Program, ProgramBuilder, Projection, Rotate,
    },
};
use crate::{Error, Result};

/// The program of a ModernBERT.
///
/// # Errors
/// [`Error::Format`] without [`Config::rotary`]; and as [`ProgramBuilder::finish`].
pub fn program(config: &Config) -> Result<Program> {
    let Some(rotary) = &config.rotary else {
        return Err(Error::format("the model's shape, rotary", "it is missing"));
    };
    let (width, epsilon) = (Axis::Width(config.hidden), config.layer_norm_epsilon);
    let mut build = ProgramBuilder::new("embeddings.tok_embeddings.weight", config.vocabulary, config.hidden);
    build.scaled_norm([Buffer::Hidden; 2], "embeddings.norm", width, epsilon);
    for i in 0..config.layers {
        build.at(Place::Block(i));
        attention(&mut build, config, rotary, i);
        feed_forward(&mut build, config, i);
    }
    build.at(Place::After);
    build.scaled_norm([Buffer::Hidden; 2], "final_norm", width, epsilon);
    pool_and_project(&mut build, config);
    build.finish()
}

fn attention(build: &mut ProgramBuilder, config: &Config, rotary: &Rotary, block: usize) {
    let (width, heads) = (Axis::Width(config.hidden), config.heads);
    let head_width = config.hidden.checked_div(heads).unwrap_or(0);
    // The embeddings' norm is the first block's.
    let from = if block == 0 { Buffer::Hidden } else { Buffer::Normed };
    if block > 0 {
        let name = format!("layers.{block}.attn_norm");
        build.scaled_norm([Buffer::Hidden, from], &name, width, config.layer_norm_epsilon);
    }
    let name = format!("layers.{block}.attn.Wqkv");
    let linear = build.matrix(Layer::Qkv, &name, Axis::Heads(3 * config.hidden), width);
    project(build, from, Buffer::Wide, linear, false);
    let is_global = block.checked_rem(rotary.global_every) == Some(0);
    let (theta, mask) = match is_global {
        true => (rotary.theta, Mask::Full),
        false => (rotary.local_theta, Mask::Window(rotary.window)),
    };
    let positions = config.max_tokens;
    build.step(Op::Rotate(Rotate { to: Buffer::Wide, heads, kv_heads: heads, head_width, theta, positions }));
    build.step(Op::Attend(Attention {
        from: Buffer::Wide,
        to: Buffer::Context,
        heads,
        kv_heads: heads,
        head_width,
        scaling: head_width,
        mask,
        relative: None,
    }));
    let name = format!("layers.{block}.attn.Wo");
    let linear = build.matrix(Layer::Output, &name, width, Axis::Heads(config.hidden));
    project(build, Buffer::Context, Buffer::Hidden, linear, true);
}

fn feed_forward(build: &mut ProgramBuilder, config: &Config, block: usize) {
    let (width, inner) = (Axis::Width(config.hidden), config.intermediate);
    let name = format!("layers.{block}.mlp_norm");
    build.scaled_norm([Buffer::Hidden, Buffer::Normed], &name, width, config.layer_norm_epsilon);
    let linear = build.matrix(Layer::Up, &format!("layers.{block}.mlp.Wi"), Axis::Inner(2 * inner), width);
    project(build, Buffer::Normed, Buffer::Wide, linear, false);
    let (from, to, activation) = (Buffer::Wide, Buffer::Context, config.activation);
    build.step(Op::Gate(Gate { from, to, activation, width: inner }));
    let linear = build.matrix(Layer::Down, &format!("layers.{block}.mlp.Wo"), width, Axis::Inner(inner));
    project(build, Buffer::Context, Buffer::Hidden, linear, true);
}

fn project(
    build: &mut ProgramBuilder,
    from: Buffer,
    to: Buffer,
    linear: super::program::Linear,
    residual: bool,
) {
    let activation = Activation::Identity;
    build.step(Op::Project(Projection { from, to, linear, activation, residual }));
}
