//! Converts paragraphs with marked answers to retrieval, as LAReQA did with XQuAD: every sentence is a
//! candidate, and the one with the answer's first character is relevant. Sentence boundaries are our
//! choice (see `sentences.rs`), as these data sets do not mark them.

use std::collections::HashMap;
use std::ops::Range;

use super::{Corpus, Passage, sentences};

/// A note for every such corpus.
pub(super) const OURS: &str = "sentences are the candidates, as in LAReQA; their boundaries are this \
                               program's choice, so scores are not comparable with others'.";

/// Collects paragraphs, each once per language; otherwise its sentences would be in the pool twice, one
/// of them counted as wrong.
#[derive(Default)]
pub(super) struct Paragraphs {
    pub corpus: Corpus,
    known: HashMap<(String, String), Paragraph>,
    /// Paragraphs of each language so far.
    numbers: HashMap<String, usize>,
}

/// A paragraph's sentences.
#[derive(Clone)]
pub(super) struct Paragraph {
    /// Index of the first one's passage.
    first: usize,
    /// In bytes of the context.
    sentences: Vec<Range<usize>>,
}

impl Paragraph {
    /// The passage that contains a byte of the context.
    pub fn at(&self, byte: usize) -> Option<usize> {
        self.sentences.iter().position(|s| s.contains(&byte)).map(|i| self.first + i)
    }
}

impl Paragraphs {
    pub fn add(&mut self, lang: &str, title: &str, context: &str) -> Paragraph {
        let key = (lang.to_string(), context.to_string());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let number = self.numbers.entry(lang.to_string()).or_default();
        let paragraph = Paragraph { first: self.corpus.passages.len(), sentences: sentences(context) };
        for (s, range) in paragraph.sentences.iter().enumerate() {
            let id = format!("{lang}:{number}:{s}");
            self.corpus.passages.push(Passage {
                group: id.clone(),
                id,
                lang: lang.to_string(),
                text: context[range.clone()].to_string(),
                source: title.to_string(),
                answer: None,
            });
        }
        *number += 1;
        self.known.insert(key, paragraph.clone());
        paragraph
    }
}
