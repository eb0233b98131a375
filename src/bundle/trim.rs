//! Vocabulary trimming: makes a model for some languages out of a larger one by keeping the tokens that they
//! use, with their embeddings.
//!
//! A text whose tokens are all kept gets the same tokens, renumbered, and so the same vector. Unigram: pieces
//! keep their scores, so the best segmentation remains the best among fewer. WordPiece: the longest match
//! still exists. BPE: a token is kept with all tokens that its merges join, and the merges keep their order.
//!
//! Which texts are counted is decided elsewhere (`training::start`, `commands/native/trim.rs`).

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use tokenizers::Tokenizer;
use unicode_script::{Script, UnicodeScript};

use super::{Array, Bundle};
use crate::{Error, Result, datasets::word_counts::WordCounts};

/// Texts by language.
pub type TextsByLanguage<'a> = BTreeMap<String, Vec<&'a str>>;

/// Options for choosing a vocabulary.
#[derive(Debug, Clone, PartialEq)]
pub struct TrimOptions {
    /// Number of tokens, including special ones.
    pub size: usize,
    /// 0: all languages have equal weight; 1: weight by amount of text.
    pub smoothing: f64,
    /// Share of a language's weight that goes to its word list, if there is one.
    pub word_list_share: f64,
    /// Most characters of text read for each language, sampled evenly.
    pub max_chars: usize,
}

impl TrimOptions {
    /// `size` tokens; equal weights for languages, a third of each for its word list.
    pub fn new(size: usize) -> Self {
        Self { size, smoothing: 0.0, word_list_share: 1.0 / 3.0, max_chars: 3_000_000 }
    }
}

/// What was kept, and how well it covers the counted texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TrimReport {
    /// Tokens before.
    pub before: usize,
    /// Tokens after.
    pub tokens: usize,
    /// Of these, special tokens, bytes and single characters, which are kept whether used or not.
    pub always: usize,
    /// Single characters of the languages' scripts that did not fit.
    pub characters_left_out: usize,
    /// By language.
    pub languages: BTreeMap<String, Coverage>,
}

/// How much of a language's texts a trimmed vocabulary covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Characters of text counted.
    pub characters: usize,
    /// Entries of the word list counted.
    pub words: usize,
    /// Share of the text's tokens that are kept, weighted by use.
    pub kept: f64,
    /// Share of a sample of the texts that gets the same tokens as before.
    pub unchanged: f64,
    /// Tokens of that sample after trimming, relative to before.
    pub longer: f64,
}

impl TrimReport {
    /// A sentence for all languages, and one for each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "{} of {} tokens kept, {} of them special tokens, bytes and single characters",
            self.tokens, self.before, self.always
        )];
        if self.characters_left_out > 0 {
            lines.push(format!(
                "{} single characters of the languages' scripts, which occur in no text, did not fit: they become unknown tokens",
                self.characters_left_out
            ));
        }
        for (language, c) in &self.languages {
            lines.push(format!(
                "{language}: {:.2} % of the tokens in its texts are kept, {:.1} % of the texts get the same tokens as before, all texts together {:.1} % more",
                100.0 * c.kept,
                100.0 * c.unchanged,
                100.0 * (c.longer - 1.0)
            ));
        }
        lines
    }
}

/// Texts of each language sampled for [`Coverage::unchanged`].
const SAMPLE: usize = 500;
/// A script counts as a language's if it has this share of the letters in its texts.
const SCRIPT_SHARE: f64 = 0.01;

/// Keeps the `options.size` tokens of `bundle` that `texts` and `words` use most.
///
/// # Errors
/// [`Error::Format`] naming the field of `tokenizer.json` that is not understood, [`Error::Input`] when there
/// is no text, or the size is too small for what is always kept, or not smaller than the vocabulary.
pub fn trim(
    bundle: &mut Bundle,
    texts: &TextsByLanguage,
    words: &WordCounts,
    options: &TrimOptions,
) -> Result<TrimReport> {
    let old = parse(&bundle.tokenizer)?;
    let before = old.get_vocab_size(true);
    if options.size >= before {
        return Err(Error::Input(format!(
            "The vocabulary has {before} tokens, and keeping {} does not trim it: give a smaller number",
            options.size
        )));
    }
    if texts.values().all(Vec::is_empty) && words.values().all(Vec::is_empty) {
        return Err(Error::Input("There is no text to count tokens in".into()));
    }
    let mut file: Value =
        serde_json::from_slice(&bundle.tokenizer).map_err(|e| Error::format("tokenizer.json", e))?;
    let Counted { use_of, mut report, scripts } = count(&old, texts, words, options)?;
    let tokens = Vocabulary::read(&file)?;
    let prompts = &bundle.manifest.prompts;
    let mut kept = tokens.always(&file, &scripts, &use_of, &old, [&prompts.query, &prompts.passage])?;
    report.always = kept.set.len();
    if kept.set.len() > options.size {
        kept.make_room(options.size, &use_of)?;
        report.characters_left_out = report.always - kept.set.len();
        report.always = kept.set.len();
    }
    let mut order: Vec<usize> = (0..tokens.list.len()).filter(|&id| use_of[id] > 0.0).collect();
    order.sort_by(|&a, &b| use_of[b].total_cmp(&use_of[a]).then(a.cmp(&b)));
    let mut kept = kept.set;
    for id in order {
        let with = tokens.with_parts(id, &kept);
        if kept.len() + with.len() <= options.size {
            kept.extend(with);
        }
        if kept.len() == options.size {
            break;
        }
    }
    tokens.write(&mut file, &kept)?;
    let json = serde_json::to_vec(&file).map_err(|e| Error::format("tokenizer.json", e))?;
    let new = parse(&json)?;
    // New id to old, read from the tokenizers themselves to catch mistakes.
    let count = new.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1);
    let mut from = vec![None; count];
    for (token, id) in new.get_vocab(true) {
        from[id as usize] = old.token_to_id(&token);
    }
    let from: Option<Vec<u32>> = from.into_iter().collect();
    let from = from.ok_or_else(|| {
        Error::format(
            "tokenizer.json",
            "the trimmed vocabulary has ids without a token: this is a bug, please report it",
        )
    })?;
    let program = bundle.manifest.architecture.program()?;
    let table = bundle.weights.param(program.table())?;
    let width = table.shape[1];
    if let Some(&id) = from.iter().find(|&&id| id as usize >= table.shape[0]) {
        return Err(Error::format(
            "tokenizer.json",
            format!("it has a token {id}, but the table has only {} rows", table.shape[0]),
        ));
    }
    let mut rows = vec![0.0; count * width];
    rows.chunks_mut(width).zip(&from).for_each(|(row, &id)| table.row(id as usize, row));
    bundle.weights.insert(&program.table().name, Array::f32(vec![count, width], rows));
    let config = &mut bundle.manifest.architecture;
    config.vocabulary = count;
    config.dropped = config
        .dropped
        .and_then(|id| from.iter().position(|&old| old == id))
        .and_then(|id| u32::try_from(id).ok());
    bundle.tokenizer = json;
    (report.before, report.tokens) = (before, count);
    compare(&old, &new, &from, texts, &mut report)?;
    Ok(report)
}

fn parse(json: &[u8]) -> Result<Tokenizer> {
    let mut tokenizer = Tokenizer::from_bytes(json).map_err(|e| Error::format("tokenizer.json", e))?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(|e| Error::format("tokenizer.json", e))?;
    Ok(tokenizer)
}

/// How much each token is used: its share of a language's tokens, summed over languages.
struct Counted {
    use_of: Vec<f64>,
    report: TrimReport,
    scripts: HashSet<Script>,
}

fn count(
    tokenizer: &Tokenizer,
    texts: &TextsByLanguage,
    words: &WordCounts,
    options: &TrimOptions,
) -> Result<Counted> {
    let ids = tokenizer.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1);
    let mut counted =
        Counted { use_of: vec![0.0; ids], report: TrimReport::default(), scripts: HashSet::new() };
    let languages: HashSet<&String> = texts.keys().chain(words.keys()).collect();
    let mut languages: Vec<&String> = languages.into_iter().collect();
    languages.sort();
    let size_of = |l: &String| texts.get(l).map_or(0, |t| t.iter().map(|t| t.len()).sum::<usize>()) as f64;
    let mean = languages.iter().map(|l| size_of(l)).sum::<f64>() / languages.len() as f64;
    for language in languages {
        let none = Vec::new();
        let all = texts.get(language).unwrap_or(&none);
        let taken = evenly(all, options.max_chars);
        let list = words.get(language).map_or(&[][..], |l| &l[..]);
        let in_texts = tally(tokenizer, taken.iter().map(|t| (*t, 1)).collect())?;
        let in_words = tally(tokenizer, list.iter().map(|(w, n)| (w.as_str(), *n)).collect())?;
        let share = match (in_texts.is_empty(), in_words.is_empty()) {
            (_, true) => 0.0,
            (true, _) => 1.0,
            _ => options.word_list_share,
        };
        let weight = (size_of(language).max(1.0) / mean.max(1.0)).powf(options.smoothing);
        for (counts, part) in [(&in_texts, weight * (1.0 - share)), (&in_words, weight * share)] {
            let total: f64 = counts.values().sum();
            counts.iter().for_each(|(&id, n)| counted.use_of[id as usize] += part * n / total);
        }
        let mut letters: HashMap<Script, f64> = HashMap::new();
        for c in taken.iter().flat_map(|t| t.chars()).filter(|c| c.is_alphabetic()) {
            *letters.entry(c.script()).or_default() += 1.0;
        }
        for (word, n) in list {
            let n = *n as f64 / list.len() as f64;
            word.chars()
                .filter(|c| c.is_alphabetic())
                .for_each(|c| *letters.entry(c.script()).or_default() += n);
        }
        let all: f64 = letters.values().sum();
        counted.scripts.extend(letters.iter().filter(|(_, n)| **n >= SCRIPT_SHARE * all).map(|(s, _)| *s));
        let characters = taken.iter().map(|t| t.chars().count()).sum();
        counted
            .report
            .languages
            .insert(language.clone(), Coverage { characters, words: list.len(), ..Coverage::default() });
    }
    Ok(counted)
}

/// An even sample of the texts, up to this many characters.
fn evenly<'a>(texts: &[&'a str], max_chars: usize) -> Vec<&'a str> {
    let total: usize = texts.iter().map(|text| text.chars().count()).sum();
    let keep = (max_chars as f64 / total.max(1) as f64).min(1.0);
    let mut due = 0.0;
    let taken = texts.iter().filter(|_| {
        due += keep;
        let taken = due >= 1.0;
        due -= f64::from(u8::from(taken));
        taken
    });
    taken.copied().collect()
}

fn tally(tokenizer: &Tokenizer, texts: Vec<(&str, u64)>) -> Result<HashMap<u32, f64>> {
    let parts: Result<Vec<HashMap<u32, f64>>> = texts
        .par_chunks(texts.len().div_ceil(64).max(1))
        .map(|part| {
            let mut counts = HashMap::new();
            for (text, n) in part {
                for id in encode(tokenizer, text)? {
                    *counts.entry(id).or_default() += *n as f64;
                }
            }
            Ok(counts)
        })
        .collect();
    let mut all = HashMap::new();
    for (id, n) in parts?.into_iter().flatten() {
        // Integers below 2^53, so the sum does not depend on the order.
        *all.entry(id).or_default() += n;
    }
    Ok(all)
}

fn encode(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>> {
    let encoding = tokenizer
        .encode_fast(text, false)
        .map_err(|e| Error::Input(format!("a text cannot be tokenized: {e}")))?;
    Ok(encoding.get_ids().to_vec())
}

/// The tokens of a `tokenizer.json`'s model, by id.
struct Vocabulary {
    list: Vec<String>,
    kind: TokenizerKind,
    /// BPE: the pairs that are merged into a token.
    parts: HashMap<usize, Vec<[usize; 2]>>,
}

#[derive(Clone, Copy, PartialEq)]
enum TokenizerKind {
    Unigram,
    WordPiece,
    Bpe,
}

/// Tokens that are kept whether used or not.
struct Always {
    set: HashSet<usize>,
    /// Those that may be left out if necessary: single characters.
    characters: Vec<usize>,
}

impl Always {
    /// Leaves out the least used single characters, beginning with unused ones.
    fn make_room(&mut self, size: usize, use_of: &[f64]) -> Result<()> {
        self.characters.sort_by(|&a, &b| use_of[a].total_cmp(&use_of[b]).then(b.cmp(&a)));
        let unused = self.characters.iter().filter(|&&id| use_of[id] == 0.0);
        let over = self.set.len() - size;
        let unused: Vec<usize> = unused.take(over).copied().collect();
        if unused.len() < over {
            return Err(Error::Input(format!(
                "{size} tokens are too few: {} special tokens, bytes and characters of these texts are always kept. \
                 Give a larger number.",
                self.set.len() - unused.len()
            )));
        }
        unused.iter().for_each(|id| {
            self.set.remove(id);
        });
        Ok(())
    }
}

impl Vocabulary {
    fn read(file: &Value) -> Result<Self> {
        let wrong = |field: &str, problem: &str| Error::format(format!("tokenizer.json, {field}"), problem);
        let model = &file["model"];
        let kind = match model["type"].as_str() {
            Some("Unigram") => TokenizerKind::Unigram,
            Some("WordPiece") => TokenizerKind::WordPiece,
            Some("BPE") => TokenizerKind::Bpe,
            // Older files, which do not state the type.
            None if model["unk_id"].is_u64() => TokenizerKind::Unigram,
            None if model["merges"].is_array() => TokenizerKind::Bpe,
            other => {
                return Err(Error::Unsupported {
                    what: format!("tokenizer.json, model.type: {}", other.unwrap_or("none")),
                    hint: "Unigram, WordPiece and BPE vocabularies can be trimmed".into(),
                });
            }
        };
        let mut list = Vec::new();
        if kind == TokenizerKind::Unigram {
            for entry in
                model["vocab"].as_array().ok_or_else(|| wrong("model.vocab", "a list was expected"))?
            {
                let piece =
                    entry[0].as_str().ok_or_else(|| wrong("model.vocab", "a piece is not a string"))?;
                list.push(piece.to_string());
            }
        } else {
            let vocab =
                model["vocab"].as_object().ok_or_else(|| wrong("model.vocab", "a map was expected"))?;
            list.resize(vocab.len(), String::new());
            for (token, id) in vocab {
                let id = id.as_u64().map(|id| id as usize).filter(|&id| id < list.len());
                let id = id.ok_or_else(|| wrong("model.vocab", "ids are not 0 to the number of tokens"))?;
                list[id] = token.clone();
            }
        }
        let mut parts: HashMap<usize, Vec<[usize; 2]>> = HashMap::new();
        if kind == TokenizerKind::Bpe {
            let prefix = model["continuing_subword_prefix"].as_str().unwrap_or_default();
            let ids: HashMap<&str, usize> = list.iter().enumerate().map(|(i, t)| (t.as_str(), i)).collect();
            for merge in merges(model)? {
                let [a, b] = merge;
                let joined = format!("{a}{}", b.strip_prefix(prefix).unwrap_or(&b));
                let id = |token: &str| {
                    ids.get(token)
                        .copied()
                        .ok_or_else(|| wrong("model.merges", "a merge names a token that does not exist"))
                };
                parts.entry(id(&joined)?).or_default().push([id(&a)?, id(&b)?]);
            }
        }
        Ok(Self { list, kind, parts })
    }

    /// Special and added tokens, bytes, the tokens of prompts, and single characters of `scripts` or that are
    /// used.
    fn always(
        &self,
        file: &Value,
        scripts: &HashSet<Script>,
        use_of: &[f64],
        tokenizer: &Tokenizer,
        prompts: [&str; 2],
    ) -> Result<Always> {
        let model = &file["model"];
        let mut set = HashSet::new();
        let ids: HashMap<&str, usize> = self.list.iter().enumerate().map(|(i, t)| (t.as_str(), i)).collect();
        let added = file["added_tokens"].as_array().into_iter().flatten();
        let named = added.filter_map(|t| t["content"].as_str()).chain(model["unk_token"].as_str());
        set.extend(named.filter_map(|token| ids.get(token)).copied());
        set.extend(model["unk_id"].as_u64().map(|id| id as usize));
        for prompt in prompts {
            set.extend(
                encode(tokenizer, prompt)?
                    .into_iter()
                    .map(|id| id as usize)
                    .filter(|&id| id < self.list.len()),
            );
        }
        if self.kind == TokenizerKind::Unigram {
            // The score of unknown characters depends on the smallest score.
            let score = |i: &usize| model["vocab"][i][1].as_f64().unwrap_or_default();
            set.extend((0..self.list.len()).min_by(|a, b| score(a).total_cmp(&score(b))));
        }
        let bytes = self.bytes_as_characters(file);
        let mut characters = Vec::new();
        for (id, token) in self.list.iter().enumerate() {
            let is_byte = token.len() == 6 && token.starts_with("<0x") && token.ends_with('>');
            if is_byte {
                set.insert(id);
                continue;
            }
            let prefix = model["continuing_subword_prefix"].as_str().unwrap_or("##");
            let bare = match self.kind {
                TokenizerKind::Unigram => token,
                _ => token.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(token),
            };
            let mut chars = bare.chars();
            let (Some(c), None) = (chars.next(), chars.next()) else { continue };
            if bytes || c.is_ascii() || use_of.get(id).is_some_and(|&n| n > 0.0) {
                set.insert(id);
            } else if c.is_alphabetic() && scripts.contains(&c.script()) && set.insert(id) {
                characters.push(id);
            }
        }
        let closed: Vec<usize> = set.iter().flat_map(|&id| self.with_parts(id, &set)).collect();
        set.extend(closed);
        Ok(Always { set, characters })
    }

    /// Whether single characters of the vocabulary stand for bytes (as in GPT-2).
    fn bytes_as_characters(&self, file: &Value) -> bool {
        let byte_level = |step: &Value| {
            step["type"] == "ByteLevel"
                || ["pretokenizers", "normalizers"].iter().any(|list| {
                    step[list].as_array().into_iter().flatten().any(|step| step["type"] == "ByteLevel")
                })
        };
        self.kind == TokenizerKind::Bpe
            && (byte_level(&file["pre_tokenizer"]) || byte_level(&file["normalizer"]))
    }

    /// `id` and the tokens it is merged from, without those in `kept`.
    fn with_parts(&self, id: usize, kept: &HashSet<usize>) -> HashSet<usize> {
        let mut all = HashSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            if !kept.contains(&id) && all.insert(id) {
                open.extend(self.parts.get(&id).into_iter().flatten().flatten());
            }
        }
        all
    }

    /// Removes all tokens but those in `kept` from the file, and renumbers the rest.
    fn write(&self, file: &mut Value, kept: &HashSet<usize>) -> Result<()> {
        let mut ids = HashMap::new();
        let mut list: Vec<usize> = kept.iter().copied().collect();
        list.sort_unstable();
        for (new, &id) in list.iter().enumerate() {
            ids.insert(self.list[id].clone(), new);
        }
        let model = &mut file["model"];
        match self.kind {
            TokenizerKind::Unigram => {
                if let Some(unknown) = model["unk_id"].as_u64() {
                    model["unk_id"] = json!(ids.get(&self.list[unknown as usize]));
                }
                let vocab = model["vocab"].as_array_mut().map(std::mem::take).unwrap_or_default();
                let vocab = vocab.into_iter().enumerate().filter(|(i, _)| kept.contains(i));
                let again = |(_, mut entry): (usize, Value)| {
                    entry[1] = json!(read_as(entry[1].as_f64().unwrap_or_default()));
                    entry
                };
                model["vocab"] = Value::Array(vocab.map(again).collect());
            }
            TokenizerKind::WordPiece | TokenizerKind::Bpe => {
                model["vocab"] = json!(ids);
                if self.kind == TokenizerKind::Bpe {
                    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or_default().to_string();
                    let all = model["merges"].as_array_mut().map(std::mem::take).unwrap_or_default();
                    let stays = |merge: &Value| {
                        merge_of(merge).is_some_and(|[a, b]| {
                            let joined = format!("{a}{}", b.strip_prefix(&prefix).unwrap_or(&b));
                            [a, b, joined].iter().all(|token| ids.contains_key(token))
                        })
                    };
                    model["merges"] = Value::Array(all.into_iter().filter(stays).collect());
                }
            }
        }
        // Added tokens that are not in the model follow it, in their order.
        let mut next = ids.len();
        let mut added: Vec<&mut Value> = file["added_tokens"].as_array_mut().into_iter().flatten().collect();
        added.sort_by_key(|token| token["id"].as_u64());
        for token in added {
            let content = token["content"].as_str().unwrap_or_default().to_string();
            let id = *ids.entry(content).or_insert_with(|| {
                next += 1;
                next - 1
            });
            token["id"] = json!(id);
        }
        renumber(&mut file["post_processor"], &ids)?;
        if let Some(token) = file["padding"]["pad_token"].as_str() {
            file["padding"]["pad_id"] = json!(ids.get(token).copied().unwrap_or_default());
        }
        Ok(())
    }
}

/// The number to write so that `score` is read back bit for bit: serde_json, which tokenizers uses as well,
/// may read a neighbouring value.
fn read_as(score: f64) -> f64 {
    let comes_back = |written: &f64| {
        serde_json::to_string(written)
            .and_then(|text| serde_json::from_str::<f64>(&text))
            .is_ok_and(|v| v == score)
    };
    let near = [score, score.next_up(), score.next_down()];
    near.into_iter().find(comes_back).unwrap_or(score)
}

/// The pairs that a BPE model merges, in their order.
fn merges(model: &Value) -> Result<Vec<[String; 2]>> {
    let wrong = |problem: &str| Error::format("tokenizer.json, model.merges", problem);
    let list = model["merges"].as_array().ok_or_else(|| wrong("a list was expected"))?;
    list.iter().map(|m| merge_of(m).ok_or_else(|| wrong("a merge is not a pair"))).collect()
}

fn merge_of(merge: &Value) -> Option<[String; 2]> {
    match merge {
        // The form in older files.
        Value::String(pair) => pair.split_once(' ').map(|(a, b)| [a.to_string(), b.to_string()]),
        other => Some([other[0].as_str()?.to_string(), other[1].as_str()?.to_string()]),
    }
}

/// Renumbers the tokens that a post-processor adds.
fn renumber(step: &mut Value, ids: &HashMap<String, usize>) -> Result<()> {
    let lost = |token: &str| {
        Error::format(
            "tokenizer.json, post_processor",
            format!("{token} is neither a token of the model nor an added one"),
        )
    };
    let id_of = |token: &str| ids.get(token).copied().ok_or_else(|| lost(token));
    match step["type"].as_str() {
        Some("Sequence") => {
            step["processors"].as_array_mut().into_iter().flatten().try_for_each(|step| renumber(step, ids))
        }
        Some("TemplateProcessing") => {
            let Some(special) = step["special_tokens"].as_object_mut() else { return Ok(()) };
            for entry in special.values_mut() {
                let tokens = entry["tokens"].as_array().cloned().unwrap_or_default();
                let new: Result<Vec<usize>> =
                    tokens.iter().map(|token| id_of(token.as_str().unwrap_or_default())).collect();
                entry["ids"] = json!(new?);
            }
            Ok(())
        }
        Some("BertProcessing" | "RobertaProcessing") => {
            for part in ["sep", "cls"] {
                let token = step[part][0].as_str().unwrap_or_default().to_string();
                step[part][1] = json!(id_of(&token)?);
            }
            Ok(())
        }
        Some("ByteLevel") | None => Ok(()),
        Some(other) => Err(Error::Unsupported {
            what: format!("tokenizer.json, post_processor: {other}"),
            hint:
                "Sequence, TemplateProcessing, BertProcessing, RobertaProcessing and ByteLevel are supported"
                    .into(),
        }),
    }
}

/// Compares the trimmed tokenizer with the original, on a sample of each language's texts.
///
/// # Errors
/// [`Error::Format`] when a text whose tokens are all kept gets different ones.
fn compare(
    old: &Tokenizer,
    new: &Tokenizer,
    from: &[u32],
    texts: &TextsByLanguage,
    report: &mut TrimReport,
) -> Result<()> {
    let kept: HashSet<u32> = from.iter().copied().collect();
    for (language, texts) in texts {
        let step = texts.len().div_ceil(SAMPLE).max(1);
        let sample: Vec<&&str> = texts.iter().step_by(step).collect();
        let found: Result<Vec<(usize, usize, usize, bool)>> = sample
            .par_iter()
            .map(|text| {
                let (was, is) = (encode(old, text)?, encode(new, text)?);
                let stays = was.iter().filter(|id| kept.contains(id)).count();
                let same = is.iter().map(|&id| from[id as usize]).eq(was.iter().copied());
                if stays == was.len() && !same {
                    return Err(Error::format(
                        "tokenizer.json",
                        format!("after trimming it splits {text:?} differently, though all its tokens were kept: this \
                                 model's tokenizer cannot be trimmed"),
                    ));
                }
                Ok((was.len(), is.len(), stays, same))
            })
            .collect();
        let found = found?;
        let sum = |part: fn(&(usize, usize, usize, bool)) -> usize| {
            found.iter().map(part).sum::<usize>().max(1) as f64
        };
        if let Some(coverage) = report.languages.get_mut(language) {
            coverage.kept = sum(|f| f.2) / sum(|f| f.0);
            coverage.unchanged = sum(|f| usize::from(f.3)) / found.len().max(1) as f64;
            coverage.longer = sum(|f| f.1) / sum(|f| f.0);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        encoder::{Encoder, EncoderDevice},
        text::Kind,
    };

    fn checkpoint(name: &str) -> Bundle {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints").join(name);
        Bundle::open(&folder).unwrap()
    }

    const ENGLISH: [&str; 4] = [
        "The bakery on the corner opens at five in the morning.",
        "An old man buys two rolls and a newspaper every day.",
        "When the river froze, children walked across it to school.",
        "How many loaves can one oven bake in an hour?",
    ];

    fn english() -> TextsByLanguage<'static> {
        BTreeMap::from([("en".to_string(), ENGLISH.to_vec())])
    }

    #[test]
    fn texts_whose_tokens_are_kept_get_the_same_vectors() {
        for name in ["e5", "xlm-r", "labse", "plain"] {
            let before = checkpoint(name);
            let mut after = checkpoint(name);
            let report = trim(&mut after, &english(), &WordCounts::new(), &TrimOptions::new(330)).unwrap();
            assert_eq!(report.tokens, after.manifest.architecture.vocabulary, "{name}");
            assert!(report.tokens <= 330 && report.before > 590, "{name}: {report:?}");
            assert_eq!(report.languages["en"].unchanged, 1.0, "{name}: {report:?}");
            let vectors = |bundle: &Bundle, texts: &[&str]| {
                let encoder = Encoder::new(bundle, EncoderDevice::cpu()).unwrap();
                let bits = |v: Vec<f32>| v.into_iter().map(f32::to_bits).collect::<Vec<_>>();
                [Kind::Query, Kind::Passage]
                    .map(|kind| bits(encoder.encode_all(texts, kind, &mut |_, _| {}).unwrap()))
            };
            assert_eq!(vectors(&after, &ENGLISH), vectors(&before, &ENGLISH), "{name}");
            // Text that was not counted is split more finely or becomes unknown: other vectors, but never
            // silently.
            let greek = ["Ο ποταμός πάγωσε."];
            assert_ne!(vectors(&after, &greek), vectors(&before, &greek), "{name}");
        }
    }

    #[test]
    fn what_is_too_small_or_too_large_is_refused() {
        let refused = |size| {
            trim(&mut checkpoint("e5"), &english(), &WordCounts::new(), &TrimOptions::new(size))
                .unwrap_err()
                .to_string()
        };
        assert!(refused(20).contains("20 tokens are too few"), "{}", refused(20));
        assert!(refused(598).contains("has 598 tokens"), "{}", refused(598));
        let none =
            trim(&mut checkpoint("e5"), &TextsByLanguage::new(), &WordCounts::new(), &TrimOptions::new(300))
                .unwrap_err();
        assert!(none.to_string().contains("no text"), "{none}");
    }

    #[test]
    fn word_lists_count_by_their_counts() {
        let words = WordCounts::from([(
            "de".to_string(),
            vec![("zwei".to_string(), 1000), ("Brötchen".to_string(), 1)],
        )]);
        let mut options = TrimOptions::new(300);
        options.word_list_share = 0.5;
        let bundle = checkpoint("e5");
        let tokenizer = parse(&bundle.tokenizer).unwrap();
        let counted = count(&tokenizer, &english(), &words, &options).unwrap();
        // Each language weighs 1.
        assert!((counted.use_of.iter().sum::<f64>() - 2.0).abs() < 1e-9);
        let frequent = encode(&tokenizer, "zwei").unwrap();
        let sum: f64 = frequent.iter().map(|&id| counted.use_of[id as usize]).sum();
        assert!(sum > 0.9, "{sum}");
        assert!(counted.scripts.contains(&Script::Latin) && !counted.scripts.contains(&Script::Greek));
    }

    /// A BPE vocabulary: letters, merged tokens, a special and an added token.
    fn bpe() -> Value {
        let tokens = [
            "<pad>", "<unk>", "l", "o", "w", "e", "r", "n", "t", "lo", "low", "er", "lower", "ne", "new",
            "en",
        ];
        let vocab: serde_json::Map<String, Value> =
            tokens.iter().enumerate().map(|(i, t)| (t.to_string(), json!(i))).collect();
        json!({
            "version": "1.0", "truncation": null, "padding": null, "normalizer": null,
            "pre_tokenizer": { "type": "Whitespace" }, "decoder": null,
            "added_tokens": [
                { "id": 0, "content": "<pad>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true },
                { "id": 16, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true },
            ],
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "SpecialToken": { "id": "<end>", "type_id": 0 } }],
                "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
                "special_tokens": { "<end>": { "id": "<end>", "ids": [16], "tokens": ["<end>"] } },
            },
            "model": {
                "type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
                "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": vocab,
                "merges": [["l", "o"], ["lo", "w"], ["e", "r"], ["e", "n"], ["low", "er"], ["n", "e"], ["ne", "w"]],
            },
        })
    }

    #[test]
    fn a_bpe_token_keeps_what_it_is_merged_from() {
        let file = bpe();
        let json = serde_json::to_vec(&file).unwrap();
        let old = parse(&json).unwrap();
        let mut bundle = checkpoint("plain");
        bundle.tokenizer = json;
        bundle.manifest.prompts = Default::default();
        let texts = TextsByLanguage::from([("en".to_string(), vec!["lower", "lower tower"])]);
        // Two special tokens, an added one, seven letters, then the most used: `lower`, with `lo`, `low` and
        // `er`.
        let report = trim(&mut bundle, &texts, &WordCounts::new(), &TrimOptions::new(14)).unwrap();
        let new = parse(&bundle.tokenizer).unwrap();
        for token in ["lower", "low", "lo", "er", "t", "<pad>", "<end>"] {
            assert!(new.token_to_id(token).is_some(), "{token}: {report:?}");
        }
        assert!(new.token_to_id("new").is_none() && new.token_to_id("en").is_none());
        let tokens = |t: &Tokenizer, text: &str| t.encode(text, true).unwrap().get_tokens().to_vec();
        for text in ["lower", "low tower", "lo er"] {
            assert_eq!(tokens(&new, text), tokens(&old, text));
        }
        assert_eq!(tokens(&new, "new"), ["n", "e", "w", "<end>"]);
        let ids = new.get_vocab(true).len() as u32;
        assert_eq!(new.token_to_id("<end>"), Some(ids - 1), "an added token comes behind the model's");
    }
}
