// For shaders with a workgroup of ACROSS invocations a row.

const ACROSS = 64u;

var<workgroup> parts: array<f32, ACROSS>;

// The sum of every invocation's part, for all of them.
fn sum(index: u32, part: f32) -> f32 {
    parts[index] = part;
    workgroupBarrier();
    for (var reach = ACROSS / 2u; reach > 0u; reach /= 2u) {
        if (index < reach) {
            parts[index] += parts[index + reach];
        }
        workgroupBarrier();
    }
    let whole = parts[0];
    // Before anyone writes parts anew.
    workgroupBarrier();
    return whole;
}
