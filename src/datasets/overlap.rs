//! Finds runs of letters that two texts share, exactly and fast.
//!
//! Every `stride`-th block of `block` letters of one side is stored by its hash, with `block + stride = run + 1`: any
//! `run` shared letters then contain one of these blocks whole. So the table is a sixteenth of the letters. A hit is
//! extended in both directions and verified on the letters themselves.

use std::ops::Range;

use unicode_normalization_alignments::UnicodeNormalization;

/// Separates texts; not a letter, so no run crosses it.
pub(super) const BREAK: char = '\0';
/// Base of the rolling hash: any odd number with bits set throughout.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// Appends the letters of `text` (Unicode's Alphabetic) in compatibility form (NFKC) and lower case, so
/// that spaces, punctuation, digits and encodings of letters make no difference.
pub(super) fn push_letters(text: &str, out: &mut Vec<char>) {
    for (c, _) in text.nfkc() {
        if c.is_ascii() {
            if c.is_ascii_alphabetic() {
                out.push(c.to_ascii_lowercase());
            }
        } else if c.is_alphabetic() {
            // `İ` becomes two characters, of which the second is not a letter.
            out.extend(c.to_lowercase().filter(|c| c.is_alphabetic()));
        }
    }
}

/// Whether a letter stands for a syllable or a word: Han, kana, Hangul. A sentence has about a third
/// as many of them as of other letters.
pub(super) fn is_dense(c: char) -> bool {
    matches!(c, '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// A run in both texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SharedRun {
    /// Its range in the checked text, in letters.
    pub text: Range<usize>,
    /// Its start in the letters of [`RunIndex`].
    pub start: usize,
}

/// Letters, indexed for finding shared runs.
pub(super) struct RunIndex {
    run: usize,
    block: usize,
    letters: Vec<char>,
    /// Hashes and positions of the blocks, sorted by hash.
    blocks: Vec<(u64, u32)>,
    /// A bit set of the hashes, modulo its size, which rules out most positions.
    bits: Vec<u64>,
    /// `BASE` to the power of `block`.
    leaving: u64,
}

impl RunIndex {
    /// Indexes `letters` for runs of at least `run`; [`BREAK`] separates texts.
    pub fn new(letters: Vec<char>, run: usize) -> Self {
        let run = run.max(1);
        let block = run.div_ceil(2);
        let stride = run + 1 - block;
        let mut blocks: Vec<(u64, u32)> = letters
            .windows(block)
            .enumerate()
            .step_by(stride)
            .filter(|(_, window)| !window.contains(&BREAK))
            .map(|(at, window)| (window.iter().fold(0, |h, &c| push(h, c)), at as u32))
            .collect();
        blocks.sort_unstable();
        let mut bits = vec![0; (blocks.len() * 16).next_power_of_two().max(64) / 64];
        for &(hash, _) in &blocks {
            let bit = bit(hash, bits.len());
            bits[bit / 64] |= 1 << (bit % 64);
        }
        let leaving = (0..block).fold(1, |power: u64, _| power.wrapping_mul(BASE));
        Self { run, block, letters, blocks, bits, leaving }
    }

    /// The letters of a found run.
    pub fn text(&self, run: &SharedRun) -> String {
        self.letters[run.start..run.start + run.text.len()].iter().collect()
    }

    /// The longest run shared with `text`, also letters; the first of several.
    pub fn longest(&self, text: &[char]) -> Option<SharedRun> {
        let mut best: Option<SharedRun> = None;
        let mut hash = 0;
        // An earlier start is part of a run already found.
        let mut after = 0;
        for (i, &c) in text.iter().enumerate() {
            hash = push(hash, c);
            if i >= self.block {
                hash = hash
                    .wrapping_sub(self.leaving.wrapping_mul(u64::from(u32::from(text[i - self.block]) + 1)));
            }
            let Some(at) = (i + 1).checked_sub(self.block).filter(|at| *at >= after) else { continue };
            let bit = bit(hash, self.bits.len());
            if self.bits[bit / 64] >> (bit % 64) & 1 == 0 {
                continue;
            }
            let first = self.blocks.partition_point(|(h, _)| *h < hash);
            for &(_, place) in self.blocks[first..].iter().take_while(|(h, _)| *h == hash) {
                let run = self.around(text, at, place as usize);
                if run.text.len() >= self.run {
                    after = after.max(run.text.end);
                    if best.as_ref().is_none_or(|b| run.text.len() > b.text.len()) {
                        best = Some(run);
                    }
                }
            }
        }
        best
    }

    /// The common run around letter `at` of `text` and letter `place` of these.
    fn around(&self, text: &[char], at: usize, place: usize) -> SharedRun {
        let same = |(a, b): &(&char, &char)| a == b && **a != BREAK;
        let before = text[..at].iter().rev().zip(self.letters[..place].iter().rev()).take_while(same).count();
        let behind = text[at..].iter().zip(&self.letters[place..]).take_while(same).count();
        SharedRun { text: at - before..at + behind, start: place - before }
    }
}

/// Appends `c` to the hash.
fn push(hash: u64, c: char) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(u64::from(u32::from(c) + 1))
}

/// The bit, of `words * 64`, for a hash.
fn bit(hash: u64, words: usize) -> usize {
    (hash ^ hash >> 29) as usize & (words * 64 - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn letters(text: &str) -> Vec<char> {
        let mut out = Vec::new();
        push_letters(text, &mut out);
        out
    }

    fn plain(text: &str) -> String {
        letters(text).into_iter().collect()
    }

    #[test]
    fn only_letters_count_however_they_are_encoded() {
        assert_eq!(plain("The “Panthers”, 308 \t points!"), "thepantherspoints");
        // Composed, decomposed; a ligature; full width; a dotted capital I.
        assert_eq!(plain("Tie\u{302}\u{301}ng"), plain("TI\u{1ebe}NG"));
        assert_eq!(plain("ﬁve Ｓｔａｒｓ"), "fivestars");
        assert_eq!(plain("İstanbul"), "istanbul");
        // Thai and Devanagari vowel signs are letters, tone marks and virama are not.
        assert_eq!(plain("น้ำ"), plain("น ้ ํา"));
        assert_eq!(plain("हिन्दी"), "हिनदी");
        assert!("中の한".chars().all(is_dense) && !"aกहж".chars().any(is_dense));
    }

    #[test]
    fn a_run_is_found_from_its_first_to_its_last_letter() {
        let runs = RunIndex::new(letters("Warsaw was the capital; nobody doubts it now."), 12);
        let text = letters("He said: it WAS, the cap-ital of all!");
        let run = runs.longest(&text).unwrap();
        assert_eq!(runs.text(&run), "wasthecapital");
        assert_eq!(text[run.text.clone()].iter().collect::<String>(), "wasthecapital");
        assert_eq!(runs.longest(&letters("was the cap, not the ital")), None);
        assert_eq!(RunIndex::new(Vec::new(), 31).longest(&text), None);
        assert_eq!(runs.longest(&[]), None);
    }

    #[test]
    fn no_run_goes_from_one_text_into_the_next() {
        let mut both = letters("one two three");
        both.push(BREAK);
        both.extend(letters("four five six"));
        let runs = RunIndex::new(both.clone(), 8);
        assert_eq!(runs.longest(&letters("three four five")).map(|r| runs.text(&r)).unwrap(), "fourfive");
        assert_eq!(runs.longest(&letters("two three four")).map(|r| runs.text(&r)).unwrap(), "twothree");
        assert_eq!(runs.longest(&letters("three four")), None);
        assert_eq!(runs.longest(&both).unwrap().text, 0..11);
    }

    /// The longest common run, by brute force.
    fn slow(a: &[char], b: &[char]) -> usize {
        let at = |i: usize, j: usize| {
            a[i..].iter().zip(&b[j..]).take_while(|(a, b)| a == b && **a != BREAK).count()
        };
        (0..a.len()).flat_map(|i| (0..b.len()).map(move |j| (i, j))).map(|(i, j)| at(i, j)).max().unwrap_or(0)
    }

    proptest! {
        /// Few letters, so that runs of all lengths occur by chance.
        #[test]
        fn finds_what_trying_all_finds(a in "[abc\0]{0,80}", b in "[abc]{0,80}", run in 1_usize..12) {
            let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
            let longest = slow(&a, &b);
            let found = RunIndex::new(a, run).longest(&b).map_or(0, |r| r.text.len());
            // No longer run is searched for within a found one.
            prop_assert_eq!(found > 0, longest >= run, "{} {}", found, longest);
            prop_assert!(found == 0 || (run..=longest).contains(&found));
        }
    }
}
