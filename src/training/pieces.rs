//! Learns the pieces of a Unigram tokenizer (Kudo 2018, "Subword Regularization") from weighed words.
//!
//! The trainer of the `tokenizers` crate collects its first candidates from *different* words without
//! their counts, so that frequent whole words are often never tried; this one counts them, and is
//! several times faster. What it makes is read by the same crate.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use rayon::prelude::*;

/// Longest piece, in characters.
const LONGEST: usize = 16;
/// Candidates kept before pruning.
const SEEDS: usize = 300_000;
/// A candidate must make up this part of all characters' weight.
const RAREST: f64 = 2.5e-7;
/// Part of the pieces that stays at each pruning.
const SHRINK: f64 = 0.6;
/// Sums are taken over so many parts, whatever the number of threads: the result is always the same.
const PARTS: usize = 16;
/// Every probability is multiplied by this to the power of its length, which changes no ratio and
/// keeps long words within the range of floating point.
const PER_CHARACTER: f64 = 12.0;

/// At most `size` pieces with their log-probabilities, most likely first. Every character of the
/// words is among them.
pub(super) fn learn(words: &[(String, u32)], size: usize) -> Vec<(String, f64)> {
    let words = Words::new(words);
    let mut pieces = seeds(&words);
    loop {
        for _ in 0..2 {
            maximise(&words, &mut pieces);
        }
        let before = pieces.len();
        if before > size {
            prune(&mut pieces, ((before as f64 * SHRINK) as usize).max(size));
        }
        // Few enough, or nothing but characters left.
        if pieces.len() == before {
            break;
        }
    }
    let total: f64 = pieces.iter().map(|piece| piece.count).sum();
    let mut scored: Vec<(String, f64)> = pieces
        .into_iter()
        .map(|piece| (piece.chars.iter().collect(), (piece.count.max(0.5) / total).ln()))
        .collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    scored
}

struct Piece {
    chars: Vec<char>,
    count: f64,
}

/// All words in one row of characters, each followed by a zero.
struct Words {
    chars: Vec<char>,
    /// Start, end and weight of each word.
    places: Vec<(usize, usize, f64)>,
    /// Sum of weight over characters.
    weight: f64,
}

impl Words {
    fn new(words: &[(String, u32)]) -> Self {
        let mut all = Self { chars: Vec::new(), places: Vec::new(), weight: 0.0 };
        for (word, count) in words {
            let start = all.chars.len();
            all.chars.extend(word.chars().filter(|&c| c != '\0'));
            let end = all.chars.len();
            all.chars.push('\0');
            all.weight += f64::from(*count) * (end - start) as f64;
            all.places.push((start, end, f64::from(*count)));
        }
        all
    }
}

/// Every character, and the strings of two and more that are frequent enough. A string can only be
/// frequent if it is without its first and without its last character.
fn seeds(words: &Words) -> Vec<Piece> {
    let length = words.chars.len();
    let mut weight = vec![0.0; length];
    for &(start, end, count) in &words.places {
        weight[start..end].fill(count);
    }
    let least = (words.weight * RAREST).max(2.0);
    let mut keys: Vec<u64> = words.chars.iter().map(|&c| u64::from(c)).collect();
    let mut alive: Vec<bool> = words.chars.iter().map(|&c| c != '\0').collect();
    let mut singles = Vec::new();
    let mut seeds: Vec<(f64, usize, usize)> = Vec::new();
    for size in 1..=LONGEST {
        let mut counts: HashMap<u64, (f64, usize), Fast> = HashMap::default();
        for at in 0..length {
            if size > 1 {
                let last = at + size - 1;
                if !(alive[at] && last < length && alive[at + 1]) {
                    alive[at] = false;
                    continue;
                }
                keys[at] = step_key(keys[at], words.chars[last]);
            }
            if alive[at] {
                counts.entry(keys[at]).or_insert((0.0, at)).0 += weight[at];
            }
        }
        if size == 1 {
            singles.extend(counts.values().map(|&(count, at)| (count, at, 1)));
            continue;
        }
        for at in 0..length {
            alive[at] = alive[at] && counts.get(&keys[at]).is_some_and(|c| c.0 >= least);
        }
        seeds.extend(counts.values().filter(|c| c.0 >= least).map(|&(count, at)| (count, at, size)));
    }
    let score = |&(count, _, size): &(f64, usize, usize)| count * size as f64;
    seeds.sort_by(|a, b| score(b).total_cmp(&score(a)).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    seeds.truncate(SEEDS);
    singles.sort_by_key(|single| single.1);
    singles
        .into_iter()
        .chain(seeds)
        .map(|(count, at, size)| Piece { chars: words.chars[at..at + size].to_vec(), count })
        .collect()
}

fn step_key(key: u64, c: char) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ u64::from(c).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

/// One round of expectation maximisation: the expected count of each piece over all ways to cut
/// each word.
fn maximise(words: &Words, pieces: &mut [Piece]) {
    let trie = Trie::new(pieces);
    let total: f64 = pieces.iter().map(|piece| piece.count).sum();
    let probability: Vec<f64> =
        pieces.iter().map(|p| p.count.max(0.1) / total * PER_CHARACTER.powi(p.chars.len() as i32)).collect();
    let part = words.places.len().div_ceil(PARTS).max(1);
    let counts: Vec<Vec<f64>> = words
        .places
        .par_chunks(part)
        .map(|places| {
            let mut counts = vec![0.0; pieces.len()];
            let mut cuts = Cuts::default();
            for &(start, end, weight) in places {
                cuts.count(&words.chars[start..end], weight, &trie, &probability, &mut counts);
            }
            counts
        })
        .collect();
    for (index, piece) in pieces.iter_mut().enumerate() {
        piece.count = counts.iter().map(|part| part[index]).sum();
    }
}

/// Room for the sums over all ways to cut a word.
#[derive(Default)]
struct Cuts {
    forward: Vec<f64>,
    backward: Vec<f64>,
    arcs: Vec<(usize, usize, u32)>,
}

impl Cuts {
    fn count(&mut self, word: &[char], weight: f64, trie: &Trie, probability: &[f64], counts: &mut [f64]) {
        let Self { forward, backward, arcs } = self;
        forward.clear();
        forward.resize(word.len() + 1, 0.0);
        backward.clear();
        backward.resize(word.len() + 1, 0.0);
        arcs.clear();
        forward[0] = 1.0;
        for start in 0..word.len() {
            trie.pieces_at(&word[start..], |length, piece| {
                forward[start + length] += forward[start] * probability[piece as usize];
                arcs.push((start, start + length, piece));
            });
        }
        let all = forward[word.len()];
        if !(all.is_finite() && all > 0.0) {
            return;
        }
        backward[word.len()] = 1.0;
        for &(start, end, piece) in arcs.iter().rev() {
            let rest = probability[piece as usize] * backward[end];
            backward[start] += rest;
            counts[piece as usize] += weight * forward[start] * rest / all;
        }
    }
}

/// Keeps `size` pieces: all characters, and those whose loss would cost the most likelihood, each
/// being replaced by its best other cut.
fn prune(pieces: &mut Vec<Piece>, size: usize) {
    let trie = Trie::new(pieces);
    let total: f64 = pieces.iter().map(|piece| piece.count).sum();
    let score: Vec<f64> = pieces.iter().map(|p| (p.count.max(0.1) / total).ln()).collect();
    let losses: Vec<f64> = pieces
        .par_iter()
        .enumerate()
        .map(|(index, piece)| {
            if piece.chars.len() == 1 {
                return f64::INFINITY;
            }
            let mut best = vec![f64::NEG_INFINITY; piece.chars.len() + 1];
            best[0] = 0.0;
            for start in 0..piece.chars.len() {
                trie.pieces_at(&piece.chars[start..], |length, other| {
                    if other as usize != index {
                        let through = best[start] + score[other as usize];
                        best[start + length] = best[start + length].max(through);
                    }
                });
            }
            piece.count * (score[index] - best[piece.chars.len()])
        })
        .collect();
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by(|&a, &b| losses[b].total_cmp(&losses[a]).then(a.cmp(&b)));
    let characters = losses.iter().filter(|loss| loss.is_infinite()).count();
    let mut keep = vec![false; pieces.len()];
    order.iter().take(size.max(characters)).for_each(|&index| keep[index] = true);
    let mut index = 0;
    pieces.retain(|_| {
        index += 1;
        keep[index - 1]
    });
}

/// Pieces by their characters.
struct Trie {
    next: HashMap<u64, u32, Fast>,
    /// The piece that ends at a node.
    ends: Vec<Option<u32>>,
}

impl Trie {
    fn new(pieces: &[Piece]) -> Self {
        let mut trie = Self { next: HashMap::default(), ends: vec![None] };
        for (index, piece) in pieces.iter().enumerate() {
            let mut node = 0;
            for &c in &piece.chars {
                let fresh = trie.ends.len() as u32;
                node = *trie.next.entry(Self::key(node, c)).or_insert(fresh);
                if node == fresh {
                    trie.ends.push(None);
                }
            }
            trie.ends[node as usize] = Some(index as u32);
        }
        trie
    }

    /// Calls `each` with the length and the index of every piece that `text` starts with.
    fn pieces_at(&self, text: &[char], mut each: impl FnMut(usize, u32)) {
        let mut node = 0;
        for (index, &c) in text.iter().enumerate() {
            match self.next.get(&Self::key(node, c)) {
                Some(&next) => node = next,
                None => return,
            }
            if let Some(piece) = self.ends[node as usize] {
                each(index + 1, piece);
            }
        }
    }

    fn key(node: u32, c: char) -> u64 {
        u64::from(node) << 32 | u64::from(c)
    }
}

type Fast = BuildHasherDefault<Multiply>;

/// A hash for keys that are numbers already: their product with a large odd number.
#[derive(Default)]
struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, value: u64) {
        let product = value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[(&str, u32)]) -> Vec<(String, u32)> {
        list.iter().map(|&(word, count)| (word.to_owned(), count)).collect()
    }

    #[test]
    fn a_frequent_word_is_one_piece_though_it_occurs_in_one_word_only() {
        let words = words(&[("▁water", 900), ("▁tower", 3), ("▁wart", 2), ("▁rate", 2)]);
        let pieces = learn(&words, 10);
        assert_eq!(pieces.len(), 10);
        assert_eq!(pieces[0].0, "▁water");
        for c in "▁watero".chars() {
            assert!(pieces.iter().any(|(piece, _)| *piece == c.to_string()), "{c}");
        }
    }

    #[test]
    fn probabilities_sum_to_one() {
        let words = words(&[("▁abab", 5000), ("▁abc", 2000), ("▁cab", 1000)]);
        let sum: f64 = learn(&words, 12).iter().map(|(_, score)| score.exp()).sum();
        assert!((sum - 1.0).abs() < 0.05, "{sum}");
    }

    #[test]
    fn all_characters_stay_even_beyond_the_size() {
        let pieces = learn(&words(&[("abcdefgh", 5)]), 3);
        assert_eq!(pieces.len(), 8);
    }
}
