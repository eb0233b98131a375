//! The page's words, by key: whoever wants the page in another language translates this file. `{name}` stands for
//! what [`fill`] puts there.
//!
//! Not here: what the worker says (errors and notes), which the terminal says too.

// What a key says, it says itself.
#![allow(missing_docs)]

/// A text of the catalogue with its places filled.
pub(super) fn fill(text: &str, places: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let value = places.iter().find(|(place, _)| *place == name).map(|(_, value)| *value);
        debug_assert!(value.is_some(), "{name} in {text:?}");
        out.push_str(value.unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    out
}

pub(super) mod language {
    /// In place of the code for a language that is not known.
    pub const UNKNOWN: &str = "unknown language";
}

/// Opening text.
pub(super) mod corpus {
    pub const OPENING_SAMPLE: &str = "Opening the sample";
    pub const ENCODING: &str = "Encoding {what}";
    pub const FILE: &str = "file";
    pub const PASTED: &str = "pasted text";
    pub const NOTHING_PASTED: &str = "There is no text to search yet";
    pub const PASTE_FIRST: &str = "Paste one passage per line, then try again.";
    pub const STOPPED: &str = "opening was stopped";
    pub const STAYS_OPEN: &str = "What was open stays open: {name}.";
    pub const STAYS_ON_SCREEN: &str =
        "{name} stays on the screen, but cannot be searched before it is opened again.";
    pub const OPEN_AGAIN: &str = "You can open the sample again, or your own text.";
}

pub(super) mod search {
    pub const SIDE: &str = "Languages and models: ";
    pub const BOX: &str = "Search passages";
    pub const PLACEHOLDER: &str = "Type a question";
    pub const BOX_HINT: &str = "Press / to come here from anywhere on the page";
    pub const SUBMIT: &str = "Search";

    // What is searched.
    pub const SAMPLE_IS: &str =
        "{passages} about nature, science, daily life, the world and how things are made, in {languages}";
    pub const SAMPLE_PASSAGE: &str = "sample passage";
    pub const OWN_IS: &str = "{name}: {passages} in {languages}";
    pub const OPENING_SAMPLE: &str = "Opening the sample passages";
    pub const NOTHING_OPEN: &str = "No text is open.";
    pub const NOT_OF_MODEL: &str =
        "Not among the model’s languages: {languages}. Expect poorer results there.";
    pub const OWN_TEXT: &str = "Your own text";
    pub const LANGUAGE: &str = "language";
    pub const ABOUT_TEXT: &str = "About the text that is searched";
    pub const CAN_SPLIT: &str = "“Your own text” can split long passages, so that they are read to the end.";
    pub const OWN_IS_READ_HERE: &str = "Your text is read and encoded in this browser. ";
    pub const NOTHING_LEAVES: &str = "Nothing leaves this device.";
    pub const OPEN_UNTIL_READY: &str = " What is open now stays searchable until the new text is ready.";
    pub const PASTE: &str = "Paste passages, one per line";
    pub const SEARCH_THIS: &str = "Search this text";
    pub const CHOOSE_FILES: &str = "Or choose files";
    pub const FILES_ARE: &str = "A table (.csv, .tsv), JSON lines (.jsonl), one passage per line (.txt) or XQuAD-R (.json), \
                                 also compressed (.gz, .zst). Which column is what is shown and can be changed. You can \
                                 also drop files anywhere on the page.";
    pub const SPLIT: &str = "Split long passages into overlapping windows, so that they are read to the end";
    pub const TO_SAMPLE: &str = "Back to the sample";
    pub const OPEN_SAMPLE: &str = "Open the sample";

    // The question's language.
    pub const QUESTION_IN: &str = "Question in";
    pub const DETECTED: &str = "detected: {language}";
    pub const OF_EXAMPLE: &str = "{language} (the example’s)";
    pub const NOT_RECOGNISED: &str = "not recognised";
    pub const DETECT: &str = "detect";
    pub const KNOWN_LANGUAGES: &str = "The model’s languages";
    pub const OTHER_LANGUAGES: &str = "Others, which it was not trained for";
    pub const QUESTION_NOT_OF_MODEL: &str =
        "{language} is not among the model’s languages. Expect poor results.";

    // Waiting.
    pub const WAITS_FOR_TEXT: &str = "Your question will be searched as soon as the text is open.";
    pub const WAITS_FOR_MODEL: &str = "Your question will be searched as soon as the model is ready.";
    pub const NEEDS_MODEL: &str = "Your question needs the model. ";
    pub const LOAD_MODEL: &str = "Load model";

    // Examples.
    pub const EXAMPLES: &str = "Example questions";
    pub const OTHER_EXAMPLES: &str = "Other examples";
    pub const HARDER_EXAMPLES: &str = "Harder examples";
    pub const HARDER: &str = "Harder: the answer is not the first result";

    // Results.
    pub const BEST_OF_SAMPLE: &str = "Best matches among {passages} for ";
    pub const PASSAGE: &str = "passage";
    pub const MORE: &str = "Show {n} more";
    pub const ANSWER: &str = "answer, rank {rank}";
    pub const ANSWER_BELOW: &str = "Known answer at rank {rank}";
    pub const READ_IN: &str = "Read in {language}";
    pub const HIDE_READING: &str = "Hide {language}";
    pub const NEAREST_READING: &str = "The nearest passage in {language}, not a translation:";
    pub const ASK_NOW: &str = "Type a question to search this text.";
    pub const NO_READING: &str = "There is no passage in that language.";
    pub const OF_RESULT: &str = " (result {rank})";
    pub const SCORE: &str = " ({language}), score ";
    pub const SCORE_HINT: &str =
        "How near passage and question are: with most models their cosine, where 1 is the same direction";
    pub const NOTHING_LEFT: &str = "No passage is in the languages you chose. ";
    pub const SEARCH_ALL: &str = "Search in all languages";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_braces_of_values_stay() {
        assert_eq!(fill("{a} and {b}", &[("b", "2"), ("a", "{b}")]), "{b} and 2");
        assert_eq!(fill("no place { here", &[]), "no place { here");
    }
}
