//! Code-switched texts: English ones with words replaced by their translations (arXiv 2305.05295), so that
//! questions that exist in English only also teach matching across languages.
//!
//! Words are looked up one by one, verbatim, in lower case, and without common endings; words that the lexicon
//! lacks stay English, as do grammar and word order.

use std::collections::{BTreeMap, HashMap};

use rand::Rng;
use rand_chacha::ChaCha12Rng;

use crate::datasets::lexicon::Sense;

/// Share of replaceable words that are replaced.
const REPLACED: f64 = 0.75;
/// Least share of a text's words to replace for it to count as switched.
const LEAST: f64 = 0.3;
/// Least number of words of a language in the lexicon.
const WORDS: usize = 1000;
/// Endings that may be removed, and their replacements.
const ENDINGS: [(&str, &str); 7] =
    [("ies", "y"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e")];

/// Translations of English words.
#[derive(Debug, Default)]
pub struct Switcher {
    /// By word and language: translations of its senses, the most frequent first.
    words: HashMap<String, BTreeMap<String, Vec<String>>>,
    /// Languages with enough translations.
    languages: Vec<String>,
}

impl Switcher {
    /// From a lexicon, for those of `languages` with enough words in it.
    pub fn new(senses: &[Sense], languages: &[String]) -> Self {
        let mut words: HashMap<String, BTreeMap<String, Vec<String>>> = HashMap::new();
        for sense in senses.iter().filter(|sense| !sense.english.contains(char::is_whitespace)) {
            for (language, translations) in &sense.words {
                let usable: Vec<String> =
                    translations.iter().filter(|text| is_usable(text)).cloned().collect();
                if !usable.is_empty() {
                    let known = words.entry(sense.english.clone()).or_default();
                    known.entry(language.clone()).or_default().extend(usable);
                }
            }
        }
        words.values_mut().flat_map(BTreeMap::values_mut).for_each(most_frequent_first);
        let has = |language: &&String| words.values().filter(|t| t.contains_key(*language)).count() >= WORDS;
        let languages = languages.iter().filter(|language| *language != "en").filter(has).cloned().collect();
        Self { words, languages }
    }

    /// Languages that texts can be switched to.
    pub fn languages(&self) -> &[String] {
        &self.languages
    }

    /// `text` with words in `language`; `None` if too few are known.
    pub fn switch(&self, text: &str, language: &str, rng: &mut ChaCha12Rng) -> Option<String> {
        let (mut out, mut words, mut replaced) = (String::new(), 0, 0);
        let is_inside = |c: char| c.is_alphanumeric();
        let mut rest = text;
        while let Some(start) = rest.find(is_inside) {
            let end = rest[start..].find(|c| !is_inside(c)).map_or(rest.len(), |n| start + n);
            out.push_str(&rest[..start]);
            let word = &rest[start..end];
            words += 1;
            match self.translations(word, language).filter(|_| rng.random_bool(REPLACED)) {
                Some(list) => {
                    // Squared, as the first ones fit more often.
                    let point = rng.random_range(0.0f64..1.0).powi(2);
                    out.push_str(&list[(point * list.len() as f64) as usize]);
                    replaced += 1;
                }
                None => out.push_str(word),
            }
            rest = &rest[end..];
        }
        out.push_str(rest);
        (f64::from(replaced) >= LEAST * f64::from(words) && replaced > 0).then_some(out)
    }

    fn translations(&self, word: &str, language: &str) -> Option<&[String]> {
        let known = |word: &str| self.words.get(word)?.get(language).map(Vec::as_slice);
        // Verbatim first: WHO is not who.
        known(word).or_else(|| {
            let word = word.to_lowercase();
            known(&word).or_else(|| stems(&word).find_map(|stem| known(&stem)))
        })
    }
}

/// Candidate stems of a word.
fn stems(word: &str) -> impl Iterator<Item = String> {
    ENDINGS.iter().filter_map(move |(ending, instead)| {
        let stem = word.strip_suffix(ending).filter(|stem| stem.len() > 2)?;
        Some(format!("{stem}{instead}"))
    })
}

/// Whether a translation is a word, rather than part of one or a remark.
fn is_usable(text: &str) -> bool {
    let is_part = text.starts_with('-') || text.ends_with('-');
    let is_remark = text.contains(['+', '(', '/', '.', ',', ';', ':', '~', '*', '"']);
    !is_part
        && !is_remark
        && text.split_whitespace().count() <= 3
        && !text.to_lowercase().contains("not used")
}

/// Distinct translations, by decreasing number of senses.
fn most_frequent_first(list: &mut Vec<String>) {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for word in std::mem::take(list) {
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    list.extend(counts.into_iter().map(|(word, _)| word));
}

#[cfg(test)]
mod tests {
    use super::*;

    use rand::SeedableRng;

    fn sense(english: &str, german: &[&str]) -> Sense {
        let words = [("de".to_owned(), german.iter().map(|w| w.to_string()).collect())].into();
        Sense { id: english.into(), english: english.into(), words }
    }

    fn switcher() -> Switcher {
        let mut senses = vec![
            sense("river", &["Strom"]),
            sense("river", &["Fluss", "-fluss", "je + comp."]),
            sense("river", &["Fluss"]),
            sense("flow", &["fließen"]),
            sense("carry", &["tragen"]),
            sense("it", &["Not used in German"]),
            sense("IT", &["Informatik"]),
            sense("red tape", &["Amtsschimmel"]),
            sense("go", &["gehen"]),
        ];
        senses.extend((0..WORDS).map(|i| sense(&format!("word{i}"), &[&format!("Wort{i}")])));
        let languages = ["de", "en", "th"].map(str::to_owned);
        Switcher::new(&senses, &languages)
    }

    #[test]
    fn words_are_replaced_and_all_else_stays() {
        let switcher = switcher();
        assert_eq!(switcher.languages(), ["de"]);
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for seed in 0..400 {
            let mut rng = ChaCha12Rng::seed_from_u64(seed);
            if let Some(text) = switcher.switch("(Rivers flowing: it carries) 7!", "de", &mut rng) {
                assert!(text.starts_with('(') && text.ends_with(") 7!") && text.contains(" it "), "{text}");
                *seen.entry(text).or_default() += 1;
            }
        }
        let whole = ["Fluss", "Strom"].map(|river| seen[&format!("({river} fließen: it tragen) 7!")]);
        // 400 × 0.75³ = 169 have all three.
        assert!((135..200).contains(&(whole[0] + whole[1])), "{seen:?}");
        // A translation of two senses comes first, and the first of two is drawn with probability √0.5.
        let with =
            |river: &str| seen.iter().filter(|(t, _)| t.contains(river)).map(|(_, n)| *n as f64).sum::<f64>();
        let first = with("Fluss") / (with("Fluss") + with("Strom"));
        assert!((first - 0.5f64.sqrt()).abs() < 0.06, "{first} {seen:?}");
        // Of five words at least two.
        let english = ["Rivers", "flowing", "carries"];
        assert!(
            seen.keys().all(|text| english.iter().filter(|w| text.contains(*w)).count() <= 1),
            "{seen:?}"
        );
    }

    #[test]
    fn what_is_not_known_is_not_switched() {
        let switcher = switcher();
        let mut rng = ChaCha12Rng::seed_from_u64(1);
        for text in ["", "...", "nobody knows these words", "red tape"] {
            assert_eq!(switcher.switch(text, "de", &mut rng), None, "{text}");
        }
        assert_eq!(switcher.switch("rivers flow", "th", &mut rng), None);
        // A stem of two letters is too short, and a remark is not a translation.
        for seed in 0..20 {
            let mut rng = ChaCha12Rng::seed_from_u64(seed);
            assert_eq!(switcher.switch("going", "de", &mut rng), None);
            assert_eq!(switcher.switch("it", "de", &mut rng), None);
        }
        let spelt =
            (0..20).filter_map(|seed| switcher.switch("IT", "de", &mut ChaCha12Rng::seed_from_u64(seed)));
        assert!(spelt.collect::<Vec<_>>().iter().any(|text| text == "Informatik"));
    }
}
