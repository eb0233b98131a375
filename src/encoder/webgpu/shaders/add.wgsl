// Adds rows to rows, a workgroup per row.
//
// Constant prepended to this text: WIDTH.

const ACROSS = 64u;

@group(0) @binding(0) var<storage, read> added: array<f32>;
@group(0) @binding(1) var<storage, read_write> rows: array<f32>;

@compute @workgroup_size(ACROSS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    for (var i = index; i < WIDTH; i += ACROSS) {
        rows[group.x * WIDTH + i] += added[group.x * WIDTH + i];
    }
}
