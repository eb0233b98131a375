//! The zero-shot guard, a contamination check: training texts that overlap with evaluation sets are excluded.
//!
//! A text overlaps with a set if it shares a run of letters with the set's questions and passages ([`RunLength`]), or
//! consists of one of its shorter questions; a record also if its id is one of the set's. Passages of one source are
//! concatenated, as in a paragraph that a data set splits into sentences. Traditional and simplified Chinese are not
//! matched with each other, nor are translations detected.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::overlap::{BREAK, RunIndex, SharedRun, is_dense, push_letters};
use super::parallel::Segment;
use super::qa::QaPair;
use super::{CollectionOptions, Corpus, PassagePool, catalogue};
use crate::{Error, Result};

/// Shorter ids, such as running numbers, coincide by chance.
const SHORTEST_ID: usize = 8;
/// Characters shown of an example's text.
const SHOWN: usize = 160;

/// The least number of consecutive shared letters that counts as overlap. Letters are Unicode's Alphabetic, in
/// compatibility form (NFKC) and lower case; everything else is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLength {
    /// In all scripts.
    pub letters: usize,
    /// For runs of Han, kana and Hangul, which say more in fewer letters.
    pub dense: usize,
}

impl Default for RunLength {
    fn default() -> Self {
        Self { letters: 31, dense: 13 }
    }
}

/// The `[guard]` section of a training configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardConfig {
    /// The evaluation sets.
    pub sets: Vec<GuardSet>,
    /// See [`RunLength::letters`].
    #[serde(default = "letters")]
    pub letters: usize,
    /// See [`RunLength::dense`].
    #[serde(default = "dense_letters")]
    pub dense_letters: usize,
}

/// An evaluation set in a training configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardSet {
    /// Its name in `interlingua data`.
    pub dataset: String,
    /// Its folder.
    pub data: PathBuf,
    /// Only these languages; all if none is named.
    #[serde(default)]
    pub languages: Vec<String>,
    /// The split of MIRACL or BEIR, of whose passages only the judged ones count, or of the sample.
    #[serde(default)]
    pub split: Option<String>,
}

fn letters() -> usize {
    RunLength::default().letters
}
fn dense_letters() -> usize {
    RunLength::default().dense
}

impl GuardConfig {
    /// Validates what needs no data set to be read.
    ///
    /// # Errors
    /// [`Error::Format`] at `place`, naming the field.
    pub fn check(&self, place: &str) -> Result<()> {
        let wrong =
            |field: &str, problem: String| Err(Error::format(format!("{place}, guard.{field}"), problem));
        for (field, value, least) in [("letters", self.letters, 12), ("dense_letters", self.dense_letters, 5)]
        {
            if value < least {
                return wrong(field, format!("must be at least {least}: shorter runs are shared by chance"));
            }
        }
        if self.sets.is_empty() {
            return wrong("sets", "name an evaluation set, or omit [guard]".into());
        }
        match self.sets.iter().find_map(|set| catalogue::by_name(&set.dataset).err()) {
            Some(problem) => wrong("sets", problem.to_string()),
            None => Ok(()),
        }
    }

    /// Reads the sets.
    ///
    /// # Errors
    /// As for [`catalogue::load`].
    pub fn open(&self) -> Result<Guard> {
        let read = |set: &GuardSet| {
            let large = matches!(set.dataset.as_str(), "miracl" | "beir");
            let pool = if large { PassagePool::Judged } else { PassagePool::All };
            let (languages, split) = (set.languages.clone(), set.split.clone());
            catalogue::load(
                &set.dataset,
                &set.data,
                &CollectionOptions { languages, split, pool, ..CollectionOptions::default() },
            )
        };
        let sets = self.sets.iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Guard::new(&sets, RunLength { letters: self.letters, dense: self.dense_letters }))
    }
}

/// Evaluation sets, indexed for finding overlaps.
pub struct Guard {
    length: RunLength,
    sets: Vec<LoadedSet>,
}

struct LoadedSet {
    checked: Checked,
    all: RunIndex,
    dense: RunIndex,
    /// The start of each text in the letters of both, with its description.
    texts: Vec<(usize, String)>,
    /// Questions too short for a run, by their letters.
    short: HashMap<Vec<char>, String>,
    ids: HashSet<String>,
}

/// An evaluation set that was checked against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Its name.
    pub name: String,
    /// SHA-256 of its ids and texts, see [`Corpus::hash`].
    pub hash: String,
    /// Its questions in all languages.
    pub questions: usize,
    /// Its passages in all languages.
    pub passages: usize,
}

/// What was checked and what was excluded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardReport {
    /// The run lengths used.
    pub length: RunLength,
    /// The evaluation sets.
    pub sets: Vec<Checked>,
    /// Number of training records checked.
    pub records: usize,
    /// Number of their texts.
    pub texts: usize,
    /// What was excluded, by source and set; a text that overlaps with two sets counts in both.
    pub found: Vec<Overlap>,
}

/// The overlap of one source with one evaluation set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// The training collection.
    pub source: String,
    /// The evaluation set.
    pub set: String,
    /// Overlapping texts, including all texts of a record whose id is one of the set's.
    pub texts: usize,
    /// Records excluded entirely.
    pub records: usize,
    /// The first one found.
    pub example: OverlapExample,
}

/// A training text with the evaluation text it overlaps with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapExample {
    /// The training record.
    pub id: String,
    /// The text's language.
    pub lang: String,
    /// The first characters of the text.
    pub text: String,
    /// The evaluation text, for instance `question 56beb434 (de)`.
    pub with: String,
    /// The shared letters, or the shared id.
    pub shared: String,
}

/// A text's overlap with one set.
struct TextOverlap {
    set: usize,
    with: String,
    shared: String,
}

impl Guard {
    /// Indexes `sets`.
    pub fn new(sets: &[Corpus], length: RunLength) -> Self {
        Self { length, sets: sets.iter().map(|corpus| LoadedSet::new(corpus, length)).collect() }
    }

    /// An empty report on these sets.
    pub fn report(&self) -> GuardReport {
        let sets = self.sets.iter().map(|set| set.checked.clone()).collect();
        GuardReport { length: self.length, sets, ..GuardReport::default() }
    }

    /// The questions that overlap with no set, in order, without negatives that do; the others
    /// are counted in `report`.
    pub fn questions(&self, questions: Vec<QaPair>, report: &mut GuardReport) -> Vec<QaPair> {
        let found = each(&questions, |question| {
            let texts = [&question.question, &question.context].into_iter().chain(&question.negatives);
            let shared = texts.enumerate().map(|(i, text)| (i, self.shared(&question.id, text)));
            shared.filter(|(_, shared)| !shared.is_empty()).collect::<Vec<_>>()
        });
        report.records += questions.len();
        let mut kept = Vec::new();
        for (mut question, found) in questions.into_iter().zip(found) {
            report.texts += 2 + question.negatives.len();
            // Question and passage come before the negatives.
            let goes = found.first().is_some_and(|(i, _)| *i < 2);
            let mut sets = HashSet::new();
            for (i, shared) in &found {
                let text = match i {
                    0 => &question.question,
                    1 => &question.context,
                    i => &question.negatives[i - 2],
                };
                for one in shared {
                    let first = goes && sets.insert(one.set);
                    self.count(report, &question.source, one, first, || (&question.id, &question.lang, text));
                }
            }
            if !goes {
                for (i, _) in found.iter().rev() {
                    question.negatives.remove(i - 2);
                }
                kept.push(question);
            }
        }
        kept
    }

    /// The segments without the texts that overlap with a set; these are counted in `report`. If the English
    /// text overlaps or fewer than two texts remain, the segment is excluded.
    pub fn segments(&self, segments: Vec<Segment>, report: &mut GuardReport) -> Vec<Segment> {
        let found = each(&segments, |segment| {
            let shared =
                segment.texts.iter().map(|(lang, text)| (lang.clone(), self.shared(&segment.id, text)));
            shared.filter(|(_, shared)| !shared.is_empty()).collect::<Vec<_>>()
        });
        report.records += segments.len();
        let mut kept = Vec::new();
        for (mut segment, found) in segments.into_iter().zip(found) {
            report.texts += segment.texts.len();
            let rest = segment.texts.len() - found.len();
            let goes = rest < 2 || found.iter().any(|(lang, _)| lang == "en");
            let mut sets = HashSet::new();
            for (lang, shared) in &found {
                let text = segment.texts.remove(lang).unwrap_or_default();
                for one in shared {
                    let first = goes && sets.insert(one.set);
                    self.count(report, &segment.source, one, first, || (&segment.id, lang, &text));
                }
            }
            if found.is_empty() || !goes {
                kept.push(segment);
            }
        }
        kept
    }

    fn count<'a>(
        &self,
        report: &mut GuardReport,
        source: &str,
        shared: &TextOverlap,
        record: bool,
        example: impl FnOnce() -> (&'a str, &'a str, &'a str),
    ) {
        let set = &self.sets[shared.set].checked.name;
        let place = report.found.iter().position(|f| f.source == source && f.set == *set);
        let place = place.unwrap_or_else(|| {
            let (id, lang, text) = example();
            report.found.push(Overlap {
                source: source.into(),
                set: set.clone(),
                texts: 0,
                records: 0,
                example: OverlapExample {
                    id: id.into(),
                    lang: lang.into(),
                    text: text.chars().take(SHOWN).collect(),
                    with: shared.with.clone(),
                    shared: shared.shared.clone(),
                },
            });
            report.found.len() - 1
        });
        report.found[place].texts += 1;
        report.found[place].records += usize::from(record);
    }

    /// The overlaps of a text of the record `id`, at most one per set.
    fn shared(&self, id: &str, text: &str) -> Vec<TextOverlap> {
        let mut letters = Vec::with_capacity(text.len());
        push_letters(text, &mut letters);
        let shared = |(i, set): (usize, &LoadedSet)| {
            set.id(id).or_else(|| set.text(&letters)).map(|(with, shared)| TextOverlap {
                set: i,
                with,
                shared,
            })
        };
        self.sets.iter().enumerate().filter_map(shared).collect()
    }
}

impl LoadedSet {
    fn new(corpus: &Corpus, length: RunLength) -> Self {
        let (mut letters, mut texts, mut short) = (Vec::new(), Vec::new(), HashMap::new());
        let mut before: Option<(&str, &str)> = None;
        for passage in &corpus.passages {
            let place = (passage.lang.as_str(), passage.source.as_str());
            if before.replace(place) != Some(place) {
                letters.push(BREAK);
            }
            texts.push((letters.len(), format!("passage {} ({})", passage.id, passage.lang)));
            push_letters(&passage.text, &mut letters);
        }
        for question in &corpus.questions {
            letters.push(BREAK);
            let start = letters.len();
            let name = format!("question {} ({})", question.id, question.lang);
            texts.push((start, name.clone()));
            push_letters(&question.text, &mut letters);
            let asked = &letters[start..];
            if !asked.is_empty() && asked.len() < length.letters {
                short.entry(asked.to_vec()).or_insert(name);
            }
        }
        let dense = letters.iter().map(|&c| if is_dense(c) { c } else { BREAK }).collect();
        let ids = corpus.questions.iter().map(|q| &q.id).chain(corpus.passages.iter().map(|p| &p.id));
        Self {
            checked: Checked {
                name: corpus.name.clone(),
                hash: corpus.hash(),
                questions: corpus.questions.len(),
                passages: corpus.passages.len(),
            },
            all: RunIndex::new(letters, length.letters),
            dense: RunIndex::new(dense, length.dense),
            texts,
            short,
            ids: ids.filter(|id| id.len() >= SHORTEST_ID).cloned().collect(),
        }
    }

    /// Whether an id, or the part after the name of its collection (`squad:56be…`), is one of these.
    fn id(&self, id: &str) -> Option<(String, String)> {
        let own = id.rsplit_once([':', '/']).map_or(id, |(_, own)| own);
        let found = self.ids.get(id).or_else(|| self.ids.get(own))?;
        Some((format!("id {found}"), found.clone()))
    }

    /// What a text, given by its letters, shares, and with which text.
    fn text(&self, letters: &[char]) -> Option<(String, String)> {
        if let Some(name) = self.short.get(letters) {
            return Some((name.clone(), letters.iter().collect()));
        }
        let named = |runs: &RunIndex, run: SharedRun| {
            let at = self.texts.partition_point(|(start, _)| *start <= run.start).checked_sub(1)?;
            Some((self.texts.get(at)?.1.clone(), runs.text(&run)))
        };
        if let Some(run) = self.all.longest(letters) {
            return named(&self.all, run);
        }
        if !letters.iter().any(|&c| is_dense(c)) {
            return None;
        }
        let dense: Vec<char> = letters.iter().map(|&c| if is_dense(c) { c } else { BREAK }).collect();
        self.dense.longest(&dense).and_then(|run| named(&self.dense, run))
    }
}

impl GuardReport {
    /// A sentence on the whole, and one on each source that overlaps.
    pub fn lines(&self) -> Vec<String> {
        let names: Vec<&str> = self.sets.iter().map(|s| s.name.as_str()).collect();
        let mut lines = vec![format!(
            "zero-shot guard: {} texts of {} records checked against {}, for {} consecutive letters ({} in Han, \
             kana or Hangul) and for ids: {}",
            self.texts,
            self.records,
            names.join(", "),
            self.length.letters,
            self.length.dense,
            match self.found.iter().map(|f| f.texts).sum::<usize>() {
                0 => "nothing overlaps".to_string(),
                n => format!("{n} overlap and are left out"),
            }
        )];
        lines.extend(self.found.iter().map(|f| {
            let OverlapExample { id, lang, text, with, shared } = &f.example;
            format!(
                "left out of {}: {} texts, {} records whole, that overlap with {}; the first is {id} ({lang}), \
                 \"{text}\", which shares \"{shared}\" with {with}",
                f.source, f.texts, f.records, f.set
            )
        }));
        lines
    }
}

/// Maps `f` over the items, in order; on all cores if there are threads.
#[cfg(feature = "native")]
fn each<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    use rayon::prelude::*;
    items.par_iter().map(f).collect()
}

#[cfg(not(feature = "native"))]
fn each<T, R>(items: &[T], f: impl Fn(&T) -> R) -> Vec<R> {
    items.iter().map(f).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{Passage, parallel::read_parallel, qa::read_questions, records, xquad};

    fn passage(lang: &str, id: &str, source: &str, text: &str) -> Passage {
        Passage {
            id: id.into(),
            group: id.into(),
            lang: lang.into(),
            text: text.into(),
            source: source.into(),
            answer: None,
        }
    }

    fn set(name: &str, passages: Vec<Passage>, questions: &[(&str, &str, &str)]) -> Corpus {
        let question = |(lang, id, text): &(&str, &str, &str)| crate::datasets::Question {
            id: id.to_string(),
            group: id.to_string(),
            lang: lang.to_string(),
            text: text.to_string(),
            relevant: vec![0.into()],
            ..crate::datasets::Question::default()
        };
        Corpus {
            name: name.into(),
            passages,
            questions: questions.iter().map(question).collect(),
            ..Corpus::default()
        }
    }

    fn guard() -> Guard {
        let rivers = set(
            "rivers",
            vec![
                passage("en", "en:0:0", "Rhine", "The Rhine rises high in the Alps."),
                passage("en", "en:0:1", "Rhine", "It ends in the North Sea."),
                passage("en", "en:1:0", "Elbe", "The Elbe rises in the Giant Mountains."),
                passage("de", "de:0:0", "Rhein", "Der Rhein entspringt hoch oben in den Alpen der Schweiz."),
            ],
            &[("en", "56beb4343aeaaa14", "How long is the Rhine?"), ("zh", "q2", "莱茵河有多长？")],
        );
        let bridges = set(
            "bridges",
            vec![passage("zh", "zh:0:0", "桥", "这座桥梁建于十九世纪末期，横跨莱茵河两岸。")],
            &[("de", "12", "Wann wurde die Brücke über den Rhein gebaut und von wem?")],
        );
        Guard::new(&[rivers, bridges], RunLength::default())
    }

    fn question(id: &str, lang: &str, question: &str, context: &str) -> QaPair {
        QaPair {
            id: id.into(),
            lang: lang.into(),
            question: question.into(),
            context: context.into(),
            answer: None,
            answer_sentence: None,
            source: "wiki".into(),
            title: None,
            negatives: vec![],
        }
    }

    fn segment(id: &str, texts: &[(&str, &str)]) -> Segment {
        let texts = texts.iter().map(|(l, t)| (l.to_string(), t.to_string())).collect();
        Segment { id: id.into(), source: "talk".into(), texts }
    }

    #[test]
    fn questions_that_overlap_are_left_out_and_named() {
        let guard = guard();
        let mut report = guard.report();
        let kept = guard.questions(
            vec![
                question("a", "en", "Where?", "Somewhere else."),
                // Spelled differently, and across a sentence boundary.
                question("b", "en", "Where?", "Yes: it rises HIGH in the alps -- it ends in the north."),
                // From the end of one source to the beginning of the next.
                question("c", "en", "Where?", "in the North Sea the Elbe rises in the G"),
                question("d", "de", "Wann wurde die Brücke über den Rhein gebaut?", "1874."),
                // Short questions, alone and within another text.
                question("e", "en", "How long is the Rhine", "1,230 km."),
                question("f", "en", "How long is the Rhine in France?", "188 km."),
                question("g", "zh", "莱茵河有多长", "1230 公里。"),
                question("squad:56beb4343aeaaa14", "en", "How far?", "Far."),
                question("wiki:12", "en", "How much?", "Much."),
                question("h", "zh", "哪里？", "据说，这座桥梁建于１９十九世纪末期横跨大江。"),
            ],
            &mut report,
        );
        let kept: Vec<&str> = kept.iter().map(|q| q.id.as_str()).collect();
        assert_eq!(kept, ["a", "c", "f", "wiki:12"]);
        assert_eq!((report.records, report.texts), (10, 20));
        let found: Vec<_> =
            report.found.iter().map(|f| (f.source.as_str(), f.set.as_str(), f.records, f.texts)).collect();
        assert_eq!(found, [("wiki", "rivers", 4, 5), ("wiki", "bridges", 2, 2)]);
        let example = &report.found[0].example;
        assert_eq!((example.id.as_str(), example.with.as_str()), ("b", "passage en:0:0 (en)"));
        assert_eq!(example.shared, "riseshighinthealpsitendsinthenorth");
        assert_eq!(report.found[1].example.with, "question 12 (de)");
        assert_eq!(
            report.sets.iter().map(|s| (s.questions, s.passages)).collect::<Vec<_>>(),
            [(2, 4), (1, 1)]
        );

        let lines = report.lines();
        assert!(
            lines[0].contains("rivers, bridges") && lines[0].ends_with("7 overlap and are left out"),
            "{lines:?}"
        );
        assert!(lines[1].starts_with("left out of wiki: 5 texts, 4 records whole"), "{lines:?}");
        let json = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<GuardReport>(&json).unwrap(), report);
    }

    #[test]
    fn a_negative_that_overlaps_goes_alone() {
        let guard = guard();
        let mut report = guard.report();
        let mut one = question("a", "en", "Where?", "Somewhere else.");
        let overlaps = "As one knows, the Rhine rises high in the Alps. It ends in the North Sea.";
        one.negatives = ["Nowhere.", overlaps, "There.", overlaps].map(String::from).into();
        let kept = guard.questions(vec![one], &mut report);
        assert_eq!(kept[0].negatives, ["Nowhere.", "There."]);
        assert_eq!((report.found[0].records, report.found[0].texts, report.texts), (0, 2, 6));
    }

    #[test]
    fn of_a_segment_the_texts_that_overlap_go() {
        let guard = guard();
        let mut report = guard.report();
        let german = ("de", "Er sagt: Der Rhein entspringt hoch oben in den Alpen!");
        let english = ("en", "The Rhine rises high in the Alps, it ends in Holland.");
        let kept = guard.segments(
            vec![
                segment("a", &[("en", "Hello."), ("de", "Hallo."), ("es", "Hola.")]),
                segment("b", &[("en", "High up."), german, ("es", "Arriba.")]),
                segment("c", &[("en", "High up."), german]),
                segment("d", &[english, ("de", "Oben."), ("es", "Arriba.")]),
                segment("e", &[english, german, ("es", "Arriba.")]),
            ],
            &mut report,
        );
        let kept: Vec<(&str, Vec<&str>)> =
            kept.iter().map(|s| (s.id.as_str(), s.texts.keys().map(String::as_str).collect())).collect();
        assert_eq!(kept, [("a", vec!["de", "en", "es"]), ("b", vec!["en", "es"])]);
        let [found] = report.found.as_slice() else { panic!("{report:?}") };
        assert_eq!((found.records, found.texts), (3, 5));
        assert_eq!((found.example.id.as_str(), found.example.lang.as_str()), ("b", "de"));
        assert_eq!((report.records, report.texts), (5, 14));
    }

    #[test]
    fn without_overlap_nothing_changes() {
        let guard = guard();
        let mut report = guard.report();
        let segments = vec![segment("a", &[("en", "The Rhine rises."), ("de", "Der Rhein entspringt.")])];
        assert_eq!(guard.segments(segments.clone(), &mut report), segments);
        assert!(report.found.is_empty() && report.lines().len() == 1, "{report:?}");
        assert!(report.lines()[0].ends_with("nothing overlaps"));
    }

    #[test]
    fn a_configuration_opens_its_sets() {
        let root = env!("CARGO_MANIFEST_DIR");
        let config =
            |sets: &str| serde_json::from_str::<GuardConfig>(&format!(r#"{{"sets":[{sets}]}}"#)).unwrap();
        let sample =
            format!(r#"{{"dataset":"sample","data":"{root}/static/sample","languages":["en","th"]}}"#);
        let good = config(&sample);
        good.check("x.toml").unwrap();
        let guard = good.open().unwrap();
        let corpus = catalogue::load(
            "sample",
            &PathBuf::from(root).join("static/sample"),
            &CollectionOptions { languages: vec!["th".into()], ..CollectionOptions::default() },
        )
        .unwrap();
        let (mut report, texts) = (guard.report(), &corpus.passages[0]);
        assert_eq!((report.sets[0].name.as_str(), report.length), ("sample", RunLength::default()));
        let training = vec![question("a", "th", "?", &texts.text), question("b", "th", "?", "-")];
        assert_eq!(guard.questions(training, &mut report)[0].id, "b");
        assert_eq!(report.found[0].example.with, format!("passage {} (th)", texts.id));

        let problem = |config: GuardConfig| config.check("x.toml").unwrap_err().to_string();
        assert!(problem(config("")).starts_with("x.toml, guard.sets: name an evaluation set"));
        assert!(
            problem(config(r#"{"dataset":"squad","data":"."}"#))
                .contains("the data set squad is not supported")
        );
        assert!(
            problem(GuardConfig { letters: 3, ..good.clone() }).starts_with("x.toml, guard.letters: must")
        );
        let missing = config(r#"{"dataset":"xquad-r","data":"no/where"}"#).open().err().unwrap().to_string();
        assert!(missing.contains("no/where/ar.json"), "{missing}");
    }

    /// `INTERLINGUA_TRAIN=folder cargo test … what_the_training_data_share -- --ignored --nocapture`, the
    /// files of the folder decompressed.
    #[test]
    #[ignore = "prints what the training data in INTERLINGUA_TRAIN share with XQuAD-R, it checks nothing"]
    fn what_the_training_data_share() {
        let folder = PathBuf::from(std::env::var("INTERLINGUA_TRAIN").unwrap());
        let corpus = xquad::XQUAD_R.read(&crate::fetched::xquad_r(), &[]).unwrap();
        let (segments, read) = read_parallel(&records::find(&folder, "parallel.").unwrap(), &[]).unwrap();
        println!("{}", read.lines("parallel text").join("\n"));
        let (questions, read) = read_questions(&records::find(&folder, "qa.").unwrap(), &[]).unwrap();
        println!("{}", read.lines("questions").join("\n"));
        let letters = |name, default| std::env::var(name).map_or(default, |v| v.parse().unwrap());
        let length = RunLength { letters: letters("LETTERS", 31), dense: letters("DENSE", 13) };
        let start = std::time::Instant::now();
        let guard = Guard::new(&[corpus], length);
        println!("prepared in {:.2} s", start.elapsed().as_secs_f64());
        let mut report = guard.report();
        let before = (questions.len(), segments.len());
        let questions = guard.questions(questions, &mut report);
        let segments = guard.segments(segments, &mut report);
        println!("checked in {:.2} s", start.elapsed().as_secs_f64());
        println!(
            "questions {} of {}, segments {} of {}",
            questions.len(),
            before.0,
            segments.len(),
            before.1
        );
        println!("{}", report.lines().join("\n"));
    }
}
