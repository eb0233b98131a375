// Gated units, a workgroup per token: activation(a) · b of rows (a, b).
//
// Constants prepended to this text: WIDTH (of a half), and the function `activation`.

const ACROSS = 64u;

@group(0) @binding(0) var<storage, read> halves: array<f32>;
@group(0) @binding(1) var<storage, read_write> units: array<f32>;

@compute @workgroup_size(ACROSS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let start = 2u * group.x * WIDTH;
    for (var i = index; i < WIDTH; i += ACROSS) {
        units[group.x * WIDTH + i] = activation(halves[start + i]) * halves[start + WIDTH + i];
    }
}
