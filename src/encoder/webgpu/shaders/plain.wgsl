@group(0) @binding(4) var<storage, read> weights: array<vec4f>;

fn weight(row: u32, k: u32) -> vec4f {
    return weights[row * INPUTS + k];
}
