//! Linear layers over rows, shared out among threads.

use super::{
    integers::{Integers, Rows},
    product::{After, Panels, Place, multiply},
};
use crate::{encoder::Activation, threads};

/// Rows that one thread takes at a time: their activations stay in its cache.
pub const PART: usize = 48;

/// `activation(x W + b)`.
pub struct Linear {
    pub matrix: Matrix,
    /// Empty for none.
    pub bias: Vec<f32>,
    pub activation: Activation,
    pub input: usize,
    pub output: usize,
}

pub enum Matrix {
    F32(Panels),
    Integers(Integers),
}

impl Matrix {
    /// Number of panels.
    fn panels(&self) -> usize {
        match self {
            Self::F32(panels) => panels.count(),
            Self::Integers(integers) => integers.panels(),
        }
    }
}

impl Linear {
    /// Rows `x` into rows `out`; what is there is added to, if `add` says so.
    pub fn apply(&self, x: &[f32], out: &mut [f32], add: bool) {
        let rows = x.len() / self.input;
        let after = After { bias: &self.bias, activation: self.activation, add };
        assert_eq!(out.len(), rows * self.output, "a place for each row");
        let place = Place::new(out, self.output);
        let parts = rows.div_ceil(PART);
        let panels = self.matrix.panels();
        // Few rows are shared out by columns, so that each weight is read by one thread only.
        let groups = match threads::count() {
            1 => 1,
            threads => (2 * threads).div_ceil(parts.max(1)).min(panels),
        };
        threads::each(parts * groups, Rows::default, |own, task| {
            let (part, group) = (task / groups, task % groups);
            let (first, end) = (part * rows / parts, (part + 1) * rows / parts);
            let which = group * panels / groups..(group + 1) * panels / groups;
            let x = &x[first * self.input..end * self.input];
            let place = place.from(first, 0);
            // SAFETY: each task has rows or columns of its own.
            unsafe {
                match &self.matrix {
                    Matrix::F32(panels) => {
                        multiply((x, self.input, end - first), panels, which, after, place)
                    }
                    Matrix::Integers(integers) => {
                        integers.multiply((x, self.input), own, which, after, place)
                    }
                }
            }
        });
    }
}
