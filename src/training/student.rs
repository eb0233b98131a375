//! The model while it is trained: table in memory, blocks on an autodiff device.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::optimizer::{BodyMoments, Rows};
use crate::{
    Result,
    bundle::{Array, Bundle, Quantization},
    encoder::{
        Config, Precision, TABLE,
        trained::{Body, normalize, pool},
    },
    text::{Kind, Prompts, Tokenizer},
};

/// A model in training.
pub struct Student {
    /// Its shape.
    pub config: Config,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Its prefixes.
    pub prompts: Prompts,
    /// The embedding table and its optimizer state.
    pub rows: Rows,
    /// The blocks.
    pub body: Body,
    /// The blocks' optimizer state.
    pub moments: BodyMoments,
    /// Where the blocks are.
    pub device: Device,
}

/// Vectors of a batch, with what is needed to find the gradients of the table's rows.
pub struct Forward {
    /// `[texts, dimension]`, length 1 each.
    pub vectors: Tensor<2>,
    /// The distinct rows used, `[ids, hidden]`; a leaf of the graph.
    pub leaf: Tensor<2>,
    /// Which rows these are.
    pub ids: Vec<u32>,
}

impl Student {
    /// A model that starts from a bundle, on an autodiff `device`.
    ///
    /// # Errors
    /// Says which tensor of the bundle does not fit.
    pub fn new(bundle: &Bundle, device: &Device) -> Result<Self> {
        let config = bundle.manifest.architecture.clone();
        let table = bundle.weights.matrix(TABLE, config.vocabulary, config.hidden)?;
        Ok(Self {
            tokenizer: Tokenizer::from_json(&bundle.tokenizer, config.max_tokens)?,
            prompts: bundle.manifest.prompts.clone(),
            rows: Rows::new(table.to_f32(), config.hidden),
            body: Body::new(&config, &bundle.weights, Precision::F32, device)?,
            moments: BodyMoments::default(),
            device: device.clone(),
            config,
        })
    }

    /// Token ids of a text, at most `max_tokens`.
    ///
    /// # Errors
    /// [`crate::Error::Input`] when the text cannot be tokenized.
    pub fn tokens(&self, kind: Kind, text: &str, max_tokens: usize) -> Result<Vec<u32>> {
        let mut ids = self.tokenizer.encode(self.prompts.of(kind), text)?;
        if ids.len() > max_tokens {
            // The last token closes the sequence.
            let last = ids.pop();
            ids.truncate(max_tokens - 1);
            ids.extend(last);
        }
        Ok(ids)
    }

    /// Vectors of token sequences, in their order. With `frozen`, only the table's rows get gradients.
    pub fn forward(&self, sequences: &[Vec<u32>], frozen: bool) -> Forward {
        let mut ids: Vec<u32> = sequences.iter().flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let width = self.config.hidden;
        let values = TensorData::new(self.rows.gather(&ids), [ids.len(), width]);
        let leaf = Tensor::<2>::from_data(values, &self.device).require_grad();
        let body = if frozen { freeze(&self.body) } else { self.body.clone() };

        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by_key(|&i| sequences[i].len());
        let mut parts = Vec::new();
        // Texts of like length together: little of the work goes into padding.
        for group in order.chunks(sequences.len().div_ceil(GROUPS).max(1)) {
            let length = group.iter().map(|&i| sequences[i].len()).max().unwrap_or(1);
            let mut index = vec![0i32; group.len() * length];
            let mut mask = vec![0.0f32; group.len() * length];
            for (row, &i) in group.iter().enumerate() {
                for (column, id) in sequences[i].iter().enumerate() {
                    index[row * length + column] = ids.partition_point(|x| x < id) as i32;
                    mask[row * length + column] = 1.0;
                }
            }
            let shape = [group.len(), length];
            let index = TensorData::new(index, [group.len() * length]);
            let index = Tensor::<1, Int>::from_data(index, &self.device);
            let words = leaf.clone().select(0, index).reshape([group.len(), length, width]);
            let mask = Tensor::<2>::from_data(TensorData::new(mask, shape), &self.device);
            let tokens = body.forward(&self.config, words, Some(mask.clone()));
            let pooled = pool(self.config.pooling, tokens, Some(mask));
            parts.push(normalize(body.project(&self.config, pooled)));
        }
        let mut back = vec![0i32; order.len()];
        order.iter().enumerate().for_each(|(at, &i)| back[i] = at as i32);
        let back = TensorData::new(back, [order.len()]);
        let back = Tensor::<1, Int>::from_data(back, &self.device);
        Forward { vectors: Tensor::cat(parts, 0).select(0, back), leaf, ids }
    }

    /// The model as a bundle that starts from `like`'s manifest, in f32.
    ///
    /// # Errors
    /// [`crate::Error::Device`] when weights cannot be read back.
    pub fn bundle(&self, like: &Bundle) -> Result<Bundle> {
        let mut weights = self.body.weights(&self.config)?;
        let shape = vec![self.config.vocabulary, self.config.hidden];
        weights.insert(TABLE, Array::f32(shape, self.rows.values.clone()));
        let mut manifest = like.manifest.clone();
        manifest.architecture = self.config.clone();
        manifest.quantization = Quantization::F32;
        Ok(Bundle { manifest, tokenizer: like.tokenizer.clone(), weights })
    }
}

/// Lengths by which a batch is split.
const GROUPS: usize = 4;

fn freeze(body: &Body) -> Body {
    use burn::module::Module;
    body.clone().no_grad()
}
