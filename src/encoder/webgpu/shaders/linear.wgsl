// y = activation(x Wᵀ + bias), or y += x Wᵀ + bias when ADDED.
//
// A workgroup computes a tile of y, `ROWS` × `COLUMNS`. Each invocation computes `EACH` (1 or 4) rows by 4
// columns of it in registers. Tiles of x and W go through workgroup memory, `STEP` vec4s of their rows
// at a time. There, element (row, k) is at `k * rows + (row ^ k)`, which avoids bank conflicts between
// neighbouring invocations.
//
// Constants prepended to this text: INPUTS (vec4s in a row of x), OUTPUTS, EACH, ACROSS and DOWN
// (invocations of a workgroup), ADDED.

const STEP = 8u;
const ROWS = DOWN * EACH;
const COLUMNS = ACROSS * 4u;

@group(0) @binding(0) var<uniform> size: vec4u; // x: rows
@group(0) @binding(1) var<storage, read> x: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;

var<workgroup> x_tile: array<vec4f, ROWS * STEP>;
var<workgroup> w_tile: array<vec4f, COLUMNS * STEP>;

@compute @workgroup_size(ACROSS, DOWN)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_id) place: vec3u,
    @builtin(local_invocation_index) index: u32,
) {
    let first_row = group.y * ROWS;
    let first_column = group.x * COLUMNS;
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    for (var start = 0u; start < INPUTS; start += STEP) {
        for (var i = index; i < ROWS * STEP; i += ACROSS * DOWN) {
            let k = i % STEP;
            let row = i / STEP;
            var value = vec4f();
            if (first_row + row < size.x && start + k < INPUTS) {
                value = x[(first_row + row) * INPUTS + start + k];
            }
            x_tile[k * ROWS + (row ^ k)] = value;
        }
        for (var i = index; i < COLUMNS * STEP; i += ACROSS * DOWN) {
            let k = i % STEP;
            let column = i / STEP;
            var value = vec4f();
            if (first_column + column < OUTPUTS && start + k < INPUTS) {
                value = weight(first_column + column, start + k);
            }
            w_tile[k * COLUMNS + (column ^ k)] = value;
        }
        workgroupBarrier();
        for (var k = 0u; k < STEP; k++) {
            let c = k * COLUMNS + (place.x ^ k);
            let w = mat4x4f(w_tile[c], w_tile[c + ACROSS], w_tile[c + 2u * ACROSS], w_tile[c + 3u * ACROSS]);
            let r = k * ROWS + (place.y ^ k);
            s0 += x_tile[r] * w;
            if (EACH == 4u) {
                s1 += x_tile[r + DOWN] * w;
                s2 += x_tile[r + 2u * DOWN] * w;
                s3 += x_tile[r + 3u * DOWN] * w;
            }
        }
        workgroupBarrier();
    }
    let row = first_row + place.y;
    let column = first_column + place.x;
    finish(row, column, s0);
    if (EACH == 4u) {
        finish(row + DOWN, column, s1);
        finish(row + 2u * DOWN, column, s2);
        finish(row + 3u * DOWN, column, s3);
    }
}

fn finish(row: u32, column: u32, sums: vec4f) {
    if (row < size.x) {
        put(row, column, sums.x);
        put(row, column + ACROSS, sums.y);
        put(row, column + 2u * ACROSS, sums.z);
        put(row, column + 3u * ACROSS, sums.w);
    }
}
