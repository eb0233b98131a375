//! Languages and their colours, including unknown ones.

use leptos::prelude::window;

use super::catalogue;
use crate::datasets::UNDETERMINED;
use crate::text::{Direction, language};

/// A language's name in itself; its code if unknown.
pub(super) fn endonym(code: &str) -> String {
    language(code).map_or_else(|| unnamed(code), |l| l.endonym.to_owned())
}

/// A language's name in English; its code if unknown.
pub(super) fn english(code: &str) -> String {
    language(code).map_or_else(|| unnamed(code), |l| l.english.to_owned())
}

fn unnamed(code: &str) -> String {
    if code == UNDETERMINED { catalogue::language::UNKNOWN } else { code }.to_owned()
}

/// The first of the browser's preferred languages that `offers` admits, otherwise English.
pub(super) fn of_reader(offers: impl Fn(&str) -> bool) -> Option<String> {
    let browser = window().navigator().languages();
    let asked = browser.iter().filter_map(|tag| tag.as_string()).map(|tag| primary(&tag));
    asked.chain(["en".into()]).find(|code| offers(code))
}

/// `de-AT` → `de`.
fn primary(tag: &str) -> String {
    tag.split(['-', '_']).next().unwrap_or_default().to_lowercase()
}

/// `ltr` or `rtl`; `auto` where the language is unknown.
pub(super) fn direction(code: &str) -> &'static str {
    language(code).map_or("auto", |l| Direction::as_str(l.direction))
}

/// The languages with a colour of their own in the style sheet; the others share a grey.
const COLOURED: [&str; 11] = ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"];

/// The style that gives an element the language's colours. Like every computed style it is set by `prop:style`, as the
/// content security policy forbids the attribute.
pub(super) fn colour(code: &str) -> String {
    let name = if COLOURED.contains(&code) { code } else { "other" };
    format!("--language:var(--c-{name});--on-language:var(--t-{name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_languages_keep_their_code_and_a_colour() {
        assert_eq!(endonym("th"), "ไทย");
        assert_eq!(english("th"), "Thai");
        assert_eq!(direction("ar"), "rtl");
        assert_eq!(endonym("xx"), "xx");
        assert_eq!([endonym("und"), english("und")], ["unknown language", "unknown language"]);
        assert_eq!([primary("de-AT"), primary("zh_Hant_TW"), primary("EN")], ["de", "zh", "en"]);
        assert_eq!(direction("xx"), "auto");
        assert!(colour("xx").contains("--c-other"));
        assert!(colour("th").contains("--c-th"));
    }
}
