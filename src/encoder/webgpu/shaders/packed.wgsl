// Four signed 8-bit integers per u32, and a scale for every 32 of a row.
@group(0) @binding(4) var<storage, read> weights: array<u32>;
@group(0) @binding(5) var<storage, read> scales: array<f32>;

fn weight(row: u32, k: u32) -> vec4f {
    // Shifted to the top of a word and back, which extends the sign.
    let integers = vec4i(vec4u(weights[row * INPUTS + k]) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u);
    return vec4f(integers) * scales[row * (INPUTS / 8u) + k / 8u];
}
