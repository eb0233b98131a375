// Attention of one head for `QUERIES` tokens of one sequence: softmax(q kᵀ / √SCALING) v.
//
// Keys and values are read in tiles of `KEYS`; the softmax is rescaled whenever a larger score is found (online
// softmax: Milakov and Gimelshein 2018, arXiv 1805.02867). Eight invocations share a query: each computes
// every eighth score of a tile, and every eighth vec4 of the result.
//
// Constants prepended to this text: HEADS, KV_HEADS (of keys and values), WIDTH (vec4s in a head), SCALING, KEYS (a
// multiple of 8), BACK and AHEAD (how many positions back and ahead a token attends, below 2³¹), and the function
// `shifted`, which makes the final score.

const QUERIES = 16u;
const SHARED = 8u;
const SCORES = KEYS / SHARED;
const PARTS = (WIDTH + SHARED - 1u) / SHARED;
const ROW = (HEADS + 2u * KV_HEADS) * WIDTH;
const LOWEST = -3.0e38;

// One per workgroup: the sequence's first token, its length, and the first query, relative to the first token.
@group(0) @binding(0) var<storage, read> tiles: array<vec4u>;
// Of each token the queries, keys and values, head by head.
@group(0) @binding(1) var<storage, read> qkv: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> context: array<vec4f>;

var<workgroup> q_tile: array<vec4f, QUERIES * WIDTH>;
var<workgroup> kv_tile: array<vec4f, KEYS * WIDTH>;
var<workgroup> scores: array<f32, QUERIES * KEYS>;
var<workgroup> largest: array<f32, QUERIES * SHARED>;

@compute @workgroup_size(SHARED, QUERIES)
fn main(
    @builtin(workgroup_id) group: vec3u,
    @builtin(local_invocation_id) place: vec3u,
    @builtin(local_invocation_index) index: u32,
) {
    let tile = tiles[group.x];
    let first = tile.x;
    let length = tile.y;
    let head = group.y;
    let shared_head = HEADS + head / (HEADS / KV_HEADS);
    let share = place.x;
    let query = place.y;
    for (var i = index; i < QUERIES * WIDTH; i += QUERIES * SHARED) {
        let at = tile.z + i / WIDTH;
        var value = vec4f();
        if (at < length) {
            value = qkv[(first + at) * ROW + head * WIDTH + i % WIDTH] * inverseSqrt(SCALING);
        }
        q_tile[(i % WIDTH) * QUERIES + i / WIDTH] = value;
    }
    var top = LOWEST;
    var total = 0.0;
    var sums: array<vec4f, PARTS>;
    let end = min(length, tile.z + QUERIES + AHEAD);
    for (var start = select(0u, tile.z - BACK, tile.z > BACK) / KEYS * KEYS; start < end; start += KEYS) {
        for (var i = index; i < KEYS * WIDTH; i += QUERIES * SHARED) {
            let at = start + i / WIDTH;
            var value = vec4f();
            if (at < length) {
                value = qkv[(first + at) * ROW + shared_head * WIDTH + i % WIDTH];
            }
            kv_tile[(i % WIDTH) * KEYS + i / WIDTH] = value;
        }
        workgroupBarrier();
        var mine: array<f32, SCORES>;
        var best = LOWEST;
        for (var s = 0u; s < SCORES; s++) {
            let key = s * SHARED + share;
            var score = 0.0;
            for (var k = 0u; k < WIDTH; k++) {
                score += dot(q_tile[k * QUERIES + query], kv_tile[k * KEYS + key]);
            }
            score = shifted(score, head, tile.z + query, start + key);
            mine[s] = select(LOWEST, score, start + key < length && near(tile.z + query, start + key));
            best = max(best, mine[s]);
        }
        largest[query * SHARED + share] = best;
        workgroupBarrier();
        for (var i = index; i < KEYS * WIDTH; i += QUERIES * SHARED) {
            let at = start + i / WIDTH;
            var value = vec4f();
            if (at < length) {
                value = qkv[(first + at) * ROW + (shared_head + KV_HEADS) * WIDTH + i % WIDTH];
            }
            kv_tile[i] = value;
        }
        var now = top;
        for (var s = 0u; s < SHARED; s++) {
            now = max(now, largest[query * SHARED + s]);
        }
        for (var s = 0u; s < SCORES; s++) {
            let key = s * SHARED + share;
            let seen = start + key < length && near(tile.z + query, start + key);
            scores[query * KEYS + key] = select(0.0, exp(mine[s] - now), seen);
        }
        workgroupBarrier();
        let shrink = exp(top - now);
        top = now;
        total *= shrink;
        for (var part = 0u; part < PARTS; part++) {
            sums[part] *= shrink;
        }
        for (var key = 0u; key < KEYS; key++) {
            let p = scores[query * KEYS + key];
            total += p;
            for (var part = 0u; part < PARTS; part++) {
                // Beyond a head's width the value is discarded.
                sums[part] += p * kv_tile[key * WIDTH + min(part * SHARED + share, WIDTH - 1u)];
            }
        }
        workgroupBarrier();
    }
    let at = tile.z + query;
    if (at < length) {
        for (var part = 0u; part < PARTS; part++) {
            let k = part * SHARED + share;
            if (k < WIDTH) {
                context[(first + at) * HEADS * WIDTH + head * WIDTH + k] = sums[part] / total;
            }
        }
    }
}

// Whether a token attends to another.
fn near(token: u32, other: u32) -> bool {
    return other + BACK >= token && other <= token + AHEAD;
}
