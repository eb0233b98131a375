//! A weight with its gradient.

use crate::bundle::{Array, Weights};

/// A weight that is trained: one tensor, or several with the same input, one after the other.
pub struct Param {
    /// Under which names a bundle has its parts, which are of equal size.
    pub names: Vec<String>,
    /// Of all parts together.
    pub shape: Vec<usize>,
    /// In row-major order.
    pub values: Vec<f32>,
    /// Of the loss, by these values; as long as they are.
    pub grads: Vec<f32>,
}

impl Param {
    pub(super) fn new(names: Vec<String>, shape: Vec<usize>, values: Vec<f32>) -> Self {
        Self { grads: vec![0.0; values.len()], names, shape, values }
    }

    /// Whether it is a matrix: biases and norms are spared weight decay.
    pub fn is_matrix(&self) -> bool {
        self.shape.len() > 1
    }

    /// Its parts as arrays under their names.
    pub(super) fn store(&self, out: &mut Weights) {
        let mut shape = self.shape.clone();
        shape[0] /= self.names.len();
        for (name, values) in self.names.iter().zip(self.values.chunks(shape.iter().product())) {
            out.insert(name, Array::f32(shape.clone(), values.to_vec()));
        }
    }
}
