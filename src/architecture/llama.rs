//! Llama (arXiv 2302.13971), Mistral, Qwen2 and Qwen3, by the names of transformers' `LlamaModel`: decoders whose last
//! token, which has seen the whole text, usually stands for it. A norm before each layer, rotary positions, key and
//! value heads that several query heads share, gated feed-forward layers; in Qwen3 also norms of the heads.

use super::{
    Activation, Config, Decoder, Family, pool_and_project,
    program::{
        Attention, Axis, Buffer, Gate, Layer, Linear, Mask, NormHeads, NormKind, Op, ParamRole, Place,
        Program, ProgramBuilder, Projection, Rotate,
    },
};
use crate::{Error, Result};

/// The program of a decoder.
///
/// # Errors
/// [`Error::Format`] without [`Config::decoder`]; and as [`ProgramBuilder::finish`].
pub fn program(config: &Config) -> Result<Program> {
    let decoder = decoder(config)?;
    let (width, epsilon, kind) = (Axis::Width(config.hidden), config.layer_norm_epsilon, NormKind::Rms);
    let (hidden, normed) = (Buffer::Hidden, Buffer::Normed);
    let mut build = ProgramBuilder::new("embed_tokens.weight", config.vocabulary, config.hidden);
    for i in 0..config.layers {
        build.at(Place::Block(i));
        build.rms_norm([hidden, normed], kind, &format!("layers.{i}.input_layernorm"), width, epsilon);
        let head_norms = (config.family == Family::Qwen3).then_some(kind);
        attention(&mut build, config, decoder, i, head_norms);
        project_attention(&mut build, config, decoder, i, hidden);
        let name = format!("layers.{i}.post_attention_layernorm");
        build.rms_norm([hidden, normed], kind, &name, width, epsilon);
        feed_forward(&mut build, config, decoder, i, hidden);
    }
    build.at(Place::After);
    build.rms_norm([hidden; 2], kind, "norm", width, epsilon);
    pool_and_project(&mut build, config);
    build.finish()
}

/// The decoder's own numbers.
///
/// # Errors
/// [`Error::Format`] if there are none.
pub(super) fn decoder(config: &Config) -> Result<&Decoder> {
    config.decoder.as_ref().ok_or_else(|| Error::format("the model's shape, decoder", "it is missing"))
}

/// From [`Buffer::Normed`] to context vectors in [`Buffer::Context`]; with `head_norms`, queries and keys are normed.
pub(super) fn attention(
    build: &mut ProgramBuilder,
    config: &Config,
    decoder: &Decoder,
    block: usize,
    head_norms: Option<NormKind>,
) {
    let (heads, &Decoder { kv_heads, head_width, scaling, causal, window, .. }) = (config.heads, decoder);
    let axis = |heads: usize| Axis::Heads(heads.saturating_mul(head_width));
    let at = |part: &str| format!("layers.{block}.self_attn.{part}");
    let parts = [
        (Layer::Query, &*at("q_proj"), axis(heads)),
        (Layer::Key, &*at("k_proj"), axis(kv_heads)),
        (Layer::Value, &*at("v_proj"), axis(kv_heads)),
    ];
    let linear = build.joined(&parts, Axis::Width(config.hidden), decoder.qkv_bias);
    project(build, [Buffer::Normed, Buffer::Wide], linear, false);
    if let Some(kind) = head_norms {
        let gain = |build: &mut ProgramBuilder, part| {
            build.param(&at(part), ParamRole::NormGain, &[Axis::Head(head_width)])
        };
        let gains = [gain(build, "q_norm.weight"), gain(build, "k_norm.weight")];
        let (to, epsilon) = (Buffer::Wide, config.layer_norm_epsilon);
        build.step(Op::NormHeads(NormHeads { to, heads, kv_heads, head_width, kind, gains, epsilon }));
    }
    let is_local = decoder.is_local(block);
    let theta = decoder.local_theta.filter(|_| is_local).unwrap_or(decoder.theta);
    let positions = config.max_tokens;
    build.step(Op::Rotate(Rotate { to: Buffer::Wide, heads, kv_heads, head_width, theta, positions }));
    let mask = match (causal, is_local) {
        (true, false) => Mask::Causal,
        (true, true) => Mask::CausalWindow(window),
        (false, false) => Mask::Full,
        (false, true) => Mask::Window(window),
    };
    let (from, to) = (Buffer::Wide, Buffer::Context);
    build.step(Op::Attend(Attention {
        from,
        to,
        heads,
        kv_heads,
        head_width,
        scaling,
        mask,
        relative: None,
    }));
}

/// From context vectors to `to`; added if that is [`Buffer::Hidden`].
pub(super) fn project_attention(
    build: &mut ProgramBuilder,
    config: &Config,
    decoder: &Decoder,
    block: usize,
    to: Buffer,
) {
    let heads = Axis::Heads(config.heads.saturating_mul(decoder.head_width));
    let name = format!("layers.{block}.self_attn.o_proj");
    let parts = [(Layer::Output, &*name, Axis::Width(config.hidden))];
    let linear = build.joined(&parts, heads, decoder.output_bias);
    project(build, [Buffer::Context, to], linear, to == Buffer::Hidden);
}

/// From [`Buffer::Normed`] to `to`; added if that is [`Buffer::Hidden`].
pub(super) fn feed_forward(
    build: &mut ProgramBuilder,
    config: &Config,
    decoder: &Decoder,
    block: usize,
    to: Buffer,
) {
    let (width, inner) = (Axis::Width(config.hidden), Axis::Inner(config.intermediate));
    let at = |part: &str| format!("layers.{block}.mlp.{part}");
    let parts = [(Layer::Gate, &*at("gate_proj"), inner), (Layer::Up, &*at("up_proj"), inner)];
    let linear = build.joined(&parts, width, decoder.inner_bias);
    project(build, [Buffer::Normed, Buffer::Wide], linear, false);
    let (activation, units) = (config.activation, config.intermediate);
    build.step(Op::Gate(Gate { from: Buffer::Wide, to: Buffer::Context, activation, width: units }));
    let linear = build.joined(&[(Layer::Down, &*at("down_proj"), width)], inner, decoder.inner_bias);
    project(build, [Buffer::Context, to], linear, to == Buffer::Hidden);
}

fn project(build: &mut ProgramBuilder, [from, to]: [Buffer; 2], linear: Linear, residual: bool) {
    build.step(Op::Project(Projection { from, to, linear, activation: Activation::Identity, residual }));
}
