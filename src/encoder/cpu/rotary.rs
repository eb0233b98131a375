//! Rotary positions (arXiv 2104.09864).

use super::{
    linear::PART,
    simd::{Kernel, Level, Simd},
};
use crate::{encoder::rotary::Angles, threads};

/// Which way to rotate.
#[derive(Clone, Copy, PartialEq)]
pub enum RotationDirection {
    Forward,
    /// By the opposite angle: what gradients need.
    #[cfg(feature = "gradients")]
    Back,
}

/// Rotates the first `heads` heads of each row of `x`, a row being `row` wide; texts of these `lengths` follow
/// each other.
///
/// # Panics
/// When a text is longer than there are positions.
pub fn rotate(
    level: Level,
    angles: &Angles,
    x: &mut [f32],
    lengths: &[usize],
    (heads, row): (usize, usize),
    direction: RotationDirection,
) {
    assert!(
        lengths.iter().all(|length| length * angles.half <= angles.cosines.len()),
        "a position for each token"
    );
    let positions: Vec<usize> = lengths.iter().flat_map(|&length| 0..length).collect();
    let sign = if direction == RotationDirection::Forward { 1.0 } else { -1.0 };
    threads::chunks_mut(x, PART * row, |part, rows| {
        let positions = &positions[part * PART..];
        level.dispatch(Rotation { angles, rows, positions, heads, row, sign });
    });
}
struct Rotation<'a> {
    angles: &'a Angles,
    rows: &'a mut [f32],
    positions: &'a [usize],
    heads: usize,
    row: usize,
    sign: f32,
}

impl Kernel for Rotation<'_> {
    type Out = ();

    // Plain loops: the compiler vectorizes them for the instructions of the level.
    #[inline(always)]
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, _: S) {
        let &Angles { half, ref cosines, ref sines } = self.angles;
        for (row, position) in self.rows.chunks_exact_mut(self.row).zip(self.positions) {
            let (cosines, sines) = (&cosines[position * half..][..half], &sines[position * half..][..half]);
            for head in row.chunks_exact_mut(2 * half).take(self.heads) {
                let (left, right) = head.split_at_mut(half);
                for (((a, b), cos), sin) in left.iter_mut().zip(right).zip(cosines).zip(sines) {
                    let sin = self.sign * sin;
                    (*a, *b) = (*a * cos - *b * sin, *b * cos + *a * sin);
                }
            }
        }
    }
}
