//! The angles of rotary positions (arXiv 2104.09864), the same for every device.

use crate::{Result, architecture::program::Rotate};

/// Cosine and sine of every position's angles.
pub struct Angles {
    /// Pairs of elements in a head.
    pub half: usize,
    /// `[positions, half]`.
    pub cosines: Vec<f32>,
    /// `[positions, half]`.
    pub sines: Vec<f32>,
}

impl Angles {
    /// Those of a step, of so many positions. They are rounded to f32 as in transformers, so that long texts get the
    /// same vectors.
    pub fn new(op: &Rotate, positions: usize) -> Self {
        let (width, half) = (op.head_width, op.head_width / 2);
        let frequency = |i: usize| op.theta.powf(-2.0 * i as f64 / width as f64) as f32;
        let frequencies: Vec<f32> = (0..half).map(frequency).collect();
        let angles = (0..positions).flat_map(|p| frequencies.iter().map(move |f| f64::from(p as f32 * f)));
        let (cosines, sines) = angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).unzip();
        Self { half, cosines, sines }
    }
}

/// What is made of a step's angles, once for all steps that have the same.
pub struct SharedAngles<T>(Vec<((usize, f64, usize), T)>);

impl<T: Clone> SharedAngles<T> {
    /// Nothing yet.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// That of a step; `make` makes it where it is new.
    ///
    /// # Errors
    /// What `make` returns.
    pub fn get(&mut self, op: &Rotate, make: impl FnOnce(Angles) -> Result<T>) -> Result<T> {
        let key = (op.head_width, op.theta, op.positions);
        if let Some((_, there)) = self.0.iter().find(|(made, _)| *made == key) {
            return Ok(there.clone());
        }
        let made = make(Angles::new(op, op.positions))?;
        self.0.push((key, made.clone()));
        Ok(made)
    }
}
