// Multiplies each row by a number in place, a workgroup per row.
//
// Constants prepended to this text: WIDTH, BY (the number).

const ACROSS = 64u;

@group(0) @binding(0) var<storage, read_write> rows: array<f32>;

@compute @workgroup_size(ACROSS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    for (var i = index; i < WIDTH; i += ACROSS) {
        rows[group.x * WIDTH + i] *= BY;
    }
}
