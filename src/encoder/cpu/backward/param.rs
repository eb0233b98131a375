//! A weight with its gradient.

use crate::{
    Error, Result,
    architecture::program::{ParamId, ParamSpec, Place, Program},
    bundle::{Array, Weights},
};

/// A weight that is trained: one parameter, or several of layers with the same input, one after the other.
pub struct Param {
    /// Its parts, which are of equal size.
    pub specs: Vec<ParamSpec>,
    /// Of all parts together.
    pub shape: Vec<usize>,
    /// In row-major order.
    pub values: Vec<f32>,
    /// Of the loss, by these values; as long as they are.
    pub grads: Vec<f32>,
}

impl Param {
    /// One parameter of a program, as `weights` have it.
    ///
    /// # Errors
    /// As [`Weights::param`].
    pub(super) fn read(program: &Program, id: ParamId, weights: &Weights) -> Result<Self> {
        Self::joined(program, [id].into_iter(), weights.values(program, id)?)
    }

    /// Parameters one after the other, whose `values` these are.
    pub(super) fn joined(
        program: &Program,
        ids: impl Iterator<Item = ParamId>,
        values: Vec<f32>,
    ) -> Result<Self> {
        let specs: Vec<ParamSpec> = ids.map(|id| program.param(id).clone()).collect();
        let mut shape = specs[0].shape();
        if specs.iter().any(|spec| spec.shape() != shape) {
            let what = format!("training of layers side by side that differ in size ({})", specs[0].name);
            return Err(Error::Unsupported { what, hint: "layers of one size are trained".into() });
        }
        shape[0] *= specs.len();
        Ok(Self { grads: vec![0.0; values.len()], specs, shape, values })
    }

    /// Where it is used.
    pub fn place(&self) -> Place {
        self.specs[0].place
    }

    /// Whether it is a matrix: biases and norms are spared weight decay.
    pub fn is_matrix(&self) -> bool {
        self.shape.len() > 1
    }

    /// `values`, as many as it has, part by part: each part's name and its array.
    pub fn parts<'a>(&'a self, values: &'a [f32]) -> impl Iterator<Item = (&'a str, Array)> {
        let parts = self.specs.iter().zip(values.chunks(self.values.len() / self.specs.len()));
        parts.map(|(spec, values)| (spec.name.as_str(), Array::f32(spec.shape(), values.to_vec())))
    }
}
