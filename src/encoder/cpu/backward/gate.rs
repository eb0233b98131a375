//! The backward pass of gated units.

use rayon::prelude::*;

use super::super::{
    linear::PART,
    math::{activate, slope},
    simd::{Kernel, Level, Simd},
};
use crate::architecture::Activation;

/// Gradients `out` of rows `x`, `(a, b)`, from those of `activation(a) · b`, `width` wide:
/// da = d · b · activation'(a), db = d · activation(a).
pub fn backward(
    level: Level,
    activation: Activation,
    width: usize,
    x: &[f32],
    grads: &[f32],
    out: &mut [f32],
) {
    assert!(x.len() == out.len() && x.len() == 2 * grads.len());
    let rows = out.par_chunks_mut(PART * 2 * width).zip(x.par_chunks(PART * 2 * width));
    rows.zip(grads.par_chunks(PART * width)).for_each(|((out, x), grads)| {
        level.dispatch(GateBackward { activation, width, x, grads, out });
    });
}

struct GateBackward<'a> {
    activation: Activation,
    width: usize,
    x: &'a [f32],
    grads: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for GateBackward<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Self { activation, width, x, grads, out } = self;
        let whole = width / S::LANES * S::LANES;
        let rows = x.chunks_exact(2 * width).zip(grads.chunks_exact(width));
        for ((x, grads), out) in rows.zip(out.chunks_exact_mut(2 * width)) {
            let ((a, b), (da, db)) = (x.split_at(width), out.split_at_mut(width));
            for at in (0..whole).step_by(S::LANES) {
                // SAFETY: all five are `width` long.
                unsafe {
                    let grad = simd.load(grads.as_ptr().add(at));
                    let (a, b) = (simd.load(a.as_ptr().add(at)), simd.load(b.as_ptr().add(at)));
                    let da_of = simd.mul(simd.mul(grad, b), slope(simd, activation, a));
                    simd.store(da.as_mut_ptr().add(at), da_of);
                    simd.store(db.as_mut_ptr().add(at), simd.mul(grad, activate(simd, activation, a)));
                }
            }
            for at in whole..width {
                let a = simd.splat(a[at]);
                da[at] = grads[at] * b[at] * simd.lanes(slope(simd, activation, a))[0];
                db[at] = grads[at] * simd.lanes(activate(simd, activation, a))[0];
            }
        }
    }
}
