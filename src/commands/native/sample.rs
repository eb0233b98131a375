//! `interlingua sample`: writes the vectors that the page's sample corpus ships with.

use std::{collections::BTreeMap, fs, path::PathBuf};

use interlingua::{
    Error, Result,
    bundle::{Bundle, write_whole},
    datasets::{Corpus, Question, examples_among, sample},
    encoder::{Encoder, EncoderDevice},
    protocol::{CorpusInfo, ExampleQuestion, FirstScreen, Hit, Results},
    retrieval::{Index, vectors},
    sha256,
    text::{Cut, Kind},
};

use super::{ProgressLine, encode::about_cut, locate};

/// Arguments of `interlingua sample`.
#[derive(clap::Args)]
pub struct Args {
    /// The bundle that the page starts with.
    #[arg(long)]
    model: PathBuf,
    /// A further bundle to write vectors for, so that the page need not compute them; may be repeated.
    #[arg(long)]
    other: Vec<PathBuf>,
    /// Folder with `passages.jsonl`; the vectors are written there.
    #[arg(long, default_value = "static/sample")]
    folder: PathBuf,
}

/// Greatest rank of the answer of a harder example.
const HARDEST: usize = 20;

/// Number of hits that the page shows at first.
const TOP: usize = 10;

/// Runs the command. `examples.json`: a selection of the questions whose answer the model ranks first, then a harder one
/// in each language, each with the answer's rank. `vectors.safetensors`, and one file for each other model: a row for
/// each passage and then one for each example, with the model's name. `vectors.json`: which file belongs to which
/// model. `first.json`: what the page shows before its worker is there.
///
/// # Errors
/// Says what is wrong with a model or the corpus.
pub fn run(args: Args) -> Result<()> {
    let path = args.folder.join("passages.jsonl");
    let bytes = fs::read(&path).map_err(|e| Error::file(&path, e))?;
    let name = path.display().to_string();
    let text = std::str::from_utf8(&bytes)
        .map_err(|e| Error::format(&name, format!("not UTF-8 text (byte {})", e.valid_up_to())))?;
    let corpus = sample::parse(&name, text)?;
    let mut examples: Vec<&Question> = Vec::new();
    let mut ranks: Vec<Option<usize>> = Vec::new();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut results: Vec<Results> = Vec::new();
    let mut list: BTreeMap<String, String> = BTreeMap::new();
    for model in [&args.model].into_iter().chain(&args.other) {
        let bundle = Bundle::open(&locate(model, None)?)?;
        // The page compares hashes of weights, which only a bundle's manifest has.
        let hash = bundle.manifest.weights_hash().ok_or_else(|| {
            Error::file(model, "a bundle is needed here; make one with `interlingua import`")
        })?;
        let file = match files.len() {
            0 => "vectors.safetensors".into(),
            _ => format!("vectors-{}.safetensors", &hash[..12.min(hash.len())]),
        };
        if list.insert(hash.into(), file.clone()).is_some() {
            return Err(Error::file(
                model,
                "its weights are those of a model given before; name each model once",
            ));
        }
        let encoded = EncodedCorpus::new(bundle, &corpus)?;
        if files.is_empty() {
            ranks = encoded.ranks(&corpus)?;
            let first = |rank: &Option<usize>| *rank == Some(1);
            println!(
                "{}: for {} of {} questions a passage that answers is ranked first among those of all languages; the \
                 examples are from these, except for a harder one in each language",
                encoded.bundle.manifest.name,
                ranks.iter().filter(|rank| first(rank)).count(),
                corpus.questions.len()
            );
            examples = examples_among(&corpus, |i| first(&ranks[i]));
            let mut harder = examples_among(&corpus, |i| ranks[i].is_some_and(|rank| rank > 1));
            harder.truncate(corpus.languages().len());
            examples.extend(harder);
            let languages = corpus.languages();
            let opening = languages.iter().filter_map(|(lang, _)| examples.iter().find(|q| q.lang == *lang));
            results = encoded.results(&corpus, &opening.copied().collect::<Vec<_>>())?;
        }
        let vectors = encoded.file(&examples, &sha256(&bytes))?;
        println!("{file}: vectors of {}, {:.0} kB", encoded.bundle.manifest.name, vectors.len() as f64 / 1e3);
        files.push((file, vectors));
    }
    let listed: Vec<ExampleQuestion> = examples
        .iter()
        .map(|q| ExampleQuestion {
            language: q.lang.clone(),
            text: q.text.clone(),
            answer_id: q.id.clone(),
            rank: corpus.questions.iter().position(|other| other == *q).and_then(|at| ranks[at]),
        })
        .collect();
    let json = |value: serde_json::Result<Vec<u8>>| value.map_err(|e| Error::format("JSON", e));
    files.push(("examples.json".into(), json(serde_json::to_vec_pretty(&listed))?));
    let first = FirstScreen { corpus: described(&corpus, listed), results };
    files.push(("first.json".into(), json(serde_json::to_vec(&first))?));
    files.push(("vectors.json".into(), json(serde_json::to_vec_pretty(&list))?));
    for (file, bytes) in &files {
        write_whole(&args.folder.join(file), bytes)?;
    }
    // From models that the page had before.
    for entry in fs::read_dir(&args.folder).map_err(|e| Error::file(&args.folder, e))? {
        let path = entry.map_err(|e| Error::file(&args.folder, e))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("vectors-") && files.iter().all(|(file, _)| *file != name) {
            fs::remove_file(&path).map_err(|e| Error::file(&path, e))?;
            println!("{name}: removed, it belonged to another model");
        }
    }
    println!("{}: {} passages and {} examples", args.folder.display(), corpus.passages.len(), examples.len());
    Ok(())
}

/// What the page shows of the sample; the same as its worker says.
fn described(corpus: &Corpus, examples: Vec<ExampleQuestion>) -> CorpusInfo {
    CorpusInfo {
        name: corpus.name.clone(),
        passages: corpus.passages.len(),
        languages: corpus.languages(),
        examples,
        notes: corpus.notes.clone(),
        fields: corpus.fields.clone(),
        precomputed: true,
        windows: false,
        cut: None,
        kept: false,
    }
}

/// A corpus' passages encoded by a model.
struct EncodedCorpus {
    bundle: Bundle,
    encoder: Encoder,
    rows: Vec<f32>,
    cut: Cut,
}

impl EncodedCorpus {
    fn new(bundle: Bundle, corpus: &Corpus) -> Result<Self> {
        // On the CPU, so that what ships is the same whichever machine makes it.
        let encoder = Encoder::new(&bundle, EncoderDevice::cpu())?;
        encoder.similarity().need_cosine("a sample's vectors, in 8 bits,")?;
        let passages: Vec<&str> = corpus.passages.iter().map(|p| p.text.as_str()).collect();
        let mut progress = ProgressLine::new("passages");
        let (rows, cut) = encoder
            .encode_all_counted(&passages, Kind::Passage, &mut |done, total| progress.show(done, total))?;
        if let Some(said) = cut.sentence("passage", "passages") {
            eprintln!("{}: {said}", bundle.manifest.name);
        }
        Ok(Self { bundle, encoder, rows, cut })
    }

    fn questions(&self, questions: &[&Question]) -> Result<Vec<f32>> {
        let texts: Vec<&str> = questions.iter().map(|q| q.text.as_str()).collect();
        let (rows, cut) = self.encoder.encode_all_counted(&texts, Kind::Query, &mut |_, _| {})?;
        if let Some(said) = cut.sentence("question", "questions") {
            eprintln!("{}: {said}", self.bundle.manifest.name);
        }
        Ok(rows)
    }

    /// For each of the corpus' questions, the rank of the first passage that answers it among all, in 8 bits as in the
    /// page; none if it is beyond [`HARDEST`].
    fn ranks(&self, corpus: &Corpus) -> Result<Vec<Option<usize>>> {
        let d = self.encoder.dimension();
        let mut all = self.rows.clone();
        all.extend(self.questions(&corpus.questions.iter().collect::<Vec<_>>())?);
        let packed = vectors::read("sample", vectors::write(&all, d, &BTreeMap::new())?)?.unit_rows();
        let (passages, questions) = packed.split_at(self.rows.len());
        let index = Index::from_rows(d, passages)?;
        let rank = |(row, question): (&[f32], &Question)| {
            let best = index.search(row, HARDEST, |_| true)?;
            Ok(best.iter().position(|(at, _)| corpus.passages[*at].group == question.group).map(|at| at + 1))
        };
        questions.chunks(d).zip(&corpus.questions).map(rank).collect()
    }

    /// The ranking for each of these questions among all passages, in 8 bits as in the page.
    fn results(&self, corpus: &Corpus, questions: &[&Question]) -> Result<Vec<Results>> {
        let d = self.encoder.dimension();
        let mut all = self.rows.clone();
        all.extend(self.questions(questions)?);
        let packed = vectors::read("sample", vectors::write(&all, d, &BTreeMap::new())?)?.unit_rows();
        let (passages, rows) = packed.split_at(self.rows.len());
        let index = Index::from_rows(d, passages)?;
        let results = |(row, question): (&[f32], &&Question)| {
            let hits: Vec<Hit> = index
                .search(row, TOP, |_| true)?
                .into_iter()
                .zip(1..)
                .map(|((at, score), rank)| {
                    let passage = &corpus.passages[at];
                    let relevant = passage.group == question.group;
                    Hit {
                        rank,
                        score,
                        passage: at,
                        id: passage.group.clone(),
                        language: passage.lang.clone(),
                        text: passage.text.clone(),
                        source: passage.source.clone(),
                        relevant,
                        answer: relevant.then(|| passage.answer.unwrap_or((0, passage.text.len()))),
                        part: None,
                    }
                })
                .collect();
            Ok(Results {
                query: question.text.clone(),
                language: Some(question.lang.clone()),
                detected: false,
                answer_rank: hits.iter().find(|hit| hit.relevant).map(|hit| hit.rank),
                hits,
                pool: corpus.languages(),
                encode_ms: 0.0,
                search_ms: 0.0,
                notes: Vec::new(),
                cut: None,
            })
        };
        rows.chunks(d).zip(questions).map(results).collect()
    }

    /// A file of vectors: first the passages', then the examples'.
    fn file(&self, examples: &[&Question], passages_sha256: &str) -> Result<Vec<u8>> {
        let mut rows = self.rows.clone();
        rows.extend(self.questions(examples)?);
        let mut about = about_cut(&self.bundle.manifest, &self.cut)?;
        about.insert("passages_sha256".into(), passages_sha256.into());
        vectors::write(&rows, self.encoder.dimension(), &about)
    }
}
