// As `attention.wgsl`, but reading the buffers directly, for software adapters and heads too wide for workgroup
// memory: one invocation per query, four keys at a time.
//
// Constants prepended to this text: HEADS, KV_HEADS (of keys and values), WIDTH (vec4s in a head), SCALING, BACK and
// AHEAD (how many positions back and ahead a token attends, below 2³¹), and the function `shifted`, which makes the
// final score.

const QUERIES = 16u;
const ROW = (HEADS + 2u * KV_HEADS) * WIDTH;
const LOWEST = -3.0e38;

// One per workgroup: the sequence's first token, its length, and the first query, relative to the first token.
@group(0) @binding(0) var<storage, read> tiles: array<vec4u>;
// Of each token the queries, keys and values, head by head.
@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> context: array<vec4f>;

@compute @workgroup_size(QUERIES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let tile = tiles[group.x];
    let length = tile.y;
    let head = group.y;
    let shared_head = HEADS + head / (HEADS / KV_HEADS);
    let token = tile.z + index;
    if (token >= length) {
        return;
    }
    let query = (tile.x + token) * ROW + head * WIDTH;
    var top = LOWEST;
    var total = 0.0;
    var sums: array<vec4f, WIDTH>;
    let end = min(length, token + AHEAD + 1u);
    for (var start = select(0u, token - BACK, token > BACK) / 4u * 4u; start < end; start += 4u) {
        let keys = start + vec4u(0u, 1u, 2u, 3u);
        let at = (tile.x + min(keys, vec4u(length - 1u))) * ROW + shared_head * WIDTH;
        var scores = vec4f();
        for (var i = 0u; i < WIDTH; i++) {
            scores += qkv[query + i] * mat4x4f(qkv[at.x + i], qkv[at.y + i], qkv[at.z + i], qkv[at.w + i]);
        }
        let near = (keys + BACK >= vec4u(token)) & (keys <= vec4u(token + AHEAD));
        let seen = (keys < vec4u(length)) & near;
        scores *= inverseSqrt(SCALING);
        for (var i = 0u; i < 4u; i++) {
            scores[i] = shifted(scores[i], head, token, keys[i]);
        }
        scores = select(vec4f(LOWEST), scores, seen);
        let now = max(top, max(max(scores.x, scores.y), max(scores.z, scores.w)));
        let shrink = exp(top - now);
        let p = select(vec4f(), exp(scores - now), seen);
        top = now;
        total = total * shrink + dot(p, vec4f(1.0));
        let v = at + KV_HEADS * WIDTH;
        for (var i = 0u; i < WIDTH; i++) {
            sums[i] = sums[i] * shrink + mat4x4f(qkv[v.x + i], qkv[v.y + i], qkv[v.z + i], qkv[v.w + i]) * p;
        }
    }
    for (var i = 0u; i < WIDTH; i++) {
        context[((tile.x + token) * HEADS + head) * WIDTH + i] = sums[i] / total;
    }
}
