// Pools token vectors into one vector per sequence, one workgroup per sequence.
//
// Constants prepended to this text: WIDTH, POOLING (0 mean, 1 first token, 2 maximum, 3 last token, 4 mean
// weighted by position, 5 sum divided by the root of the length).

const ACROSS = 64u;

@group(0) @binding(0) var<storage, read> tokens: array<f32>;
@group(0) @binding(1) var<storage, read_write> vectors: array<f32>;
// First token and length of each sequence.
@group(0) @binding(2) var<storage, read> spans: array<vec2u>;

@compute @workgroup_size(ACROSS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let span = spans[group.x];
    for (var i = index; i < WIDTH; i += ACROSS) {
        var value = tokens[span.x * WIDTH + i];
        if (POOLING == 3u) {
            value = tokens[(span.x + span.y - 1u) * WIDTH + i];
        } else if (POOLING == 4u) {
            for (var token = 1u; token < span.y; token++) {
                value += f32(token + 1u) * tokens[(span.x + token) * WIDTH + i];
            }
            value /= 0.5 * f32(span.y) * f32(span.y + 1u);
        } else if (POOLING != 1u) {
            for (var token = 1u; token < span.y; token++) {
                let next = tokens[(span.x + token) * WIDTH + i];
                value = select(value + next, max(value, next), POOLING == 2u);
            }
        }
        if (POOLING == 0u) {
            value /= f32(span.y);
        }
        if (POOLING == 5u) {
            value /= sqrt(f32(span.y));
        }
        vectors[group.x * WIDTH + i] = value;
    }
}
