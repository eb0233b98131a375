//! A trainable weight with its gradient.

use crate::{
    Error, Result,
    architecture::program::{ParamId, ParamSpec, Place, Program},
    bundle::{Array, Weights},
};

/// A trainable weight: one parameter, or several of layers that share an input, concatenated.
pub struct Param {
    /// The parameters it is made of: joined by their rows.
    pub specs: Vec<ParamSpec>,
    /// Shape of all of them together.
    pub shape: Vec<usize>,
    /// In row-major order.
    pub values: Vec<f32>,
    /// Gradients of the loss; as many as `values`.
    pub grads: Vec<f32>,
}

impl Param {
    /// Reads one parameter of a program from `weights`.
    ///
    /// # Errors
    /// As [`Weights::param`].
    pub(super) fn read(program: &Program, id: ParamId, weights: &Weights) -> Result<Self> {
        Self::joined(program, [id].into_iter(), weights.values(program, id)?)
    }

    /// Concatenated parameters with these `values`.
    pub(super) fn joined(
        program: &Program,
        ids: impl Iterator<Item = ParamId>,
        values: Vec<f32>,
    ) -> Result<Self> {
        let specs: Vec<ParamSpec> = ids.map(|id| program.param(id).clone()).collect();
        let mut shape = specs[0].shape();
        if specs.iter().any(|spec| spec.shape()[1..] != shape[1..]) {
            let what = format!("training layers that share an input but differ in width ({})", specs[0].name);
            return Err(Error::Unsupported {
                what,
                hint: "only layers of equal width can be trained together".into(),
            });
        }
        shape[0] = specs.iter().map(|spec| spec.shape()[0]).sum();
        Ok(Self { grads: vec![0.0; values.len()], specs, shape, values })
    }

    /// Where it is used.
    pub fn place(&self) -> Place {
        self.specs[0].place
    }

    /// Whether it is a matrix: weight decay skips biases and norms.
    pub fn is_matrix(&self) -> bool {
        self.shape.len() > 1
    }

    /// Splits `values`, as many as it has, into its parameters: each one's name and array.
    pub fn parts<'a>(&'a self, values: &'a [f32]) -> impl Iterator<Item = (&'a str, Array)> {
        let mut rest = values;
        self.specs.iter().map(move |spec| {
            let own;
            (own, rest) = rest.split_at(spec.shape().iter().product());
            (spec.name.as_str(), Array::f32(spec.shape(), own.to_vec()))
        })
    }
}
