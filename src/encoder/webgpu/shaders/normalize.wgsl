// Scales each row to length 1 in place, one workgroup per row; zero rows stay zero.
//
// Constant prepended to this text: WIDTH.

@group(0) @binding(0) var<storage, read_write> rows: array<f32>;

@compute @workgroup_size(ACROSS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let start = group.x * WIDTH;
    var part = 0.0;
    for (var i = index; i < WIDTH; i += ACROSS) {
        part += rows[start + i] * rows[start + i];
    }
    let length = max(sqrt(sum(index, part)), 1e-12);
    for (var i = index; i < WIDTH; i += ACROSS) {
        rows[start + i] /= length;
    }
}
