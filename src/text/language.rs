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
