//! Trains a tokenizer for a set of languages: Unigram pieces over lower-cased words.
//!
//! Punctuation marks and digits are tokens of their own, so that their rows can be copied from any
//! other model. Special tokens stand where BERT has its first ones, in this order: `[PAD]` 0,
//! `[UNK]` 1, `[CLS]` 2, `[SEP]` 3. Languages are balanced by weighing the counts of their words, not
//! by leaving text out.
//!
//! Not here: which texts those are, and the rows of the table (`super::alignment`).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::BufRead;
use std::path::Path;

use serde::Serialize;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer, Tokenizer,
};

use crate::{Error, Result};

/// Special tokens in the order of their ids.
pub const SPECIAL_TOKENS: [&str; 4] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];
/// What marks the start of a word.
pub const WORD_START: char = '▁';

/// Longest stretch given to the trainer as one word; text without spaces is cut here.
const STRETCH: usize = 40;
/// Sum of a language's counts after weighing, in weighed characters.
const BALANCED: f64 = 4e7;
/// How many characters of an alphabet one Han character or kana stands for.
const HAN_WEIGHT: f64 = 2.5;

/// How a vocabulary is trained.
#[derive(Debug, Clone, PartialEq)]
pub struct VocabularyOptions {
    /// Tokens in all, special ones included.
    pub size: usize,
    /// At most so many characters of text are read in each language.
    pub max_chars: usize,
    /// At most so many characters of *different* words in each language; decides the time.
    pub max_word_chars: usize,
    /// 0: every language weighs the same; 1: by its amount of text.
    pub smoothing: f64,
    /// Part of a language's characters that must be tokens; rarer ones become `[UNK]`.
    pub coverage: f64,
    /// Part of a language's weight that its word list has, where there is one.
    pub word_list_share: f64,
}

impl Default for VocabularyOptions {
    fn default() -> Self {
        Self {
            size: 32_000,
            max_chars: 3_000_000,
            max_word_chars: 400_000,
            smoothing: 0.2,
            coverage: 0.9998,
            word_list_share: 0.35,
        }
    }
}

/// A trained tokenizer.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    /// The bytes of `tokenizer.json`.
    pub json: Vec<u8>,
    /// What it was trained on.
    pub report: VocabularyReport,
}

/// What a tokenizer was trained on.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct VocabularyReport {
    /// Tokens in all.
    pub tokens: usize,
    /// Different single characters among them.
    pub characters: usize,
    /// By language: characters of text read.
    pub chars: BTreeMap<String, usize>,
    /// By language: different words (or stretches of text without spaces) used.
    pub words: BTreeMap<String, usize>,
    /// Words left out because of a character too rare to be a token, over all languages.
    pub rare_words: usize,
    /// Words left out beyond [`VocabularyOptions::max_word_chars`], over all languages.
    pub excess_words: usize,
}

/// Tokens per text, by language.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Fertility {
    /// Texts counted.
    pub texts: usize,
    /// Tokens per text, without special ones.
    pub tokens_per_text: f64,
    /// Tokens per 100 characters.
    pub tokens_per_100_chars: f64,
    /// Part of the tokens that are `[UNK]`.
    pub unknown: f64,
}

/// Words with their counts, by language.
pub type WordCounts = BTreeMap<String, Vec<(String, u64)>>;

/// Trains a tokenizer on `texts` by language and, where given, word lists with counts.
///
/// # Errors
/// [`Error::Training`] when there is no text or the vocabulary is too small for its characters.
pub fn train(
    texts: &BTreeMap<String, Vec<&str>>,
    word_lists: &WordCounts,
    options: &VocabularyOptions,
) -> Result<Vocabulary> {
    let mut report = VocabularyReport::default();
    let words = Words::new()?;
    let mut languages = Vec::new();
    for (code, texts) in texts {
        let (counts, chars) = words.count(texts, options.max_chars)?;
        let list = match word_lists.get(code) {
            Some(list) => words.list(list)?,
            None => HashMap::new(),
        };
        report.chars.insert(code.clone(), chars);
        languages.push(Language { code, chars, counts, list });
    }
    let alphabet = alphabet(&languages, options.coverage);
    let mean = languages.iter().map(|l| l.chars).sum::<usize>() as f64 / languages.len() as f64;
    let mut sentences: HashMap<String, u32> = HashMap::new();
    for language in &mut languages {
        let relative = language.chars.max(1) as f64 / mean.max(1.0);
        let target = BALANCED * relative.powf(options.smoothing);
        let before = language.counts.len() + language.list.len();
        let is_known = |word: &String| word.chars().all(|c| alphabet.contains(&c));
        language.counts.retain(|word, _| is_known(word));
        language.list.retain(|word, _| is_known(word));
        report.rare_words += before - language.counts.len() - language.list.len();
        let share = if language.list.is_empty() { 0.0 } else { options.word_list_share };
        let text_part = frequent(&language.counts, options.max_word_chars, &mut report);
        let list_part = frequent(&language.list, options.max_word_chars, &mut report);
        let mut used = HashSet::new();
        for (part, target) in [(text_part, target * (1.0 - share)), (list_part, target * share)] {
            let total: f64 = part.iter().map(|(word, count)| weight(word) * *count as f64).sum();
            for (word, count) in part {
                let weighed = (count as f64 * target / total).round().clamp(1.0, 1e8) as u32;
                let sum = sentences.entry(word.clone()).or_default();
                *sum = sum.saturating_add(weighed);
                used.insert(word);
            }
        }
        report.words.insert(language.code.clone(), used.len());
    }
    if sentences.is_empty() {
        return Err(Error::Training(
            "there is no text to train a tokenizer on: check the data folder and the languages".into(),
        ));
    }
    let mut sentences: Vec<(String, u32)> = sentences.into_iter().collect();
    sentences.sort();
    let room = options.size.saturating_sub(SPECIAL_TOKENS.len());
    let learned = super::pieces::learn(&sentences, room);
    if learned.len() > room {
        return Err(Error::Training(format!(
            "a vocabulary of {} tokens is too small for {} different characters: raise its size or lower the coverage",
            options.size,
            learned.len()
        )));
    }
    let mut pieces = SPECIAL_TOKENS.map(|token| (token.to_owned(), 0.0)).to_vec();
    pieces.extend(learned);
    report.tokens = pieces.len();
    report.characters = pieces.iter().filter(|(piece, _)| piece.chars().count() == 1).count();
    let json = serde_json::to_vec(&document(&pieces))
        .map_err(|e| Error::Training(format!("tokenizer.json cannot be written: {e}")))?;
    // What cannot be read back is not handed on.
    read_back(&json)?;
    Ok(Vocabulary { json, report })
}

/// Tokens per text and per 100 characters for each language.
///
/// # Errors
/// [`Error::Training`] when the tokenizer refuses a text.
pub fn fertility(
    tokenizer: &Tokenizer,
    texts: &BTreeMap<String, Vec<&str>>,
) -> Result<BTreeMap<String, Fertility>> {
    let unknown = tokenizer.token_to_id("[UNK]");
    let mut all = BTreeMap::new();
    for (code, texts) in texts {
        let (mut tokens, mut unknowns, mut chars) = (0usize, 0usize, 0usize);
        for text in texts {
            let encoding = tokenizer.encode_fast(*text, false).map_err(refused)?;
            tokens += encoding.get_ids().len();
            unknowns += encoding.get_ids().iter().filter(|&&id| Some(id) == unknown).count();
            chars += text.chars().count();
        }
        let part = |a: usize, b: usize| a as f64 / b.max(1) as f64;
        all.insert(
            code.clone(),
            Fertility {
                texts: texts.len(),
                tokens_per_text: part(tokens, texts.len()),
                tokens_per_100_chars: 100.0 * part(tokens, chars),
                unknown: part(unknowns, tokens),
            },
        );
    }
    Ok(all)
}

/// Reads `language<TAB>word<TAB>count` lines, plain or compressed, keeping `languages`.
///
/// # Errors
/// [`Error::File`] or [`Error::Format`] with the line.
pub fn read_word_counts(path: &Path, languages: &[String]) -> Result<WordCounts> {
    let mut lists = WordCounts::new();
    for (number, line) in crate::datasets::file::open(path)?.lines().enumerate() {
        let place = || format!("{}:{}", path.display(), number + 1);
        let line = line.map_err(|e| Error::format(place(), e))?;
        let mut fields = line.split('\t');
        let (Some(code), Some(word), Some(count), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(Error::format(place(), "expected language, word and count between tabs"));
        };
        let count = count
            .parse()
            .map_err(|_| Error::format(place(), format!("the count {count:?} is not a number")))?;
        if languages.iter().any(|l| l == code) {
            lists.entry(code.to_owned()).or_default().push((word.to_owned(), count));
        }
    }
    Ok(lists)
}

struct Language<'a> {
    code: &'a String,
    chars: usize,
    counts: HashMap<String, u64>,
    list: HashMap<String, u64>,
}

/// Cuts text into the words that the tokenizer will see.
struct Words {
    tokenizer: Tokenizer,
}

impl Words {
    fn new() -> Result<Self> {
        let pieces = SPECIAL_TOKENS.map(|token| (token.to_owned(), 0.0));
        let json = serde_json::to_vec(&document(&pieces))
            .map_err(|e| Error::Training(format!("tokenizer.json cannot be written: {e}")))?;
        Ok(Self { tokenizer: read_back(&json)? })
    }

    /// Words of the texts with their counts, texts taken evenly up to `max_chars`, and the
    /// characters read.
    fn count(&self, texts: &[&str], max_chars: usize) -> Result<(HashMap<String, u64>, usize)> {
        let total: usize = texts.iter().map(|text| text.chars().count()).sum();
        let keep = (max_chars as f64 / total.max(1) as f64).min(1.0);
        let mut raw: HashMap<&str, u64> = HashMap::new();
        let (mut chars, mut due) = (0, 0.0);
        for text in texts {
            due += keep;
            if due < 1.0 {
                continue;
            }
            due -= 1.0;
            chars += text.chars().count();
            for word in text.split_whitespace() {
                *raw.entry(word).or_default() += 1;
            }
        }
        let mut counts = HashMap::new();
        for (word, count) in raw {
            for part in self.cut(word)? {
                *counts.entry(part).or_default() += count;
            }
        }
        Ok((counts, chars))
    }

    /// The words of a list, those without any letter left out (text has enough of them).
    fn list(&self, list: &[(String, u64)]) -> Result<HashMap<String, u64>> {
        let mut counts = HashMap::new();
        for (word, count) in list {
            if !word.chars().any(char::is_alphabetic) {
                continue;
            }
            for part in self.cut(word)? {
                // In writing without spaces a word seldom starts a stretch.
                let part = match part.strip_prefix(WORD_START) {
                    Some(rest) if rest.chars().all(is_unspaced) => rest.to_owned(),
                    _ => part,
                };
                *counts.entry(part).or_default() += count;
            }
        }
        counts.remove("");
        Ok(counts)
    }

    fn cut(&self, word: &str) -> Result<Vec<String>> {
        let mut normalized = NormalizedString::from(word);
        if let Some(normalizer) = self.tokenizer.get_normalizer() {
            normalizer.normalize(&mut normalized).map_err(refused)?;
        }
        let mut split = PreTokenizedString::from(normalized);
        if let Some(pre_tokenizer) = self.tokenizer.get_pre_tokenizer() {
            pre_tokenizer.pre_tokenize(&mut split).map_err(refused)?;
        }
        let mut parts = Vec::new();
        for (part, _, _) in split.get_splits(OffsetReferential::Normalized, OffsetType::None) {
            let chars: Vec<char> = part.chars().collect();
            parts.extend(chars.chunks(STRETCH).map(|chunk| chunk.iter().collect::<String>()));
        }
        Ok(parts)
    }
}

/// The characters that are to be tokens: in each language the most frequent that make up `coverage`.
fn alphabet(languages: &[Language], coverage: f64) -> HashSet<char> {
    let mut alphabet = HashSet::from([WORD_START]);
    for language in languages {
        let mut counts: HashMap<char, u64> = HashMap::new();
        for (word, count) in language.counts.iter().chain(&language.list) {
            for c in word.chars() {
                *counts.entry(c).or_default() += count;
            }
        }
        let total: u64 = counts.values().sum();
        let mut counts: Vec<(u64, char)> = counts.into_iter().map(|(c, n)| (n, c)).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        let mut covered = 0;
        for (count, c) in counts {
            if covered as f64 >= coverage * total as f64 {
                break;
            }
            covered += count;
            alphabet.insert(c);
        }
    }
    alphabet
}

/// The most frequent words, up to so many characters in all.
fn frequent<'a>(
    counts: &'a HashMap<String, u64>,
    max_chars: usize,
    report: &mut VocabularyReport,
) -> Vec<(&'a String, u64)> {
    let mut words: Vec<(&String, u64)> = counts.iter().map(|(word, &count)| (word, count)).collect();
    // Ties by the reversed word rather than the word: else only the start of the alphabet is kept.
    words.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.chars().rev().cmp(b.0.chars().rev())));
    let mut chars = 0;
    let mut kept = words.len();
    for (index, (word, _)) in words.iter().enumerate() {
        chars += word.chars().count();
        if chars > max_chars {
            kept = index;
            break;
        }
    }
    report.excess_words += words.len() - kept;
    words.truncate(kept);
    words
}

fn weight(word: &str) -> f64 {
    word.chars().map(|c| if is_han_or_kana(c) { HAN_WEIGHT } else { 1.0 }).sum()
}

fn is_han_or_kana(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// Thai, Lao, Myanmar, Khmer, Han, kana: written without spaces between words.
fn is_unspaced(c: char) -> bool {
    is_han_or_kana(c)
        || matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}')
}

/// `tokenizer.json` for these pieces.
fn document(pieces: &[(String, f64)]) -> serde_json::Value {
    let replace = |pattern: &str, content: &str| serde_json::json!({"type": "Replace", "pattern": {"Regex": pattern}, "content": content});
    let special: Vec<_> = SPECIAL_TOKENS
        .iter()
        .enumerate()
        .map(|(id, token)| {
            serde_json::json!({"id": id, "content": token, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true})
        })
        .collect();
    let token = |name: &str, kind: usize| serde_json::json!({"SpecialToken": {"id": name, "type_id": kind}});
    let text = |name: &str, kind: usize| serde_json::json!({"Sequence": {"id": name, "type_id": kind}});
    let metaspace = serde_json::json!({"type": "Metaspace", "replacement": WORD_START.to_string(),
        "prepend_scheme": "always", "split": true});
    serde_json::json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFKC"},
            {"type": "Lowercase"},
            // Characters, not escapes, which engines of regular expressions write each in their own way: Python's
            // tokenizers have another one than ours.
            // The dot that lower-casing İ leaves, Arabic vowel signs and stretching, invisible marks.
            replace("[\u{0307}\u{064b}-\u{0652}\u{0670}\u{0640}\u{00ad}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2064}\u{fe00}-\u{fe0f}\u{feff}]", ""),
            replace("[\u{2018}\u{2019}\u{201a}\u{201b}\u{02bc}]", "'"),
            replace("[\u{201c}\u{201d}\u{201e}\u{00ab}\u{00bb}]", "\""),
            replace("[\u{2010}-\u{2015}]", "-"),
            replace("\\s+", " "),
            {"type": "Strip", "strip_left": true, "strip_right": true},
        ]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Punctuation", "behavior": "Isolated"},
            {"type": "Digits", "individual_digits": true},
            metaspace,
        ]},
        "post_processor": {"type": "TemplateProcessing",
            "single": [token("[CLS]", 0), text("A", 0), token("[SEP]", 0)],
            "pair": [token("[CLS]", 0), text("A", 0), token("[SEP]", 0), text("B", 1), token("[SEP]", 1)],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
            }},
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": 1, "byte_fallback": false, "vocab": pieces},
    })
}

fn read_back(json: &[u8]) -> Result<Tokenizer> {
    Tokenizer::from_bytes(json)
        .map_err(|e| Error::Training(format!("the tokenizer just made cannot be read: {e}")))
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::Training(format!("the tokenizer: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> BTreeMap<String, Vec<&'static str>> {
        BTreeMap::from([
            (
                "en".to_owned(),
                vec![
                    "The house is big. The houses are big, and the garden is bigger.",
                    "Where is the house? The house is in the garden, 12 km away.",
                ],
            ),
            (
                "tr".to_owned(),
                vec!["İstanbul büyük bir şehir. Ev büyük, bahçe daha büyük.", "Ev nerede? Bahçede."],
            ),
            ("zh".to_owned(), vec!["房子很大。花园更大。", "房子在哪里？房子在花园里。"]),
        ])
    }

    fn trained() -> Tokenizer {
        let options = VocabularyOptions { size: 150, coverage: 1.0, ..VocabularyOptions::default() };
        let vocabulary = train(&texts(), &WordCounts::new(), &options).unwrap();
        assert!(vocabulary.report.tokens <= 150 && vocabulary.report.tokens > 80);
        assert_eq!(vocabulary.report.words.len(), 3);
        Tokenizer::from_bytes(&vocabulary.json).unwrap()
    }

    #[test]
    fn special_tokens_frame_the_text() {
        let tokenizer = trained();
        for (id, token) in SPECIAL_TOKENS.iter().enumerate() {
            assert_eq!(tokenizer.token_to_id(token), Some(id as u32));
        }
        let encoding = tokenizer.encode("The house", true).unwrap();
        let ids = encoding.get_ids();
        assert_eq!((ids.first(), ids.last()), (Some(&2), Some(&3)));
        assert!(!ids.contains(&1));
    }

    #[test]
    fn normalizes_case_spaces_marks_and_splits_digits() {
        let tokenizer = trained();
        let tokens = |text: &str| tokenizer.encode(text, false).unwrap().get_tokens().to_vec();
        assert_eq!(tokens("  THE\u{200b}   House "), tokens("the house"));
        assert_eq!(tokens("İstanbul"), tokens("istanbul"));
        assert_eq!(tokens("１2"), tokens("12"));
        let digits = tokens("12");
        assert!(digits.concat() == "▁1▁2", "{digits:?}");
        assert_eq!(tokenizer.encode("Ω", false).unwrap().get_ids().last(), Some(&1));
    }

    #[test]
    fn patterns_have_no_escape_that_only_some_engines_know() {
        let document = document(&[]);
        let rules = document["normalizer"]["normalizers"].as_array().unwrap();
        let patterns: Vec<&str> = rules.iter().filter_map(|rule| rule["pattern"]["Regex"].as_str()).collect();
        assert_eq!(patterns.len(), 5);
        assert!(
            patterns.iter().all(|pattern| !pattern.contains("\\u") && !pattern.contains("\\x")),
            "{patterns:?}"
        );
    }

    #[test]
    fn is_the_same_every_time() {
        let options = VocabularyOptions { size: 120, ..VocabularyOptions::default() };
        let json = || train(&texts(), &WordCounts::new(), &options).unwrap().json;
        let (a, b) = (Tokenizer::from_bytes(json()).unwrap(), Tokenizer::from_bytes(json()).unwrap());
        assert_eq!(a.get_vocab(true), b.get_vocab(true));
    }

    #[test]
    fn counts_tokens_by_language() {
        let counts = fertility(&trained(), &texts()).unwrap();
        assert_eq!(counts["zh"].texts, 2);
        assert!(counts["en"].tokens_per_text > 10.0);
        assert_eq!(counts["en"].unknown, 0.0);
    }

    #[test]
    fn word_lists_name_their_bad_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.tsv");
        std::fs::write(&path, "en\thouse\t12\nxx\ta\t1\n").unwrap();
        let lists = read_word_counts(&path, &["en".to_owned()]).unwrap();
        assert_eq!(lists["en"], [("house".to_owned(), 12)]);
        assert_eq!(lists.len(), 1);
        std::fs::write(&path, "en\thouse\t12\nen\thouse\n").unwrap();
        let error = read_word_counts(&path, &[]).unwrap_err().to_string();
        assert!(error.contains("words.tsv:2"), "{error}");
    }

    #[test]
    fn nothing_to_train_on_is_an_error() {
        let empty = BTreeMap::from([("en".to_owned(), vec![])]);
        assert!(train(&empty, &WordCounts::new(), &VocabularyOptions::default()).is_err());
    }
}
