//! The languages that the project knows by name, and their writing direction.

use serde::{Deserialize, Serialize};

use super::nearest::nearest;

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
    /// The value of the HTML attribute `dir`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ltr => "ltr",
            Self::Rtl => "rtl",
        }
    }
}

/// A language as shown to users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language {
    /// BCP 47 code, as used in data files and in `lang` attributes.
    pub code: &'static str,
    /// Its name in the language itself.
    pub endonym: &'static str,
    /// Its name in English.
    pub english: &'static str,
    /// Its reading direction.
    pub direction: Direction,
}

const fn entry(code: &'static str, endonym: &'static str, english: &'static str) -> Language {
    Language { code, endonym, english, direction: Direction::Ltr }
}

const fn rtl(code: &'static str, endonym: &'static str, english: &'static str) -> Language {
    Language { code, endonym, english, direction: Direction::Rtl }
}

/// The first eleven are XQuAD-R's, in its order; the rest are those that users' own data is most likely to be
/// in.
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

/// All languages known by name; XQuAD-R's eleven come first.
pub fn languages() -> &'static [Language] {
    &LANGUAGES
}

/// The language with this code, `None` when it has no entry.
pub fn language(code: &str) -> Option<&'static Language> {
    LANGUAGES.iter().find(|l| l.code == code)
}

/// The language that an unknown code may mean: the one it begins with (`zh-cn`), the one whose name begins
/// with it (`ger`, `Deutsch`), else the one with the most similar code or English name.
pub fn nearest_language(code: &str) -> Option<&'static Language> {
    let lower = code.trim().to_lowercase();
    let primary = lower.split(['-', '_']).next().unwrap_or_default();
    let named = |l: &&Language| {
        [l.english, l.endonym].iter().any(|name| name.to_lowercase().starts_with(primary))
            && primary.len() > 1
    };
    let similar = || {
        let name = nearest(primary, LANGUAGES.iter().flat_map(|l| [l.code, l.english]))?;
        LANGUAGES.iter().find(|l| l.code == name || l.english == name)
    };
    language(primary).or_else(|| LANGUAGES.iter().find(named)).or_else(similar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_codes_have_a_nearest_language() {
        for (code, nearest) in [
            ("zh-cn", "zh"),
            ("PT_BR", "pt"),
            ("ger", "de"),
            ("Deutsch", "de"),
            ("gr", "el"),
            ("tha", "th"),
            ("vie", "vi"),
            ("Turkisch", "tr"),
            ("jp", "ja"),
        ] {
            assert_eq!(nearest_language(code).map(|l| l.code), Some(nearest), "{code}");
        }
        for code in ["", "qqq", "klingon"] {
            assert_eq!(nearest_language(code), None, "{code}");
        }
    }
}
