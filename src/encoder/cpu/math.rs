//! Element-wise functions on SIMD vectors.

use super::simd::Simd;
use crate::encoder::Activation;

/// eˣ with a relative error below 1e-7; arguments are clamped to ±87.
///
/// eˣ = 2ⁿ eʳ with |r| ≤ ln 2 / 2, and Taylor's series for eʳ (the first term left out is below 6e-9).
#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::V) -> S::V {
    // NaN is kept: the second argument wins.
    let x = simd.min(simd.splat(87.0), simd.max(simd.splat(-87.0), x));
    // Adding 1.5 · 2²³ rounds to an integer and leaves it in the low bits.
    let shift = simd.splat(12_582_912.0);
    let shifted = simd.mul_add(x, simd.splat(std::f32::consts::LOG2_E), shift);
    let n = simd.sub(shifted, shift);
    // ln 2 in two parts, of which the first has so few bits that its product with n is exact.
    let r = simd.mul_add(n, simd.splat(-0.693_359_4), x);
    let r = simd.mul_add(n, simd.splat(2.121_944_4e-4), r);
    let y = polynomial(simd, r, &[0.5, 1.0 / 6.0, 1.0 / 24.0, 1.0 / 120.0, 1.0 / 720.0, 1.0 / 5040.0]);
    let y = simd.mul_add(y, simd.mul(r, r), r);
    simd.mul(simd.add(y, simd.splat(1.0)), simd.pow2(shifted))
}

/// 1 - erf x for x from 0 to 4, with an absolute error below 2e-7.
///
/// -ln(erfc x) / x is nearly a parabola. The polynomial is a minimax fit of erfc on [0, 4], made for this
/// project (largest error 1.6e-8, rounding aside).
#[inline(always)]
pub fn erfc<S: Simd>(simd: S, x: S::V) -> S::V {
    let y = polynomial(
        simd,
        x,
        &[
            1.128_380_3,
            0.636_597_75,
            0.102_919_6,
            -0.019_583_926,
            0.000_536_887_7,
            0.001_032_434_3,
            -0.000_308_813_85,
            0.000_031_441_796,
        ],
    );
    exp(simd, simd.mul(simd.sub(simd.splat(0.0), x), y))
}

/// |x|, at most 4 √2, and erfc(|x| / √2): twice the normal distribution's tail.
#[inline(always)]
fn tail<S: Simd>(simd: S, x: S::V) -> (S::V, S::V) {
    let size = simd.max(simd.sub(simd.splat(0.0), x), x);
    let size = simd.min(simd.splat(4.0 * std::f32::consts::SQRT_2), size);
    (size, erfc(simd, simd.mul(size, simd.splat(std::f32::consts::FRAC_1_SQRT_2))))
}

/// The activation of every lane; NaN is kept.
#[inline(always)]
pub fn activate<S: Simd>(simd: S, kind: Activation, x: S::V) -> S::V {
    let zero = simd.splat(0.0);
    let one = simd.splat(1.0);
    match kind {
        // x Φ(x) = max(x, 0) - |x| / 2 · erfc(|x| / √2)
        Activation::Gelu => {
            // Beyond the clamp of |x| the second term stays below 5e-8.
            let (size, tail) = tail(simd, x);
            simd.mul_add(simd.mul(size, simd.splat(-0.5)), tail, simd.max(zero, x))
        }
        // x / 2 · (1 + tanh y) = x / (1 + exp(-2 y)), y = √(2 / π) (x + 0.044715 x³)
        Activation::GeluTanh => {
            let cube = simd.mul(simd.mul(x, x), x);
            let y = simd.mul_add(cube, simd.splat(0.044_715), x);
            let e = exp(simd, simd.mul(y, simd.splat(-1.595_769)));
            simd.div(x, simd.add(one, e))
        }
        Activation::Silu => {
            let e = exp(simd, simd.sub(zero, x));
            simd.div(x, simd.add(one, e))
        }
        Activation::Relu => simd.max(zero, x),
        // 1 - 2 / (exp(2 x) + 1)
        Activation::Tanh => {
            let e = exp(simd, simd.add(x, x));
            simd.sub(one, simd.div(simd.splat(2.0), simd.add(e, one)))
        }
        Activation::Identity => x,
    }
}

/// The activation's derivative of every lane.
#[cfg(feature = "gradients")]
#[inline(always)]
pub fn slope<S: Simd>(simd: S, kind: Activation, x: S::V) -> S::V {
    let zero = simd.splat(0.0);
    let one = simd.splat(1.0);
    match kind {
        // Φ(x) + x φ(x), with Φ(x) = 1/2 + sign(x) (1 - erfc(|x| / √2)) / 2
        Activation::Gelu => {
            let (size, tail) = tail(simd, x);
            // Beyond the clamp of |x| both terms are as good as 0 or 1; `inside` keeps the sign and a finite
            // square.
            let inside = simd.max(simd.sub(zero, size), simd.min(size, x));
            let half = simd.mul(simd.splat(0.5), simd.sub(one, tail));
            let sign = simd.div(inside, simd.max(size, simd.splat(f32::MIN_POSITIVE)));
            let below = simd.mul_add(sign, half, simd.splat(0.5));
            let density = exp(simd, simd.mul(simd.mul(inside, inside), simd.splat(-0.5)));
            let density = simd.mul(density, simd.splat(0.398_942_3));
            simd.mul_add(inside, density, below)
        }
        // With s = 1 / (1 + exp(-2 y)): s + x s (1 - s) 2 y', y = √(2 / π) (x + 0.044715 x³)
        Activation::GeluTanh => {
            let square = simd.mul(x, x);
            let cube = simd.mul(square, x);
            let y = simd.mul_add(cube, simd.splat(0.044_715), x);
            let s = simd.div(one, simd.add(one, exp(simd, simd.mul(y, simd.splat(-1.595_769)))));
            let inner = simd.mul(simd.mul_add(square, simd.splat(0.134_145), one), simd.splat(1.595_769));
            let rest = simd.mul(simd.mul(s, simd.sub(one, s)), inner);
            simd.mul_add(x, rest, s)
        }
        // With s = 1 / (1 + exp(-x)): s + x s (1 - s)
        Activation::Silu => {
            let s = simd.div(one, simd.add(one, exp(simd, simd.sub(zero, x))));
            simd.mul_add(simd.mul(x, s), simd.sub(one, s), s)
        }
        Activation::Relu => simd.min(one, simd.mul(simd.max(zero, x), simd.splat(f32::MAX))),
        // 1 - tanh² x
        Activation::Tanh => {
            let y = activate(simd, Activation::Tanh, x);
            simd.sub(one, simd.mul(y, y))
        }
        Activation::Identity => one,
    }
}

/// `c[0] + c[1] x + c[2] x² + …`
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::V, c: &[f32; N]) -> S::V {
    let mut y = simd.splat(c[N - 1]);
    for &c in c[..N - 1].iter().rev() {
        y = simd.mul_add(y, x, simd.splat(c));
    }
    y
}
