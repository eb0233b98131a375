//! What a model is made of: its shape ([`Config`]), and what is done with which weights ([`program()`]).
//!
//! Each file here that is named like a family of models turns a [`Config`] into a [`Program`], and is the one place
//! that knows what its checkpoints call their tensors. All of it lies below `bundle`, which stores models, and
//! `encoder`, which runs them. Not here: weights, devices, files.

mod bert;
mod config;
pub mod program;

pub use config::{Activation, Config, Dense, Family, Pooling};

use crate::{Error, Result};
use program::{Axis, Buffer, Builder, Layer, Normalize, Op, Place, Pool, Program, Projection};

/// The most blocks that a model may have: a hundred times what any has.
const MOST_BLOCKS: usize = 10_000;

/// The program of a model.
///
/// # Errors
/// As [`Builder::finish`].
fn program(config: &Config) -> Result<Program> {
    // A file may claim any number: what is described here takes memory before a weight was found.
    if config.layers > MOST_BLOCKS {
        let problem = format!("{} is not a possible number of blocks", config.layers);
        return Err(Error::format("the model's shape, layers", problem));
    }
    match config.family {
        Family::Bert | Family::XlmRoberta => bert::program(config),
    }
}

/// What a bundle calls the dense layer number `i` behind the pooling; its parameters are `weight` and `bias`.
pub fn dense_name(i: usize) -> String {
    format!("dense.{i}")
}

/// Behind the blocks, in every architecture: pooling of [`Buffer::Hidden`], dense layers, length 1
/// (sentence-transformers' modules).
fn pool_and_project(build: &mut Builder, config: &Config) {
    build.at(Place::After);
    let (mut from, mut to) = (Buffer::Vector, Buffer::Projected);
    let pooling = config.pooling;
    build.step(Op::Pool(Pool { from: Buffer::Hidden, to: from, pooling, width: config.hidden }));
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
        build.step(Op::Normalize(Normalize { to: from, width: config.dimension() }));
    }
}
