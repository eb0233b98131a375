//! Model architectures: a model's shape ([`Config`]) and the steps and weights that compute it
//! ([`program()`]).
//!
//! Each file named after a model family turns a [`Config`] into a [`Program`], and is the only place that
//! knows the tensor names of its checkpoints. `bundle`, which stores models, and `encoder`, which runs them,
//! build on this. Weights, devices and files do not belong here.

mod bert;
mod config;
mod gemma;
mod llama;
mod modern_bert;
pub mod program;
mod static_embedding;

pub use config::{Activation, Config, Decoder, Dense, Family, Pooling, Rotary};

pub use static_embedding::TABLE as STATIC_TABLE;

use crate::{Error, Result};
use program::{Axis, Buffer, Layer, Normalize, Op, Place, PoolTokens, Program, ProgramBuilder, Projection};

/// Upper bound on the number of blocks: a hundred times that of any known model.
pub(crate) const MOST_BLOCKS: usize = 10_000;

/// The program of a model.
///
/// # Errors
/// As [`ProgramBuilder::finish`].
fn program(config: &Config) -> Result<Program> {
    // A file may claim any number, and the program is built before any weights are read.
    if config.layers > MOST_BLOCKS {
        let problem = format!("{} is not a possible number of blocks", config.layers);
        return Err(Error::format("the model's shape, layers", problem));
    }
    match config.family {
        Family::Bert | Family::XlmRoberta | Family::DistilBert | Family::MpNet => bert::program(config),
        Family::ModernBert => modern_bert::program(config),
        Family::Llama | Family::Qwen3 => llama::program(config),
        Family::Gemma3 => gemma::program(config),
        Family::Static => static_embedding::program(config),
    }
}

/// Name in a bundle of dense layer `i` after pooling; its parameters are `weight` and `bias`.
pub fn dense_name(i: usize) -> String {
    format!("dense.{i}")
}

/// What follows the blocks in every architecture: pooling of [`Buffer::Hidden`], dense layers, scaling to
/// length 1 (sentence-transformers' modules).
fn pool_and_project(build: &mut ProgramBuilder, config: &Config) {
    build.at(Place::After);
    let (mut from, mut to) = (Buffer::Vector, Buffer::Projected);
    let pooling = config.pooling;
    build.step(Op::Pool(PoolTokens { from: Buffer::Hidden, to: from, pooling, width: config.hidden }));
    for (i, &Dense { input, output, activation, normalized }) in config.dense.iter().enumerate() {
        if normalized {
            build.step(Op::Normalize(Normalize { to: from, width: input }));
        }
        let axis = if i == 0 { Axis::Width(input) } else { Axis::Vector(input) };
        let linear = build.linear(&[(Layer::Dense, &dense_name(i))], Axis::Vector(output), axis);
        build.step(Op::Project(Projection { from, to, linear, activation, residual: false }));
        std::mem::swap(&mut from, &mut to);
    }
    if config.normalize {
        build.step(Op::Normalize(Normalize { to: from, width: config.full_dimension() }));
    }
}
