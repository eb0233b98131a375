//! Licence and languages of a model card.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The metadata of a model card that is used here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardMetadata {
    /// As in the card: usually an SPDX identifier in lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Codes of languages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
}

impl CardMetadata {
    /// From a card's front matter, as a hub parsed it.
    pub fn of(head: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::trim).filter(|s| !s.is_empty()).map(String::from);
        // `other` has its name beside it.
        let named = text(&head["license_name"]);
        let licence = match text(&head["license"]) {
            Some(licence) if licence == "other" => named.or(Some(licence)),
            licence => licence.or(named),
        };
        let languages = match &head["language"] {
            Value::Array(list) => list.iter().filter_map(text).collect(),
            one => text(one).into_iter().collect(),
        };
        Self { licence, languages }
    }

    /// Reads the front matter of a `README.md`, between two lines of `---`.
    ///
    /// Understands the few forms in which cards write these fields: a scalar, a block list, a list in brackets. Unlike
    /// in YAML, `no` is Norwegian and not false.
    pub fn parse(readme: &str) -> Self {
        let mut lines = readme.trim_start_matches('\u{feff}').lines();
        if lines.next().map(str::trim_end) != Some("---") {
            return Self::default();
        }
        let mut head = serde_json::Map::new();
        let mut list: Option<&str> = None;
        for line in lines.take_while(|line| !["---", "..."].contains(&line.trim_end())) {
            let entry =
                line.trim_start().strip_prefix('-').filter(|rest| rest.is_empty() || rest.starts_with(' '));
            if let (Some(name), Some(entry)) = (list, entry) {
                let value = head.entry(name).or_insert_with(|| Value::Array(Vec::new()));
                if let (Value::Array(values), Some(entry)) = (value, plain(entry)) {
                    values.push(entry.into());
                }
                continue;
            }
            if line.starts_with([' ', '\t', '#']) || line.trim().is_empty() {
                continue;
            }
            list = None;
            let Some((name, value)) = line.split_once(':') else { continue };
            let Some(name) =
                ["license", "license_name", "language"].into_iter().find(|known| *known == name.trim())
            else {
                continue;
            };
            let value = value.split(" #").next().unwrap_or_default().trim();
            match value.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
                Some(inner) => {
                    let values = inner.split(',').filter_map(plain).map(Value::from).collect();
                    head.insert(name.into(), Value::Array(values));
                }
                None => match plain(value) {
                    Some(value) => drop(head.insert(name.into(), value.into())),
                    None => list = Some(name),
                },
            }
        }
        Self::of(&Value::Object(head))
    }
}

/// A value without its quotes; `None` for an empty one.
fn plain(value: &str) -> Option<String> {
    let value = value.split(" #").next().unwrap_or_default().trim();
    let quoted = ['"', '\''].iter().find_map(|&q| value.strip_prefix(q)?.strip_suffix(q));
    Some(quoted.unwrap_or(value).to_string()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(readme: &str) -> (Option<String>, Vec<String>) {
        let CardMetadata { licence, languages } = CardMetadata::parse(readme);
        (licence, languages)
    }

    #[test]
    fn cards_say_it_in_many_ways() {
        let list = |codes: &[&str]| codes.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mit = || Some("mit".to_string());
        assert_eq!(
            card(
                "---\ntags:\n- mteb\nlanguage:\n- multilingual\n- 'no'\n- no # Norwegian\nlicense: mit\nmodel-index:\n- name: x\n  language: yy\n---\n# Title\nlicense: other\n"
            ),
            (mit(), list(&["multilingual", "no", "no"]))
        );
        assert_eq!(card("---\nlanguage: [en, \"de\"]\nlicense: \"mit\"\n---"), (mit(), list(&["en", "de"])));
        assert_eq!(card("---\r\nlanguage: en\r\nlicense: mit\r\n---\r\n"), (mit(), list(&["en"])));
        assert_eq!(
            card("---\nlanguage:\n  - en\n  - th\nlicense: other\nlicense_name: gemma\n---"),
            (Some("gemma".into()), list(&["en", "th"]))
        );
        assert_eq!(card("# No head\nlicense: mit\n"), (None, list(&[])));
        assert_eq!(card(""), (None, list(&[])));
        assert_eq!(card("---\nlicense:\n---\nlicense: mit"), (None, list(&[])));
    }
}
