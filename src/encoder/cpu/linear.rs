//! Linear layers over rows, distributed over threads.

use super::{
    integers::{Integers, QuantizedRows},
    product::{After, OutputRows, Panels, multiply},
};
use crate::{encoder::Activation, threads};

/// Rows that a thread takes at a time: few enough for their activations to stay in its cache.
pub const PART: usize = 48;

/// `activation(x W + b)`.
pub struct CpuLinear {
    pub matrix: CpuMatrix,
    /// Empty for no bias.
    pub bias: Vec<f32>,
    pub activation: Activation,
    pub input: usize,
    pub output: usize,
}

pub enum CpuMatrix {
    F32(Panels),
    Integers(Integers),
}

impl CpuMatrix {
    fn panels(&self) -> usize {
        match self {
            Self::F32(panels) => panels.count(),
            Self::Integers(integers) => integers.panels(),
        }
    }
}

impl CpuLinear {
    /// Computes rows `out` from rows `x`; `add` adds to what is in `out`.
    pub fn apply(&self, x: &[f32], out: &mut [f32], add: bool) {
        let rows = x.len() / self.input;
        let after = After { bias: &self.bias, activation: self.activation, add };
        assert_eq!(out.len(), rows * self.output, "a place for each row");
        let place = OutputRows::new(out, self.output);
        let parts = rows.div_ceil(PART);
        let panels = self.matrix.panels();
        // With few rows, threads share columns instead, so that only one thread reads each weight.
        let groups = match threads::count() {
            1 => 1,
            threads => (2 * threads).div_ceil(parts.max(1)).min(panels),
        };
        threads::each(parts * groups, QuantizedRows::default, |own, task| {
            let (part, group) = (task / groups, task % groups);
            let (first, end) = (part * rows / parts, (part + 1) * rows / parts);
            let which = group * panels / groups..(group + 1) * panels / groups;
            let x = &x[first * self.input..end * self.input];
            let place = place.from(first, 0);
            // SAFETY: no two tasks write the same rows and columns.
            unsafe {
                match &self.matrix {
                    CpuMatrix::F32(panels) => {
                        multiply((x, self.input, end - first), panels, which, after, place)
                    }
                    CpuMatrix::Integers(integers) => {
                        integers.multiply((x, self.input), own, which, after, place)
                    }
                }
            }
        });
    }
}
