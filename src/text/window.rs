//! Truncation, counted, and the windows that a long text is split into.

use serde::{Deserialize, Serialize};

/// A text's length in tokens, without special tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Length {
    /// All of them; without the prompt's if the text was truncated.
    pub tokens: usize,
    /// Of these, how many were truncated.
    pub unread: usize,
}

/// How much of some texts was truncated to a model's window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// The model's longest sequence in tokens, prompt and special tokens included.
    pub window: usize,
    /// Number of texts counted.
    pub texts: usize,
    /// Of these, how many are longer than the window.
    pub longer: usize,
    /// Tokens of the longer ones.
    pub tokens: usize,
    /// Of these, the tokens that were not read.
    pub unread: usize,
    /// Whether the model truncates at the start of a text rather than its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_start: bool,
    /// Overlapping windows that the longer texts were split into, if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<usize>,
}

impl Cut {
    /// Counts one more text.
    pub fn add(&mut self, length: Length) {
        self.texts += 1;
        if length.unread > 0 {
            self.longer += 1;
            self.tokens += length.tokens;
            self.unread += length.unread;
        }
    }

    /// Counts one more text, split into this many windows; all of it was read.
    fn add_split(&mut self, windows: usize) {
        self.texts += 1;
        let split = self.windows.get_or_insert(0);
        if windows > 1 {
            self.longer += 1;
            *split += windows;
        }
    }

    /// Counts these texts as well.
    pub fn with(mut self, lengths: impl IntoIterator<Item = Length>) -> Self {
        lengths.into_iter().for_each(|length| self.add(length));
        self
    }

    /// Counts the texts of these windows, text after text, as well.
    pub fn with_split(mut self, windows: &[Window]) -> Self {
        windows.chunk_by(|a, b| a.text == b.text).for_each(|own| self.add_split(own.len()));
        self
    }

    /// Adds another count with the same window.
    pub fn add_all(&mut self, other: &Self) {
        self.window = other.window;
        self.at_start = other.at_start;
        self.texts += other.texts;
        self.longer += other.longer;
        self.tokens += other.tokens;
        self.unread += other.unread;
    }

    /// Says how much was truncated; `one` and `more` name the texts (`passage`, `passages`). `None` if all
    /// were read in full.
    pub fn sentence(&self, one: &str, more: &str) -> Option<String> {
        let Self { window, texts, longer, unread, .. } = *self;
        if longer == 0 {
            return None;
        }
        let (what, are, theirs) = match (texts, longer) {
            (1, _) => (format!("The {one}"), "is", "its"),
            (_, 1) => (format!("1 of {texts} {more}"), "is", "its"),
            _ => (format!("{longer} of {texts} {more}"), "are", "their"),
        };
        if let Some(windows) = self.windows {
            let were = if longer == 1 { "was" } else { "were" };
            return Some(format!(
                "{what} {are} longer than the model's {window} tokens and {were} split into {windows} overlapping \
                 windows."
            ));
        }
        let side = if self.at_start { "first" } else { "last" };
        let share = (100.0 * unread as f64 / self.tokens.max(1) as f64).round().clamp(1.0, 99.0);
        let of = if longer == 1 { "" } else { " of these texts" };
        let tokens = match (unread, longer) {
            (1, 1) => format!("{side} token ({share} %) was"),
            (n, _) => format!("{side} {n} tokens ({share} %{of}) were"),
        };
        Some(format!("{what} {are} longer than the model's {window} tokens: {theirs} {tokens} not read."))
    }
}

/// A part of a text that fits a model's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Index of the text.
    pub text: usize,
    /// Start, in bytes.
    pub start: usize,
    /// End, in bytes.
    pub end: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(lengths: &[(usize, usize)]) -> Cut {
        let cut = Cut { window: 128, ..Cut::default() };
        cut.with(lengths.iter().map(|&(tokens, unread)| Length { tokens, unread }))
    }

    #[test]
    fn what_was_not_read_is_said_with_its_share() {
        assert_eq!(cut(&[(7, 0), (126, 0)]).sentence("text", "texts"), None);
        assert_eq!(
            cut(&[(340, 212), (9, 0), (7, 0)]).sentence("text", "texts").unwrap(),
            "1 of 3 texts is longer than the model's 128 tokens: its last 212 tokens (62 %) were not read."
        );
        let mut two = cut(&[(200, 74), (252, 126), (3, 0)]);
        assert_eq!(
            two.sentence("passage", "passages").unwrap(),
            "2 of 3 passages are longer than the model's 128 tokens: their last 200 tokens (44 % of these texts) \
             were not read."
        );
        two.at_start = true;
        let mut sum = Cut::default();
        (0..2).for_each(|_| sum.add_all(&two));
        assert_eq!(sum, Cut { texts: 6, longer: 4, tokens: 904, unread: 400, ..two });
        assert!(two.sentence("a", "b").unwrap().contains("their first 200 tokens"));
        assert_eq!(
            cut(&[(127, 1)]).sentence("query", "queries").unwrap(),
            "The query is longer than the model's 128 tokens: its last token (1 %) was not read."
        );
        let windows = [0, 1, 1, 1, 1].map(|text| Window { text, start: 0, end: 1 });
        let split = Cut { window: 128, ..Cut::default() }.with_split(&windows);
        assert_eq!((split.texts, split.longer, split.windows, split.unread), (2, 1, Some(4), 0));
        assert!(split.sentence("text", "texts").unwrap().contains("was split into 4 overlapping windows"));
    }
}
