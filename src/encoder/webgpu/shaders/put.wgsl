// Stores one number of a linear layer's y.
fn put(row: u32, column: u32, sum: f32) {
    if (column < OUTPUTS) {
        let at = row * OUTPUTS + column;
        let value = sum + bias[column];
        if (ADDED) {
            y[at] += value;
        } else {
            y[at] = activation(value);
        }
    }
}
