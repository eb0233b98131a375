//! Language codes of all kinds, converted to the form that this project uses.
//!
//! `deu`, `ger`, `de-AT` and `deu_Latn` are `de`: the result is the language, in ISO 639-1 if it has a code
//! there, and the script if it is not the one that the language is mostly written in (CLDR's likely script).
//! `zho_Hans` is `zh`; `zh-Hant`, `zho_Hant` and `zh_TW` are `zh-Hant`; `sr-Cyrl` is `sr` and `sr-Latn` is
//! kept.

use icu_locale::subtags::{Language, Region, Script};
use icu_locale::{LanguageIdentifier, Locale, LocaleCanonicalizer, LocaleExpander};

use super::language::languages;

/// The code of the language that `given` names by a code (BCP 47, ISO 639-1, -2, -3, FLORES, POSIX) or by its
/// English name or endonym; `None` if it is neither.
pub fn code(given: &str) -> Option<String> {
    let given = given.trim();
    if languages().iter().any(|l| l.code == given) {
        return Some(given.into());
    }
    let lower = given.to_lowercase();
    let named = |name: &str| name.to_lowercase() == lower;
    if let Some(language) = languages().iter().find(|l| named(l.english) || named(l.endonym)) {
        return Some(language.code.into());
    }
    Parsed::of(given).map(|parsed| parsed.written())
}

/// Whether a word is certainly meant as a language code: three letters may be any word, so they only count if
/// ISO 639-1 has a two-letter code for them or a script is given.
pub fn is_code(word: &str) -> bool {
    let Some(parsed) = Parsed::of(word) else { return false };
    match parsed.language.as_str().len() {
        2 => parsed.likely.is_some(),
        _ => parsed.script.is_some() && parsed.likely.is_some(),
    }
}

struct Parsed {
    language: Language,
    /// From the code, or implied by its region.
    script: Option<Script>,
    /// The script that the language is mostly written in.
    likely: Option<Script>,
}

impl Parsed {
    fn of(given: &str) -> Option<Self> {
        // `de_DE.UTF-8`, `de_DE@euro`
        let tag = given.trim().split(['.', '@']).next().unwrap_or_default().replace('_', "-");
        let primary = tag.split('-').next().unwrap_or_default();
        if !(2..=3).contains(&primary.len()) || tag.len() > 20 {
            return None;
        }
        // If what follows the language does not parse, it is ignored.
        let mut locale: Locale = tag.parse().or_else(|_| primary.parse()).ok()?;
        LocaleCanonicalizer::new_extended().canonicalize(&mut locale);
        let LanguageIdentifier { language, script, region, .. } = locale.id;
        let by_region = || region.and_then(|_| likely_script(language, region));
        Some(Self { language, script: script.or_else(by_region), likely: likely_script(language, None) })
    }

    fn written(&self) -> String {
        match self.script {
            Some(script) if Some(script) != self.likely => format!("{}-{script}", self.language),
            _ => self.language.to_string(),
        }
    }
}

fn likely_script(language: Language, region: Option<Region>) -> Option<Script> {
    let mut id = LanguageIdentifier { language, region, ..LanguageIdentifier::UNKNOWN };
    LocaleExpander::new_extended().maximize(&mut id);
    id.script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_all_kinds_are_one_language() {
        for (code, given) in [
            ("de", "de DE de-AT de_DE.UTF-8 deu ger deu_Latn German deutsch de-Latn-DE"),
            ("en", "en eng eng_Latn en-GB EN_US English"),
            ("ar", "ar ara arb arb_Arab"),
            ("fa", "fa per fas pes pes_Arab"),
            ("zh", "zh chi zho cmn zh-CN zh_Hans zho_Hans cmn-Hans-CN zh-SG"),
            ("zh-Hant", "zh-Hant zh_TW zho_Hant zh-HK zh-Hant-TW ZH-HANT"),
            ("sr", "sr srp sr-Cyrl srp_Cyrl"),
            ("sr-Latn", "sr-Latn srp_Latn sr-Latn-RS"),
            ("el", "el ell gre ell_Grek"),
            ("th", "th tha tha_Thai"),
            ("sw", "sw swa swh swh_Latn"),
            ("he", "he iw heb"),
            ("yue", "yue yue_Hant"),
            ("ace", "ace ace_Latn"),
            ("ace-Arab", "ace_Arab"),
            ("pt", "pt por pt-BR pt-PT por_Latn"),
            ("xx", "xx"),
            ("und", "und"),
        ] {
            for given in given.split(' ') {
                assert_eq!(super::code(given).as_deref(), Some(code), "{given}");
            }
        }
        for given in ["", "French!", "x", "klingonic", "1", "de;en"] {
            assert_eq!(code(given), None, "{given}");
        }
        // All known languages keep their code, however they are written.
        for language in languages() {
            assert_eq!(Parsed::of(language.code).unwrap().written(), language.code);
        }
    }

    #[test]
    fn words_are_no_codes() {
        for word in ["de", "EN", "deu_Latn", "ger", "zh-Hans", "ace_Arab", "pt-BR"] {
            assert!(is_code(word), "{word}");
        }
        for word in ["the", "and", "xx", "hello", "12", "", "Bees keep honey"] {
            assert!(!is_code(word), "{word}");
        }
    }
}
