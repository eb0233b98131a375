//! The model in training: its table in memory, its blocks on a device.

use std::collections::HashMap;

use super::{
    blocks::{self, Blocks, Passes, Reach},
    optimizer::{EmbeddingRows, Pace, Update},
};
use crate::{
    Error, Result,
    architecture::program::ParamSpec,
    bundle::{Array, Bundle, Quantization},
    encoder::{Config, EncoderDevice},
    text::{Cut, Kind, Prompts, Tokenizer},
};

/// A model in training.
pub struct Student {
    /// Its shape.
    pub config: Config,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Its prefixes.
    pub prompts: Prompts,
    /// The index of the embedding table among its weights.
    table: ParamSpec,
    /// The embedding table and its optimizer state.
    pub rows: EmbeddingRows,
    /// The blocks and theirs.
    pub blocks: Box<dyn Blocks>,
    /// Gradients of the table since the last update, by row.
    grads: RowGrads,
}

/// Gradients of some of the table's rows, in order of first occurrence.
#[derive(Default)]
struct RowGrads {
    ids: Vec<u32>,
    values: Vec<f32>,
    place: HashMap<u32, usize>,
}

impl RowGrads {
    fn add(&mut self, id: u32, grad: &[f32]) {
        let place = *self.place.entry(id).or_insert_with(|| {
            self.ids.push(id);
            self.values.resize(self.values.len() + grad.len(), 0.0);
            self.ids.len() - 1
        });
        let values = &mut self.values[place * grad.len()..][..grad.len()];
        values.iter_mut().zip(grad).for_each(|(v, g)| *v += g);
    }
}

impl Student {
    /// A model that starts from a bundle.
    ///
    /// # Errors
    /// Says which tensor of the bundle has the wrong shape, or that the device cannot train.
    pub fn new(bundle: &Bundle, machine: &EncoderDevice, passes: Passes) -> Result<Self> {
        let config = bundle.manifest.architecture.clone();
        let spec = config.program()?.table().clone();
        let table = bundle.weights.param(&spec)?;
        Ok(Self {
            tokenizer: Tokenizer::from_json(&bundle.tokenizer, config.max_tokens)?.without(config.dropped),
            prompts: bundle.manifest.prompts.clone(),
            rows: EmbeddingRows::new(table.to_f32(), config.hidden, passes.quantization),
            blocks: blocks::open(machine, &config, &bundle.weights, passes)?,
            grads: RowGrads::default(),
            table: spec,
            config,
        })
    }

    /// Token ids of a text, at most `max_tokens`; its full length is counted in `cut`.
    ///
    /// # Errors
    /// [`Error::Input`] if the text cannot be tokenized.
    pub fn tokens(&self, kind: Kind, text: &str, max_tokens: usize, cut: &mut Cut) -> Result<Vec<u32>> {
        let (ids, length) = self.tokenizer.read_within(max_tokens, self.prompts.of(kind), text)?;
        cut.add(length);
        Ok(ids)
    }

    /// Accumulates the gradients of one batch for [`step`](Self::step); returns its loss.
    ///
    /// `loss` computes its value and gradients from the vectors `[sequences, dimension]`. At most `chunk`
    /// sequences go through the blocks together; if there are more, all go through twice: first for their
    /// vectors, then for the gradients (arXiv 2101.06983). The result is the same up to rounding. Weights
    /// within `reach` get gradients.
    ///
    /// # Errors
    /// [`Error::Device`] if the device fails. [`Error::Training`] if the loss or a gradient is not finite; do
    /// not update then.
    pub fn learn(
        &mut self,
        sequences: &[Vec<u32>],
        chunk: usize,
        reach: Reach,
        loss: impl FnOnce(&[f32]) -> (f32, Vec<f32>),
    ) -> Result<f32> {
        // Texts of similar length together: chunks of even work, and less padding on devices that pad.
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by_key(|&i| sequences[i].len());
        let d = self.config.dimension();
        let mut vectors = vec![0.0; sequences.len() * d];
        for part in order.chunks(chunk) {
            let got = self.forward(sequences, part, reach)?;
            part.iter().zip(got.chunks(d)).for_each(|(&i, v)| vectors[i * d..][..d].copy_from_slice(v));
        }
        let (value, grads) = loss(&vectors);
        if !value.is_finite() {
            return Err(Error::Training(format!("the loss is {value}: lower the learning rate")));
        }
        for part in order.chunks(chunk) {
            if order.len() > chunk {
                self.forward(sequences, part, reach)?;
            }
            let own: Vec<f32> = part.iter().flat_map(|&i| &grads[i * d..][..d]).copied().collect();
            let rows = self.blocks.backward(&own, reach)?;
            if rows.iter().any(|g| !g.is_finite()) {
                return Err(Error::Training(
                    "a gradient is not a number: lower the learning rate, or remove mixed_precision if it is set"
                        .into(),
                ));
            }
            if matches!(reach, Reach::Block(_)) {
                continue;
            }
            let ids = part.iter().flat_map(|&i| &sequences[i]);
            ids.zip(rows.chunks(self.config.hidden)).for_each(|(&id, grad)| self.grads.add(id, grad));
        }
        Ok(value)
    }

    fn forward(&mut self, sequences: &[Vec<u32>], part: &[usize], reach: Reach) -> Result<Vec<f32>> {
        let ids: Vec<u32> = part.iter().flat_map(|&i| &sequences[i]).copied().collect();
        let lengths: Vec<usize> = part.iter().map(|&i| sequences[i].len()).collect();
        self.blocks.forward(&self.rows.gather(&ids), &lengths, reach)
    }

    /// Updates the weights within `reach` by the accumulated gradients: the table's rows with `rows`, the blocks
    /// with `blocks`.
    pub fn step(&mut self, rows: Update, blocks: Pace, reach: Reach) {
        let RowGrads { ids, values, .. } = std::mem::take(&mut self.grads);
        self.rows.step(&ids, &values, rows);
        if reach != Reach::Rows {
            self.blocks.step(blocks, reach);
        }
    }

    /// The model as a bundle in f32, with a manifest based on `like`'s.
    ///
    /// # Errors
    /// [`Error::Device`] if weights cannot be read back.
    pub fn bundle(&mut self, like: &Bundle) -> Result<Bundle> {
        let mut weights = self.blocks.weights()?;
        weights.insert(&self.table.name, Array::f32(self.table.shape(), self.rows.values.clone()));
        let mut manifest = like.manifest.clone();
        manifest.architecture = self.config.clone();
        manifest.quantization = Quantization::F32;
        Ok(Bundle { manifest, tokenizer: like.tokenizer.clone(), weights })
    }
}
