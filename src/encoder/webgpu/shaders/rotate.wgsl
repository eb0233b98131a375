// Rotary positions in place, a workgroup per token: elements i and i + HALF of each head of the queries and keys are
// rotated by the angle of the token's position.
//
// Constants prepended to this text: ROTATED (heads, of queries and keys), ROW (width of all of a token's heads), HALF
// (pairs of elements in a head).

const ACROSS = 64u;

// Position of each token in its text.
@group(0) @binding(0) var<storage, read> positions: array<u32>;
@group(0) @binding(1) var<storage, read_write> rows: array<f32>;
// Cosine and sine: [positions, HALF].
@group(0) @binding(2) var<storage, read> angles: array<vec2f>;

@compute @workgroup_size(ACROSS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let position = positions[group.x];
    for (var i = index; i < ROTATED * HALF; i += ACROSS) {
        let k = i % HALF;
        let at = group.x * ROW + i / HALF * 2u * HALF + k;
        let angle = angles[position * HALF + k];
        let a = rows[at];
        let b = rows[at + HALF];
        rows[at] = a * angle.x - b * angle.y;
        rows[at + HALF] = b * angle.x + a * angle.y;
    }
}
