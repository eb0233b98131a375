//! The first example's results, which come with the page: over a slow connection the worker, which would compute the
//! same, takes much longer.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use super::{Origin, Search};
use crate::page::corpus::{StoredTextState, sort_examples, stored_text};
use crate::protocol::{FirstScreen, Scope};

/// Next to the page; written by `interlingua sample`.
const FIRST: &str = "./sample/first.json";

impl Search {
    /// Shows the first example's results, if nothing else is asked for, until the worker has them. Should the file not
    /// come, the worker is waited for as it is for any other question.
    pub(super) fn show_first(self) {
        if !self.awaits_first() {
            return;
        }
        leptos::task::spawn_local(async move {
            let Some(FirstScreen { mut corpus, results }) = fetch().await else { return };
            if !self.awaits_first() {
                return;
            }
            sort_examples(&mut corpus.examples);
            let Some(question) = corpus.examples.first().map(|example| example.text.clone()) else { return };
            let Some(results) = results.into_iter().find(|results| results.query == question) else { return };
            self.page.corpus.set(Some(corpus));
            self.query.set(question);
            self.results.set(Some(results));
        });
    }

    /// Whether the first example is what the visitor will see, and nothing is shown yet.
    fn awaits_first(self) -> bool {
        let is_untouched = self.hidden.with_value(|h| h.origin == Origin::Page)
            && self.query.with_untracked(String::is_empty)
            && self.language.with_untracked(Option::is_none)
            && self.scope.get_untracked() == Scope::default()
            && self.filter.with_untracked(Vec::is_empty);
        is_untouched
            && self.results.with_untracked(Option::is_none)
            && self.page.corpus.with_untracked(Option::is_none)
            && !matches!(stored_text(), Some((StoredTextState::Open, _)))
    }
}

async fn fetch() -> Option<FirstScreen> {
    let response = JsFuture::from(window().fetch_with_str(FIRST)).await.ok()?;
    let response: Response = response.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    // As the worker's messages are read: a second reader would make the page larger.
    serde_wasm_bindgen::from_value(JsFuture::from(response.json().ok()?).await.ok()?).ok()
}
