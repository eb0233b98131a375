//! Opens a corpus: the sample with its vectors, or the user's own passages.

use std::rc::Rc;

use super::{
    Session,
    corpus::{EXAMPLES, Home, PASSAGES, VECTORS, describe, open_sample},
    download,
    progress::ProgressReporter,
    task::join_all,
    text,
};
use crate::{
    Result, datasets,
    datasets::Corpus,
    protocol::{CorpusInfo, Id, OpenedFile, ProgressStage},
};

/// A file of passages has some megabytes; anything much larger is something else.
pub const LARGEST: u64 = 256 << 20;

/// Reads the user's files.
///
/// # Errors
/// As [`datasets::open_each`].
pub(super) fn read(files: &[OpenedFile]) -> Result<Corpus> {
    let files: Vec<_> = files.iter().map(|f| (f.name.as_str(), f.bytes.as_slice(), &f.columns)).collect();
    datasets::open_each(&files)
}

impl Session {
    /// Opens the sample corpus in the folder at `url`. Its examples can be searched before a model is loaded.
    ///
    /// # Errors
    /// Names the file; what was open stays open.
    pub async fn open_sample(&self, id: Id, url: &str) -> Result<CorpusInfo> {
        let folder = download::folder(url)?;
        let say = |event| self.say(event);
        let mut progress = ProgressReporter::new(id, &say);
        // The sizes of the three files are not known yet.
        progress.at(ProgressStage::Download, 0.0, 0.0);
        let files =
            join_all([PASSAGES, VECTORS, EXAMPLES].map(|name| download::fetch_file(&folder, name, LARGEST)));
        let [passages, vectors, examples] = files.await?;
        let open = open_sample(&folder, &passages, vectors, &examples)?;
        if self.model().is_none_or(|model| open.is_of(&model)) {
            let info = open.info.clone();
            self.0.corpus.replace(Some(Rc::new(open)));
            return Ok(info);
        }
        self.open_corpus(open.info, open.corpus, open.home, &mut progress).await
    }

    /// Opens the user's own passages, in any format that [`datasets::open`] reads. Waits for a model if there is none yet.
    /// With `windows`, long passages are split; with `keep`, text and vectors are stored in the browser.
    ///
    /// # Errors
    /// Names file and line; what was open stays open.
    pub async fn open_files(
        &self,
        id: Id,
        files: Vec<OpenedFile>,
        windows: bool,
        keep: bool,
    ) -> Result<CorpusInfo> {
        let mut corpus = read(&files)?;
        let refused = if keep { text::store(&files, windows).await } else { None };
        drop(files);
        let kept = keep && refused.is_none();
        corpus.notes.extend(refused);
        self.0.stores_text_vectors.set(kept);
        let info = self.open_passages(id, corpus, windows).await?;
        Ok(CorpusInfo { kept, ..info })
    }

    /// As [`open_files`](Self::open_files), for passages that are already parsed.
    ///
    /// # Errors
    /// As [`open_files`](Self::open_files).
    pub async fn open_passages(&self, id: Id, corpus: Corpus, windows: bool) -> Result<CorpusInfo> {
        let say = |event| self.say(event);
        let mut progress = ProgressReporter::new(id, &say);
        progress.at(ProgressStage::Encode, 0.0, corpus.passages.len() as f64);
        let info = CorpusInfo { windows, ..describe(&corpus) };
        self.open_corpus(info, Rc::new(corpus), None, &mut progress).await
    }

    async fn open_corpus(
        &self,
        mut info: CorpusInfo,
        corpus: Rc<Corpus>,
        home: Option<Home>,
        progress: &mut ProgressReporter<'_>,
    ) -> Result<CorpusInfo> {
        if self.model().is_none() {
            info.notes.push("It was encoded as soon as the model had been loaded.".into());
        }
        loop {
            let Some(model) = self.model() else {
                self.model_change().await;
                continue;
            };
            let (open, _) =
                self.encode_corpus(model, info.clone(), corpus.clone(), home.clone(), progress).await?;
            // Another model may have been loaded meanwhile; its queries need its own vectors.
            if self.model().is_some_and(|current| open.is_of(&current)) {
                let info = open.info.clone();
                self.0.corpus.replace(Some(Rc::new(open)));
                return Ok(info);
            }
        }
    }
}
