//! Which passages to search: the scope, relative to the query's language, and a language filter.

use leptos::prelude::*;

use crate::page::catalogue::{fill, search as text};
use crate::page::names;
use crate::page::search::Search;
use crate::page::search::address::scope_name;
use crate::page::words;
use crate::protocol::Scope;

const SCOPES: [(Scope, &str, &str); 3] = [
    (Scope::One, text::ONE, text::ONE_IS),
    (Scope::Another, text::ANOTHER, text::ANOTHER_IS),
    (Scope::All, text::ALL, text::ALL_IS),
];

/// A scope's displayed name.
pub(super) fn scope_words(scope: Scope) -> &'static str {
    SCOPES.iter().find(|(s, ..)| *s == scope).map_or("", |(_, name, _)| name)
}

#[component]
pub(super) fn Controls() -> impl IntoView {
    view! {
        <div class="controls">
            <Scopes/>
            <LanguageFilter/>
        </div>
    }
}

#[component]
fn Scopes() -> impl IntoView {
    let search = Search::here();
    let choice = move |(scope, name, explanation): (Scope, &'static str, &'static str)| {
        let word = scope_name(scope);
        let id = format!("scope-{word}");
        view! {
            <label class="scope">
                <input
                    type="radio"
                    name="scope"
                    value=word
                    aria-label=name
                    aria-describedby=id.clone()
                    prop:checked=move || search.scope.get() == scope
                    on:change=move |_| search.choose_scope(scope)
                />
                <span class="name">{name}</span>
                <span class="why" id=id>{explanation}</span>
            </label>
        }
    };
    view! {
        <fieldset class="scopes">
            <legend>{text::SEARCH_IN}</legend>
            {SCOPES.into_iter().map(choice).collect_view()}
        </fieldset>
    }
}

#[component]
fn LanguageFilter() -> impl IntoView {
    let search = Search::here();
    let languages = Memo::new(move |_| {
        search.page.corpus.with(|c| c.as_ref().map(|c| c.languages.clone()).unwrap_or_default())
    });
    let chip = move |(code, passages): (String, usize)| {
        let checked = {
            let code = code.clone();
            move || search.filter.with(|f| f.contains(&code))
        };
        let toggled = code.clone();
        view! {
            <label
                class="chip"
                prop:style=names::colour(&code)
                title=fill(text::LANGUAGE_COUNT, &[("language", &names::english(&code)), ("passages", &words::plural(passages, text::PASSAGE))])
            >
                <input type="checkbox" prop:checked=checked on:change=move |_| search.toggle_filter(&toggled)/>
                <span lang=code.clone() dir=names::direction(&code)>{names::endonym(&code)}</span>
            </label>
        }
    };
    let none = move || search.filter.with(Vec::is_empty);
    view! {
        <fieldset class="filter">
            <legend>{text::PASSAGE_LANGUAGES}<span>{move || if none() { text::NONE_CHOSEN } else { "" }}</span></legend>
            <div class="chips">
                {move || languages.get().into_iter().map(chip).collect_view()}
                <button type="button" class="quiet" class:gone=none disabled=none on:click=move |_| search.clear_filter()>
                    {text::CLEAR}
                </button>
            </div>
        </fieldset>
    }
}
