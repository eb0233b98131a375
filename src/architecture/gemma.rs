//! Gemma 3's text model (arXiv 2503.19786; EmbeddingGemma, arXiv 2509.20354), by the names of transformers'
//! `Gemma3TextModel`: a decoder like Qwen3, with norms on both sides of each layer whose gains are one more than their
//! parameters, embeddings scaled by the root of their width, and a base of rotary positions of its own in blocks with a
//! window. As an encoder each token sees those behind it, too.

use super::{
    Config,
    llama::{attention, decoder, feed_forward, project_attention},
    pool_and_project,
    program::{Add, Axis, Buffer, NormKind, Op, Place, Program, ProgramBuilder, Scale},
};
use crate::Result;

/// The program of a Gemma.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) without [`Config::decoder`]; and as [`ProgramBuilder::finish`].
pub fn program(config: &Config) -> Result<Program> {
    let decoder = decoder(config)?;
    let (axis, epsilon, kind) = (Axis::Width(config.hidden), config.layer_norm_epsilon, NormKind::RmsFromOne);
    let (hidden, normed, width) = (Buffer::Hidden, Buffer::Normed, config.hidden);
    let mut build = ProgramBuilder::new("embed_tokens.weight", config.vocabulary, width);
    build.step(Op::Scale(Scale { to: hidden, by: (width as f64).sqrt() as f32, width }));
    for i in 0..config.layers {
        build.at(Place::Block(i));
        let norm = |build: &mut ProgramBuilder, from, part| {
            build.rms_norm([from, normed], kind, &format!("layers.{i}.{part}"), axis, epsilon);
        };
        norm(&mut build, hidden, "input_layernorm");
        attention(&mut build, config, decoder, i, Some(kind));
        project_attention(&mut build, config, decoder, i, normed);
        norm(&mut build, normed, "post_attention_layernorm");
        build.step(Op::Add(Add { from: normed, to: hidden, width }));
        norm(&mut build, hidden, "pre_feedforward_layernorm");
        feed_forward(&mut build, config, decoder, i, normed);
        norm(&mut build, normed, "post_feedforward_layernorm");
        build.step(Op::Add(Add { from: normed, to: hidden, width }));
    }
    build.at(Place::After);
    build.rms_norm([hidden; 2], kind, "norm", axis, epsilon);
    pool_and_project(&mut build, config);
    build.finish()
}
