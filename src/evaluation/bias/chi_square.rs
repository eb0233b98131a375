//! The upper tail of the χ² distribution.

/// The probability that χ² with `df` degrees of freedom is at least `x`: Q(df/2, x/2), the
/// regularised upper incomplete gamma function (Abramowitz and Stegun 26.4.19).
pub(super) fn upper_tail(x: f64, df: usize) -> f64 {
    let (a, x) = (df as f64 / 2.0, x / 2.0);
    if x <= 0.0 {
        return 1.0;
    }
    // x^a e^-x / Γ(a), computed with logarithms, as x may be in the thousands.
    let factor = (a * x.ln() - x - ln_gamma_of_half(df)).exp();
    if x < a + 1.0 { 1.0 - factor * series(a, x) } else { factor * fraction(a, x) }
}

/// Σ xⁿ / (a (a+1) … (a+n)), which converges fast for x < a + 1 (6.5.29).
fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
    while term > sum * f64::EPSILON {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    sum
}

/// 1 / (x+1−a − 1(1−a) / (x+3−a − 2(2−a) / (x+5−a − …))), which converges for x ≥ a + 1 (6.5.31): the
/// quotient of two recurrences, rescaled together to avoid overflow.
fn fraction(a: f64, x: f64) -> f64 {
    let mut b = x + 1.0 - a;
    let (mut above, mut below) = ((0.0, 1.0), (1.0, b));
    let mut value = 1.0 / b;
    for i in 1..1000 {
        let n = f64::from(i);
        b += 2.0;
        let scale = below.1;
        let next = |(old, now): (f64, f64)| (now / scale, (b * now - n * (n - a) * old) / scale);
        (above, below) = (next(above), next(below));
        let before = std::mem::replace(&mut value, above.1 / below.1);
        if (value - before).abs() <= value.abs() * f64::EPSILON {
            break;
        }
    }
    value
}

/// ln Γ(n / 2) for n of 1 or more, from Γ(1/2) = √π, Γ(1) = 1 and Γ(z + 1) = z Γ(z).
fn ln_gamma_of_half(n: usize) -> f64 {
    let (first, start) = if n % 2 == 1 { (1, std::f64::consts::PI.ln() / 2.0) } else { (2, 0.0) };
    start + (first..n).step_by(2).map(|m| (m as f64 / 2.0).ln()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Tables of χ² (for instance Abramowitz and Stegun, table 26.8) and the constant of PEER.
    #[test]
    fn known_values() {
        for (x, df, p) in [
            (0.003_932_140_000_019_522, 1, 0.95),
            (3.841_458_820_694_124, 1, 0.05),
            (10.827_566_170_662_733, 1, 0.001),
            (5.991_464_547_107_979, 2, 0.05),
            (7.814_727_903_251_179, 3, 0.05),
            (18.307_038_053_275_146, 10, 0.05),
            (29.588_298_445_074_42, 10, 0.001),
            (10.0, 10, 0.440_493_285_065_212_5),
            (0.0, 10, 1.0),
        ] {
            let got = upper_tail(x, df);
            assert!((got - p).abs() < 1e-12, "{x} {df}: {got} is not {p}");
        }
        assert_eq!(upper_tail(1e5, 10), 0.0);
    }

    proptest! {
        /// For even degrees of freedom Q is the sum of a Poisson distribution's first terms.
        #[test]
        fn poisson(half in 1usize..30, x in 0.0..400.0f64) {
            let mut term = (-x / 2.0).exp();
            let mut sum = term;
            for i in 1..half {
                term *= x / 2.0 / i as f64;
                sum += term;
            }
            let got = upper_tail(x, 2 * half);
            prop_assert!((got - sum).abs() < 1e-12, "{} {}", got, sum);
        }

        /// For odd ones, compared with the density integrated by Simpson's rule.
        #[test]
        fn density(odd in 1usize..15, x in 1.0..60.0f64) {
            let df = 2 * odd + 1;
            let half = df as f64 / 2.0;
            let gamma = (0..odd).fold(std::f64::consts::PI.sqrt(), |g, i| g * (i as f64 + 0.5));
            let density = |t: f64| t.powf(half - 1.0) * (-t / 2.0).exp() / (2f64.powf(half) * gamma);
            let (steps, end) = (20_000, x + 300.0);
            let h = (end - x) / steps as f64;
            let inner: f64 = (1..steps)
                .map(|i| density(x + i as f64 * h) * if i % 2 == 1 { 4.0 } else { 2.0 })
                .sum();
            let integral = (density(x) + inner + density(end)) * h / 3.0;
            let got = upper_tail(x, df);
            prop_assert!((got - integral).abs() < 1e-9, "{} {}", got, integral);
        }
    }
}
