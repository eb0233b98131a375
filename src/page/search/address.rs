//! The view's part of the URL: `?q=…&lang=…&scope=…&in=de,el&device=…&precision=…&model=…&with=…`. Defaults are
//! omitted.

use crate::page::address::{QueryString, QueryStringBuilder};
use crate::protocol::Scope;

/// Longer queries are not put into the URL: some browsers refuse very long ones.
const MAX_QUERY_LENGTH: usize = 2000;

/// The view's own part of the URL.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct SearchChoices {
    /// The typed query.
    pub query: Option<String>,
    /// The query's language, if the user corrected it.
    pub language: Option<String>,
    /// Which passages to search.
    pub scope: Scope,
    /// Passage languages to include; empty for all.
    pub filter: Vec<String>,
    /// The folder of the second model.
    pub with: Option<String>,
}

impl SearchChoices {
    /// In place of an invalid word the default is used, and [`QueryString::unknown`] reports it.
    pub fn read(address: &QueryString) -> Self {
        Self {
            query: address.text("q"),
            language: address.text("lang"),
            scope: address.parse_value("scope", scope_named).unwrap_or_default(),
            filter: address.list("in").map(str::to_owned).collect(),
            with: address.text("with"),
        }
    }

    /// `shared` adds device and model in between.
    pub fn write(&self, address: &mut QueryStringBuilder, shared: impl FnOnce(&mut QueryStringBuilder)) {
        address.put_some("q", self.query.as_deref().filter(|q| q.len() <= MAX_QUERY_LENGTH));
        address.put_some("lang", self.language.as_deref());
        address.put_some("scope", (self.scope != Scope::default()).then(|| scope_name(self.scope)));
        address.put_list("in", &self.filter.join(","));
        shared(address);
        address.put_some("with", self.with.as_deref());
    }
}

/// The scope's name in the URL and in form values.
pub(super) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::One => "one",
        Scope::Another => "another",
        Scope::All => "all",
    }
}

fn scope_named(word: &str) -> Option<Scope> {
    [Scope::One, Scope::Another, Scope::All].into_iter().find(|scope| scope_name(*scope) == word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(choices: &SearchChoices) -> String {
        let mut address = QueryStringBuilder::default();
        choices.write(&mut address, |address| address.put("device", "webgpu"));
        address.search()
    }

    proptest! {
        /// A parsed link is equal to the same link written again.
        #[test]
        fn any_address_is_read_and_comes_to_rest(
            pairs in proptest::collection::vec(
                ("q|lang|scope|in|with|x", ".{0,12}|[a-z~@,0-9x%+]{0,12}"),
                0..8,
            ),
        ) {
            let text: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let once = written(&SearchChoices::read(&QueryString::parse(&format!("?{}", text.join("&")))));
            prop_assert_eq!(written(&SearchChoices::read(&QueryString::parse(&once))), once);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let choices = SearchChoices {
            query: Some("แม่น้ำ 100% & +? \"ok\"".into()),
            language: Some("th".into()),
            scope: Scope::Another,
            filter: vec!["de".into(), "el".into()],
            with: Some("model/".into()),
        };
        let search = written(&choices);
        assert!(search.ends_with("&lang=th&scope=another&in=de,el&device=webgpu&with=model/"), "{search}");
        assert_eq!(SearchChoices::read(&QueryString::parse(&search)), choices);
    }

    #[test]
    fn defaults_and_long_queries_leave_no_trace() {
        assert_eq!(written(&SearchChoices::default()), "?device=webgpu");
        assert_eq!(
            SearchChoices::read(&QueryString::parse("?scope=&q=&in=,&lang")),
            SearchChoices::default()
        );
        let long = SearchChoices { query: Some("a".repeat(1_000_000)), ..SearchChoices::default() };
        assert_eq!(written(&long), "?device=webgpu");
    }
}
