//! The open corpus: passages and their vectors, and the model that made them.

use std::{
    collections::{HashMap, HashSet},
    rc::Rc,
};

use super::model::LoadedModel;
use crate::{
    Error, Result,
    datasets::{Corpus, Question, examples, sample},
    protocol::{CorpusInfo, ExampleQuestion},
    retrieval::{EitherIndex, Index, vectors},
    sha256,
    text::Window,
};

/// Files of a sample corpus. `vectors.safetensors` has a row for each passage, in the order of [`sample::parse`],
/// then one for each example; its metadata names the model.
pub const PASSAGES: &str = "passages.jsonl";
/// See [`PASSAGES`].
pub const VECTORS: &str = "vectors.safetensors";
/// See [`PASSAGES`].
pub const EXAMPLES: &str = "examples.json";
/// The vector files of a sample: a JSON object from [`LoadedModel::weights_hash`] to a file like [`VECTORS`].
pub const LIST: &str = "vectors.json";

/// A corpus that can be searched. It is immutable: new vectors make a new one.
pub struct OpenCorpus {
    /// What is displayed about it.
    pub info: CorpusInfo,
    /// Passages and questions.
    pub corpus: Rc<Corpus>,
    /// A vector for each passage, or for each window.
    pub index: EitherIndex,
    /// The part of a passage that each vector encodes, if passages were split.
    pub windows: Option<Vec<Window>>,
    /// [`LoadedModel::weights_hash`] of the model that made the vectors.
    made_by: String,
    /// Vectors of the examples, if they came with the corpus.
    shipped: HashMap<String, Vec<f32>>,
    /// Where it came from, if it is a sample.
    pub home: Option<Home>,
}

/// Where a sample corpus came from.
#[derive(Debug, Clone)]
pub struct Home {
    /// Its folder's URL.
    pub folder: String,
    /// Hash of its [`PASSAGES`].
    passages_sha256: String,
}

impl OpenCorpus {
    /// A corpus with vectors that `model` made, one for each passage or window.
    pub fn encoded(
        info: CorpusInfo,
        corpus: Rc<Corpus>,
        home: Option<Home>,
        index: EitherIndex,
        windows: Option<Vec<Window>>,
        model: &LoadedModel,
    ) -> Self {
        let made_by = model.weights_hash().into();
        Self { info, corpus, index, windows, made_by, shipped: HashMap::new(), home }
    }

    /// A sample with the vectors of the file `name`: a row for each passage, then one for each example.
    ///
    /// # Errors
    /// [`Error::Format`] naming the file, if it does not match the passages.
    pub fn with_vectors(
        info: CorpusInfo,
        corpus: Rc<Corpus>,
        home: Home,
        name: &str,
        vectors: Vec<u8>,
    ) -> Result<Self> {
        let stored = vectors::read(name, vectors)?;
        let info = CorpusInfo { cut: stored.cut(), ..info };
        let about = |key: &str| stored.about.get(key).map(String::as_str).unwrap_or_default();
        let expected = corpus.passages.len() + info.examples.len();
        if stored.len() != expected || about("passages_sha256") != home.passages_sha256 {
            return Err(Error::format(
                name,
                format!("it was made from another {PASSAGES}; write it again with `interlingua sample`"),
            ));
        }
        let mut rows = stored.unit_rows();
        let last = rows.split_off(corpus.passages.len() * stored.dimension);
        let examples = info.examples.iter().map(|e| e.text.clone());
        Ok(Self {
            index: EitherIndex::Exact(Index::from_rows(stored.dimension, &rows)?),
            windows: None,
            made_by: about("weights_sha256").into(),
            shipped: examples.zip(last.chunks(stored.dimension).map(<[f32]>::to_vec)).collect(),
            home: Some(home),
            info,
            corpus,
        })
    }

    /// Whether these vectors can be compared with `model`'s.
    pub fn is_of(&self, model: &LoadedModel) -> bool {
        self.made_by == model.weights_hash() && self.index.dimension() == model.encoder.dimension()
    }

    /// The vector that came with the corpus for exactly this query.
    pub fn shipped(&self, query: &str) -> Option<&[f32]> {
        self.shipped.get(query).map(Vec::as_slice)
    }

    /// The text in `language` nearest to passage `i`; `None` if there is none. If passages were split, the nearest
    /// window decides, and its whole passage is returned.
    ///
    /// # Errors
    /// As [`EitherIndex::search`].
    pub fn nearest_in(&self, i: usize, language: &str) -> Result<Option<&str>> {
        let passages = &self.corpus.passages;
        let windows = self.windows.as_deref();
        let of = |row: usize| match windows {
            Some(windows) => windows.get(row).map(|w| w.text),
            None => Some(row),
        };
        let row = match windows {
            Some(windows) => windows.iter().position(|w| w.text == i),
            None => Some(i),
        };
        let Some(vector) = row.and_then(|row| self.index.vector(row)) else { return Ok(None) };
        let keep = |row: usize| {
            of(row).is_some_and(|p| p != i && passages.get(p).is_some_and(|p| p.lang == language))
        };
        let best = self.index.search(&vector, 1, keep)?;
        Ok(best.first().and_then(|(row, _)| passages.get(of(*row)?)).map(|p| p.text.as_str()))
    }

    /// The passages that answer `query`, in any language, if it is one of the corpus's questions.
    pub fn answers(&self, query: &str) -> HashSet<usize> {
        let questions = &self.corpus.questions;
        let ids: HashSet<&str> =
            questions.iter().filter(|q| q.text == query).map(|q| q.group.as_str()).collect();
        if ids.is_empty() {
            return HashSet::new();
        }
        let asked = questions.iter().filter(|q| ids.contains(q.group.as_str()));
        asked.flat_map(|q| q.relevant.iter().map(|r| r.passage)).collect()
    }
}

/// What is displayed about a corpus of the user's.
pub fn describe(corpus: &Corpus) -> CorpusInfo {
    CorpusInfo {
        name: corpus.name.clone(),
        passages: corpus.passages.len(),
        languages: corpus.languages(),
        examples: examples(corpus).into_iter().map(example).collect(),
        notes: corpus.notes.clone(),
        fields: corpus.fields.clone(),
        precomputed: false,
        windows: false,
        cut: None,
        kept: false,
    }
}

fn example(question: &Question) -> ExampleQuestion {
    let Question { lang, text, id, .. } = question;
    ExampleQuestion { language: lang.clone(), text: text.clone(), answer_id: id.clone(), rank: None }
}

/// The sample corpus in `folder`, from its three files.
///
/// # Errors
/// [`Error::Format`] naming the file, also if it does not match the others.
pub fn open_sample(folder: &str, passages: &[u8], vectors: Vec<u8>, examples: &[u8]) -> Result<OpenCorpus> {
    let text = std::str::from_utf8(passages)
        .map_err(|e| Error::format(PASSAGES, format!("not UTF-8 text (byte {})", e.valid_up_to())))?;
    let corpus = sample::parse(PASSAGES, text)?;
    let examples: Vec<ExampleQuestion> =
        serde_json::from_slice(examples).map_err(|e| Error::format(EXAMPLES, e))?;
    let home = Home { folder: folder.into(), passages_sha256: sha256(passages) };
    let info = CorpusInfo { examples, precomputed: true, ..describe(&corpus) };
    OpenCorpus::with_vectors(info, Rc::new(corpus), home, VECTORS, vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::collections::BTreeMap;

    fn line(id: usize) -> String {
        format!(
            r#"{{"id":"r{id}","topic":"T","passage":{{"de":"Es ist rot, {id}.","en":"It is red, {id}."}},"question":{{"de":"Farbe {id}?","en":"Colour {id}?"}},"answer":{{"de":"rot","en":"red"}}}}"#
        )
    }

    fn files() -> (String, Vec<f32>, BTreeMap<String, String>, Vec<ExampleQuestion>) {
        let text = [line(0), line(1)].join("\n");
        let rows = [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0], [0.6, 0.8]].concat();
        let about = [("passages_sha256", sha256(text.as_bytes())), ("weights_sha256", "w".into())];
        let about = about.into_iter().map(|(k, v)| (k.to_string(), v)).collect();
        let example = ExampleQuestion {
            language: "en".into(),
            text: "Colour 1?".into(),
            answer_id: "r1".into(),
            rank: Some(1),
        };
        (text, rows, about, vec![example])
    }

    fn opened(
        text: &str,
        rows: &[f32],
        about: &BTreeMap<String, String>,
        examples: &[ExampleQuestion],
    ) -> Result<OpenCorpus> {
        let vectors = vectors::write(rows, 2, about).unwrap();
        open_sample("here", text.as_bytes(), vectors, &serde_json::to_vec(examples).unwrap())
    }

    #[test]
    fn a_sample_comes_with_its_vectors() {
        let (text, rows, about, examples) = files();
        let open = opened(&text, &rows, &about, &examples).unwrap();
        assert_eq!((open.index.len(), open.info.passages), (4, 4));
        assert!(open.info.precomputed);
        let query = open.shipped("Colour 1?").unwrap();
        let best = open.index.search(query, 1, |_| true).unwrap();
        assert_eq!(best[0].0, 1);
        assert!(open.shipped("Colour 0?").is_none());
        assert_eq!(open.answers("Colour 1?"), HashSet::from([2, 3]));
        assert!(open.answers("Colour?").is_empty());
        // Rows are de 0, en 0, de 1, en 1.
        assert_eq!(open.nearest_in(2, "en").unwrap(), Some("It is red, 0."));
        assert_eq!(open.nearest_in(2, "th").unwrap(), None);
        assert_eq!(open.nearest_in(9, "en").unwrap(), None);
    }

    #[test]
    fn files_that_do_not_fit_are_refused() {
        let (text, rows, about, examples) = files();
        let changed = text.replace("red, 1", "red, 2");
        for (text, rows, examples) in
            [(&changed, &rows[..], &examples[..]), (&text, &rows[..8], &examples), (&text, &rows, &[])]
        {
            let problem = opened(text, rows, &about, examples).err().unwrap().to_string();
            assert!(problem.contains(VECTORS) && problem.contains("interlingua sample"), "{problem}");
        }
    }
}
