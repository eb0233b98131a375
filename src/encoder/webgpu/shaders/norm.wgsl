// Norm of each row, one workgroup per row: LayerNorm, or RMSNorm, which subtracts no mean.
//
// Constants prepended to this text: WIDTH, EPSILON, CENTRED (whether the mean is subtracted), and the function `before`, which reads what is normed.

@group(0) @binding(1) var<storage, read_write> rows: array<f32>;
// Gain, then bias.
@group(0) @binding(2) var<storage, read> affine: array<f32>;

@compute @workgroup_size(ACROSS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) index: u32) {
    let start = group.x * WIDTH;
    var part = 0.0;
    var mean = 0.0;
    if (CENTRED) {
        for (var i = index; i < WIDTH; i += ACROSS) {
            part += before(start + i);
        }
        mean = sum(index, part) / f32(WIDTH);
        part = 0.0;
    }
    for (var i = index; i < WIDTH; i += ACROSS) {
        let difference = before(start + i) - mean;
        part += difference * difference;
    }
    let deviation = sqrt(sum(index, part) / f32(WIDTH) + EPSILON);
    for (var i = index; i < WIDTH; i += ACROSS) {
        rows[start + i] = (before(start + i) - mean) / deviation * affine[i] + affine[WIDTH + i];
    }
}
