//! Two thin bars: the languages of the first ten hits, above those of all passages that were ranked.
//! Where the two differ much, the ranking prefers a language: one sees it.

use leptos::prelude::*;

use crate::page::names;
use crate::page::state::{Page, TOP};
use crate::page::words;

#[component]
pub(super) fn Mix() -> impl IntoView {
    let page = Page::here();
    let top = Memo::new(move |_| {
        page.results.with(|r| {
            let hits = r.iter().flat_map(|r| r.hits.iter().take(TOP));
            tally(hits.map(|h| (h.language.as_str(), 1)))
        })
    });
    let pool = Memo::new(move |_| {
        page.results.with(|r| {
            let pool = r.iter().flat_map(|r| r.pool.iter());
            tally(pool.map(|(code, n)| (code.as_str(), *n)))
        })
    });
    view! {
        <div class="mix" class:empty=move || pool.with(Vec::is_empty)>
            <Bar name="top 10" parts=top/>
            <Bar name="all ranked" parts=pool/>
        </div>
    }
}

#[component]
fn Bar(name: &'static str, parts: Memo<Vec<(String, usize)>>) -> impl IntoView {
    view! {
        <span class="name" aria-hidden="true">{name}</span>
        <div class="bar" role="img" aria-label=move || in_words(name, &parts.get())>
            {move || parts.get().iter().map(|(code, n)| segment(code, *n as f64, &words::count(*n))).collect_view()}
        </div>
    }
}

/// A language's part of a bar, as wide as `weight` says, with its size in words.
pub(super) fn segment(code: &str, weight: f64, size: &str) -> impl IntoView + use<> {
    let style = format!("{};flex-grow:{weight}", names::colour(code));
    let title = format!("{} ({}): {size}", names::endonym(code), names::english(code));
    view! {
        <span class="segment" style=style title=title>
            {code.to_owned()}
        </span>
    }
}

/// Sums by language, in the order of the codes so that both bars have the same one.
fn tally<'a>(parts: impl Iterator<Item = (&'a str, usize)>) -> Vec<(String, usize)> {
    let mut sums = std::collections::BTreeMap::<&str, usize>::new();
    for (code, n) in parts {
        *sums.entry(code).or_default() += n;
    }
    sums.into_iter().filter(|(_, n)| *n > 0).map(|(code, n)| (code.to_owned(), n)).collect()
}

/// The bar for those who do not see it, most first.
fn in_words(name: &str, parts: &[(String, usize)]) -> String {
    if parts.is_empty() {
        return format!("Languages, {name}: none yet");
    }
    let mut parts = parts.to_vec();
    parts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let words: Vec<String> =
        parts.iter().map(|(code, n)| format!("{} {}", names::english(code), words::count(*n))).collect();
    format!("Languages, {name}: {}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_tallied_by_code_and_told_by_size() {
        let parts = tally([("th", 1), ("de", 1), ("th", 1), ("el", 0)].into_iter());
        assert_eq!(parts, [("de".to_owned(), 1), ("th".to_owned(), 2)]);
        assert_eq!(in_words("top 10", &parts), "Languages, top 10: Thai 2, German 1");
        assert_eq!(in_words("top 10", &[]), "Languages, top 10: none yet");
    }
}
