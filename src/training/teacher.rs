//! The teacher of distillation.

use std::collections::HashMap;

use crate::{
    Result,
    bundle::Bundle,
    encoder::{Encoder, EncoderDevice},
    retrieval::to_unit,
    text::{Cut, Kind},
};

/// Cache size in bytes: an English text occurs once for each of its languages.
const KEPT: usize = 1 << 30;

/// A teacher with a cache of its vectors.
pub struct Teacher {
    encoder: Encoder,
    kept: HashMap<String, Vec<f32>>,
    /// What the teacher's window has truncated so far.
    pub cut: Cut,
}

impl Teacher {
    /// # Errors
    /// As for [`Encoder::new`].
    pub fn new(bundle: &Bundle, machine: &EncoderDevice) -> Result<Self> {
        Ok(Self {
            encoder: Encoder::new(bundle, machine.clone())?,
            kept: HashMap::new(),
            cut: Cut::default(),
        })
    }

    /// Vectors of texts, `[texts, dimension]`.
    ///
    /// # Errors
    /// As for [`Encoder::encode_all`].
    pub fn vectors(&mut self, texts: &[&str]) -> Result<Vec<f32>> {
        let d = self.encoder.dimension();
        let mut new: Vec<&str> = texts.iter().copied().filter(|t| !self.kept.contains_key(*t)).collect();
        new.sort_unstable();
        new.dedup();
        let (mut vectors, cut) = self.encoder.encode_all_counted(&new, Kind::Passage, &mut |_, _| {})?;
        self.cut.add_all(&cut);
        // Only their direction is a target; not all models return length 1.
        to_unit(&mut vectors, d);
        let fresh: HashMap<&str, &[f32]> = new.into_iter().zip(vectors.chunks(d)).collect();
        let mut out = Vec::with_capacity(texts.len() * d);
        for text in texts {
            out.extend_from_slice(
                fresh.get(text).copied().or(self.kept.get(*text).map(Vec::as_slice)).unwrap_or(&[]),
            );
        }
        if self.kept.len() * (d * 4 + 128) < KEPT {
            self.kept.extend(fresh.into_iter().map(|(text, vector)| (text.to_string(), vector.to_vec())));
        }
        Ok(out)
    }
}
