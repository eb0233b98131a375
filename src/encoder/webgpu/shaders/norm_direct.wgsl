// As `norm.wgsl`, but with one invocation per row, for software adapters.
//
// Constants prepended to this text: WIDTH, EPSILON, CENTRED (whether the mean is subtracted), and the function `before`, which reads what is normed.

const ROWS = 16u;
const PARTS = WIDTH / 4u;

@group(0) @binding(0) var<uniform> size: vec4u; // x: rows
@group(0) @binding(1) var<storage, read_write> rows: array<vec4f>;
// Gain, then bias.
@group(0) @binding(2) var<storage, read> affine: array<vec4f>;

@compute @workgroup_size(ROWS)
fn main(@builtin(global_invocation_id) place: vec3u) {
    if (place.x >= size.x) {
        return;
    }
    let start = place.x * PARTS;
    var sums = vec4f();
    var mean = 0.0;
    if (CENTRED) {
        for (var i = 0u; i < PARTS; i++) {
            sums += before(start + i);
        }
        mean = dot(sums, vec4f(1.0)) / f32(WIDTH);
        sums = vec4f();
    }
    for (var i = 0u; i < PARTS; i++) {
        let difference = before(start + i) - mean;
        sums += difference * difference;
    }
    let deviation = sqrt(dot(sums, vec4f(1.0)) / f32(WIDTH) + EPSILON);
    for (var i = 0u; i < PARTS; i++) {
        rows[start + i] = (before(start + i) - mean) / deviation * affine[i] + affine[PARTS + i];
    }
}
