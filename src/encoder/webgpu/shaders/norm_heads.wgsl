// RMSNorm of each head of the queries and keys in place, a workgroup per token and an invocation per head.
//
// Constants prepended to this text: HEADS (of the queries), KV_HEADS (of the keys, and of the values, which are left
// alone), WIDTH (of a head), EPSILON.

const ACROSS = 64u;
const ROW = (HEADS + 2u * KV_HEADS) * WIDTH;

@group(0) @binding(0) var<storage, read_write> rows: array<f32>;
// Of the queries, then of the keys.
@group(0) @binding(1) var<storage, read> gains: array<f32>;

@compute @workgroup_size(ACROSS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    for (var head = index; head < HEADS + KV_HEADS; head += ACROSS) {
        let start = group.x * ROW + head * WIDTH;
        let gain = select(0u, WIDTH, head >= HEADS);
        var squares = 0.0;
        for (var i = 0u; i < WIDTH; i++) {
            squares += rows[start + i] * rows[start + i];
        }
        let root = sqrt(squares / f32(WIDTH) + EPSILON);
        for (var i = 0u; i < WIDTH; i++) {
            rows[start + i] = rows[start + i] / root * gains[gain + i];
        }
    }
}
