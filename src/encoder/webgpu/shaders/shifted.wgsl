// Attention scores shifted by the distance of query and key.
//
// Constant prepended to this text: MOST (the largest distance).

// For each head, from the key furthest before its query to the one furthest after it.
@group(0) @binding(3) var<storage, read> shifts: array<f32>;

fn shifted(score: f32, head: u32, query: u32, key: u32) -> f32 {
    return score + shifts[head * (2u * MOST + 1u) + MOST + key - query];
}
