//! Loads a model: its files, a device for it, and the open corpus encoded with it.

use std::{collections::HashMap, rc::Rc};

use wasm_bindgen_futures::spawn_local;

use super::{
    Session,
    browser::{has_webgpu, now, yield_now},
    chunk_encoder::ChunkEncoder,
    corpus::{Home, LIST, OpenCorpus},
    device::{self, Gpu, report},
    download::{self, FoundManifest},
    encode::EncodeProgress,
    model::{self, LoadedModel},
    open::LARGEST,
    progress::ProgressReporter,
    text,
    vector_cache::VectorCache,
};
use crate::{
    Error, Result,
    bundle::{Bundle, FileEntry, Incoming, Manifest, TOKENIZER, Weights},
    choice::split_dimension,
    datasets::{Chunks, Corpus},
    encoder::{Encoder, webgpu::Upload},
    protocol::{
        CorpusInfo, DeviceChoice, DeviceReport, Event, Id, ModelInfo, PrecisionChoice, ProgressStage,
    },
    retrieval::{EitherIndex, Index},
    text::{Kind, Length, Window},
};

/// Passages that are tokenized and sorted by length together: enough for batches of similar length, and few enough
/// that a corpus of a million needs little memory besides its vectors.
const PART: usize = 8192;

impl Session {
    /// Loads the bundle in the folder at `url` and makes it the current model. With [`DeviceChoice::Auto`] it runs on
    /// the CPU first; [`compare`](Self::compare) then tries the GPU.
    ///
    /// # Errors
    /// Names the file or field; the previous model stays.
    pub async fn load(
        &self,
        id: Id,
        url: &str,
        choice: DeviceChoice,
        precision: PrecisionChoice,
    ) -> Result<(ModelInfo, DeviceReport)> {
        let say = |event| self.say(event);
        let mut progress = ProgressReporter::new(id, &say);
        let (folder, found) = self.find(url, &mut progress).await?;
        let model = self.prepare(&folder, found, choice, precision, &mut progress).await?;
        let model = self.adopt(id, Rc::new(model), &mut progress).await?;
        Ok((model.info.clone(), model.device.clone()))
    }

    /// Loads the model in `folder` onto a device, without replacing the current one.
    ///
    /// # Errors
    /// Names the file or field.
    pub(super) async fn prepare(
        &self,
        folder: &str,
        found: FoundManifest,
        choice: DeviceChoice,
        precision: PrecisionChoice,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<LoadedModel> {
        let began = now();
        if choice == DeviceChoice::WebGpu {
            // Opened while the files are downloaded; `place` awaits the result.
            let gpu = self.0.gpu.clone();
            spawn_local(async move { drop(gpu.open().await) });
        }
        let (hash, original) = (found.hash.clone(), found.clone());
        let gpu = Some(&self.0.gpu).filter(|_| choice == DeviceChoice::WebGpu);
        let LoadedBundle { bundle, from_cache, notes, upload } =
            self.bundle(folder, found, gpu, progress).await?;
        yield_now().await;
        let (encoder, mut device) = self.place(&bundle, choice, precision, upload, progress).await?;
        device.notes.splice(0..0, notes);
        let info = model::describe(folder, &hash, &bundle, from_cache, now() - began);
        let found = original.again();
        Ok(LoadedModel { info, device, precision, bundle, encoder: Rc::new(encoder), found })
    }

    /// The bundle in `folder`. The current model's is not read again. If `gpu` is open while the weights arrive, they
    /// are sent there at the same time.
    ///
    /// # Errors
    /// Names the file or field.
    pub(super) async fn bundle(
        &self,
        folder: &str,
        found: FoundManifest,
        gpu: Option<&Gpu>,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<LoadedBundle> {
        let mut notes = found.notes.clone();
        if let Some(model) = self.model().filter(|m| m.info.hash == found.hash && m.info.url == folder) {
            return Ok(LoadedBundle { bundle: model.bundle.clone(), from_cache: true, notes, upload: None });
        }
        if let Some(download::ImportedBundle { bundle, from_cache }) = found.imported {
            return Ok(LoadedBundle { bundle, from_cache, notes, upload: None });
        }
        let mut incoming = Incoming::default();
        let mut sending = Sending::Not;
        let mut on_bytes = |file: &FileEntry, bytes: &[u8]| {
            if file.path != TOKENIZER {
                incoming.read(&file.path, bytes);
                sending.advance(gpu, &found.manifest, incoming.weights());
            }
        };
        let (folder, _) = split_dimension(folder);
        let files = download::files(&folder, &found, progress, &mut on_bytes).await?;
        notes.extend(files.notes);
        let bundle = Rc::new(Bundle::from_checked_files(found.manifest, files.files, incoming)?);
        Ok(LoadedBundle { bundle, from_cache: files.from_cache, notes, upload: sending.upload() })
    }

    /// Times the GPU against the CPU, moves the model to the faster one, and adds a note about it.
    ///
    /// # Errors
    /// Only [`Error::Cancelled`]: if the GPU cannot be used, a note says so.
    pub async fn compare(&self, id: Id) -> Result<()> {
        let Some(model) = self.model().filter(|_| has_webgpu()) else { return Ok(()) };
        let say = |event| self.say(event);
        let mut progress = ProgressReporter::new(id, &say);
        let faster = self.faster(&model, &mut progress).await?;
        // Another model may have been loaded meanwhile.
        if self.model().is_some_and(|current| Rc::ptr_eq(&current, &model)) {
            self.run_on(Rc::new(faster));
        }
        Ok(())
    }

    /// `model`, which is on the CPU, moved to the GPU if that is faster; a note says which it is.
    ///
    /// # Errors
    /// Only [`Error::Cancelled`]: if the GPU cannot be used, a note says so.
    pub(super) async fn faster(
        &self,
        model: &LoadedModel,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<LoadedModel> {
        let tried = device::try_gpu(&model.bundle, &self.0.gpu, progress).await;
        let on_cpu = model.device.measured.iter().find(|(kind, _)| kind == "cpu").map_or(f64::MAX, |m| m.1);
        let stays = |time: Option<f64>, note: String| {
            let mut device = model.device.clone();
            device.measured.extend(time.map(|t| ("webgpu".into(), t)));
            device.notes.push(note);
            device
        };
        let (encoder, device) = match tried {
            Ok((encoder, agreement, time)) if time < on_cpu => {
                let mut device = report(&encoder, &model.bundle, agreement);
                device.notes = model.device.notes.clone();
                device.notes.push(format!(
                    "WebGPU is used: a short query takes {time:.0} ms there, {on_cpu:.0} ms on the CPU."
                ));
                device.measured = model.device.measured.clone();
                device.measured.push(("webgpu".into(), time));
                (Rc::new(encoder), device)
            }
            Ok((_, _, time)) => {
                let note = format!(
                    "WebGPU is not used: a short query takes {time:.0} ms there, {on_cpu:.0} ms on the CPU."
                );
                (model.encoder.clone(), stays(Some(time), note))
            }
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(problem) => (model.encoder.clone(), stays(None, not_used(&problem))),
        };
        Ok(model.moved(encoder, device))
    }

    async fn place(
        &self,
        bundle: &Bundle,
        choice: DeviceChoice,
        precision: PrecisionChoice,
        upload: Option<Upload>,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<(Encoder, DeviceReport)> {
        let mut notes = Vec::new();
        if choice == DeviceChoice::WebGpu {
            match device::on_gpu(bundle, &self.0.gpu, upload, progress).await {
                Ok((encoder, agreement)) => {
                    let report = report(&encoder, bundle, agreement);
                    return Ok((encoder, report));
                }
                Err(problem @ Error::Device { .. }) => notes.push(not_used(&problem)),
                Err(problem) => return Err(problem),
            }
        }
        let (encoder, agreement) = device::on_cpu(bundle, precision, progress).await?;
        let mut report = report(&encoder, bundle, agreement);
        report.notes = notes;
        if choice == DeviceChoice::Auto {
            report.measured.push(("cpu".into(), device::time(&encoder).await?));
            if !has_webgpu() {
                report.notes.push("WebGPU is not used: this browser does not offer it here.".into());
            }
        }
        Ok((encoder, report))
    }

    /// Makes `model` the current one. A corpus that another model encoded is encoded again first, and until then
    /// everything stays as it was.
    async fn adopt(
        &self,
        id: Id,
        mut model: Rc<LoadedModel>,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<Rc<LoadedModel>> {
        while let Some(open) = self.corpus().filter(|open| !open.is_of(&model)) {
            let (info, corpus, home) = (open.info.clone(), open.corpus.clone(), open.home.clone());
            let (anew, by) = self.encode_corpus(model, info, corpus, home, progress).await?;
            model = by;
            // Another corpus may have been opened meanwhile.
            if self.corpus().is_some_and(|current| Rc::ptr_eq(&current, &open)) {
                let corpus = anew.info.clone();
                self.0.corpus.replace(Some(Rc::new(anew)));
                self.say(Event::CorpusReady { id, corpus });
            }
        }
        self.install(model.clone());
        Ok(model)
    }

    /// The corpus with vectors by `model`; duplicate texts are encoded once. A sample's vectors are downloaded with it or
    /// taken from the browser's storage; those of the user's text are taken from there if the text is stored too.
    pub(super) async fn encode_corpus(
        &self,
        mut model: Rc<LoadedModel>,
        info: CorpusInfo,
        corpus: Rc<Corpus>,
        home: Option<Home>,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<(OpenCorpus, Rc<LoadedModel>)> {
        if let Some(home) = home {
            return self.encode_sample(model, info, corpus, home, progress).await;
        }
        let mut info = info;
        let (d, passages) = (model.encoder.dimension(), corpus.passages.len());
        let similarity = model.encoder.similarity();
        let windows = if info.windows { Some(split(&model, &corpus).await?) } else { None };
        // The number of vectors, and their texts.
        let all = windows.as_ref().map_or(passages, Vec::len);
        let text_at = |i: usize| match &windows {
            Some(windows) => &corpus.passages[windows[i].text].text[windows[i].start..windows[i].end],
            None => corpus.passages[i].text.as_str(),
        };
        let mut index = EitherIndex::for_count(d, all, similarity);
        let (mut cache, note) = match self.0.stores_text_vectors.get() {
            true => {
                let (cache, note) = VectorCache::open_in(text::CACHE, &model).await;
                (Some(cache), note)
            }
            false => (None, None),
        };
        info.notes.extend(note);
        // The first position of each text, and the lengths of all.
        let mut first: HashMap<&str, usize> = HashMap::new();
        let mut lengths: Vec<Length> = Vec::with_capacity(all);
        for done in (0..all).step_by(PART) {
            let part = done..all.min(done + PART);
            let which: Vec<usize> = part.clone().map(|i| *first.entry(text_at(i)).or_insert(i)).collect();
            let new = part.clone().zip(&which).filter(|(i, at)| i == *at);
            let texts: Vec<&str> = new.map(|(i, _)| text_at(i)).collect();
            let mut step = |encoded: EncodeProgress| {
                // Duplicates cost nothing: they count in proportion to their part's progress.
                let share = encoded.tokens as f64 / encoded.all_tokens.max(1) as f64;
                let done = (done as f64 + share * part.len() as f64) / all.max(1) as f64;
                progress.at(ProgressStage::Encode, done * passages as f64, passages as f64);
            };
            let (mut rows, read, by) = match &mut cache {
                Some(cache) => {
                    let (rows, read, by, note) = self.encode_cached(model, &texts, cache, &mut step).await?;
                    info.notes.extend(note);
                    (rows, read, by)
                }
                None => self.encode(model, &texts, Kind::Passage, Some(&mut step)).await?,
            };
            similarity.ready(&mut rows, d);
            model = by;
            let mut rows = rows.chunks_exact(d).zip(read).peekable();
            for (at, i) in which.into_iter().zip(part) {
                match rows.next_if(|_| at == i) {
                    Some((row, length)) => {
                        index.extend(row)?;
                        lengths.push(length);
                    }
                    None => {
                        index.repeat(at);
                        lengths.push(lengths[at]);
                    }
                }
            }
        }
        let cut = model.encoder.tokenizer().cut();
        info.cut = Some(match &windows {
            Some(windows) => cut.with_split(windows),
            None => cut.with(lengths),
        });
        drop(first);
        Ok((OpenCorpus::encoded(info, corpus.clone(), None, index, windows, &model), model))
    }

    /// A sample, with the vectors that ship with it if there are any; otherwise encoded in the same chunks as an
    /// evaluation on it, so that each finds the other's stored vectors.
    async fn encode_sample(
        &self,
        model: Rc<LoadedModel>,
        mut info: CorpusInfo,
        corpus: Rc<Corpus>,
        home: Home,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<(OpenCorpus, Rc<LoadedModel>)> {
        // Notes about another model's vectors no longer apply.
        info.notes = corpus.notes.clone();
        match shipped_vectors(&info, &corpus, &home, &model).await {
            Ok(Some(open)) => return Ok((open, model)),
            Ok(None) => info.notes.push(format!(
                "No vectors of {} came with these passages; they were encoded here.",
                model.info.name
            )),
            Err(problem) => info.notes.push(format!(
                "The vectors of {} that came with these passages could not be used ({}); they were encoded here.",
                model.info.name,
                problem.to_string().trim_end_matches('.')
            )),
        }
        let d = model.encoder.dimension();
        let mut order: Vec<usize> = (0..corpus.passages.len()).collect();
        order.sort_by_key(|&i| &corpus.passages[i].lang);
        let codes = corpus.languages();
        let number = |lang: &str| codes.iter().position(|(code, _)| code == lang).unwrap_or_default();
        let passages = order.iter().map(|&i| &corpus.passages[i]);
        let chunks = Chunks::new(passages.map(|p| (number(&p.lang), p.text.as_str())));
        let mut chunked = ChunkEncoder::begin(self, progress.id(), model).await;
        let (sorted, cut) = chunked.encode(chunks, Kind::Passage, progress).await?;
        info.cut = Some(cut);
        let mut rows = vec![0.0; sorted.len()];
        for (row, &i) in sorted.chunks(d).zip(&order) {
            rows[i * d..(i + 1) * d].copy_from_slice(row);
        }
        let similarity = chunked.model.encoder.similarity();
        let index = EitherIndex::Exact(Index::from_rows(d, &rows)?.compared_by(similarity));
        Ok((OpenCorpus::encoded(info, corpus, Some(home), index, None, &chunked.model), chunked.model))
    }
}

/// Splits the passages into windows, in steps between which messages are processed.
async fn split(model: &LoadedModel, corpus: &Corpus) -> Result<Vec<Window>> {
    let mut out = Vec::new();
    for (text, passage) in corpus.passages.iter().enumerate() {
        if text % 64 == 0 {
            yield_now().await;
        }
        let own = model.encoder.windows(&[passage.text.as_str()], Kind::Passage)?;
        out.extend(own.into_iter().map(|window| Window { text, ..window }));
    }
    Ok(out)
}

/// A bundle, and where it came from.
pub(super) struct LoadedBundle {
    pub bundle: Rc<Bundle>,
    /// Whether nothing had to be downloaded.
    pub from_cache: bool,
    /// Notes for the user.
    pub notes: Vec<String>,
    /// The weights that are already on the GPU.
    pub upload: Option<Upload>,
}

/// Whether arriving weights are sent on to a GPU.
enum Sending {
    /// It may not be open yet.
    Not,
    Yes(Box<Upload>),
    /// It refused some. It will refuse them again once all are there, and then the error is reported.
    Refused,
}

impl Sending {
    fn advance(&mut self, gpu: Option<&Gpu>, manifest: &Manifest, weights: &Weights) {
        if let (Self::Not, Some(gpu)) = (&self, gpu.and_then(Gpu::opened)) {
            *self = match device::upload(manifest, &gpu) {
                Ok(Some(upload)) => Self::Yes(Box::new(upload)),
                Ok(None) | Err(_) => Self::Refused,
            };
        }
        if let Self::Yes(upload) = self
            && upload.advance(weights).is_err()
        {
            *self = Self::Refused;
        }
    }

    fn upload(self) -> Option<Upload> {
        match self {
            Self::Yes(upload) => Some(*upload),
            Self::Not | Self::Refused => None,
        }
    }
}

/// A sample with the vectors by `model` that ship with it; `None` if there are none.
async fn shipped_vectors(
    info: &CorpusInfo,
    corpus: &Rc<Corpus>,
    home: &Home,
    model: &LoadedModel,
) -> Result<Option<OpenCorpus>> {
    if model.encoder.config().truncate.is_some() {
        // They have all dimensions.
        return Ok(None);
    }
    if !model.encoder.similarity().is_cosine() {
        // The shipped vectors are normalized, so their lengths are lost.
        return Ok(None);
    }
    let list = download::fetch_file(&home.folder, LIST, LARGEST).await?;
    let mut list: HashMap<String, String> =
        serde_json::from_slice(&list).map_err(|e| Error::format(LIST, e))?;
    let Some(name) = list.remove(model.weights_hash()) else { return Ok(None) };
    let vectors = download::fetch_file(&home.folder, &name, LARGEST).await?;
    let open = OpenCorpus::with_vectors(info.clone(), corpus.clone(), home.clone(), &name, vectors)?;
    if !open.is_of(model) {
        return Err(Error::format(
            name,
            format!("{LIST} says that it is by other weights than the file itself says"),
        ));
    }
    Ok(Some(open))
}

fn not_used(problem: &Error) -> String {
    match problem {
        Error::Device { problem, .. } => format!("WebGPU is not used: {problem}."),
        other => format!("WebGPU is not used: {other}."),
    }
}
