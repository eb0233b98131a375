// As `linear.wgsl`, but reading the buffers directly, for software adapters: their barriers and workgroup memory
// cost more than they save.
//
// Each invocation computes 4 rows by 4 columns of y.

const ROWS = DOWN * 4u;
const COLUMNS = ACROSS * 4u;

@group(0) @binding(0) var<uniform> size: vec4u; // x: rows
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;

@compute @workgroup_size(ACROSS, DOWN)
fn main(@builtin(global_invocation_id) place: vec3u) {
    let row = place.y * 4u;
    let column = place.x * 4u;
    if (row >= size.x || column >= OUTPUTS) {
        return;
    }
    // Past the end the last row or column is read again, and its product discarded.
    let r = min(row + vec4u(0u, 1u, 2u, 3u), vec4u(size.x - 1u)) * INPUTS;
    let c = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(OUTPUTS - 1u));
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var k = 0u; k < INPUTS; k++) {
        let w = mat4x4f(weight(c.x, k), weight(c.y, k), weight(c.z, k), weight(c.w, k));
        s0 += x[r.x + k] * w;
        s1 += x[r.y + k] * w;
        s2 += x[r.z + k] * w;
        s3 += x[r.w + k] * w;
    }
    finish(row, column, s0);
    finish(row + 1u, column, s1);
    finish(row + 2u, column, s2);
    finish(row + 3u, column, s3);
}

fn finish(row: u32, column: u32, sums: vec4f) {
    if (row < size.x) {
        put(row, column, sums.x);
        put(row, column + 1u, sums.y);
        put(row, column + 2u, sums.z);
        put(row, column + 3u, sums.w);
    }
}
