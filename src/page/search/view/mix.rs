//! Two thin bars: the languages of the first ten hits, above those of all ranked passages. A large difference shows a
//! language bias.

use leptos::prelude::*;

use crate::page::catalogue::{fill, search as text};
use crate::page::names;
use crate::page::parts::segment;
use crate::page::search::TOP;
use crate::page::words;
use crate::protocol::Results;

#[component]
pub(super) fn Mix(results: RwSignal<Option<Results>>) -> impl IntoView {
    let top = Memo::new(move |_| {
        results.with(|r| {
            let hits = r.iter().flat_map(|r| r.hits.iter().take(TOP));
            tally(hits.map(|h| (h.language.as_str(), 1)))
        })
    });
    let pool = Memo::new(move |_| {
        results.with(|r| {
            let pool = r.iter().flat_map(|r| r.pool.iter());
            tally(pool.map(|(code, n)| (code.as_str(), *n)))
        })
    });
    view! {
        <div class="mix" class:empty=move || pool.with(Vec::is_empty)>
            <Bar name=text::TOP parts=top/>
            <Bar name=text::POOL parts=pool/>
            <p class="evenness">
                {move || results.with(|r| {
                    let language = r.as_ref().and_then(|r| r.language.clone());
                    evenness(language.as_deref(), &top.get(), &pool.get())
                })}
            </p>
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

/// Sums by language, ordered by code so that both bars have the same order.
fn tally<'a>(parts: impl Iterator<Item = (&'a str, usize)>) -> Vec<(String, usize)> {
    let mut sums = std::collections::BTreeMap::<&str, usize>::new();
    for (code, n) in parts {
        *sums.entry(code).or_default() += n;
    }
    sums.into_iter().filter(|(_, n)| *n > 0).map(|(code, n)| (code.to_owned(), n)).collect()
}

/// The preference of the first hits for a language: the query's own or, if that is not ranked, the most frequent one;
/// compared with the expectation for an unbiased ranking.
fn evenness(asked: Option<&str>, top: &[(String, usize)], pool: &[(String, usize)]) -> String {
    let sum = |parts: &[(String, usize)]| parts.iter().map(|(_, n)| n).sum::<usize>();
    let of = |code: &str, parts: &[(String, usize)]| parts.iter().find(|(c, _)| c == code).map_or(0, |p| p.1);
    let (shown, all) = (sum(top), sum(pool));
    let most = || top.iter().rev().max_by_key(|(_, n)| *n).map(|(code, _)| code.as_str());
    let own = asked.filter(|code| of(code, pool) > 0);
    let Some(code) = own.or_else(most) else { return String::new() };
    let name = names::english(code);
    if pool.len() == 1 {
        return fill(text::ONE_LANGUAGE, &[("language", &name)]);
    }
    let whose = if own.is_some() { text::OWN } else { text::MOST };
    let chance = shown as f64 * of(code, pool) as f64 / all.max(1) as f64;
    fill(
        text::EVENNESS,
        &[
            ("language", &name),
            ("whose", whose),
            ("n", &words::count(of(code, top))),
            ("shown", &words::count(shown)),
            ("chance", &words::decimal(chance, 1)),
            ("here", &words::count(top.len())),
            ("all", &words::count(pool.len())),
        ],
    )
}

/// The bar as text for screen readers, in descending order.
fn in_words(name: &str, parts: &[(String, usize)]) -> String {
    if parts.is_empty() {
        return fill(text::BARS_NONE, &[("name", name)]);
    }
    let mut parts = parts.to_vec();
    parts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    let words: Vec<String> =
        parts.iter().map(|(code, n)| format!("{} {}", names::english(code), words::count(*n))).collect();
    fill(text::BARS, &[("name", name), ("parts", &words.join(", "))])
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

    #[test]
    fn evenness_is_told_against_chance() {
        let parts = |parts: &[(&str, usize)]| -> Vec<(String, usize)> {
            parts.iter().map(|(code, n)| ((*code).to_owned(), *n)).collect()
        };
        let (top, pool) =
            (parts(&[("de", 7), ("th", 3)]), parts(&[("de", 125), ("el", 125), ("th", 125), ("zh", 125)]));
        let own = "Thai, the question’s language: 3 of 10, 2.5 expected by chance · 2 of 4 languages";
        assert_eq!(evenness(Some("th"), &top, &pool), own);
        let none = "Greek, the question’s language: 0 of 10, 2.5 expected by chance · 2 of 4 languages";
        assert_eq!(evenness(Some("el"), &top, &pool), none);
        let most = "German, the most frequent: 7 of 10, 2.5 expected by chance · 2 of 4 languages";
        assert_eq!(evenness(Some("en"), &top, &pool), most);
        assert_eq!(evenness(None, &top, &pool), most);
        assert_eq!(evenness(None, &top[..1], &pool[..1]), "All that is ranked is in German.");
        assert_eq!(evenness(Some("en"), &[], &[]), "");
    }
}
