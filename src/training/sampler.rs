//! Batches for contrastive training: monolingual, cross-lingual and hybrid (arXiv 2408.10536).
//!
//! A batch depends only on the seed and its step, so a resumed run sees the batches it would have seen.
//! Drawing pairs of languages uniformly, the share of questions in cross-lingual batches, the share of
//! name lists and the smoothing of sources' sizes are this project's choices: the paper says only that
//! a monolingual batch's language is uniform and that data sets are drawn by size.
//!
//! Not here: texts for distillation stages (`super::texts`), tokens, tensors.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};

use super::{loss::Relation, switching::Switcher};
use crate::{
    Error, Result,
    datasets::{parallel::Segment, qa::QaPair, sentences},
    text::nearest,
};

/// Sources that list names and terms rather than sentences.
pub const NAME_LISTS: [&str; 5] = ["wikidata-labels", "cldr", "osm-presets", "iso-codes", "phet"];
/// Shortest sentence used as the query of an inverse cloze, in characters.
const CLOZE_CHARS: usize = 24;
/// Greatest distance, in records of a source, between a parallel segment and its hard negative: texts of
/// one page are adjacent.
const NEAR: usize = 8;
/// Draws per item before a batch is left smaller: small data may not have enough.
const TRIES: usize = 50;

/// Separates the random numbers of parallel queries from those of batches.
const PARALLEL: u64 = 0x5bd1_e995_27d4_eb2f;

/// The languages of a batch's queries and passages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strategy {
    /// The whole batch in one language, drawn uniformly.
    Monolingual,
    /// Query and passage of each item in two different languages.
    CrossLingual,
    /// Each batch monolingual with probability `alpha`, else cross-lingual.
    Hybrid {
        /// Between 0 and 1; the paper's 0.5 is stable from 0.4 to 0.6.
        alpha: f64,
    },
}

/// The composition of batches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplerOptions {
    /// Factors for sources by name; by default 1.
    pub weights: BTreeMap<String, f64>,
    /// Exponent of a source's number of records: 0 for uniform, 1 for proportional to size.
    pub smoothing: f64,
    /// Share of a cross-lingual batch from questions with their passages.
    pub questions: f64,
    /// Share of a cross-lingual batch from [`NAME_LISTS`].
    pub names: f64,
    /// Share of a monolingual batch that pairs a sentence with the rest of its passage.
    pub inverse_cloze: f64,
    /// Share of a cross-lingual batch's questions that are replaced by a sentence of their passage, in another
    /// language than the passage.
    pub cloze_across: f64,
    /// How often the answer's sentence alone is the passage, if it is marked.
    pub answer_sentence: f64,
    /// How often an item of a cross-lingual batch is drawn from questions that exist in English only, with
    /// words of the question, of the passage or of both in other languages ([`Switcher`]).
    // Omitted if 0, so that the configurations of earlier runs keep their keys.
    #[serde(skip_serializing_if = "is_zero")]
    pub code_switching: f64,
    /// Items per record of a cross-lingual batch, if it is in so many languages: each pairs the query in one of
    /// them with the passage in the next, and has all passages of the record as positives (multi-way contrast).
    #[serde(skip_serializing_if = "is_one")]
    pub ways: usize,
    /// How often the hard negative of a cross-lingual item is in its query's language, if there is such a text, rather
    /// than in its passage's, so that sharing the query's language does not mark a passage as the answer.
    #[serde(skip_serializing_if = "is_zero")]
    pub same_language_negatives: f64,
    /// Number of languages in a cross-lingual batch, drawn anew for each; 0 for all. With few of them, many of the
    /// batch's passages are in a query's own language while its own passage is not.
    #[serde(skip_serializing_if = "is_none")]
    pub batch_languages: usize,
}

impl Default for SamplerOptions {
    fn default() -> Self {
        // An older English text, noise, and English derived from keys have lower weights.
        let light = [("bitcoin-org", 0.3), ("iso-codes", 0.3), ("indian-wiki", 0.5), ("phet", 0.5)];
        Self {
            weights: light.map(|(source, weight)| (source.to_owned(), weight)).into(),
            smoothing: 0.5,
            questions: 0.4,
            names: 0.1,
            inverse_cloze: 0.25,
            cloze_across: 0.0,
            answer_sentence: 0.5,
            code_switching: 0.0,
            ways: 1,
            same_language_negatives: 0.0,
            batch_languages: 0,
        }
    }
}

/// The kind of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchKind {
    /// All in this language.
    Monolingual(String),
    /// Each across two languages.
    CrossLingual,
}

/// A batch of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Mono- or cross-lingual.
    pub kind: BatchKind,
    /// At most the requested number; fewer if the data have no more. No two are from one record, except with
    /// [`SamplerOptions::ways`].
    pub items: Vec<Item>,
}

/// A query and its passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The record's id; translations share it.
    pub id: String,
    /// The query.
    pub query: String,
    /// Its language.
    pub query_lang: String,
    /// The passage.
    pub passage: String,
    /// Its language.
    pub passage_lang: String,
    /// Whether both sides are the same segment in two languages, rather than question and answer.
    pub is_parallel: bool,
    /// The passage in English, if there is one; the passage itself if it is English.
    pub english: Option<String>,
    /// The query in English, likewise.
    pub query_english: Option<String>,
    /// The record's full text that the passage is from.
    context: Arc<str>,
    /// Whether the passage is the answer's sentence alone.
    is_sentence: bool,
    /// The record's index in the sampler.
    record: u32,
}

/// A text that does not answer an item's query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negative {
    /// The text.
    pub text: String,
    /// Its language.
    pub lang: String,
    /// The record whose passage it is, if it is another's, which it may answer.
    record: Option<u32>,
}

impl Batch {
    /// The roles of passages for queries, `[i * items + j]` for passage `j` and query `i`. Passages of the query's own
    /// record are its positives, unless they are the query itself. A passage is ignored if the texts of either side
    /// are the same or translations, or if it is more than a sentence of the text that passage `i` is from, as it may
    /// answer query `i` too. So is a hard negative from query `i`'s record.
    ///
    /// With `negatives` after the batch's passages: `[i * (items + negatives) + j]`.
    pub fn relations(&self, negatives: &[Negative]) -> Vec<Relation> {
        let key = |text: &String| text.trim().to_lowercase();
        let keys: Vec<[Option<String>; 6]> = self
            .items
            .iter()
            .map(|item| {
                [
                    Some(item.id.clone()),
                    Some(key(&item.query)),
                    Some(key(&item.passage)),
                    item.english.as_ref().map(key),
                    item.query_english.as_ref().map(key),
                    Some(item.context.trim().to_lowercase()),
                ]
            })
            .collect();
        let is_same = |i: usize, j: usize| {
            let (a, b) = (&keys[i], &keys[j]);
            a[..5].iter().zip(&b[..5]).any(|(a, b)| a.is_some() && a == b)
                || a[1] == b[2]
                || (a[5] == b[5] && !self.items[j].is_sentence)
        };
        let negatives: Vec<(Option<String>, Option<u32>)> =
            negatives.iter().map(|n| (Some(key(&n.text)), n.record)).collect();
        let is_own = |i: usize, j: usize| {
            i == j || (self.items[i].record == self.items[j].record && keys[i][1] != keys[j][2])
        };
        let unless = |same| if same { Relation::Neither } else { Relation::Negative };
        let mut relations = Vec::with_capacity(keys.len() * (keys.len() + negatives.len()));
        for (i, a) in keys.iter().enumerate() {
            relations.extend((0..keys.len()).map(|j| match is_own(i, j) {
                true => Relation::Positive,
                false => unless(is_same(i, j)),
            }));
            let own = Some(self.items[i].record);
            relations
                .extend(negatives.iter().map(|(text, record)| unless(a.contains(text) || *record == own)));
        }
        relations
    }
}

/// Draws batches from questions and parallel segments.
pub struct Sampler {
    records: Vec<SampledRecord>,
    /// Questions by language.
    one: Vec<(String, RecordPool)>,
    /// Records by query language and passage language.
    two: Vec<Pair>,
    without_pairs: Vec<(String, String)>,
    /// Questions that exist in English only.
    english: RecordPool,
    switcher: Switcher,
    /// Records of each page.
    pages: Vec<Vec<u32>>,
    languages: Vec<String>,
    options: SamplerOptions,
    seed: u64,
}

/// A multi-way record. Parallel segments have the same texts on both sides.
struct SampledRecord {
    id: String,
    is_parallel: bool,
    /// The index of its source in the sampler.
    source: u32,
    query: BTreeMap<String, Arc<str>>,
    passage: BTreeMap<String, SampledPassage>,
    /// Negatives given with the question, by language.
    negatives: BTreeMap<String, Vec<Arc<str>>>,
    /// The index of its page in the sampler.
    page: Option<u32>,
}

struct SampledPassage {
    text: Arc<str>,
    answer_sentence: Option<Arc<str>>,
}

struct Pair {
    query: String,
    passage: String,
    questions: RecordPool,
    prose: RecordPool,
    names: RecordPool,
}

impl Sampler {
    /// A sampler with the default options; see [`Self::with_options`].
    ///
    /// # Errors
    /// [`Error::Input`] if there is nothing to draw from.
    pub fn new(questions: &[QaPair], segments: &[Segment], languages: &[String], seed: u64) -> Result<Self> {
        Self::with_options(questions, segments, languages, seed, SamplerOptions::default())
    }

    /// Indexes questions and segments for sampling. Questions of `docqa/…` sources with the same id are one
    /// record in many languages.
    ///
    /// # Errors
    /// [`Error::Input`] if no record is in one of `languages`, an option is not a share, or a weight is for an
    /// unknown source.
    pub fn with_options(
        questions: &[QaPair],
        segments: &[Segment],
        languages: &[String],
        seed: u64,
        options: SamplerOptions,
    ) -> Result<Self> {
        check(&options)?;
        check_sources(&options, questions, segments)?;
        let languages: Vec<String> = languages.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect();
        let wanted: HashSet<&str> = languages.iter().map(String::as_str).collect();
        let mut records = Vec::new();
        let mut sources: Vec<(String, bool)> = Vec::new();
        let mut shared: HashMap<(&str, &str), usize> = HashMap::new();
        let mut page_of: HashMap<String, u32> = HashMap::new();
        let mut source_of: HashMap<(String, bool), u32> = HashMap::new();
        let mut pages: Vec<Vec<u32>> = Vec::new();
        for question in questions.iter().filter(|q| wanted.contains(q.lang.as_str())) {
            let at = if question.is_multiway() {
                *shared.entry((&question.source, &question.id)).or_insert(records.len())
            } else {
                records.len()
            };
            if at == records.len() {
                records.push(SampledRecord {
                    id: question.id.clone(),
                    is_parallel: false,
                    source: 0,
                    query: BTreeMap::new(),
                    passage: BTreeMap::new(),
                    negatives: BTreeMap::new(),
                    page: page(question).map(|name| {
                        *page_of.entry(name).or_insert_with(|| {
                            pages.push(Vec::new());
                            pages.len() as u32 - 1
                        })
                    }),
                });
                if let Some(page) = records[at].page {
                    pages[page as usize].push(at as u32);
                }
                sources.push((question.source.clone(), false));
            }
            let record = &mut records[at];
            record.query.insert(question.lang.clone(), question.question.as_str().into());
            record.passage.insert(
                question.lang.clone(),
                SampledPassage {
                    text: question.context.as_str().into(),
                    answer_sentence: question.answer_sentence.as_deref().and_then(sentence),
                },
            );
            if !question.negatives.is_empty() {
                let negatives = question.negatives.iter().map(|n| n.as_str().into()).collect();
                record.negatives.insert(question.lang.clone(), negatives);
            }
        }
        for segment in segments {
            let query: BTreeMap<String, Arc<str>> = segment
                .texts
                .iter()
                // English stays as the counterpart even if it is not a training language.
                .filter(|(code, _)| wanted.contains(code.as_str()) || *code == "en")
                .map(|(code, text)| (code.clone(), text.as_str().into()))
                .collect();
            let passage = query
                .iter()
                .map(|(code, text)| {
                    (code.clone(), SampledPassage { text: text.clone(), answer_sentence: None })
                })
                .collect();
            records.push(SampledRecord {
                id: segment.id.clone(),
                is_parallel: true,
                source: 0,
                query,
                passage,
                negatives: BTreeMap::new(),
                page: None,
            });
            sources.push((segment.source.clone(), true));
        }
        for (record, source) in records.iter_mut().zip(&sources) {
            let next = source_of.len() as u32;
            record.source = *source_of.entry(source.clone()).or_insert(next);
        }
        let mut sampler = Self {
            records,
            one: Vec::new(),
            two: Vec::new(),
            english: RecordPool::default(),
            switcher: Switcher::default(),
            without_pairs: Vec::new(),
            pages,
            languages: languages.clone(),
            options,
            seed,
        };
        sampler.sort(&sources, &languages);
        if sampler.one.is_empty() && sampler.two.is_empty() {
            return Err(Error::Input(format!(
                "no question and no parallel segment is in any of the languages {}: check the data folder",
                languages.join(", ")
            )));
        }
        Ok(sampler)
    }

    /// Adds translations of words, for `code_switching`.
    ///
    /// # Errors
    /// [`Error::Input`] if that share is not 0 and there is nothing to switch.
    pub fn with_switcher(mut self, switcher: Switcher) -> Result<Self> {
        if self.options.code_switching > 0.0 && (switcher.languages().is_empty() || self.english.is_empty()) {
            return Err(Error::Input(
                "code_switching needs questions that exist in English only, and a lexicon with a thousand words in \
                 another of `languages`; set it to 0, or add en to `languages` and such data to the folder"
                    .into(),
            ));
        }
        self.switcher = switcher;
        Ok(self)
    }

    /// Languages that texts are switched to: those with enough words in the lexicon.
    pub fn switched_languages(&self) -> &[String] {
        self.switcher.languages()
    }

    /// Ordered pairs of languages without records, which cannot be drawn.
    pub fn without_pairs(&self) -> &[(String, String)] {
        &self.without_pairs
    }

    /// The batch of a step: `count` items, fewer only if the data have no more, none if they have nothing for
    /// the strategy.
    pub fn batch(&self, step: u64, strategy: Strategy, count: usize) -> Batch {
        let mut rng = ChaCha12Rng::seed_from_u64(mix(self.seed, step));
        let monolingual = match strategy {
            Strategy::Monolingual => true,
            Strategy::CrossLingual => false,
            Strategy::Hybrid { alpha } => rng.random_bool(alpha.clamp(0.0, 1.0)),
        };
        if monolingual { self.monolingual(&mut rng, count) } else { self.cross_lingual(&mut rng, count) }
    }

    /// Monolingual items of each language, at most `count`; fewer if the data have no more.
    pub fn monolingual_pairs(&self, count: usize) -> impl Iterator<Item = (&str, Vec<Item>)> {
        self.one.iter().zip(0..).map(move |((language, pool), at)| {
            // Counted down from the maximum, which no batch of a run uses.
            let mut rng = ChaCha12Rng::seed_from_u64(mix(self.seed, u64::MAX - at));
            (language.as_str(), self.in_language(language, pool, &mut rng, count))
        })
    }

    fn monolingual(&self, rng: &mut ChaCha12Rng, count: usize) -> Batch {
        let Some((language, pool)) = pick(&self.one, rng) else {
            return Batch { kind: BatchKind::Monolingual(String::new()), items: Vec::new() };
        };
        let items = self.in_language(language, pool, rng, count);
        Batch { kind: BatchKind::Monolingual(language.clone()), items }
    }

    fn in_language(
        &self,
        language: &str,
        pool: &RecordPool,
        rng: &mut ChaCha12Rng,
        count: usize,
    ) -> Vec<Item> {
        let mut items = Vec::with_capacity(count);
        let mut used = HashSet::new();
        for _ in 0..count * TRIES {
            if items.len() == count {
                break;
            }
            let Some(at) = pool.draw(rng) else { break };
            if used.contains(&at) {
                continue;
            }
            let record = &self.records[at as usize];
            let cloze = rng.random_bool(self.options.inverse_cloze);
            let item = match record.passage.get(language).filter(|_| cloze) {
                Some(passage) => cloze_item((at, record), language, &passage.text, rng),
                None => None,
            };
            if let Some(item) = item.or_else(|| self.item(at, language, language, rng)) {
                used.insert(at);
                items.push(item);
            }
        }
        items
    }

    fn cross_lingual(&self, rng: &mut ChaCha12Rng, count: usize) -> Batch {
        let mut items = Vec::with_capacity(count);
        let mut used = HashSet::new();
        let met = self.languages_met(rng);
        let is_met = |language: &str| met.contains(&language);
        let pairs: Vec<&Pair> =
            self.two.iter().filter(|pair| is_met(&pair.query) && is_met(&pair.passage)).collect();
        for _ in 0..count * TRIES {
            if items.len() == count {
                break;
            }
            // Draw no random number if the share is 0.
            if self.options.code_switching > 0.0 && rng.random_bool(self.options.code_switching) {
                // As many as a record gives otherwise, so that the share refers to items.
                for _ in 0..self.options.ways.min(count - items.len()) {
                    if let Some(item) = self.switched(&met, rng)
                        && used.insert(item.record)
                    {
                        items.push(item);
                    }
                }
                continue;
            }
            let Some(pair) = pick(&pairs, rng) else { break };
            let point = rng.random_range(0.0..1.0);
            let pool = if point < self.options.questions && !pair.questions.is_empty() {
                &pair.questions
            } else if point >= 1.0 - self.options.names && !pair.names.is_empty() {
                &pair.names
            } else if !pair.prose.is_empty() {
                &pair.prose
            } else {
                // Names stay within their share even if a pair has nothing else.
                &pair.questions
            };
            let Some(at) = pool.draw(rng) else { continue };
            if used.contains(&at) {
                continue;
            }
            // Draw no random number if the share is 0.
            let cloze = self.options.cloze_across > 0.0 && rng.random_bool(self.options.cloze_across);
            let item = match cloze {
                true => self.cloze_across(at, &pair.query, &pair.passage, rng),
                false => None,
            };
            let new = item.map_or_else(|| self.items(at, pair, &met, rng), |item| vec![item]);
            if !new.is_empty() {
                used.insert(at);
                items.extend(new.into_iter().take(count - items.len()));
            }
        }
        Batch { kind: BatchKind::CrossLingual, items }
    }

    /// The languages of a cross-lingual batch: at least those of one pair with records.
    fn languages_met(&self, rng: &mut ChaCha12Rng) -> Vec<&str> {
        let mut others: Vec<&str> = self.languages.iter().map(String::as_str).collect();
        let wanted = self.options.batch_languages;
        // Draw no random number if all languages are used.
        if wanted == 0 || wanted >= others.len() {
            return others;
        }
        let Some(pair) = pick(&self.two, rng) else { return others };
        let mut met = vec![pair.query.as_str(), pair.passage.as_str()];
        others.retain(|language| !met.contains(language));
        while met.len() < wanted && !others.is_empty() {
            met.push(others.swap_remove(rng.random_range(0..others.len())));
        }
        met
    }

    /// The items of a record in a cross-lingual batch of the languages `met`, the first of them for `pair`.
    fn items(&self, at: u32, pair: &Pair, met: &[&str], rng: &mut ChaCha12Rng) -> Vec<Item> {
        let mut around = vec![pair.query.as_str(), pair.passage.as_str()];
        if self.options.ways > 1 {
            let record = &self.records[at as usize];
            let has = |l: &&str| record.query.contains_key(*l) && record.passage.contains_key(*l);
            let is_met = |l: &&str| met.contains(l) && has(l);
            let mut others: Vec<&str> = self.languages.iter().map(String::as_str).filter(is_met).collect();
            others.retain(|language| !around.contains(language));
            while around.len() < self.options.ways && !others.is_empty() {
                around.push(others.swap_remove(rng.random_range(0..others.len())));
            }
        }
        let next = around.iter().skip(1).chain(around.first());
        around
            .iter()
            .zip(next)
            .take(self.options.ways)
            .filter_map(|(a, b)| self.item(at, a, b, rng))
            .collect()
    }

    /// A hard negative for each item of the batch that [`batch`](Self::batch) returns for `step`, in the
    /// language of its passage, if there is one: a negative given with the question, else another sentence
    /// of the passage that the answer's sentence is from, else a passage of the same page.
    ///
    /// In the language of its query instead, with the probability [`SamplerOptions::same_language_negatives`]: the
    /// same, else a parallel segment nearby in its source, else, for a code-switched query, the English one with words
    /// in the query's language.
    pub fn negatives(&self, step: u64, batch: &Batch) -> Vec<Option<Negative>> {
        let mut rng = ChaCha12Rng::seed_from_u64(mix(!self.seed, step));
        let share = match batch.kind {
            BatchKind::Monolingual(_) => 0.0,
            BatchKind::CrossLingual => self.options.same_language_negatives,
        };
        let mut one = |item: &Item| {
            // Draw no random number if the share is 0.
            let tempts = share > 0.0 && rng.random_bool(share) && item.query_lang != item.passage_lang;
            let tempting = if tempts { self.tempting(item, &mut rng) } else { None };
            tempting.or_else(|| self.negative(item, &item.passage_lang, &mut rng))
        };
        batch.items.iter().map(&mut one).collect()
    }

    /// A hard negative in the language of the query.
    fn tempting(&self, item: &Item, rng: &mut ChaCha12Rng) -> Option<Negative> {
        let language = &item.query_lang;
        let record = self.records.get(item.record as usize)?;
        if !record.query.contains_key(language) {
            let english = self.negative(item, "en", rng)?;
            let text = self.switcher.switch(&english.text, language, rng)?;
            return Some(Negative { text, lang: language.clone(), ..english });
        }
        self.negative(item, language, rng).or_else(|| self.near(item, language, rng))
    }

    fn negative(&self, item: &Item, language: &str, rng: &mut ChaCha12Rng) -> Option<Negative> {
        let record = self.records.get(item.record as usize)?;
        let of = |text: &str, record| Negative { text: text.to_owned(), lang: language.to_owned(), record };
        if let Some(given) = record.negatives.get(language).filter(|given| !given.is_empty()) {
            return Some(of(&given[rng.random_range(0..given.len())], None));
        }
        let passage = record.passage.get(language)?;
        if let Some(answer) = passage.answer_sentence.as_deref().filter(|_| item.is_sentence) {
            let others: Vec<&str> = sentences(&passage.text)
                .into_iter()
                .map(|range| &passage.text[range])
                .filter(|s| s.chars().count() >= CLOZE_CHARS)
                .filter(|s| !s.contains(answer) && !answer.contains(s))
                .collect();
            return (!others.is_empty()).then(|| of(others[rng.random_range(0..others.len())], None));
        }
        let others: Vec<(u32, &str)> = self.pages[record.page? as usize]
            .iter()
            .filter(|other| **other != item.record)
            .filter_map(|other| Some((*other, &*self.records[*other as usize].passage.get(language)?.text)))
            .filter(|(_, text)| *text != item.passage && *text != &*passage.text)
            .collect();
        pick(&others, rng).map(|(other, text)| of(text, Some(*other)))
    }

    /// A parallel segment near an item's own.
    fn near(&self, item: &Item, language: &str, rng: &mut ChaCha12Rng) -> Option<Negative> {
        let at = item.record as usize;
        let record = self.records.get(at).filter(|record| record.is_parallel)?;
        let around = at.saturating_sub(NEAR)..self.records.len().min(at + NEAR + 1);
        let others: Vec<(usize, &str)> = around
            .filter(|other| *other != at && self.records[*other].source == record.source)
            .filter_map(|other| Some((other, &**self.records[other].query.get(language)?)))
            .filter(|(_, text)| *text != item.query)
            .collect();
        pick(&others, rng).map(|(other, text)| Negative {
            text: (*text).to_owned(),
            lang: language.to_owned(),
            record: Some(*other as u32),
        })
    }

    /// For each item of the batch that [`batch`](Self::batch) returns for `step`, the same query in another language,
    /// if there is one that is not its passage: any that the record has, for a code-switched query its English
    /// original. An inverse-cloze query has none.
    pub fn parallel_queries(&self, step: u64, batch: &Batch) -> Vec<Option<String>> {
        let mut rng = ChaCha12Rng::seed_from_u64(mix(self.seed ^ PARALLEL, step));
        batch.items.iter().map(|item| self.parallel_query(item, &mut rng)).collect()
    }

    fn parallel_query(&self, item: &Item, rng: &mut ChaCha12Rng) -> Option<String> {
        let record = self.records.get(item.record as usize)?;
        let Some(own) = record.query.get(&item.query_lang) else {
            return item.query_english.clone();
        };
        if **own != *item.query {
            return None;
        }
        let others: Vec<&str> = record
            .query
            .iter()
            .filter(|(language, _)| **language != item.query_lang)
            .map(|(_, query)| &**query)
            .filter(|query| *query != item.passage && *query != item.query)
            .collect();
        pick(&others, rng).map(|query| (*query).to_owned())
    }

    /// A sentence of the passage in one language as the query for the passage in another. It is not removed from
    /// the passage, as words do not match across languages.
    fn cloze_across(&self, at: u32, from: &str, to: &str, rng: &mut ChaCha12Rng) -> Option<Item> {
        let record = self.records.get(at as usize).filter(|record| !record.is_parallel)?;
        let item = cloze_item((at, record), from, &record.passage.get(from)?.text, rng)?;
        let english = record.passage.get("en").map(|passage| passage.text.to_string());
        let context = record.passage.get(to)?.text.clone();
        Some(Item { passage: context.to_string(), passage_lang: to.to_owned(), english, context, ..item })
    }

    /// An English question and its passage, one or both with words of another language: one of those in
    /// `met`, unless texts cannot be switched to any of them.
    fn switched(&self, met: &[&str], rng: &mut ChaCha12Rng) -> Option<Item> {
        let at = self.english.draw(rng)?;
        let mut item = self.item(at, "en", "en", rng)?;
        let side = rng.random_range(0..3);
        let all = self.switcher.languages().iter();
        let mut languages: Vec<&String> =
            all.clone().filter(|language| met.contains(&language.as_str())).collect();
        if languages.is_empty() {
            languages = all.collect();
        }
        let query = *pick(&languages, rng)?;
        let passage = *pick(&languages, rng)?;
        if side != 1 {
            item.query = self.switcher.switch(&item.query, query, rng)?;
            item.query_lang.clone_from(query);
        }
        if side != 0 {
            item.passage = self.switcher.switch(&item.passage, passage, rng)?;
            item.passage_lang.clone_from(passage);
        }
        Some(item)
    }

    fn item(&self, at: u32, from: &str, to: &str, rng: &mut ChaCha12Rng) -> Option<Item> {
        let record = &self.records[at as usize];
        let query = record.query.get(from)?;
        let passage = record.passage.get(to)?;
        let sentence =
            passage.answer_sentence.as_ref().filter(|_| rng.random_bool(self.options.answer_sentence));
        let english = match sentence {
            Some(sentence) => (to == "en").then(|| sentence.to_string()),
            None => record.passage.get("en").map(|passage| passage.text.to_string()),
        };
        Some(Item {
            id: record.id.clone(),
            query: query.to_string(),
            query_lang: from.to_owned(),
            passage: sentence.unwrap_or(&passage.text).to_string(),
            passage_lang: to.to_owned(),
            is_parallel: record.is_parallel,
            english,
            query_english: record.query.get("en").map(|query| query.to_string()),
            context: passage.text.clone(),
            is_sentence: sentence.is_some(),
            record: at,
        })
    }

    /// Fills the pools.
    fn sort(&mut self, sources: &[(String, bool)], languages: &[String]) {
        let mut one: BTreeMap<&str, Lists> = BTreeMap::new();
        let mut two: BTreeMap<(&str, &str), [Lists; 3]> = BTreeMap::new();
        let mut english = Lists::new();
        for (at, (record, (source, is_parallel))) in self.records.iter().zip(sources).enumerate() {
            let place = match (is_parallel, NAME_LISTS.contains(&source.as_str())) {
                (false, _) => 0,
                (true, false) => 1,
                (true, true) => 2,
            };
            if !is_parallel && record.query.len() == 1 && record.query.contains_key("en") {
                english.entry(source).or_default().push(at as u32);
            }
            let sides = || languages.iter().filter(|l| record.query.contains_key(*l));
            for from in sides() {
                if !is_parallel {
                    one.entry(from).or_default().entry(source).or_default().push(at as u32);
                }
                for to in sides().filter(|to| *to != from) {
                    let lists = two.entry((from, to)).or_default();
                    lists[place].entry(source).or_default().push(at as u32);
                }
            }
        }
        let options = &self.options;
        self.english = RecordPool::new(english, options);
        self.one = one
            .into_iter()
            .map(|(language, lists)| (language.to_owned(), RecordPool::new(lists, options)))
            .filter(|(_, pool)| !pool.is_empty())
            .collect();
        for from in languages {
            for to in languages.iter().filter(|to| *to != from) {
                let Some(lists) = two.remove(&(from.as_str(), to.as_str())) else {
                    self.without_pairs.push((from.clone(), to.clone()));
                    continue;
                };
                let [questions, prose, names] = lists.map(|lists| RecordPool::new(lists, options));
                let pair = Pair { query: from.clone(), passage: to.clone(), questions, prose, names };
                self.two.push(pair);
            }
        }
    }
}

type Lists<'a> = BTreeMap<&'a str, Vec<u32>>;

/// Records by source, each source with its weight.
#[derive(Default)]
struct RecordPool {
    /// Sum of the weights up to and including each source.
    until: Vec<f64>,
    records: Vec<Vec<u32>>,
}

impl RecordPool {
    fn new(lists: Lists, options: &SamplerOptions) -> Self {
        let mut pool = Self { until: Vec::new(), records: Vec::new() };
        let mut sum = 0.0;
        for (source, records) in lists {
            let factor = options.weights.get(source).copied().unwrap_or(1.0);
            let weight = factor * (records.len() as f64).powf(options.smoothing);
            if weight > 0.0 {
                sum += weight;
                pool.until.push(sum);
                pool.records.push(records);
            }
        }
        pool
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn draw(&self, rng: &mut ChaCha12Rng) -> Option<u32> {
        let total = *self.until.last()?;
        let point = rng.random_range(0.0..total);
        let source = self.until.partition_point(|&until| until <= point);
        pick(self.records.get(source)?, rng).copied()
    }
}

fn pick<'a, T>(list: &'a [T], rng: &mut ChaCha12Rng) -> Option<&'a T> {
    if list.is_empty() { None } else { list.get(rng.random_range(0..list.len())) }
}

// serde passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_none(count: &usize) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_one(ways: &usize) -> bool {
    *ways == 1
}

fn check(options: &SamplerOptions) -> Result<()> {
    if options.ways == 0 {
        return Err(Error::Input("sampling.ways is 0; it must be at least 1".into()));
    }
    if options.batch_languages == 1 {
        return Err(Error::Input(
            "sampling.batch_languages is 1; a cross-lingual batch has at least 2 (0 is all)".into(),
        ));
    }
    let shares = [
        ("questions", options.questions),
        ("names", options.names),
        ("questions + names", options.questions + options.names),
        ("inverse_cloze", options.inverse_cloze),
        ("cloze_across", options.cloze_across),
        ("answer_sentence", options.answer_sentence),
        ("code_switching", options.code_switching),
        ("same_language_negatives", options.same_language_negatives),
    ];
    for (name, share) in shares {
        if !(0.0..=1.0).contains(&share) {
            return Err(Error::Input(format!("the share {name} is {share}; it must be from 0 to 1")));
        }
    }
    for (source, weight) in &options.weights {
        if !(weight.is_finite() && *weight >= 0.0) {
            return Err(Error::Input(format!("the weight of {source} is {weight}; it must be 0 or more")));
        }
    }
    Ok(())
}

/// Checks that weights are for existing sources. Those of the defaults may have no texts: they are for this
/// project's own data.
fn check_sources(options: &SamplerOptions, questions: &[QaPair], segments: &[Segment]) -> Result<()> {
    let all = questions.iter().map(|q| q.source.as_str()).chain(segments.iter().map(|s| s.source.as_str()));
    let all: BTreeSet<&str> = all.collect();
    let default = SamplerOptions::default().weights;
    let unknown =
        options.weights.keys().find(|name| !all.contains(name.as_str()) && !default.contains_key(*name));
    let Some(name) = unknown else { return Ok(()) };
    let meant = nearest(name, all.iter().copied()).map_or(String::new(), |near| format!(", perhaps {near}"));
    Err(Error::Input(format!(
        "sampling.weights names {name}, which no text is from{meant}; the sources are {}",
        all.into_iter().collect::<Vec<_>>().join(", ")
    )))
}

/// Mixes seed and step into one number, uncorrelated for neighbouring steps (the finaliser of SplitMix64).
fn mix(seed: u64, step: u64) -> u64 {
    let mut x = seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn sentence(text: &str) -> Option<Arc<str>> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

/// A sentence of a passage and the rest of it; `None` if the passage has fewer than three.
fn cloze_item(
    (place, record): (u32, &SampledRecord),
    language: &str,
    text: &Arc<str>,
    rng: &mut ChaCha12Rng,
) -> Option<Item> {
    let sentences: Vec<&str> = sentences(text).into_iter().map(|range| &text[range]).collect();
    if sentences.len() < 3 {
        return None;
    }
    let at = rng.random_range(0..sentences.len());
    let query = sentences[at];
    if query.chars().count() < CLOZE_CHARS {
        return None;
    }
    let rest: Vec<&str> = sentences.iter().enumerate().filter(|&(i, _)| i != at).map(|(_, &s)| s).collect();
    let rest = rest.join(" ");
    let is_english = language == "en";
    Some(Item {
        id: record.id.clone(),
        query: query.to_owned(),
        query_lang: language.to_owned(),
        english: is_english.then(|| rest.clone()),
        query_english: is_english.then(|| query.to_owned()),
        passage: rest,
        passage_lang: language.to_owned(),
        is_parallel: false,
        context: text.clone(),
        is_sentence: false,
        record: place,
    })
}

/// The page that a question's passage is from: what is before the `#` of its id, else source and title.
fn page(question: &QaPair) -> Option<String> {
    let titled = || question.title.as_ref().map(|title| format!("{} {title}", question.source));
    question.id.split_once('#').map(|(page, _)| page.to_owned()).or_else(titled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::lexicon::Sense;

    const LANGUAGES: [&str; 4] = ["ar", "de", "en", "th"];

    fn languages() -> Vec<String> {
        LANGUAGES.map(str::to_owned).to_vec()
    }

    fn question(id: &str, lang: &str, source: &str) -> QaPair {
        QaPair {
            id: id.into(),
            lang: lang.into(),
            question: format!("question {id} {lang}?"),
            context: format!(
                "This is the first sentence of {id} in {lang}. This is the second one of {id} in {lang}. And a third sentence of {id} in {lang}."
            ),
            answer: None,
            answer_sentence: (!source.starts_with("docqa"))
                .then(|| format!("This is the second one of {id} in {lang}.")),
            source: source.into(),
            title: None,
            negatives: Vec::new(),
        }
    }

    fn questions() -> Vec<QaPair> {
        let mut all = Vec::new();
        for i in 0..60 {
            for lang in LANGUAGES {
                all.push(question(&format!("d{i}"), lang, "docqa/x"));
            }
            all.push(question(&format!("n{i}"), "th", "iapp"));
        }
        all
    }

    fn segments() -> Vec<Segment> {
        let segment = |id: String, source: &str, langs: &[&str]| Segment {
            texts: langs.iter().map(|l| (l.to_string(), format!("{id} {l}"))).collect(),
            id,
            source: source.into(),
        };
        let mut all = Vec::new();
        for i in 0..200 {
            all.push(segment(format!("p{i}"), "prose", &LANGUAGES));
            all.push(segment(format!("q{i}"), "pairs", &["de", "ar"]));
            all.push(segment(format!("w{i}"), "cldr", &LANGUAGES));
        }
        all
    }

    fn sampler() -> Sampler {
        Sampler::new(&questions(), &segments(), &languages(), 17).unwrap()
    }

    #[test]
    fn a_weight_for_a_source_that_is_not_there_is_refused_with_the_nearest() {
        let weighted = |name: &str| {
            let weights = BTreeMap::from([(name.to_string(), 0.5)]);
            let options = SamplerOptions { weights, ..Default::default() };
            Sampler::with_options(&questions(), &segments(), &languages(), 17, options)
        };
        for known in ["iapp", "docqa/x", "prose", "bitcoin-org"] {
            assert!(weighted(known).is_ok(), "{known}");
        }
        let problem = weighted("prosa").err().unwrap().to_string();
        assert!(problem.contains("prosa") && problem.contains("perhaps prose"), "{problem}");
    }

    #[test]
    fn a_batch_depends_on_seed_and_step_alone() {
        let (a, b) = (sampler(), sampler());
        let strategy = Strategy::Hybrid { alpha: 0.5 };
        let late = a.batch(41, strategy, 16);
        for step in 0..5 {
            assert_eq!(a.batch(step, strategy, 16), b.batch(step, strategy, 16));
        }
        assert_eq!(late, b.batch(41, strategy, 16));
        assert_ne!(a.batch(1, strategy, 16), a.batch(2, strategy, 16));
        let other = Sampler::new(&questions(), &segments(), &languages(), 18).unwrap();
        assert_ne!(a.batch(1, Strategy::CrossLingual, 16), other.batch(1, Strategy::CrossLingual, 16));
    }

    #[test]
    fn a_monolingual_batch_is_in_one_language_and_every_language_comes() {
        let sampler = sampler();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut cloze = 0;
        for step in 0..200 {
            let batch = sampler.batch(step, Strategy::Monolingual, 16);
            assert_eq!(batch.items.len(), 16);
            let BatchKind::Monolingual(language) = &batch.kind else { panic!("{:?}", batch.kind) };
            *seen.entry(language.clone()).or_default() += 1;
            for item in &batch.items {
                assert_eq!((&item.query_lang, &item.passage_lang), (language, language));
                assert!(!item.is_parallel);
                assert!(!item.passage.contains(&item.query));
                cloze += usize::from(!item.query.ends_with('?'));
            }
        }
        assert_eq!(seen.len(), 4);
        assert!(seen.values().all(|&count| (30..70).contains(&count)), "{seen:?}");
        assert!((0.15..0.35).contains(&(cloze as f64 / 3200.0)), "{cloze}");
    }

    #[test]
    fn a_cross_lingual_batch_has_all_ordered_pairs_and_few_names() {
        let sampler = sampler();
        assert!(sampler.without_pairs().is_empty());
        let mut pairs: BTreeMap<(String, String), usize> = BTreeMap::new();
        let (mut names, mut asked, mut all) = (0, 0, 0);
        for step in 0..200 {
            for item in sampler.batch(step, Strategy::CrossLingual, 16).items {
                assert_ne!(item.query_lang, item.passage_lang);
                names += usize::from(item.id.starts_with('w'));
                asked += usize::from(!item.is_parallel);
                all += 1;
                *pairs.entry((item.query_lang, item.passage_lang)).or_default() += 1;
            }
        }
        assert_eq!(pairs.len(), 12);
        assert!(pairs.values().all(|&count| count > 180), "{pairs:?}");
        assert!((0.07..0.13).contains(&(names as f64 / all as f64)), "{names}");
        assert!((0.35..0.45).contains(&(asked as f64 / all as f64)), "{asked}");
    }

    #[test]
    fn hybrid_mixes_batches_by_alpha() {
        let sampler = sampler();
        let share = |alpha| {
            (0..400)
                .filter(|&step| {
                    sampler.batch(step, Strategy::Hybrid { alpha }, 2).kind != BatchKind::CrossLingual
                })
                .count()
        };
        assert_eq!((share(0.0), share(1.0)), (0, 400));
        assert!((160..240).contains(&share(0.5)), "{}", share(0.5));
    }

    #[test]
    fn no_record_comes_twice_in_a_batch() {
        let sampler = sampler();
        for step in 0..50 {
            for strategy in [Strategy::Monolingual, Strategy::CrossLingual] {
                let items = sampler.batch(step, strategy, 48).items;
                let ids: HashSet<&str> = items.iter().map(|item| item.id.as_str()).collect();
                assert_eq!(ids.len(), items.len());
            }
        }
    }

    #[test]
    fn english_counterparts_are_translations() {
        let sampler = sampler();
        for item in sampler.batch(3, Strategy::CrossLingual, 40).items {
            match item.id.as_bytes()[0] {
                b'q' => assert_eq!(item.english, None),
                b'd' => assert!(item.english.unwrap().contains(&format!("of {} in en", item.id))),
                _ => assert_eq!(item.english, Some(format!("{} en", item.id))),
            }
        }
    }

    #[test]
    fn translations_and_equal_texts_are_no_negatives() {
        let item = |id: &str, query: &str, passage: &str, english: Option<&str>| Item {
            id: id.into(),
            query: query.into(),
            query_lang: "de".into(),
            passage: passage.into(),
            passage_lang: "de".into(),
            is_parallel: false,
            context: passage.into(),
            is_sentence: false,
            record: u32::from(query.as_bytes()[0]),
            english: english.map(str::to_owned),
            query_english: None,
        };
        let items = vec![
            item("1", "a", "A1", Some("x")),
            item("1", "b", "B1", None),
            item("2", "c", "C1", Some("X ")),
            item("3", "d", "c", None),
            item("4", "e", "B1", None),
        ];
        let relations = Batch { kind: BatchKind::CrossLingual, items }.relations(&[]);
        let with = |wanted| -> Vec<(usize, usize)> {
            (0..25).filter(|&at| relations[at] == wanted).map(|at| (at / 5, at % 5)).collect()
        };
        assert_eq!(with(Relation::Neither), [(0, 1), (0, 2), (1, 0), (1, 4), (2, 0), (2, 3), (4, 1)]);
        assert_eq!(with(Relation::Positive), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 4)]);
    }

    #[test]
    fn a_record_comes_in_several_languages_and_its_questions_find_all_its_passages() {
        let options = SamplerOptions { ways: 3, ..SamplerOptions::default() };
        let sampler = Sampler::with_options(&questions(), &segments(), &languages(), 17, options).unwrap();
        let (mut threes, mut same_language) = (0, 0);
        for step in 0..20 {
            let batch = sampler.batch(step, Strategy::CrossLingual, 24);
            assert_eq!(batch.items.len(), 24);
            let relations = batch.relations(&[]);
            for (i, a) in batch.items.iter().enumerate() {
                assert_ne!(a.query_lang, a.passage_lang);
                let own: Vec<usize> = (0..24).filter(|&j| batch.items[j].record == a.record).collect();
                let mut from: Vec<&str> = own.iter().map(|&j| batch.items[j].query_lang.as_str()).collect();
                from.sort_unstable();
                from.dedup();
                assert_eq!(from.len(), own.len(), "each asks in a language of its own");
                threes += usize::from(own.len() == 3);
                for (j, b) in batch.items.iter().enumerate() {
                    let positive = relations[i * 24 + j] == Relation::Positive;
                    assert_eq!(positive, own.contains(&j) && a.query != b.passage, "{a:?} {b:?}");
                    same_language += usize::from(positive && a.query_lang == b.passage_lang);
                }
            }
        }
        assert!(threes > 100 && same_language > 20, "{threes} {same_language}");
        // Monolingual batches are unchanged.
        let plain = self::sampler();
        let monolingual = |s: &Sampler| s.batch(5, Strategy::Monolingual, 12);
        assert_eq!(monolingual(&sampler), monolingual(&plain));
    }

    /// Questions on one text: the whole text, or all but one sentence, may answer any of them.
    #[test]
    fn a_text_is_no_negative_of_what_was_asked_about_it() {
        let long = |i: usize, n: &str| format!("The {n} sentence of text {i} is here.");
        let text = |i| ["first", "second", "third"].map(|n| long(i, n)).join(" ");
        let questions: Vec<QaPair> = (0..24)
            .map(|at| QaPair {
                context: text(at / 4),
                answer_sentence: Some(long(at / 4, ["first", "second", "third", "third"][at % 4])),
                title: Some("All on one page".into()),
                ..question(&format!("q{at}"), "en", "squad")
            })
            .collect();
        let options = SamplerOptions { inverse_cloze: 0.5, ..SamplerOptions::default() };
        let sampler = Sampler::with_options(&questions, &[], &["en".to_owned()], 5, options).unwrap();
        let [mut clozes, mut sentences] = [0u32; 2];
        for step in 0..100 {
            let batch = sampler.batch(step, Strategy::Monolingual, 6);
            let negatives = sampler.negatives(step, &batch);
            for (item, negative) in batch.items.iter().zip(&negatives) {
                let Some(negative) = negative else { continue };
                clozes += u32::from(!item.query.ends_with('?'));
                let text = &negative.text;
                assert!(*text != *item.context && !text.contains(&item.query), "{item:?} {text}");
            }
            let negatives: Vec<Negative> = negatives.into_iter().flatten().collect();
            let relations = batch.relations(&negatives);
            let width = batch.items.len() + negatives.len();
            for (i, query) in batch.items.iter().enumerate() {
                let negatives = negatives.iter().map(|negative| &negative.text);
                let passages = batch.items.iter().map(|item| &item.passage).chain(negatives);
                for (j, passage) in passages.enumerate().filter(|&(j, _)| j != i) {
                    let whole = passage.contains(&*query.context);
                    assert!(relations[i * width + j] != Relation::Negative || !whole, "{query:?} {passage}");
                    // Another sentence than the answer's is a negative.
                    if j < batch.items.len() && batch.items[j].is_sentence && query.is_sentence {
                        let same = batch.items[j].passage == query.passage;
                        sentences += u32::from(!same && batch.items[j].context == query.context);
                        assert_eq!(
                            relations[i * width + j] == Relation::Neither,
                            same,
                            "{query:?} {passage}"
                        );
                    }
                }
            }
        }
        assert!(clozes > 10 && sentences > 10, "{clozes} {sentences}");
    }

    #[test]
    fn small_data_gives_small_batches_and_none_is_an_error() {
        let few = Sampler::new(&questions()[..4], &[], &languages(), 0).unwrap();
        assert_eq!(few.batch(0, Strategy::Monolingual, 8).items.len(), 1);
        assert_eq!(few.batch(0, Strategy::CrossLingual, 8).items.len(), 1);
        assert!(Sampler::new(&[], &[], &languages(), 0).is_err());
        let options = SamplerOptions { names: 1.5, ..SamplerOptions::default() };
        assert!(Sampler::with_options(&questions(), &[], &languages(), 0, options).is_err());
    }

    #[test]
    fn hard_negatives_are_given_ones_then_other_sentences_then_the_same_page() {
        let ask = |id: &str, context: &str| QaPair {
            context: context.into(),
            answer_sentence: None,
            ..question(id, "en", "nq")
        };
        let long = |n: &str| format!("The {n} sentence of this text is here.");
        let text = ["first", "second", "third"].map(long).join(" ");
        let questions = [
            QaPair { negatives: vec!["No answer at all.".into()], ..ask("given", "One.") },
            QaPair { answer_sentence: Some(long("second")), ..ask("marked", &text) },
            ask("page#1", "What the first section says."),
            ask("page#2", "What the second section says."),
            ask("alone", "Nothing beside it."),
        ];
        let sampler = Sampler::new(&questions, &[], &["en".to_owned()], 5).unwrap();
        let mut seen: BTreeMap<String, BTreeSet<Option<String>>> = BTreeMap::new();
        for step in 0..200 {
            let batch = sampler.batch(step, Strategy::Monolingual, 5);
            let negatives = sampler.negatives(step, &batch);
            assert_eq!(negatives, sampler.negatives(step, &batch));
            for (item, negative) in batch.items.iter().zip(negatives) {
                // With the whole passage as positive, its sentences are not negatives.
                if item.id != "marked" || item.passage == long("second") {
                    seen.entry(item.id.clone()).or_default().insert(negative.map(|n| n.text));
                }
            }
        }
        let only = |texts: &[&str]| texts.iter().map(|t| Some(t.to_string())).collect();
        assert_eq!(seen["given"], only(&["No answer at all."]));
        assert_eq!(seen["marked"], only(&[&long("first"), &long("third")]));
        assert_eq!(seen["page#1"], only(&["What the second section says."]));
        assert_eq!(seen["page#2"], only(&["What the first section says."]));
        assert_eq!(seen["alone"], [None].into());
    }

    #[test]
    fn a_sentence_in_one_language_looks_for_the_passage_in_another() {
        let text = |lang: &str| {
            ["first", "second", "third"].map(|n| format!("The {n} sentence, written in {lang}.")).join(" ")
        };
        let questions: Vec<QaPair> = (0..6)
            .flat_map(|i| LANGUAGES.map(|lang| (i, lang)))
            .map(|(i, lang)| QaPair {
                context: format!("{} Passage number {i}, written in {lang}.", text(lang)),
                ..question(&format!("d{i}"), lang, "docqa/x")
            })
            .collect();
        let options = SamplerOptions { cloze_across: 1.0, ..SamplerOptions::default() };
        let sampler = Sampler::with_options(&questions, &[], &languages(), 3, options).unwrap();
        let items = sampler.batch(0, Strategy::CrossLingual, 4).items;
        assert_eq!(items.len(), 4);
        for item in items {
            assert_ne!(item.query_lang, item.passage_lang);
            assert!(item.query.contains(&format!("written in {}", item.query_lang)), "{item:?}");
            assert!(item.passage.starts_with(&text(&item.passage_lang)), "{item:?}");
            assert!(item.english.is_some_and(|english| english.contains("written in en")));
        }
    }

    #[test]
    fn questions_in_english_alone_are_switched() {
        let mut questions = questions();
        questions.extend((0..40).map(|i| question(&format!("e{i}"), "en", "qamr")));
        let sense = |english: &str, words: &[(&str, &str)]| Sense {
            id: english.into(),
            english: english.into(),
            words: words.iter().map(|(l, w)| (l.to_string(), vec![w.to_string()])).collect(),
        };
        let mut senses = vec![
            sense("question", &[("de", "Frage"), ("ar", "سؤال")]),
            sense("second", &[("de", "zweite"), ("ar", "ثان")]),
            sense("sentence", &[("de", "Satz"), ("ar", "جملة")]),
            sense("first", &[("de", "erste"), ("ar", "أول")]),
            sense("this", &[("de", "dies"), ("ar", "هذا")]),
            sense("third", &[("de", "dritte"), ("ar", "ثالث")]),
            sense("is", &[("de", "ist"), ("ar", "هو")]),
            sense("the", &[("de", "der"), ("ar", "ال")]),
            sense("of", &[("de", "von"), ("ar", "من")]),
            sense("in", &[("de", "im"), ("ar", "في")]),
        ];
        senses.extend((0..1000).map(|i| sense(&format!("w{i}"), &[("de", "x"), ("ar", "y")])));
        let switcher = || Switcher::new(&senses, &languages());
        let options = SamplerOptions { code_switching: 0.5, ..SamplerOptions::default() };
        let sampler = |questions: &[QaPair]| {
            Sampler::with_options(questions, &segments(), &languages(), 3, options.clone())
        };
        let drawn = sampler(&questions).unwrap().with_switcher(switcher()).unwrap();
        let [mut all, mut switched, mut sides] = [0u32; 3];
        for step in 0..60 {
            let batch = drawn.batch(step, Strategy::CrossLingual, 16);
            assert_eq!(batch.items.len(), 16);
            let negatives = drawn.negatives(step, &batch);
            let parallel = drawn.parallel_queries(step, &batch);
            for ((item, negative), parallel) in batch.items.iter().zip(negatives).zip(parallel) {
                all += 1;
                if !item.id.starts_with('e') {
                    assert_ne!(item.query_lang, item.passage_lang);
                    continue;
                }
                switched += 1;
                let (asked, found) = (item.query_lang != "en", item.passage_lang != "en");
                assert!(asked || found);
                sides += u32::from(asked && found);
                assert_eq!(asked, !item.query.starts_with("question"), "{}", item.query);
                assert_eq!(item.query_english.as_deref(), Some(format!("question {} en?", item.id).as_str()));
                assert!(
                    item.english.as_ref().is_some_and(|text| (*text == item.passage) != found),
                    "{item:?}"
                );
                // A code-switched passage has no other sentence in its language.
                assert!(!found || negative.is_none());
                assert_eq!(parallel, asked.then(|| format!("question {} en?", item.id)));
            }
        }
        assert!((0.35..0.55).contains(&(f64::from(switched) / f64::from(all))), "{switched} of {all}");
        assert!((0.25..0.42).contains(&(f64::from(sides) / f64::from(switched))), "{sides} of {switched}");
        // If the query is switched, its hard negative is too.
        let options = SamplerOptions { same_language_negatives: 1.0, ..options.clone() };
        let tempting = Sampler::with_options(&questions, &segments(), &languages(), 3, options)
            .unwrap()
            .with_switcher(switcher())
            .unwrap();
        let mut tempted = 0;
        for step in 0..30 {
            let batch = tempting.batch(step, Strategy::CrossLingual, 16);
            let negatives = tempting.negatives(step, &batch);
            for (item, negative) in batch.items.iter().zip(negatives) {
                let Some(negative) = negative.filter(|_| item.id.starts_with('e')) else { continue };
                if negative.lang == item.query_lang && item.query_lang != "en" {
                    assert!(!item.context.contains(&negative.text), "{negative:?}");
                    tempted += 1;
                }
            }
        }
        assert!(tempted > 10, "{tempted}");
        // Monolingual batches have none, and without English ones there is nothing to switch.
        let mono = (0..60).flat_map(|step| drawn.batch(step, Strategy::Monolingual, 8).items);
        assert!(mono.into_iter().all(|item| item.query_lang == item.passage_lang));
        let problem = sampler(&questions[..40]).unwrap().with_switcher(switcher()).err().unwrap().to_string();
        assert!(problem.contains("English only"), "{problem}");
        assert!(sampler(&questions).unwrap().with_switcher(Switcher::default()).is_err());
    }

    /// Pages of three sections each in all languages.
    fn page_questions() -> Vec<QaPair> {
        let section = |i: usize| format!("docqa/x:page{}#{}", i / 3, i % 3);
        (0..60).flat_map(|i| LANGUAGES.map(|lang| question(&section(i), lang, "docqa/x"))).collect()
    }

    fn with(questions: &[QaPair], options: SamplerOptions) -> Sampler {
        Sampler::with_options(questions, &segments(), &languages(), 17, options).unwrap()
    }

    #[test]
    fn hard_negatives_tempt_by_the_language_of_the_query() {
        let options = SamplerOptions { same_language_negatives: 1.0, ..SamplerOptions::default() };
        let plain = with(&page_questions(), SamplerOptions::default());
        let sampler = with(&page_questions(), options);
        let (mut sections, mut segments, mut alone) = (0, 0, 0);
        for step in 0..60 {
            let batch = sampler.batch(step, Strategy::CrossLingual, 16);
            assert_eq!(batch, plain.batch(step, Strategy::CrossLingual, 16));
            let negatives = sampler.negatives(step, &batch);
            assert_eq!(negatives, sampler.negatives(step, &batch));
            for (item, negative) in batch.items.iter().zip(&negatives) {
                // Each of these has a nearby text in its query's language.
                let negative = negative.as_ref().unwrap();
                assert_eq!(negative.lang, item.query_lang);
                assert!(negative.text.contains(&item.query_lang), "{item:?} {negative:?}");
                let own = item.id.split('#').next().unwrap();
                assert!(!negative.text.contains(&format!("of {} in", item.id)), "{item:?} {negative:?}");
                if item.is_parallel {
                    // From its own source, and near.
                    assert_eq!(negative.text.as_bytes()[0], item.id.as_bytes()[0]);
                    let number =
                        |text: &str| -> usize { text[1..].split(' ').next().unwrap().parse().unwrap() };
                    let apart = number(&negative.text).abs_diff(number(&item.id));
                    // Three sources take turns.
                    assert!((1..=NEAR / 3 + 1).contains(&apart), "{item:?} {negative:?}");
                    segments += 1;
                } else {
                    assert!(negative.text.contains(own), "{item:?} {negative:?}");
                    sections += 1;
                }
                alone += usize::from(batch.items.iter().all(|other| other.passage_lang != item.query_lang));
            }
            // A text from a record of the batch is not a negative of that record's query.
            let negatives: Vec<Negative> = negatives.into_iter().flatten().collect();
            let relations = batch.relations(&negatives);
            let width = batch.items.len() + negatives.len();
            for (i, item) in batch.items.iter().enumerate() {
                for (j, negative) in negatives.iter().enumerate() {
                    let relation = relations[i * width + batch.items.len() + j];
                    let is_own = negative.record == Some(item.record);
                    assert_eq!(relation == Relation::Neither, is_own, "{item:?} {negative:?}");
                }
            }
            // Monolingual batches are unchanged.
            let mono = sampler.batch(step, Strategy::Monolingual, 8);
            assert_eq!(sampler.negatives(step, &mono), plain.negatives(step, &mono));
        }
        assert!(sections > 100 && segments > 100, "{sections} {segments} {alone}");
        let half = SamplerOptions { same_language_negatives: 0.5, ..SamplerOptions::default() };
        let half = with(&page_questions(), half);
        let [mut all, mut own] = [0u32; 2];
        for step in 0..60 {
            let batch = half.batch(step, Strategy::CrossLingual, 16);
            for (item, negative) in batch.items.iter().zip(half.negatives(step, &batch)) {
                if item.is_parallel {
                    continue;
                }
                let negative = negative.unwrap();
                assert!(negative.lang == item.query_lang || negative.lang == item.passage_lang);
                (all, own) = (all + 1, own + u32::from(negative.lang == item.query_lang));
            }
        }
        assert!((0.4..0.6).contains(&(f64::from(own) / f64::from(all))), "{own} of {all}");
    }

    #[test]
    fn few_languages_meet_in_a_batch_where_this_is_asked() {
        let options = SamplerOptions { batch_languages: 2, ..SamplerOptions::default() };
        let sampler = with(&page_questions(), options);
        let mut seen: BTreeMap<Vec<String>, usize> = BTreeMap::new();
        for step in 0..120 {
            let batch = sampler.batch(step, Strategy::CrossLingual, 16);
            assert_eq!(batch.items.len(), 16);
            let mut met: Vec<String> = batch
                .items
                .iter()
                .flat_map(|item| [item.query_lang.clone(), item.passage_lang.clone()])
                .collect();
            met.sort_unstable();
            met.dedup();
            assert_eq!(met.len(), 2);
            let own = |item: &Item| batch.items.iter().filter(|o| o.passage_lang == item.query_lang).count();
            assert!(batch.items.iter().map(own).sum::<usize>() > 0, "both ways");
            *seen.entry(met).or_default() += 1;
        }
        assert_eq!(seen.len(), 6, "{seen:?}");
        let one = SamplerOptions { batch_languages: 1, ..SamplerOptions::default() };
        let problem = Sampler::with_options(&questions(), &segments(), &languages(), 17, one).err().unwrap();
        assert!(problem.to_string().contains("batch_languages"), "{problem}");
        // All languages is the same as the default.
        let all = with(&questions(), SamplerOptions { batch_languages: 4, ..SamplerOptions::default() });
        let batch = |s: &Sampler| s.batch(3, Strategy::CrossLingual, 16);
        assert_eq!(batch(&all), batch(&with(&questions(), SamplerOptions::default())));
    }

    #[test]
    fn parallel_queries_are_translations_and_never_the_passage() {
        let sampler = sampler();
        let (mut asked, mut segments, mut without) = (0, 0, 0);
        for step in 0..60 {
            for strategy in [Strategy::CrossLingual, Strategy::Monolingual] {
                let batch = sampler.batch(step, strategy, 16);
                let parallel = sampler.parallel_queries(step, &batch);
                assert_eq!(parallel, sampler.parallel_queries(step, &batch));
                for (item, other) in batch.items.iter().zip(parallel) {
                    let Some(other) = other else {
                        // In one language only, an inverse-cloze query, or in two languages only.
                        let is_alone = item.id.starts_with('n') || item.id.starts_with('q');
                        assert!(is_alone || !item.query.ends_with('?'), "{item:?}");
                        without += 1;
                        continue;
                    };
                    assert!(other != item.query && other != item.passage);
                    if item.is_parallel {
                        assert!(other.starts_with(&format!("{} ", item.id)), "{item:?} {other}");
                        segments += 1;
                    } else {
                        assert!(other.starts_with(&format!("question {} ", item.id)), "{item:?} {other}");
                        asked += 1;
                    }
                }
            }
        }
        assert!(asked > 100 && segments > 100 && without > 50, "{asked} {segments} {without}");
    }
}
