//! The languages the project names, and how each is written.

use serde::{Deserialize, Serialize};

/// Reading direction of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Left to right.
    Ltr,
    /// Right to left.
    Rtl,
}

impl Direction {
    /// The value of HTML's `dir` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ltr => "ltr",
            Self::Rtl => "rtl",
        }
    }
}

/// A language as people meet it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    /// BCP 47 code, as used in data files and in `lang` attributes.
    pub code: &'static str,
    /// Its name in itself.
    pub endonym: &'static str,
    /// Its name in English.
    pub english: &'static str,
    /// How it is read.
    pub direction: Direction,
}

const fn entry(code: &'static str, endonym: &'static str, english: &'static str) -> Language {
    Language { code, endonym, english, direction: Direction::Ltr }
}

const fn rtl(code: &'static str, endonym: &'static str, english: &'static str) -> Language {
    Language { code, endonym, english, direction: Direction::Rtl }
}

/// The first eleven are XQuAD-R's, in its order; the rest is what users' own data is most likely in.
static LANGUAGES: [Language; 33] = [
    rtl("ar", "العربية", "Arabic"),
    entry("de", "Deutsch", "German"),
    entry("el", "Ελληνικά", "Greek"),
    entry("en", "English", "English"),
    entry("es", "Español", "Spanish"),
    entry("hi", "हिन्दी", "Hindi"),
    entry("ru", "Русский", "Russian"),
    entry("th", "ไทย", "Thai"),
    entry("tr", "Türkçe", "Turkish"),
    entry("vi", "Tiếng Việt", "Vietnamese"),
    entry("zh", "中文", "Chinese"),
    entry("bg", "Български", "Bulgarian"),
    entry("bn", "বাংলা", "Bengali"),
    entry("cs", "Čeština", "Czech"),
    entry("da", "Dansk", "Danish"),
    rtl("fa", "فارسی", "Persian"),
    entry("fi", "Suomi", "Finnish"),
    entry("fr", "Français", "French"),
    rtl("he", "עברית", "Hebrew"),
    entry("hu", "Magyar", "Hungarian"),
    entry("id", "Bahasa Indonesia", "Indonesian"),
    entry("it", "Italiano", "Italian"),
    entry("ja", "日本語", "Japanese"),
    entry("ko", "한국어", "Korean"),
    entry("nl", "Nederlands", "Dutch"),
    entry("pl", "Polski", "Polish"),
    entry("pt", "Português", "Portuguese"),
    entry("ro", "Română", "Romanian"),
    entry("sv", "Svenska", "Swedish"),
    entry("sw", "Kiswahili", "Swahili"),
    entry("te", "తెలుగు", "Telugu"),
    entry("uk", "Українська", "Ukrainian"),
    rtl("ur", "اردو", "Urdu"),
];

/// Every language known by name; XQuAD-R's eleven come first.
pub fn languages() -> &'static [Language] {
    &LANGUAGES
}

/// The language with this code, `None` when it has no entry.
pub fn language(code: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|l| l.code == code)
}

/// The known language that a code or name which is none most likely means: one of that name, else one
/// whose English name begins so, else the one whose code differs in the fewest letters.
pub fn nearest(given: &str) -> &'static Language {
    let given = given.trim().to_lowercase();
    let distance = |language: &Language| {
        let english = language.english.to_lowercase();
        if english == given || language.endonym.to_lowercase() == given {
            return 0;
        }
        if !given.is_empty() && english.starts_with(&given) {
            return 1;
        }
        2 + edits(&given, language.code)
    };
    LANGUAGES.iter().min_by_key(|language| distance(language)).unwrap_or(&LANGUAGES[0])
}

/// Letters to insert, remove or replace to turn one word into another (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, c) in a.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, &d) in b.iter().enumerate() {
            let replaced = corner + usize::from(c != d);
            corner = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_code_leads_to_the_right_one() {
        for (given, code) in [
            ("german", "de"),
            ("Ελληνικά", "el"),
            ("gr", "el"),
            ("ger", "de"),
            ("zh-CN", "zh"),
            ("jp", "ja"),
            ("tr_TR", "tr"),
        ] {
            assert_eq!(nearest(given).code, code, "{given}");
        }
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "ab"), 2);
    }
}
