// For shaders with a workgroup of ACROSS invocations per row.

const ACROSS = 64u;

var<workgroup> parts: array<f32, ACROSS>;

// The sum of all invocations' parts, returned to each of them.
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
    // Wait before `parts` is written again.
    workgroupBarrier();
    return whole;
}
