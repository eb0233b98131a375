//! Selects questions of a corpus to show as examples.

use std::collections::BTreeMap;

use super::{Corpus, Question};

/// Questions per language.
const EACH: usize = 3;
/// Questions in all.
const MOST: usize = 33;

/// A few of a corpus' questions, each language in turn, spread over the corpus so that no two are
/// translations of each other if there are enough of them. Deterministic.
pub fn examples(corpus: &Corpus) -> Vec<&Question> {
    examples_among(corpus, |_| true)
}

/// The same among the questions for which `keep`, given their index in the corpus, is true.
pub fn examples_among(corpus: &Corpus, keep: impl Fn(usize) -> bool) -> Vec<&Question> {
    let mut by_language: BTreeMap<&str, Vec<&Question>> = BTreeMap::new();
    let kept = corpus.questions.iter().enumerate().filter(|(i, _)| keep(*i)).map(|(_, question)| question);
    for question in kept.filter(|question| !question.text.trim().is_empty()) {
        by_language.entry(&question.lang).or_default().push(question);
    }
    let places = EACH * by_language.len();
    let mut out: Vec<&Question> = Vec::new();
    for round in 0..EACH {
        for (place, list) in by_language.values().enumerate() {
            let at = (round * by_language.len() + place) * list.len() / places;
            if let Some(question) = list.get(at)
                && out.len() < MOST
                && out.iter().all(|other| other.text != question.text)
            {
                out.push(question);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn all_languages_in_turn_and_no_translations() {
        let questions = (0..30).flat_map(|id| {
            ["en", "de"].map(|lang| Question {
                id: id.to_string(),
                group: id.to_string(),
                lang: lang.into(),
                text: format!("{lang} {id}?"),
                relevant: vec![],
                ..Question::default()
            })
        });
        let corpus = Corpus { questions: questions.collect(), ..Corpus::default() };
        let examples = examples(&corpus);
        let languages: Vec<_> = examples.iter().map(|q| q.lang.as_str()).collect();
        assert_eq!(languages, ["de", "en", "de", "en", "de", "en"]);
        assert_eq!(examples.iter().map(|q| &q.id).collect::<HashSet<_>>().len(), 6);
        assert!(super::examples(&Corpus::default()).is_empty());
        let few: Vec<_> = examples_among(&corpus, |i| i < 4).into_iter().map(|q| q.text.as_str()).collect();
        assert!(
            !few.is_empty() && few.iter().all(|text| text.ends_with(" 0?") || text.ends_with(" 1?")),
            "{few:?}"
        );
    }
}
