fn gelu(x: f32) -> f32 {
    return 0.5 * x * (1.0 + erf(x * 0.70710678));
}

// Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26: |error| ≤ 1.5e-7.
fn erf(x: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.3275911 * abs(x));
    let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return sign(x) * (1.0 - p * exp(-x * x));
}

fn gelu_tanh(x: f32) -> f32 {
    return 0.5 * x * (1.0 + bounded_tanh(0.7978845608 * (x + 0.044715 * x * x * x)));
}

// The built-in tanh overflows on some drivers.
fn bounded_tanh(x: f32) -> f32 {
    return 1.0 - 2.0 / (exp(2.0 * clamp(x, -15.0, 15.0)) + 1.0);
}

fn silu(x: f32) -> f32 {
    return x / (1.0 + exp(-clamp(x, -80.0, 80.0)));
}

fn relu(x: f32) -> f32 {
    return max(x, 0.0);
}

fn identity(x: f32) -> f32 {
    return x;
}
