//! Language filters: which passages a search considers.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, text};

/// Passages searched, by their language relative to the query's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Only passages in the query's language (monolingual retrieval).
    One,
    /// Only passages in other languages (cross-lingual retrieval).
    Another,
    /// Passages in all languages (multilingual retrieval).
    #[default]
    All,
}

/// Admits passages by language: by scope, and by an optional list of languages to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    scope: Scope,
    query: Option<String>,
    keep: Vec<String>,
}

impl Filter {
    /// `query` is the query's language, if known; an empty `keep` admits all languages.
    ///
    /// # Errors
    /// [`Error::Input`] when the scope needs the query's language and it is unknown.
    pub fn new(scope: Scope, query: Option<&str>, keep: &[String]) -> Result<Self> {
        if scope != Scope::All && query.is_none() {
            return Err(Error::Input(
                "The query's language was not recognised: say which it is, or search all languages".into(),
            ));
        }
        let code = |given: &str| text::code(given).unwrap_or_else(|| given.into());
        Ok(Self { scope, query: query.map(code), keep: keep.iter().map(|k| code(k)).collect() })
    }

    /// Whether passages in this language are searched.
    pub fn admits(&self, lang: &str) -> bool {
        let same = self.query.as_deref() == Some(lang);
        let in_scope = match self.scope {
            Scope::One => same,
            Scope::Another => !same,
            Scope::All => true,
        };
        in_scope && (self.keep.is_empty() || self.keep.iter().any(|k| k == lang))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_and_languages_both_count() {
        let keep = ["de".to_string(), "en".to_string()];
        let admitted = |scope, keep: &[String]| {
            let filter = Filter::new(scope, Some("de"), keep).unwrap();
            ["de", "en", "zh"].map(|l| filter.admits(l))
        };
        assert_eq!(admitted(Scope::All, &[]), [true, true, true]);
        assert_eq!(admitted(Scope::One, &[]), [true, false, false]);
        assert_eq!(admitted(Scope::Another, &[]), [false, true, true]);
        assert_eq!(admitted(Scope::All, &keep), [true, true, false]);
        assert_eq!(admitted(Scope::Another, &keep), [false, true, false]);
        let filter = Filter::new(Scope::All, Some("deu"), &["zho_Hans".into(), "ger".into()]).unwrap();
        assert_eq!(["de", "zh", "zh-Hant"].map(|l| filter.admits(l)), [true, true, false]);
    }

    #[test]
    fn a_scope_needs_a_language() {
        assert!(Filter::new(Scope::One, None, &[]).is_err());
        assert!(Filter::new(Scope::Another, None, &[]).is_err());
        assert!(Filter::new(Scope::All, None, &[]).unwrap().admits("und"));
    }
}
