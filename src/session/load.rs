//! Loading a model: its files, a device for it, and the open corpus in its terms.

use std::{collections::HashMap, rc::Rc};

use wasm_bindgen_futures::spawn_local;

use super::{
    Session,
    browser::{breathe, has_webgpu, now},
    corpus::{Home, LIST, Open},
    device::{self, Gpu, report},
    download::{self, Found},
    encode::Encoded,
    model::{self, Model},
    open::LARGEST,
    progress::Progress,
    text,
    vault::Vault,
    work::Work,
};
use crate::{
    Error, Result,
    bundle::{Bundle, FileEntry, Incoming, Manifest, TOKENIZER, Weights},
    datasets::{Chunks, Corpus},
    encoder::{Encoder, webgpu::Upload},
    protocol::{CorpusInfo, DeviceChoice, DeviceReport, Event, Id, ModelInfo, PrecisionChoice, Stage},
    retrieval::{EitherIndex, Index},
    text::{Kind, Length, Window},
};

/// Passages that are tokenized and ordered by length together: enough for batches of like length, and
/// few enough that a corpus of a million needs little memory beside its vectors.
const PART: usize = 8192;

impl Session {
    /// Loads the bundle in the folder at `url` and makes it the one that runs. With
    /// [`DeviceChoice::Auto`] it runs on the CPU first; [`compare`](Self::compare) tries the GPU.
    ///
    /// # Errors
    /// A sentence naming the file or field; what ran before goes on.
    pub async fn load(
        &self,
        id: Id,
        url: &str,
        choice: DeviceChoice,
        precision: PrecisionChoice,
    ) -> Result<(ModelInfo, DeviceReport)> {
        let say = |event| self.say(event);
        let mut progress = Progress::new(id, &say);
        let (folder, found) = self.find(url, &mut progress).await?;
        let model = self.prepare(&folder, found, choice, precision, &mut progress).await?;
        let model = self.adopt(id, Rc::new(model), &mut progress).await?;
        Ok((model.info.clone(), model.device.clone()))
    }

    /// The model in `folder` on a device; it takes nothing's place.
    ///
    /// # Errors
    /// A sentence naming the file or field.
    pub(super) async fn prepare(
        &self,
        folder: &str,
        found: Found,
        choice: DeviceChoice,
        precision: PrecisionChoice,
        progress: &mut Progress<'_>,
    ) -> Result<Model> {
        let began = now();
        if choice == DeviceChoice::WebGpu {
            // It opens while the files come; `place` hears how that ended.
            let gpu = self.0.gpu.clone();
            spawn_local(async move { drop(gpu.open().await) });
        }
        let (hash, kept) = (found.hash.clone(), found.clone());
        let gpu = Some(&self.0.gpu).filter(|_| choice == DeviceChoice::WebGpu);
        let Came { bundle, from_cache, notes, upload } = self.bundle(folder, found, gpu, progress).await?;
        breathe().await;
        let (encoder, mut device) = self.place(&bundle, choice, precision, upload, progress).await?;
        device.notes.splice(0..0, notes);
        let info = model::describe(folder, &hash, &bundle, from_cache, now() - began);
        let found = kept.again();
        Ok(Model { info, device, precision, bundle, encoder: Rc::new(encoder), found })
    }

    /// The bundle in `folder`. One that runs already is not read again. Should `gpu` be open while the
    /// weights come, they are sent there as they do.
    ///
    /// # Errors
    /// A sentence naming the file or field.
    pub(super) async fn bundle(
        &self,
        folder: &str,
        found: Found,
        gpu: Option<&Gpu>,
        progress: &mut Progress<'_>,
    ) -> Result<Came> {
        let mut notes = found.notes.clone();
        if let Some(model) = self.model().filter(|m| m.info.hash == found.hash && m.info.url == folder) {
            return Ok(Came { bundle: model.bundle.clone(), from_cache: true, notes, upload: None });
        }
        if let Some(download::Made { bundle, from_cache }) = found.made {
            return Ok(Came { bundle, from_cache, notes, upload: None });
        }
        let mut incoming = Incoming::default();
        let mut sending = Sending::Not;
        let mut coming = |file: &FileEntry, bytes: &[u8]| {
            if file.path != TOKENIZER {
                incoming.read(&file.path, bytes);
                sending.advance(gpu, &found.manifest, incoming.weights());
            }
        };
        let files = download::files(folder, &found, progress, &mut coming).await?;
        notes.extend(files.notes);
        let bundle = Rc::new(Bundle::from_checked_files(found.manifest, files.files, incoming)?);
        Ok(Came { bundle, from_cache: files.from_cache, notes, upload: sending.upload() })
    }

    /// Times the GPU against the CPU and moves the model to the faster one; says which it is.
    ///
    /// # Errors
    /// None but [`Error::Cancelled`]: a GPU that is of no use is a note.
    pub async fn compare(&self, id: Id) -> Result<()> {
        let Some(model) = self.model().filter(|_| has_webgpu()) else { return Ok(()) };
        let say = |event| self.say(event);
        let mut progress = Progress::new(id, &say);
        let faster = self.faster(&model, &mut progress).await?;
        // Another model may have come meanwhile.
        if self.model().is_some_and(|current| Rc::ptr_eq(&current, &model)) {
            self.run_on(Rc::new(faster));
        }
        Ok(())
    }

    /// `model`, which is on the CPU, on the GPU should that be faster; its notes say which it is.
    ///
    /// # Errors
    /// None but [`Error::Cancelled`]: a GPU that is of no use is a note.
    pub(super) async fn faster(&self, model: &Model, progress: &mut Progress<'_>) -> Result<Model> {
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
                    "WebGPU was passed over: a short query takes {time:.0} ms there, {on_cpu:.0} ms on the CPU."
                );
                (model.encoder.clone(), stays(Some(time), note))
            }
            Err(Error::Cancelled) => return Err(Error::Cancelled),
            Err(problem) => (model.encoder.clone(), stays(None, passed_over(&problem))),
        };
        Ok(model.moved(encoder, device))
    }

    async fn place(
        &self,
        bundle: &Bundle,
        choice: DeviceChoice,
        precision: PrecisionChoice,
        upload: Option<Upload>,
        progress: &mut Progress<'_>,
    ) -> Result<(Encoder, DeviceReport)> {
        let mut notes = Vec::new();
        if choice == DeviceChoice::WebGpu {
            match device::on_gpu(bundle, &self.0.gpu, upload, progress).await {
                Ok((encoder, agreement)) => {
                    let report = report(&encoder, bundle, agreement);
                    return Ok((encoder, report));
                }
                Err(problem @ Error::Device { .. }) => notes.push(passed_over(&problem)),
                Err(problem) => return Err(problem),
            }
        }
        let (encoder, agreement) = device::on_cpu(bundle, precision, progress).await?;
        let mut report = report(&encoder, bundle, agreement);
        report.notes = notes;
        if choice == DeviceChoice::Auto {
            report.measured.push(("cpu".into(), device::time(&encoder).await?));
            if !has_webgpu() {
                report.notes.push("WebGPU was passed over: this browser does not offer it here.".into());
            }
        }
        Ok((encoder, report))
    }

    /// Makes `model` the one that runs, with the open corpus in its terms: passages that another
    /// model encoded are encoded anew first, and until then all stays as it was.
    async fn adopt(&self, id: Id, mut model: Rc<Model>, progress: &mut Progress<'_>) -> Result<Rc<Model>> {
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

    /// The corpus with vectors by `model`; what occurs twice is encoded once. Vectors of a sample are
    /// those that lie beside it, or they are kept in the browser's storage; those of a person's own text
    /// where that is kept too.
    pub(super) async fn encode_corpus(
        &self,
        mut model: Rc<Model>,
        info: CorpusInfo,
        corpus: Rc<Corpus>,
        home: Option<Home>,
        progress: &mut Progress<'_>,
    ) -> Result<(Open, Rc<Model>)> {
        if let Some(home) = home {
            return self.encode_sample(model, info, corpus, home, progress).await;
        }
        let mut info = info;
        let (d, passages) = (model.encoder.dimension(), corpus.passages.len());
        let similarity = model.encoder.similarity();
        let windows = if info.windows { Some(split(&model, &corpus).await?) } else { None };
        // How many vectors there will be, and what each is of.
        let all = windows.as_ref().map_or(passages, Vec::len);
        let text_at = |i: usize| match &windows {
            Some(windows) => &corpus.passages[windows[i].text].text[windows[i].start..windows[i].end],
            None => corpus.passages[i].text.as_str(),
        };
        let mut index = EitherIndex::for_count(d, all, similarity);
        let (mut vault, note) = match self.0.keeping.get() {
            true => {
                let (vault, note) = Vault::open_in(text::CACHE, &model).await;
                (Some(vault), note)
            }
            false => (None, None),
        };
        info.notes.extend(note);
        // Where each text stood first, and how long the texts are.
        let mut first: HashMap<&str, usize> = HashMap::new();
        let mut lengths: Vec<Length> = Vec::with_capacity(all);
        for done in (0..all).step_by(PART) {
            let part = done..all.min(done + PART);
            let which: Vec<usize> = part.clone().map(|i| *first.entry(text_at(i)).or_insert(i)).collect();
            let new = part.clone().zip(&which).filter(|(i, at)| i == *at);
            let texts: Vec<&str> = new.map(|(i, _)| text_at(i)).collect();
            let mut step = |encoded: Encoded| {
                // Repeated texts cost nothing: they are counted as their part comes to its end.
                let share = encoded.tokens as f64 / encoded.all_tokens.max(1) as f64;
                let done = (done as f64 + share * part.len() as f64) / all.max(1) as f64;
                progress.at(Stage::Encode, done * passages as f64, passages as f64);
            };
            let (mut rows, read, by) = match &mut vault {
                Some(vault) => {
                    let (rows, read, by, note) = self.encode_kept(model, &texts, vault, &mut step).await?;
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
        Ok((Open::encoded(info, corpus.clone(), None, index, windows, &model), model))
    }

    /// With the vectors that lie beside it; else they are made in the chunks that an evaluation on it
    /// makes, so that each finds the other's vectors.
    async fn encode_sample(
        &self,
        model: Rc<Model>,
        mut info: CorpusInfo,
        corpus: Rc<Corpus>,
        home: Home,
        progress: &mut Progress<'_>,
    ) -> Result<(Open, Rc<Model>)> {
        // What was said of another model's vectors holds no longer.
        info.notes = corpus.notes.clone();
        match beside(&info, &corpus, &home, &model).await {
            Ok(Some(open)) => return Ok((open, model)),
            Ok(None) => info.notes.push(format!(
                "No vectors of {} came with these passages; they were encoded here.",
                model.info.name
            )),
            Err(problem) => info.notes.push(format!(
                "The vectors of {} that came with these passages are of no use ({}); they were encoded here.",
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
        let mut work = Work::begin(self, progress.id(), model).await;
        let (sorted, cut) = work.encode(chunks, Kind::Passage, progress).await?;
        info.cut = Some(cut);
        let mut rows = vec![0.0; sorted.len()];
        for (row, &i) in sorted.chunks(d).zip(&order) {
            rows[i * d..(i + 1) * d].copy_from_slice(row);
        }
        let similarity = work.model.encoder.similarity();
        let index = EitherIndex::Exact(Index::from_rows(d, &rows)?.compared_by(similarity));
        Ok((Open::encoded(info, corpus, Some(home), index, None, &work.model), work.model))
    }
}

/// The windows of the passages, in steps between which messages are taken.
async fn split(model: &Model, corpus: &Corpus) -> Result<Vec<Window>> {
    let mut out = Vec::new();
    for (text, passage) in corpus.passages.iter().enumerate() {
        if text % 64 == 0 {
            breathe().await;
        }
        let own = model.encoder.windows(&[passage.text.as_str()], Kind::Passage)?;
        out.extend(own.into_iter().map(|window| Window { text, ..window }));
    }
    Ok(out)
}

/// A bundle, and how it came.
pub(super) struct Came {
    pub bundle: Rc<Bundle>,
    /// Whether it was at hand.
    pub from_cache: bool,
    /// What a person should know about how it came.
    pub notes: Vec<String>,
    /// What of it is on the GPU already.
    pub upload: Option<Upload>,
}

/// Whether weights that come are sent on to a GPU.
enum Sending {
    /// It may not be open yet.
    Not,
    Yes(Box<Upload>),
    /// It refused some. It will refuse them again when all are there, and that is told.
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

/// A sample with the vectors by `model` that lie beside it; `None` where there are none.
async fn beside(info: &CorpusInfo, corpus: &Rc<Corpus>, home: &Home, model: &Model) -> Result<Option<Open>> {
    if !model.encoder.similarity().is_cosine() {
        // What lies there has lost its lengths.
        return Ok(None);
    }
    let list = download::fetch_file(&home.folder, LIST, LARGEST).await?;
    let mut list: HashMap<String, String> =
        serde_json::from_slice(&list).map_err(|e| Error::format(LIST, e))?;
    let Some(name) = list.remove(model.weights_hash()) else { return Ok(None) };
    let vectors = download::fetch_file(&home.folder, &name, LARGEST).await?;
    let open = Open::with_vectors(info.clone(), corpus.clone(), home.clone(), &name, vectors)?;
    if !open.is_of(model) {
        return Err(Error::format(
            name,
            format!("{LIST} says that it is of other weights than it says itself"),
        ));
    }
    Ok(Some(open))
}

fn passed_over(problem: &Error) -> String {
    match problem {
        Error::Device { problem, .. } => format!("WebGPU was passed over: {problem}."),
        other => format!("WebGPU was passed over: {other}."),
    }
}
