//! Texts of an exact number of tokens, cut from real ones.

use crate::{Error, Result};

/// How many letters around a cut are tried, as a single letter may change the number of tokens by more than
/// one.
const AROUND: usize = 24;

/// A text of exactly `tokens` tokens as counted by `count`: passages from number `first` on, joined by spaces
/// as far as needed and cut between two letters. If no cut fits, full stops fill the gap.
///
/// # Errors
/// [`Error::Input`] when there is no text, or none can be cut to that length; whatever `count` returns.
pub fn fit(
    passages: &[&str],
    first: usize,
    tokens: usize,
    mut count: impl FnMut(&str) -> Result<usize>,
) -> Result<String> {
    let mut text = String::new();
    let mut next = first;
    let empty = || Error::Input("There is no text to time the model with".into());
    // Passages repeat if all of them together are too short.
    while count(&text)? < tokens {
        let passage = passages.get(next % passages.len().max(1)).ok_or_else(empty)?.trim();
        // A passage with text has at least one token; without this check, passages without any would be
        // joined for ever.
        if next - first > passages.len() * tokens {
            return Err(empty());
        }
        if !(text.is_empty() || passage.is_empty()) {
            text.push(' ');
        }
        text.push_str(passage);
        next += 1;
    }
    let mut ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    ends.push(text.len());
    // Binary search for the shortest prefix with enough tokens; their number almost never decreases as a text
    // grows.
    let (mut low, mut high) = (0, ends.len() - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if count(&text[..ends[middle]])? < tokens { low = middle + 1 } else { high = middle }
    }
    let near = low.saturating_sub(AROUND)..(low + AROUND).min(ends.len());
    for &end in ends[low..near.end].iter().chain(ends[near.start..low].iter().rev()) {
        let part = &text[..end];
        let found = count(part)?;
        if found == tokens {
            return Ok(part.trim_end().into());
        }
        if found < tokens {
            let filled = format!("{}{}", part.trim_end(), " .".repeat(tokens - found));
            if count(&filled)? == tokens {
                return Ok(filled);
            }
        }
    }
    Err(Error::Input(format!("No text of exactly {tokens} tokens can be cut for this model")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One token per word, two per capitalized word, and two around the text.
    fn count(text: &str) -> Result<usize> {
        let capital = |word: &&str| word.starts_with(char::is_uppercase);
        Ok(2 + text.split_whitespace().count() + text.split_whitespace().filter(capital).count())
    }

    #[test]
    fn texts_are_cut_and_joined_to_the_token() {
        let passages = ["Bees make honey from nectar.", "Œdème à l’été, ça va.", ""];
        for tokens in 3..60 {
            for first in 0..4 {
                let text = fit(&passages, first, tokens, count).unwrap();
                assert_eq!(count(&text).unwrap(), tokens, "{text}");
            }
        }
        assert_eq!(fit(&passages, 0, 5, count).unwrap(), "Bees m");
        assert_ne!(fit(&passages, 0, 9, count).unwrap(), fit(&passages, 1, 9, count).unwrap());
    }

    #[test]
    fn what_no_cut_gives_is_filled_or_refused() {
        // Two tokens per word: an odd number needs a full stop.
        let double = |text: &str| Ok(text.split_whitespace().map(|w| if w == "." { 1 } else { 2 }).sum());
        assert_eq!(fit(&["a b c d"], 0, 3, double).unwrap(), "a .");
        let never = |text: &str| Ok(2 * text.split_whitespace().count());
        assert!(fit(&["a b c d"], 0, 3, never).unwrap_err().to_string().contains("exactly 3 tokens"));
        for none in [&[][..], &[" ", ""]] {
            assert!(fit(none, 0, 8, count).unwrap_err().to_string().contains("no text"));
        }
    }
}
