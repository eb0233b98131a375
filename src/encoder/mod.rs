//! The encoder: tokens in, one vector per text out.
//!
//! [`Encoder`] holds a model on one device. Rows of the word embedding table are unpacked in memory
//! ([`EmbeddingTable`]); the rest is a [`Program`](crate::architecture::program::Program) that a device runs: with our
//! own kernels ([`cpu`], [`webgpu`]) or, on native GPUs and in training, with Burn (`trained`).

mod batches;
#[cfg(test)]
mod conformance;
pub mod cpu;
mod device;
#[cfg(feature = "native")]
pub mod matrix;
#[cfg(test)]
pub(crate) mod oracle;
mod positions;
#[cfg(feature = "gradients")]
mod reach;
mod relative;
mod rotary;
mod self_test;
mod table;
#[cfg(feature = "native")]
pub mod trained;
pub mod webgpu;

pub use crate::architecture::{Activation, Config, Dense, Family, Pooling};
pub use batches::Batches;
pub use device::{Backend, EncoderDevice};
#[cfg(feature = "gradients")]
pub use reach::Reach;
pub use table::EmbeddingTable;

use device::Handle;
use positions::Padding;
use webgpu::Upload;

use std::{future::ready, pin::Pin};

use crate::{
    Error, Result,
    bundle::{Bundle, Manifest, Quantization, SelfTest, TOKENIZER},
    choice::PrecisionChoice,
    retrieval::{Similarity, to_unit},
    text::{Kind, Length, Prompts, Tokenizer, Window},
};

/// A model on a device, ready to encode.
pub struct Encoder {
    name: String,
    config: Config,
    prompts: Prompts,
    tokenizer: Tokenizer,
    table: EmbeddingTable,
    padding: Option<Padding>,
    similarity: Similarity,
    model: BackendModel,
    machine: EncoderDevice,
    precision: Precision,
}

/// How a device holds linear layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Unpacked to f32.
    F32,
    /// Packed as in the bundle: unpacked inside a GPU's kernels, multiplied as integers on the CPU.
    Packed,
}

impl Precision {
    /// How `backend` holds packed layers, given the choice of precision.
    pub fn of(backend: Backend, choice: PrecisionChoice) -> Self {
        match (backend, choice) {
            // Burn 0.22 unpacks quantized matrices at every call.
            (Backend::Flex, _) | (Backend::Cpu, PrecisionChoice::Exact) => Self::F32,
            (Backend::Cpu, PrecisionChoice::Fast) | (Backend::WebGpu | Backend::Gpu, _) => Self::Packed,
        }
    }

    /// What this amounts to for weights in `quantization`: those that are not packed are held in f32 either
    /// way.
    fn of_stored(self, quantization: Quantization) -> Self {
        match quantization {
            Quantization::Q8 | Quantization::Q4 => self,
            Quantization::F32 | Quantization::F16 => Self::F32,
        }
    }
}

/// A batch's vectors, `[n, dimension]`, once they are computed.
pub type PendingVectors = Pin<Box<dyn Future<Output = Result<Vec<f32>>>>>;

/// A program with its weights, on each backend.
enum BackendModel {
    Cpu(Box<cpu::CpuModel>),
    WebGpu(Box<webgpu::WebGpuModel>),
    #[cfg(feature = "native")]
    Burn(Box<trained::BurnModel>),
}

impl Encoder {
    /// Loads a bundle's model onto `machine`.
    ///
    /// # Errors
    /// [`Error::Format`] when tokenizer, table and blocks do not fit together.
    pub fn new(bundle: &Bundle, machine: EncoderDevice) -> Result<Self> {
        let precision = Precision::of(machine.backend, PrecisionChoice::Exact);
        Self::with_precision(bundle, machine, precision)
    }

    /// As [`new`](Self::new), with a choice of precision.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_precision(bundle: &Bundle, machine: EncoderDevice, precision: Precision) -> Result<Self> {
        Self::with_upload(bundle, machine, precision, None)
    }

    /// Starts uploading a model to a WebGPU device while its weights are still arriving; `None` for other
    /// devices.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for widths that the GPU's shaders do not support.
    pub fn upload(
        manifest: &Manifest,
        machine: &EncoderDevice,
        precision: Precision,
    ) -> Result<Option<Upload>> {
        let Handle::WebGpu(context) = &machine.handle else { return Ok(None) };
        let precision = precision.of_stored(manifest.quantization);
        Upload::begin(context, manifest.architecture.program()?, precision).map(Some)
    }

    /// As [`with_precision`](Self::with_precision); continues an [`upload`](Self::upload), if there is one,
    /// that was started with the same manifest, machine and precision.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_upload(
        bundle: &Bundle,
        machine: EncoderDevice,
        precision: Precision,
        upload: Option<Upload>,
    ) -> Result<Self> {
        let config = bundle.manifest.architecture.clone();
        let tokenizer = Tokenizer::from_json(&bundle.tokenizer, config.max_tokens)?.without(config.dropped);
        let program = config.program()?;
        let table = bundle.weights.param(program.table())?.clone();
        if tokenizer.rows() > config.vocabulary {
            return Err(Error::format(
                TOKENIZER,
                format!(
                    "its ids go up to {}, but the model's table has {} rows; the tokenizer and the weights belong to different models",
                    tokenizer.rows().saturating_sub(1),
                    config.vocabulary
                ),
            ));
        }
        let precision = precision.of_stored(bundle.manifest.quantization);
        let weights = &bundle.weights;
        let padding = Padding::new(&program, weights)?;
        let model = match &machine.handle {
            Handle::Cpu => {
                BackendModel::Cpu(Box::new(cpu::CpuModel::with_precision(&program, weights, precision)?))
            }
            Handle::WebGpu(context) => BackendModel::WebGpu(Box::new(match upload {
                Some(upload) => webgpu::WebGpuModel::from_upload(upload, weights)?,
                None => webgpu::WebGpuModel::new(context, program, weights, precision)?,
            })),
            #[cfg(feature = "native")]
            Handle::Burn(devices) => {
                let program = std::sync::Arc::new(program);
                BackendModel::Burn(Box::new(trained::BurnModel::new(
                    program,
                    weights,
                    precision,
                    &devices[0],
                )?))
            }
        };
        Ok(Self {
            name: bundle.manifest.name.clone(),
            prompts: bundle.manifest.prompts.clone(),
            config,
            tokenizer,
            table: EmbeddingTable::new(table),
            padding,
            similarity: bundle.manifest.similarity,
            model,
            machine,
            precision,
        })
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Dimensions of a vector.
    pub fn dimension(&self) -> usize {
        self.config.dimension()
    }

    /// The model's shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How its vectors are compared.
    pub fn similarity(&self) -> Similarity {
        self.similarity
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// Where it runs.
    pub fn machine(&self) -> &EncoderDevice {
        &self.machine
    }

    /// How its linear layers are held.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Whether its vectors agree to 1e-4 with those of the same weights on other devices.
    pub fn is_exact(&self) -> bool {
        self.machine.backend != Backend::Cpu || self.precision == Precision::F32
    }

    /// The device for display, followed by `fast` where it computes in integers.
    pub fn device_label(&self) -> String {
        let fast = if self.is_exact() { "" } else { ", fast" };
        format!("{} ({}){fast}", self.machine.backend.name(), self.machine.adapter)
    }

    /// Largest difference from a reference vector that passes [`self_test`](Self::self_test): the bundle's
    /// tolerance; for integers at least √(2 (1 - 0.999) / d), which keeps the cosine above 0.999 even if all
    /// d dimensions differ by that much (for unit vectors, |a - b|² = 2 (1 - cos)).
    pub fn tolerance(&self, test: &SelfTest) -> f32 {
        let limit = (0.002 / self.dimension() as f32).sqrt();
        if self.is_exact() { test.tolerance } else { limit.max(test.tolerance) }
    }

    /// Token ids of each text, preceded by the prompt for `kind`.
    ///
    /// # Errors
    /// [`Error::Input`] when a text cannot be tokenized.
    pub fn tokenize(&self, texts: &[&str], kind: Kind) -> Result<Vec<Vec<u32>>> {
        self.tokenize_counted(texts, kind, &mut Vec::new())
    }

    /// As [`tokenize`](Self::tokenize); appends the texts' lengths before truncation to `lengths`.
    ///
    /// # Errors
    /// As [`tokenize`](Self::tokenize).
    pub fn tokenize_counted(
        &self,
        texts: &[&str],
        kind: Kind,
        lengths: &mut Vec<Length>,
    ) -> Result<Vec<Vec<u32>>> {
        let prompt = self.prompts.of(kind);
        let read = |text: &&str| {
            let (ids, length) = self.tokenizer.read(prompt, text)?;
            lengths.push(length);
            Ok(ids)
        };
        texts.iter().map(read).collect()
    }

    /// How much truncation cuts from texts whose vectors exist already: tokenizes them again, on all threads,
    /// which takes a small part of the time of encoding.
    ///
    /// # Errors
    /// As [`tokenize`](Self::tokenize).
    #[cfg(feature = "native")]
    pub fn count_cut(&self, texts: &[&str], kind: Kind) -> Result<crate::text::Cut> {
        let (tokenizer, prompt) = (&self.tokenizer, self.prompts.of(kind));
        let lengths = |_, texts: &[&str]| -> Result<Vec<Length>> {
            texts.iter().map(|text| Ok(tokenizer.read(prompt, text)?.1)).collect()
        };
        let mut cut = tokenizer.cut();
        for lengths in crate::threads::chunks(texts, 256, lengths) {
            cut = cut.with(lengths?);
        }
        Ok(cut)
    }

    /// The windows of each text, text after text, which fit together with the prompt for `kind`: see
    /// [`Tokenizer::windows`].
    ///
    /// # Errors
    /// As [`Tokenizer::windows`].
    pub fn windows(&self, texts: &[&str], kind: Kind) -> Result<Vec<Window>> {
        let prompt = self.prompts.of(kind);
        let mut out = Vec::with_capacity(texts.len());
        for (text, of) in texts.iter().enumerate() {
            let parts = self.tokenizer.windows(prompt, of)?;
            out.extend(parts.into_iter().map(|(start, end)| Window { text, start, end }));
        }
        Ok(out)
    }

    /// Vectors `[n, dimension]`, in the order of `texts`.
    ///
    /// `step` is called after each batch with the number of texts done and of all texts; an error it returns
    /// cancels the work.
    ///
    /// # Errors
    /// [`Error::Input`] for a text, [`Error::Device`] for the device, and whatever `step` returns.
    pub async fn encode(
        &self,
        texts: &[&str],
        kind: Kind,
        step: impl AsyncFnMut(usize, usize) -> Result<()>,
    ) -> Result<Vec<f32>> {
        Ok(self.encode_counted(texts, kind, step).await?.0)
    }

    /// As [`encode`](Self::encode), with the texts' lengths before truncation.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub async fn encode_counted(
        &self,
        texts: &[&str],
        kind: Kind,
        mut step: impl AsyncFnMut(usize, usize) -> Result<()>,
    ) -> Result<(Vec<f32>, Vec<Length>)> {
        let mut lengths = Vec::with_capacity(texts.len());
        let total = texts.len();
        let mut out = vec![0.0; total * self.dimension()];
        let mut done = 0;
        let mut ahead = None;
        // Texts are tokenized in pieces, so that a large corpus is never held in memory as ids as well, and
        // the first progress is reported early.
        for (piece, texts) in texts.chunks(PIECE).enumerate() {
            let tokens = self.tokenize_counted(texts, kind, &mut lengths)?;
            let mut batches = Batches::new(&tokens);
            while let Some(batch) = batches.take(BATCH_TOKENS, |length| self.padded(length)) {
                let vectors = self.send(&batches.of(&batch));
                let batch: Vec<usize> = batch.iter().map(|i| piece * PIECE + i).collect();
                // A GPU computes one batch while the next is prepared.
                let due = match self.machine.backend {
                    Backend::Cpu | Backend::Flex => Some((batch, vectors)),
                    Backend::WebGpu | Backend::Gpu => ahead.replace((batch, vectors)),
                };
                if let Some((batch, vectors)) = due {
                    done += self.receive(&batch, vectors, &mut out).await?;
                    step(done, total).await?;
                }
            }
        }
        if let Some((batch, vectors)) = ahead {
            done += self.receive(&batch, vectors, &mut out).await?;
            step(done, total).await?;
        }
        Ok((out, lengths))
    }

    /// Copies a batch's vectors to their places in `out`; returns how many there are.
    async fn receive(&self, batch: &[usize], vectors: PendingVectors, out: &mut [f32]) -> Result<usize> {
        let d = self.dimension();
        for (&i, vector) in batch.iter().zip(vectors.await?.chunks(d)) {
            out[i * d..(i + 1) * d].copy_from_slice(vector);
        }
        Ok(batch.len())
    }

    /// [`encode`](Self::encode) for programs that may block.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    #[cfg(feature = "native")]
    pub fn encode_all(
        &self,
        texts: &[&str],
        kind: Kind,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<f32>> {
        futures_lite::future::block_on(self.encode(texts, kind, async |done, total| {
            progress(done, total);
            Ok(())
        }))
    }

    /// As [`encode_all`](Self::encode_all), with how much was truncated.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    #[cfg(feature = "native")]
    pub fn encode_all_counted(
        &self,
        texts: &[&str],
        kind: Kind,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(Vec<f32>, crate::text::Cut)> {
        let work = self.encode_counted(texts, kind, async |done, total| {
            progress(done, total);
            Ok(())
        });
        let (rows, lengths) = futures_lite::future::block_on(work)?;
        Ok((rows, self.tokenizer.cut().with(lengths)))
    }

    /// Submits one batch of token sequences and returns a future of its vectors, `[n, dimension]`. A GPU
    /// computes in the meantime, the CPU before this returns.
    ///
    /// # Errors
    /// [`Error::Device`] from the future when the device fails.
    pub fn send(&self, sequences: &[&[u32]]) -> PendingVectors {
        // A text without tokens has a vector of zeros; devices are given none.
        if sequences.iter().any(|sequence| sequence.is_empty()) {
            let (d, count) = (self.dimension(), sequences.len());
            let (places, whole): (Vec<usize>, Vec<&[u32]>) =
                sequences.iter().copied().enumerate().filter(|(_, s)| !s.is_empty()).unzip();
            let vectors = self.send(&whole);
            return Box::pin(async move {
                let mut out = vec![0.0; count * d];
                for (place, vector) in places.into_iter().zip(vectors.await?.chunks(d)) {
                    out[place * d..][..d].copy_from_slice(vector);
                }
                Ok(out)
            });
        }
        let longest = sequences.iter().map(|s| s.len()).max().unwrap_or(0);
        if longest == 0 {
            return Box::pin(ready(Ok(Vec::new())));
        }
        let lengths = || sequences.iter().map(|s| s.len()).collect::<Vec<_>>();
        let values: Pin<Box<dyn Future<Output = std::result::Result<_, String>>>> = match &self.model {
            BackendModel::Cpu(model) => Box::pin(ready(Ok(model.encode(self.words(sequences), &lengths())))),
            BackendModel::WebGpu(model) => match model.send(&self.words(sequences), &lengths()) {
                Ok(values) => Box::pin(values),
                Err(problem) => Box::pin(ready(Err(problem))),
            },
            #[cfg(feature = "native")]
            BackendModel::Burn(model) => {
                let length = self.padded(longest).min(self.config.max_tokens).max(longest);
                let mut words = self.table.gather_padded(sequences, length);
                if let Some(padding) = &self.padding {
                    padding.correct(sequences, &mut words, Some(length));
                }
                Box::pin(model.send(words, sequences, length))
            }
        };
        let (device, config) = (self.device_label(), self.config.clone());
        Box::pin(async move {
            match values.await {
                Ok(values) if values.iter().all(|v| v.is_finite()) => Ok(truncated(values, &config)),
                Ok(_) => Err(Error::device(device, "it returned values that are not numbers")),
                Err(problem) => Err(Error::device(device, problem)),
            }
        })
    }

    /// Embedding rows of all sequences, one after the other.
    fn words(&self, sequences: &[&[u32]]) -> Vec<f32> {
        let mut words = self.table.gather(sequences);
        if let Some(padding) = &self.padding {
            padding.correct(sequences, &mut words, None);
        }
        words
    }

    /// Encodes the bundle's self-test texts and returns the largest difference from their reference vectors.
    ///
    /// # Errors
    /// [`Error::Device`] when it exceeds the tolerance, or the device fails.
    pub async fn self_test(&self, test: &SelfTest) -> Result<f32> {
        Ok(self.agreement(test).await?.difference)
    }

    /// As [`self_test`](Self::self_test), with the lowest cosine too.
    ///
    /// # Errors
    /// As [`self_test`](Self::self_test).
    pub async fn agreement(&self, test: &SelfTest) -> Result<Agreement> {
        let (mut worst, mut lowest) = (0.0f32, 1.0f32);
        for kind in [Kind::Query, Kind::Passage] {
            let cases: Vec<_> = test.cases.iter().filter(|c| c.kind == kind).collect();
            let texts: Vec<&str> = cases.iter().map(|c| c.text.as_str()).collect();
            let got = self.encode(&texts, kind, async |_, _| Ok(())).await?;
            for (case, got) in cases.iter().zip(got.chunks(self.dimension())) {
                for (a, b) in case.vector.iter().zip(got) {
                    worst = worst.max((a - b).abs());
                }
                lowest = lowest.min(cosine(&case.vector, got));
            }
        }
        let tolerance = self.tolerance(test);
        if worst > tolerance {
            return Err(Error::device(
                self.device_label(),
                format!(
                    "its vectors differ from the model's reference by {worst:.2e}, more than {tolerance:.0e}; it is not used"
                ),
            ));
        }
        Ok(Agreement { difference: worst, cosine: lowest })
    }

    /// The length to which a sequence of `length` tokens is padded: our own kernels need no padding; Burn's
    /// on a GPU round up to one of a few lengths, because each new shape has a set-up cost.
    fn padded(&self, length: usize) -> usize {
        match self.machine.backend {
            Backend::Cpu | Backend::Flex | Backend::WebGpu => length,
            Backend::Gpu => {
                let step = (length.next_power_of_two() / 4).max(8);
                length.div_ceil(step) * step
            }
        }
    }
}

/// The dimensions that the model keeps of text vectors `[n, full_dimension]`.
fn truncated(vectors: Vec<f32>, config: &Config) -> Vec<f32> {
    let Some(kept) = config.truncate else { return vectors };
    let first = vectors.chunks_exact(config.full_dimension()).flat_map(|vector| &vector[..kept]);
    let mut out: Vec<f32> = first.copied().collect();
    if config.normalize {
        to_unit(&mut out, kept);
    }
    out
}

/// How far a device's vectors are from a bundle's reference vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Agreement {
    /// The largest difference in any dimension.
    pub difference: f32,
    /// The lowest cosine, at most 1.
    pub cosine: f32,
}

/// The cosine of two vectors, at most 1 however it is rounded; 0 if one of them is all zeros.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { (dot(a, b) / lengths).min(1.0) as f32 } else { 0.0 }
}

/// Most tokens in a batch, padding included.
const BATCH_TOKENS: usize = if cfg!(target_family = "wasm") { 1024 } else { 4096 };

/// Texts that are tokenized and sorted by length together.
const PIECE: usize = 4096;
