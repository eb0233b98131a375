//! Rows for a new vocabulary in the space of an English teacher's embedding table, before any
//! gradient.
//!
//! Which teacher pieces a new token stands for is read off translations: IBM Model 1 (Brown et al.
//! 1993, "The Mathematics of Statistical Machine Translation") in both directions, trained to agree
//! (Liang et al. 2006, "Alignment by Agreement"). A token's row is then the weighted mean of its
//! pieces' rows, taken around the table's centre.
//!
//! Not here: which texts are aligned, and training by gradient.

use std::collections::HashMap;

use rayon::prelude::*;
use serde::Serialize;
use tokenizers::Tokenizer;

use super::vocabulary::WORD_START;
use crate::{Error, Result};

/// A text and its English translation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair<'a> {
    /// The text's language.
    pub language: &'a str,
    /// The text.
    pub text: &'a str,
    /// The same in English.
    pub english: &'a str,
    /// How often it counts.
    pub weight: f32,
}

/// How rows are found.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignmentOptions {
    /// Rounds of expectation maximisation in each direction alone.
    pub rounds: usize,
    /// Further rounds in which both directions must agree.
    pub agreement_rounds: usize,
    /// Teacher pieces considered for each token, the most associated ones.
    pub candidates: usize,
    /// Longest side of a pair, in different tokens; the rest of a longer text is left out.
    pub max_tokens: usize,
    /// Share of the text's own frequency that competes with real translations (the empty word).
    pub null: f32,
    /// Exponent of p(piece | token).
    pub forward: f32,
    /// Exponent of p(token | piece): keeps frequent pieces out of rare tokens.
    pub backward: f32,
    /// Pieces with less than this part of the best piece's weight are left out.
    pub tail: f32,
    /// 0: a row of many different pieces is as short as their mean; 1: as long as a teacher's row.
    pub stretch: f32,
    /// Tokens seen fewer times than this lean on tokens spelled alike.
    pub rare: f32,
}

impl Default for AlignmentOptions {
    fn default() -> Self {
        Self {
            rounds: 4,
            agreement_rounds: 3,
            candidates: 96,
            max_tokens: 96,
            null: 0.3,
            forward: 0.7,
            backward: 0.0,
            tail: 0.05,
            stretch: 0.5,
            rare: 3.0,
        }
    }
}

/// The rows of a new table.
#[derive(Debug, Clone, PartialEq)]
pub struct InitialEmbeddings {
    /// `[V, d]`, row by row.
    pub rows: Vec<f32>,
    /// Where they come from.
    pub report: AlignmentReport,
}

/// Where the rows of a new table come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AlignmentReport {
    /// Tokens of the new vocabulary.
    pub tokens: usize,
    /// Different pairs aligned, English with itself included.
    pub pairs: usize,
    /// Pairs left out because a side held no token, or because they came before.
    pub unusable_pairs: usize,
    /// Rows copied: special tokens, punctuation, digits, English words.
    pub copied: usize,
    /// Rows mixed from aligned pieces.
    pub aligned: usize,
    /// Rows from tokens spelled alike alone.
    pub by_spelling: usize,
    /// Rows at the centre of the table: nothing is known of the token.
    pub unknown: usize,
}

/// Rows for the tokens of `new`, from the `dimension` columns of `teacher_rows` (`[V', d]`).
///
/// Both tokenizers must cut at spaces (Unigram and WordPiece do): words are tokenized once each.
/// English needs no pairs of its own: every English side is aligned with itself as well.
///
/// # Errors
/// [`Error::Training`] when the rows do not fit the teacher's tokenizer, a tokenizer refuses a text,
/// or there is nothing to align.
pub fn initial_embeddings(
    new: &Tokenizer,
    teacher: &Tokenizer,
    teacher_rows: &[f32],
    dimension: usize,
    pairs: &[Pair],
    options: &AlignmentOptions,
) -> Result<InitialEmbeddings> {
    let table = Table::new(teacher, teacher_rows, dimension)?;
    let alignment = Alignment::train(new, teacher, table.len(), pairs, options)?;
    Ok(rows(new, teacher, &table, &alignment, options))
}

/// What was learned about which teacher pieces each new token stands for.
///
/// Kept apart from the rows so that ways of mixing can be compared on one alignment.
pub struct Alignment {
    links: Links,
    /// How often each new token occurs, by weight.
    occurrences: Vec<f32>,
    pairs: usize,
    unusable: usize,
}

/// For each token the pieces considered, ascending, with the agreed count of each.
struct Links {
    starts: Vec<usize>,
    pieces: Vec<u32>,
    counts: Vec<f32>,
}

impl Links {
    fn of(&self, token: usize) -> (&[u32], &[f32]) {
        let range = self.starts[token]..self.starts[token + 1];
        (&self.pieces[range.clone()], &self.counts[range])
    }
}

impl Alignment {
    /// Aligns `pairs`; `pieces` is the number of rows of the teacher's table.
    ///
    /// # Errors
    /// As for [`initial_embeddings`].
    pub fn train(
        new: &Tokenizer,
        teacher: &Tokenizer,
        pieces: usize,
        pairs: &[Pair],
        options: &AlignmentOptions,
    ) -> Result<Self> {
        let tokens = rows_of(new);
        let corpus = Corpus::new(new, teacher, pairs, options.max_tokens)?;
        if corpus.segments.is_empty() {
            return Err(Error::Training(
                "there is no pair with English to align: check the data folder and the languages".into(),
            ));
        }
        let mut occurrences = vec![0.0; tokens];
        for segment in &corpus.segments {
            for &token in corpus.tokens(segment) {
                occurrences[token as usize] += segment.weight;
            }
        }
        let links = candidates(&corpus, tokens, pieces, options.candidates);
        let links = expectation_maximisation(&corpus, links, tokens, pieces, options);
        Ok(Self { links, occurrences, pairs: corpus.segments.len(), unusable: corpus.unusable })
    }
}

/// The teacher's table, with its centre.
pub struct Table<'a> {
    rows: &'a [f32],
    dimension: usize,
    centre: Vec<f32>,
    /// Distance of each row from the centre.
    norms: Vec<f32>,
}

impl<'a> Table<'a> {
    /// Checks `rows` (`[V', d]`) against the teacher's tokenizer.
    ///
    /// # Errors
    /// [`Error::Training`] when the number of rows is not the tokenizer's.
    pub fn new(teacher: &Tokenizer, rows: &'a [f32], dimension: usize) -> Result<Self> {
        let expected = rows_of(teacher);
        if dimension == 0 || !rows.len().is_multiple_of(dimension) || rows.len() / dimension < expected {
            return Err(Error::Training(format!(
                "the teacher's tokenizer has {expected} tokens, its table {} values in rows of {dimension}",
                rows.len()
            )));
        }
        let mut centre = vec![0.0f64; dimension];
        for row in rows.chunks_exact(dimension) {
            centre.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f64::from(value));
        }
        let count = (rows.len() / dimension) as f64;
        let centre: Vec<f32> = centre.into_iter().map(|sum| (sum / count) as f32).collect();
        let norms = rows
            .chunks_exact(dimension)
            .map(|row| row.iter().zip(&centre).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt())
            .collect();
        Ok(Self { rows, dimension, centre, norms })
    }

    fn len(&self) -> usize {
        self.norms.len()
    }

    fn row(&self, piece: usize) -> &[f32] {
        &self.rows[piece * self.dimension..(piece + 1) * self.dimension]
    }
}

/// Rows of the new table from an alignment.
pub fn rows(
    new: &Tokenizer,
    teacher: &Tokenizer,
    table: &Table,
    alignment: &Alignment,
    options: &AlignmentOptions,
) -> InitialEmbeddings {
    let tokens = alignment.occurrences.len();
    let mut report = AlignmentReport {
        tokens,
        pairs: alignment.pairs,
        unusable_pairs: alignment.unusable,
        ..AlignmentReport::default()
    };
    let mut backward = vec![0.0f32; table.len()];
    for (&piece, &count) in alignment.links.pieces.iter().zip(&alignment.links.counts) {
        backward[piece as usize] += count;
    }
    let spelled: Vec<String> = (0..tokens).map(|id| new.id_to_token(id as u32).unwrap_or_default()).collect();
    let mut offsets: Vec<Option<Vec<f32>>> = Vec::with_capacity(tokens);
    let mut sure = vec![true; tokens];
    for token in 0..tokens {
        let mixture = mixture(alignment, token, &backward, options);
        if let Some(piece) = twin(&spelled[token], teacher)
            && is_copied(&spelled[token], piece, &mixture)
        {
            report.copied += 1;
            let row = table.row(piece as usize);
            offsets.push(Some(row.iter().zip(&table.centre).map(|(a, b)| a - b).collect()));
        } else if mixture.is_empty() {
            sure[token] = false;
            offsets.push(None);
        } else {
            report.aligned += 1;
            sure[token] = alignment.occurrences[token] >= options.rare;
            offsets.push(Some(mixed(table, &mixture, options.stretch)));
        }
    }
    lean_on_spelling(&spelled, &mut offsets, &sure, &mut report);
    let mut rows = Vec::with_capacity(tokens * table.dimension);
    for offset in offsets {
        match offset {
            Some(offset) => rows.extend(offset.iter().zip(&table.centre).map(|(a, b)| a + b)),
            None => {
                report.unknown += 1;
                rows.extend_from_slice(&table.centre);
            }
        }
    }
    InitialEmbeddings { rows, report }
}

/// Pieces of a token with their weights, which sum to one.
fn mixture(
    alignment: &Alignment,
    token: usize,
    backward: &[f32],
    options: &AlignmentOptions,
) -> Vec<(u32, f32)> {
    let (pieces, counts) = alignment.links.of(token);
    let total: f32 = counts.iter().sum();
    if total <= 0.0 {
        return Vec::new();
    }
    let mut mixture: Vec<(u32, f32)> = pieces
        .iter()
        .zip(counts)
        .filter(|&(_, &count)| count > 0.0)
        .map(|(&piece, &count)| {
            let forward = (count / total).powf(options.forward);
            let backward = (count / backward[piece as usize]).powf(options.backward);
            (piece, forward * backward)
        })
        .collect();
    let best = mixture.iter().map(|&(_, weight)| weight).fold(0.0, f32::max);
    mixture.retain(|&(_, weight)| weight >= options.tail * best);
    let sum: f32 = mixture.iter().map(|&(_, weight)| weight).sum();
    mixture.iter_mut().for_each(|(_, weight)| *weight /= sum);
    mixture
}

/// Weighted mean of the pieces' distances from the centre, stretched towards their mean length.
fn mixed(table: &Table, mixture: &[(u32, f32)], stretch: f32) -> Vec<f32> {
    let mut offset = vec![0.0; table.dimension];
    let mut length = 0.0;
    for &(piece, weight) in mixture {
        length += weight * table.norms[piece as usize];
        for ((sum, value), centre) in offset.iter_mut().zip(table.row(piece as usize)).zip(&table.centre) {
            *sum += weight * (value - centre);
        }
    }
    let norm = offset.iter().map(|v| v * v).sum::<f32>().sqrt();
    if norm > 0.0 {
        let factor = (length / norm).powf(stretch);
        offset.iter_mut().for_each(|value| *value *= factor);
    }
    offset
}

/// The teacher's piece that is spelled like the token.
fn twin(token: &str, teacher: &Tokenizer) -> Option<u32> {
    if token.starts_with('[') && token.len() > 1 {
        return teacher.token_to_id(token);
    }
    match token.strip_prefix(WORD_START) {
        Some(word) => teacher.token_to_id(plain(word).as_deref().unwrap_or(word)),
        None => match plain(token) {
            Some(mark) => teacher.token_to_id(&mark),
            None if token.chars().all(|c| c.is_alphanumeric()) && !token.is_empty() => {
                teacher.token_to_id(&format!("##{token}"))
            }
            None => teacher.token_to_id(token),
        },
    }
}

/// The form in which English text has a digit or a punctuation mark of another script.
fn plain(text: &str) -> Option<String> {
    let mut chars = text.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else {
        return None;
    };
    // Arabic-Indic, Persian, Devanagari and Thai digits stand in rows of ten.
    for zero in ['\u{0660}', '\u{06f0}', '\u{0966}', '\u{0e50}'] {
        let digit = (c as u32).wrapping_sub(zero as u32);
        if digit < 10 {
            return Some(digit.to_string());
        }
    }
    let mark = match c {
        '。' | '।' | '॥' | '۔' | '・' => ".",
        '、' | '،' => ",",
        '؛' => ";",
        '؟' => "?",
        '「' | '」' | '『' | '』' | '《' | '》' | '〈' | '〉' => "\"",
        '【' => "[",
        '】' => "]",
        '¿' => "?",
        '¡' => "!",
        _ if c.is_ascii_digit() || c.is_ascii_punctuation() => return Some(c.to_string()),
        _ => return None,
    };
    Some(mark.to_owned())
}

/// Whether the twin's row is taken as it is. Special tokens, marks and digits always; letters where
/// they were never seen or are mostly aligned with their twin anyway: German "die" is not English "die".
fn is_copied(token: &str, twin: u32, mixture: &[(u32, f32)]) -> bool {
    let bare = token.strip_prefix(WORD_START).unwrap_or(token);
    if !bare.chars().any(char::is_alphabetic) || (token.starts_with('[') && token.ends_with(']')) {
        return true;
    }
    mixture.is_empty() || mixture.iter().any(|&(piece, weight)| piece == twin && weight > 0.5)
}

/// Gives tokens without a row, and rare ones in part, the mean of the rows of tokens spelled alike:
/// common character pairs and triples (Dice), in the same script by construction.
fn lean_on_spelling(
    spelled: &[String],
    offsets: &mut [Option<Vec<f32>>],
    sure: &[bool],
    report: &mut AlignmentReport,
) {
    let grams: Vec<Vec<u64>> = spelled.iter().map(|token| grams(token)).collect();
    let mut index: HashMap<u64, Vec<u32>> = HashMap::new();
    for (token, grams) in grams.iter().enumerate() {
        if sure[token] && offsets[token].is_some() {
            for &gram in grams {
                index.entry(gram).or_default().push(token as u32);
            }
        }
    }
    let leaning: Vec<usize> = (0..spelled.len()).filter(|&token| !sure[token]).collect();
    let found: Vec<Option<Vec<f32>>> = leaning
        .par_iter()
        .map(|&token| {
            let mut shared: HashMap<u32, u32> = HashMap::new();
            for gram in &grams[token] {
                for &other in index.get(gram).map(Vec::as_slice).unwrap_or_default() {
                    *shared.entry(other).or_default() += 1;
                }
            }
            let mut alike: Vec<(f32, u32)> = shared
                .into_iter()
                .map(|(other, count)| {
                    let sizes = grams[token].len() + grams[other as usize].len();
                    (2.0 * count as f32 / sizes as f32, other)
                })
                .filter(|&(dice, _)| dice >= 0.25)
                .collect();
            alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            alike.truncate(5);
            let sum: f32 = alike.iter().map(|a| a.0).sum();
            let mut mean: Option<Vec<f32>> = None;
            for (dice, other) in alike {
                let row = offsets[other as usize].as_ref()?;
                let mean = mean.get_or_insert_with(|| vec![0.0; row.len()]);
                mean.iter_mut().zip(row).for_each(|(m, v)| *m += dice / sum * v);
            }
            mean
        })
        .collect();
    for (token, mean) in leaning.into_iter().zip(found) {
        match (&mut offsets[token], mean) {
            (Some(own), Some(mean)) => {
                own.iter_mut().zip(mean).for_each(|(own, mean)| *own = 0.7 * *own + 0.3 * mean);
            }
            (none @ None, Some(mean)) => {
                report.by_spelling += 1;
                *none = Some(mean);
            }
            (_, None) => {}
        }
    }
}

fn grams(token: &str) -> Vec<u64> {
    let chars: Vec<u64> = token.chars().map(u64::from).collect();
    let mut grams: Vec<u64> = Vec::new();
    for length in [2, 3] {
        grams.extend(chars.windows(length).map(|w| w.iter().fold(0, |sum, c| (sum << 21) | c)));
    }
    if chars.len() == 1 {
        grams.extend(&chars);
    }
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// Pairs as sets of ids.
struct Corpus {
    segments: Vec<Segment>,
    tokens: Vec<u32>,
    pieces: Vec<u32>,
    unusable: usize,
}

struct Segment {
    tokens: (u32, u32),
    pieces: (u32, u32),
    weight: f32,
}

impl Corpus {
    fn new(new: &Tokenizer, teacher: &Tokenizer, pairs: &[Pair], max_tokens: usize) -> Result<Self> {
        let mut new_words = WordIds::new(new);
        let mut teacher_words = WordIds::new(teacher);
        let mut corpus = Self { segments: Vec::new(), tokens: Vec::new(), pieces: Vec::new(), unusable: 0 };
        let mut sides: HashMap<&str, (u32, u32)> = HashMap::new();
        let mut seen: std::collections::HashSet<(&str, &str)> = std::collections::HashSet::new();
        let mut ids = Vec::new();
        for pair in pairs {
            if !seen.insert((pair.text, pair.english)) {
                corpus.unusable += 1;
                continue;
            }
            let pieces = match sides.get(pair.english) {
                Some(&range) => range,
                None => {
                    teacher_words.ids(pair.english, &mut ids)?;
                    let range = append(&mut corpus.pieces, &mut ids, max_tokens)?;
                    sides.insert(pair.english, range);
                    new_words.ids(pair.english, &mut ids)?;
                    let tokens = append(&mut corpus.tokens, &mut ids, max_tokens)?;
                    corpus.push(tokens, range, pair.weight);
                    range
                }
            };
            if pair.language != "en" {
                new_words.ids(pair.text, &mut ids)?;
                let tokens = append(&mut corpus.tokens, &mut ids, max_tokens)?;
                corpus.push(tokens, pieces, pair.weight);
            }
        }
        Ok(corpus)
    }

    fn push(&mut self, tokens: (u32, u32), pieces: (u32, u32), weight: f32) {
        if tokens.0 == tokens.1 || pieces.0 == pieces.1 || weight <= 0.0 {
            self.unusable += 1;
        } else {
            self.segments.push(Segment { tokens, pieces, weight });
        }
    }

    fn tokens(&self, segment: &Segment) -> &[u32] {
        &self.tokens[segment.tokens.0 as usize..segment.tokens.1 as usize]
    }

    fn pieces(&self, segment: &Segment) -> &[u32] {
        &self.pieces[segment.pieces.0 as usize..segment.pieces.1 as usize]
    }
}

/// Moves the first `most` different ids to the end of `all`; gives where they are.
fn append(all: &mut Vec<u32>, ids: &mut Vec<u32>, most: usize) -> Result<(u32, u32)> {
    ids.truncate(2 * most);
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(most);
    let place =
        |n: usize| u32::try_from(n).map_err(|_| Error::Training("too much text to align at once".into()));
    let start = place(all.len())?;
    all.append(ids);
    Ok((start, place(all.len())?))
}

/// Tokenizes word by word and remembers each word's ids.
struct WordIds<'a> {
    tokenizer: &'a Tokenizer,
    known: HashMap<String, Box<[u32]>>,
}

impl<'a> WordIds<'a> {
    fn new(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer, known: HashMap::new() }
    }

    fn ids(&mut self, text: &str, ids: &mut Vec<u32>) -> Result<()> {
        ids.clear();
        for word in text.split_whitespace() {
            if let Some(known) = self.known.get(word) {
                ids.extend_from_slice(known);
                continue;
            }
            let encoding = self
                .tokenizer
                .encode_fast(word, false)
                .map_err(|e| Error::Training(format!("a text cannot be tokenized: {e}")))?;
            ids.extend_from_slice(encoding.get_ids());
            self.known.insert(word.to_owned(), encoding.get_ids().into());
        }
        Ok(())
    }
}

/// For each token the pieces most associated with it, by Dunning's log-likelihood ratio over the
/// pairs in which they meet.
fn candidates(corpus: &Corpus, tokens: usize, pieces: usize, most: usize) -> Links {
    let mut of_piece = vec![0.0f32; pieces];
    let mut of_token = vec![0.0f32; tokens];
    let mut total = 0.0f32;
    let mut ends = vec![0usize; tokens + 1];
    for segment in &corpus.segments {
        total += segment.weight;
        for &piece in corpus.pieces(segment) {
            of_piece[piece as usize] += segment.weight;
        }
        for &token in corpus.tokens(segment) {
            of_token[token as usize] += segment.weight;
            ends[token as usize + 1] += 1;
        }
    }
    for token in 0..tokens {
        ends[token + 1] += ends[token];
    }
    let mut segments_of = vec![0u32; ends[tokens]];
    let mut next = ends.clone();
    for (index, segment) in corpus.segments.iter().enumerate() {
        for &token in corpus.tokens(segment) {
            segments_of[next[token as usize]] = index as u32;
            next[token as usize] += 1;
        }
    }
    let found: Vec<Vec<u32>> = (0..tokens)
        .into_par_iter()
        .map_init(
            || (vec![0.0f32; pieces], Vec::new()),
            |(together, touched), token| {
                for &segment in &segments_of[ends[token]..ends[token + 1]] {
                    let segment = &corpus.segments[segment as usize];
                    for &piece in corpus.pieces(segment) {
                        if together[piece as usize] == 0.0 {
                            touched.push(piece);
                        }
                        together[piece as usize] += segment.weight;
                    }
                }
                let mut scored: Vec<(f32, u32)> = touched
                    .drain(..)
                    .filter_map(|piece| {
                        let both = std::mem::take(&mut together[piece as usize]);
                        let score = association(both, of_token[token], of_piece[piece as usize], total);
                        (score > 0.0).then_some((score, piece))
                    })
                    .collect();
                scored.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                scored.truncate(most);
                let mut best: Vec<u32> = scored.into_iter().map(|(_, piece)| piece).collect();
                best.sort_unstable();
                best
            },
        )
        .collect();
    let mut starts = vec![0];
    let mut all = Vec::new();
    for best in found {
        all.extend(best);
        starts.push(all.len());
    }
    Links { starts, counts: vec![0.0; all.len()], pieces: all }
}

/// Log-likelihood ratio of two things meeting `both` times, of `a` and `b` times alone in `total`;
/// 0 where they meet no more often than by chance.
fn association(both: f32, a: f32, b: f32, total: f32) -> f32 {
    let [both, a, b, total] = [both, a, b, total].map(f64::from);
    if both * total <= a * b {
        return 0.0;
    }
    let term = |observed: f64, expected: f64| {
        if observed > 0.0 { observed * (observed / expected).ln() } else { 0.0 }
    };
    let ratio = term(both, a * b / total)
        + term(a - both, a * (total - b) / total)
        + term(b - both, (total - a) * b / total)
        + term(total - a - b + both, (total - a) * (total - b) / total);
    (2.0 * ratio) as f32
}

/// Model 1 in both directions over the candidates; gives the agreed counts of the last round.
fn expectation_maximisation(
    corpus: &Corpus,
    mut links: Links,
    tokens: usize,
    pieces: usize,
    options: &AlignmentOptions,
) -> Links {
    let entries = links.pieces.len();
    let (token_rate, piece_rate) = rates(corpus, tokens, pieces, options.null);
    let mut model = Model { to_piece: vec![1.0; entries], to_token: vec![1.0; entries] };
    normalise(&links, &mut model, pieces);
    let rounds = options.rounds + options.agreement_rounds;
    for round in 0..rounds {
        let agree = round >= options.rounds;
        let chunk = corpus.segments.len().div_ceil(rayon::current_num_threads()).max(1);
        let counts = corpus
            .segments
            .par_chunks(chunk)
            .map(|segments| expected(corpus, segments, &links, &model, (&token_rate, &piece_rate), agree))
            .reduce_with(|mut a, b| {
                a.to_piece.iter_mut().zip(b.to_piece).for_each(|(a, b)| *a += b);
                a.to_token.iter_mut().zip(b.to_token).for_each(|(a, b)| *a += b);
                a
            });
        if let Some(counts) = counts {
            if round + 1 == rounds {
                // In rounds of agreement both hold the same counts.
                links.counts = counts.to_piece;
                break;
            }
            model = counts;
            normalise(&links, &mut model, pieces);
        }
    }
    links
}

/// p(piece | token) and p(token | piece) of each link, or the counts they come from.
struct Model {
    to_piece: Vec<f32>,
    to_token: Vec<f32>,
}

/// What the empty word of either side gives each token and piece: its own frequency.
fn rates(corpus: &Corpus, tokens: usize, pieces: usize, null: f32) -> (Vec<f32>, Vec<f32>) {
    let (mut token_rate, mut piece_rate) = (vec![0.0f64; tokens], vec![0.0f64; pieces]);
    for segment in &corpus.segments {
        for &token in corpus.tokens(segment) {
            token_rate[token as usize] += f64::from(segment.weight);
        }
        for &piece in corpus.pieces(segment) {
            piece_rate[piece as usize] += f64::from(segment.weight);
        }
    }
    let scaled = |rate: Vec<f64>| {
        let sum: f64 = rate.iter().sum();
        rate.into_iter().map(|r| (f64::from(null) * r / sum) as f32).collect()
    };
    (scaled(token_rate), scaled(piece_rate))
}

fn normalise(links: &Links, model: &mut Model, pieces: usize) {
    let mut of_piece = vec![0.0f32; pieces];
    for (&piece, &count) in links.pieces.iter().zip(&model.to_token) {
        of_piece[piece as usize] += count;
    }
    for (&piece, count) in links.pieces.iter().zip(&mut model.to_token) {
        *count /= of_piece[piece as usize].max(f32::MIN_POSITIVE);
    }
    for token in 0..links.starts.len() - 1 {
        let row = &mut model.to_piece[links.starts[token]..links.starts[token + 1]];
        let sum: f32 = row.iter().sum::<f32>().max(f32::MIN_POSITIVE);
        row.iter_mut().for_each(|count| *count /= sum);
    }
}

/// Expected counts of every link in `segments`.
fn expected(
    corpus: &Corpus,
    segments: &[Segment],
    links: &Links,
    model: &Model,
    (token_rate, piece_rate): (&[f32], &[f32]),
    agree: bool,
) -> Model {
    let mut counts =
        Model { to_piece: vec![0.0; links.pieces.len()], to_token: vec![0.0; links.pieces.len()] };
    // Where each piece is in the segment at hand, plus one; 0 where it is not.
    let mut place = vec![0u32; piece_rate.len()];
    let (mut met, mut of_piece, mut of_token) = (Vec::new(), Vec::new(), Vec::new());
    for segment in segments {
        let (tokens, pieces) = (corpus.tokens(segment), corpus.pieces(segment));
        of_piece.clear();
        for (index, &piece) in pieces.iter().enumerate() {
            place[piece as usize] = index as u32 + 1;
            of_piece.push(piece_rate[piece as usize]);
        }
        met.clear();
        of_token.clear();
        for (row, &token) in tokens.iter().enumerate() {
            let mut sum = token_rate[token as usize];
            let range = links.starts[token as usize]..links.starts[token as usize + 1];
            for link in range {
                let column = place[links.pieces[link] as usize];
                if column > 0 {
                    let column = column as usize - 1;
                    of_piece[column] += model.to_piece[link];
                    sum += model.to_token[link];
                    met.push((link, row, column));
                }
            }
            of_token.push(sum);
        }
        for &(link, row, column) in &met {
            let to_piece = model.to_piece[link] / of_piece[column].max(f32::MIN_POSITIVE);
            let to_token = model.to_token[link] / of_token[row].max(f32::MIN_POSITIVE);
            if agree {
                let both = segment.weight * to_piece * to_token;
                counts.to_piece[link] += both;
                counts.to_token[link] += both;
            } else {
                counts.to_piece[link] += segment.weight * to_piece;
                counts.to_token[link] += segment.weight * to_token;
            }
        }
        for &piece in pieces {
            place[piece as usize] = 0;
        }
    }
    counts
}

fn rows_of(tokenizer: &Tokenizer) -> usize {
    tokenizer.get_vocab(true).values().max().map_or(0, |&id| id as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tokenizer of whole words, lower-cased, with `[UNK]` for the rest.
    fn words(list: &[&str], start: &str) -> Tokenizer {
        let vocabulary: serde_json::Map<String, serde_json::Value> =
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
                .iter()
                .map(|&token| token.to_owned())
                .chain(list.iter().map(|word| {
                    if word.starts_with("##") { word.to_string() } else { format!("{start}{word}") }
                }))
                .enumerate()
                .map(|(id, token)| (token, id.into()))
                .collect();
        let pre_tokenizer = if start.is_empty() {
            serde_json::json!({"type": "BertPreTokenizer"})
        } else {
            serde_json::json!({"type": "Sequence", "pretokenizers": [
                {"type": "BertPreTokenizer"},
                {"type": "Metaspace", "replacement": start, "prepend_scheme": "always", "split": true}]})
        };
        let document = serde_json::json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": {"type": "Lowercase"}, "pre_tokenizer": pre_tokenizer,
            "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
        });
        Tokenizer::from_bytes(document.to_string()).unwrap()
    }

    const ENGLISH: [&str; 12] =
        ["the", "house", "garden", "is", "big", "small", "die", ".", "7", "##7", "old", "river"];
    const NEW: [&str; 15] = [
        "das", "haus", "der", "garten", "ist", "gross", "klein", "die", ".", "٧", "house", "alt", "gartens",
        "x", "zz",
    ];

    fn rows() -> Vec<f32> {
        // One axis for each piece: what a row is made of can be read off.
        let count = ENGLISH.len() + 4;
        (0..count * count).map(|i| if i / count == i % count { 1.0 } else { 0.0 }).collect()
    }

    const PAIRS: [(&str, &str); 10] = [
        ("das haus ist gross .", "the house is big ."),
        ("das haus ist klein .", "the house is small ."),
        ("der garten ist gross .", "the garden is big ."),
        ("der garten ist alt .", "the garden is old ."),
        ("das haus", "the house"),
        ("haus", "house"),
        ("garten", "garden"),
        ("die", "the"),
        ("die", "the ."),
        ("alt", "old"),
    ];

    fn start(pairs: &[Pair]) -> Result<InitialEmbeddings> {
        let options = AlignmentOptions { rare: 0.0, ..AlignmentOptions::default() };
        let (new, teacher) = (words(&NEW, "▁"), words(&ENGLISH, ""));
        initial_embeddings(&new, &teacher, &rows(), ENGLISH.len() + 4, pairs, &options)
    }

    fn pairs() -> Vec<Pair<'static>> {
        PAIRS.iter().map(|&(text, english)| Pair { language: "de", text, english, weight: 1.0 }).collect()
    }

    /// The piece with the largest part in a new token's row.
    fn piece(embeddings: &InitialEmbeddings, token: &str) -> &'static str {
        let d = ENGLISH.len() + 4;
        let id = words(&NEW, "▁").token_to_id(&format!("▁{token}")).unwrap() as usize;
        let row = &embeddings.rows[id * d..(id + 1) * d];
        let best = (0..d).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]"].iter().chain(&ENGLISH).nth(best).copied().unwrap()
    }

    #[test]
    fn tokens_get_the_rows_of_their_translations() {
        let embeddings = start(&pairs()).unwrap();
        for (token, expected) in [
            ("haus", "house"),
            ("garten", "garden"),
            ("gross", "big"),
            ("klein", "small"),
            ("alt", "old"),
            ("house", "house"),
            ("die", "the"),
            (".", "."),
            ("٧", "7"),
        ] {
            assert_eq!(piece(&embeddings, token), expected, "{token}");
        }
        let d = ENGLISH.len() + 4;
        assert_eq!(embeddings.rows[..4 * d], rows()[..4 * d], "special tokens are copied");
    }

    #[test]
    fn unseen_tokens_lean_on_spelling_or_are_neutral() {
        let embeddings = start(&pairs()).unwrap();
        assert_eq!(piece(&embeddings, "gartens"), "garden");
        assert!(embeddings.report.by_spelling >= 1);
        assert!(embeddings.report.unknown >= 1);
        let report = &embeddings.report;
        let sum = report.copied + report.aligned + report.by_spelling + report.unknown;
        assert_eq!(sum, report.tokens);
        assert_eq!(embeddings.rows.len(), report.tokens * (ENGLISH.len() + 4));
        assert!(embeddings.rows.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn repeated_and_empty_pairs_are_counted() {
        let mut more = pairs();
        let before = start(&more).unwrap();
        more.push(more[0]);
        more.push(Pair { language: "de", text: " ", english: "river", weight: 1.0 });
        let after = start(&more).unwrap();
        assert_eq!(after.report.unusable_pairs, before.report.unusable_pairs + 2);
        // English with itself: "river" is one more pair.
        assert_eq!(after.report.pairs, before.report.pairs + 1);
    }

    #[test]
    fn a_table_that_does_not_fit_and_no_pairs_are_errors() {
        let (new, teacher) = (words(&NEW, "▁"), words(&ENGLISH, ""));
        let options = AlignmentOptions::default();
        let error = initial_embeddings(&new, &teacher, &[0.0; 20], 4, &pairs(), &options).unwrap_err();
        assert!(error.to_string().contains("16 tokens"), "{error}");
        assert!(start(&[]).is_err());
    }
}
