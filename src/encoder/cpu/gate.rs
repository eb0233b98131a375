//! Gated units of feed-forward layers (arXiv 2002.05202): `activation(a) · b`.

use super::{
    linear::PART,
    math::activate,
    simd::{Kernel, Level, Simd},
};
use crate::{encoder::Activation, threads};

/// Gates rows `x` of `2 · width` into rows `out` of `width`.
pub fn gate(level: Level, activation: Activation, width: usize, x: &[f32], out: &mut [f32]) {
    threads::chunks_mut(out, PART * width, |part, out| {
        let x = &x[part * PART * 2 * width..];
        level.dispatch(GateKernel { activation, width, x, out });
    });
}

struct GateKernel<'a> {
    activation: Activation,
    width: usize,
    x: &'a [f32],
    out: &'a mut [f32],
}

impl Kernel for GateKernel<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) {
        let Self { activation, width, x, out } = self;
        for (x, out) in x.chunks_exact(2 * width).zip(out.chunks_exact_mut(width)) {
            let (a, b) = x.split_at(width);
            let whole = width / S::LANES * S::LANES;
            for at in (0..whole).step_by(S::LANES) {
                // SAFETY: all three are `width` long.
                unsafe {
                    let gate = activate(simd, activation, simd.load(a.as_ptr().add(at)));
                    let x = simd.mul(gate, simd.load(b.as_ptr().add(at)));
                    simd.store(out.as_mut_ptr().add(at), x);
                }
            }
            for at in whole..width {
                out[at] = simd.lanes(activate(simd, activation, simd.splat(a[at])))[0] * b[at];
            }
        }
    }
}
