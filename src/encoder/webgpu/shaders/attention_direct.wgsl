// As `attention.wgsl`, but reading the buffers directly, for software adapters: one invocation per query, four
// keys at a time.
//
// Constants prepended to this text: HEADS, WIDTH (vec4s in a head), REACH (how many positions away a
// token attends, below 2³¹), and the function `shifted`, which makes the final score.

const QUERIES = 16u;
const ROW = 3u * HEADS * WIDTH;
const LOWEST = -3.0e38;

// One per workgroup: the sequence's first token, its length, and the first query, relative to the first token.
@group(0) @binding(0) var<storage, read> tiles: array<vec4u>;
// [tokens, (query, key, value), heads, width]
@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> context: array<vec4f>;

@compute @workgroup_size(QUERIES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let tile = tiles[group.x];
    let length = tile.y;
    let head = group.y;
    let token = tile.z + index;
    if (token >= length) {
        return;
    }
    let query = (tile.x + token) * ROW + head * WIDTH;
    var top = LOWEST;
    var total = 0.0;
    var sums: array<vec4f, WIDTH>;
    let end = min(length, token + REACH + 1u);
    for (var start = select(0u, token - REACH, token > REACH) / 4u * 4u; start < end; start += 4u) {
        let keys = start + vec4u(0u, 1u, 2u, 3u);
        let at = (tile.x + min(keys, vec4u(length - 1u))) * ROW + (HEADS + head) * WIDTH;
        var scores = vec4f();
        for (var i = 0u; i < WIDTH; i++) {
            scores += qkv[query + i] * mat4x4f(qkv[at.x + i], qkv[at.y + i], qkv[at.z + i], qkv[at.w + i]);
        }
        let near = (keys + REACH >= vec4u(token)) & (keys <= vec4u(token + REACH));
        let seen = (keys < vec4u(length)) & near;
        scores *= inverseSqrt(f32(4u * WIDTH));
        for (var i = 0u; i < 4u; i++) {
            scores[i] = shifted(scores[i], head, token, keys[i]);
        }
        scores = select(vec4f(LOWEST), scores, seen);
        let now = max(top, max(max(scores.x, scores.y), max(scores.z, scores.w)));
        let shrink = exp(top - now);
        let p = select(vec4f(), exp(scores - now), seen);
        top = now;
        total = total * shrink + dot(p, vec4f(1.0));
        let v = at + HEADS * WIDTH;
        for (var i = 0u; i < WIDTH; i++) {
            sums[i] = sums[i] * shrink + mat4x4f(qkv[v.x + i], qkv[v.y + i], qkv[v.z + i], qkv[v.w + i]) * p;
        }
    }
    for (var i = 0u; i < WIDTH; i++) {
        context[((tile.x + token) * HEADS + head) * WIDTH + i] = sums[i] / total;
    }
}
