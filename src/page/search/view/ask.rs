//! The search box, the query's language, and examples.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::own::OwnText;
use crate::page::catalogue::{fill, search as text};
use crate::page::names;
use crate::page::search::{Origin, QueryStatus, Search};
use crate::page::words;
use crate::page::worker::Worker;
use crate::protocol::ExampleQuestion;
use crate::text::{Language, languages};

/// Number of examples shown at a time, in different languages.
const SHOWN: usize = 7;
/// The width of the two rows reserved for them in a wide window, in letters; each example has a margin.
const WIDTH: usize = 275;
const MARGIN: usize = 5;
/// Languages in order of display, so that the first examples are in many scripts.
const ORDER: [&str; 11] = ["en", "hi", "ar", "th", "zh", "el", "ru", "de", "vi", "tr", "es"];

#[component]
pub(super) fn SearchBox() -> impl IntoView {
    let search = Search::here();
    window_event_listener(ev::keydown, focus_on_slash);
    let language = move || {
        search.language.get().or_else(|| search.results.with(|r| r.as_ref().and_then(|r| r.language.clone())))
    };
    let select_untouched = move |e: web_sys::FocusEvent| {
        if search.hidden.with_value(|h| h.origin == Origin::Page) {
            event_target::<web_sys::HtmlInputElement>(&e).select();
        }
    };
    view! {
        <form
            class="ask"
            role="search"
            on:submit=move |e| {
                e.prevent_default();
                search.submit();
            }
        >
            <label for="query" class="unseen">{text::BOX}</label>
            <input
                id="query"
                type="search"
                dir="auto"
                autocomplete="off"
                spellcheck="false"
                enterkeyhint="search"
                placeholder=text::PLACEHOLDER
                title=text::BOX_HINT
                lang=language
                prop:value=move || search.query.get()
                on:input:target=move |e| search.type_query(e.target().value(), is_composing(&e))
                on:compositionend:target=move |e| search.type_query(e.target().value(), false)
                on:focus=select_untouched
            />
            <button type="submit">{text::SUBMIT}</button>
        </form>
        <CorpusSummary/>
        <Examples/>
    }
}

/// What is searched, and how to search something else.
#[component]
fn CorpusSummary() -> impl IntoView {
    let search = Search::here();
    let page = search.page;
    let open = search.own_is_open;
    let own = move || page.corpus.with(|c| c.as_ref().is_some_and(|c| !c.precomputed));
    let none = move || page.corpus.with(Option::is_none) && page.opening.with(Option::is_none);
    let foreign = move || {
        let languages = page.corpus.with(|c| c.as_ref().map(|c| c.languages.clone()).unwrap_or_default());
        let names: Vec<String> = languages
            .iter()
            .filter(|(code, _)| search.is_foreign(code))
            .map(|(code, _)| names::english(code))
            .collect();
        (!names.is_empty()).then(|| fill(text::NOT_OF_MODEL, &[("languages", &names.join(", "))]))
    };
    view! {
        <div class="collection">
            <p>{move || collection(search)}</p>
            <button
                type="button"
                id="own-button"
                class="quiet"
                aria-expanded=move || open.get().to_string()
                aria-controls="own"
                on:click=move |_| search.show_own(!open.get_untracked())
            >
                {text::OWN_TEXT}
            </button>
            {move || own().then(|| view! {
                <button type="button" class="quiet" on:click=move |_| page.open_sample()>{text::TO_SAMPLE}</button>
            })}
            {move || (none() && page.worker.get().is_listening()).then(|| view! {
                <button type="button" class="quiet" on:click=move |_| page.reopen_corpus()>{text::OPEN_SAMPLE}</button>
            })}
        </div>
        {move || foreign().map(|said| view! { <p class="hint">{said}</p> })}
        <StoredTextNote/>
        <OwnText/>
    }
}

/// What the browser stores of the user's text, and a button to delete it.
#[component]
fn StoredTextNote() -> impl IntoView {
    let page = Search::here().page;
    let is_open = Memo::new(move |_| page.corpus.with(|c| c.as_ref().is_some_and(|c| c.kept)));
    let coming = Memo::new(move |_| page.opening.with(Option::is_some));
    let said = move || {
        let name = page.stored_text_name.get()?;
        let open = is_open.get();
        let said = if open { text::IS_STORED.into() } else { fill(text::OTHER_STORED, &[("name", &name)]) };
        Some(view! {
            <p class="hint kept">
                {said}
                {(!open && !coming.get()).then(|| view! {
                    <button type="button" class="quiet" on:click=move |_| page.open_stored_text()>{text::OPEN_STORED}</button>
                })}
                " "
                <button type="button" class="quiet" on:click=move |_| page.forget_text()>{text::FORGET}</button>
            </p>
        })
    };
    view! { {said} }
}

/// `1,375 sample passages about nature, …, in 11 languages`.
fn collection(search: Search) -> String {
    let page = search.page;
    page.corpus.with(|corpus| match corpus {
        Some(c) => {
            let languages = words::plural(c.languages.len(), text::LANGUAGE);
            let one = if c.precomputed { text::SAMPLE_PASSAGE } else { text::PASSAGE };
            let passages = words::plural(c.passages, one);
            let is = if c.precomputed { text::SAMPLE_IS } else { text::OWN_IS };
            fill(is, &[("name", &c.name), ("passages", &passages), ("languages", &languages)])
        }
        None if page.opening.with(Option::is_some) => text::OPENING_SAMPLE.into(),
        None => text::NOTHING_OPEN.into(),
    })
}

/// The assumed language of the query, which can be corrected.
#[component]
fn QueryLanguage() -> impl IntoView {
    let search = Search::here();
    let automatic = move || {
        search.results.with(|results| match results.as_ref() {
            Some(r) if search.language.with(Option::is_none) => match (&r.language, r.detected) {
                (Some(code), detected) => {
                    let what = if detected { text::DETECTED } else { text::OF_EXAMPLE };
                    fill(what, &[("language", &names::english(code))])
                }
                (None, _) => text::NOT_RECOGNISED.into(),
            },
            _ => text::DETECT.into(),
        })
    };
    let option = move |language: &'static Language| {
        let Language { code, endonym, english, .. } = *language;
        let name = if endonym == english { english.into() } else { format!("{english} · {endonym}") };
        view! {
            <option value=code prop:selected=move || search.language.with(|l| l.as_deref() == Some(code))>
                {name}
            </option>
        }
    };
    view! {
        <label class="language">
            <span>{text::QUESTION_IN}</span>
            <select on:change:target=move |e| {
                search.choose_language(Some(e.target().value()).filter(|code| !code.is_empty()));
            }>
                <option value="" prop:selected=move || search.language.with(Option::is_none)>{automatic}</option>
                {move || {
                    let (foreign, known): (Vec<_>, Vec<_>) =
                        languages().iter().partition(|l| search.is_foreign(l.code));
                    let known = known.into_iter().map(option).collect_view();
                    if foreign.is_empty() {
                        return known.into_any();
                    }
                    view! {
                        <optgroup label=text::KNOWN_LANGUAGES>{known}</optgroup>
                        <optgroup label=text::OTHER_LANGUAGES>{foreign.into_iter().map(option).collect_view()}</optgroup>
                    }
                    .into_any()
                }}
            </select>
        </label>
    }
}

/// Why there are no results yet. Its line is always reserved.
#[component]
fn Waiting() -> impl IntoView {
    let search = Search::here();
    let page = search.page;
    let line = move || {
        if search.status.get() != QueryStatus::Waiting {
            return None;
        }
        let loading = page.loading.with(Option::is_some);
        Some(if page.model.with(Option::is_some) || page.corpus.with(Option::is_none) {
            view! { {text::WAITS_FOR_TEXT} }.into_any()
        } else if loading || page.worker.get() == Worker::Starting {
            view! { {text::WAITS_FOR_MODEL} }.into_any()
        } else {
            view! {
                {text::NEEDS_MODEL}
                <button type="button" class="quiet" on:click=move |_| page.load_model()>{text::LOAD_MODEL}</button>
            }
            .into_any()
        })
    };
    view! { <p class="waiting" aria-live="polite">{line}</p> }
}

/// What is below the box, with examples in many scripts at the end.
#[component]
fn Examples() -> impl IntoView {
    let search = Search::here();
    let turn = RwSignal::new(0);
    let shown = Memo::new(move |_| {
        search.page.corpus.with(|corpus| corpus.as_ref().map(|c| choose(&c.examples, turn.get(), SHOWN)))
    });
    let are_harder = move |turn: usize| {
        search.page.corpus.with(|corpus| {
            let chosen = corpus.as_ref().map(|c| choose(&c.examples, turn, SHOWN)).unwrap_or_default();
            chosen.first().is_some_and(ExampleQuestion::is_harder)
        })
    };
    let harder = Memo::new(move |_| are_harder(turn.get()));
    let harder_next = Memo::new(move |_| are_harder(turn.get() + 1) && !harder.get());
    let button = move |example: ExampleQuestion| {
        let text = example.text.clone();
        let chosen = Memo::new(move |_| search.query.with(|q| *q == text));
        let text = example.text.clone();
        view! {
            <li>
                <button
                    type="button"
                    class="example"
                    lang=example.language.clone()
                    dir=names::direction(&example.language)
                    prop:style=names::colour(&example.language)
                    title=names::english(&example.language)
                    aria-pressed=move || if chosen.get() { "true" } else { "false" }
                    on:click=move |_| search.choose_example(text.clone())
                >
                    {example.text}
                </button>
            </li>
        }
    };
    let list = move || match shown.get() {
        None => (0..SHOWN)
            .map(|_| view! { <li aria-hidden="true"><span class="example empty"></span></li> })
            .collect_view()
            .into_any(),
        Some(examples) => examples.into_iter().map(button).collect_view().into_any(),
    };
    let more = move || search.page.corpus.with(|c| c.as_ref().is_some_and(|c| c.examples.len() > SHOWN));
    let none = move || shown.with(|s| s.as_ref().is_some_and(Vec::is_empty));
    view! {
        <div class="under">
            <QueryLanguage/>
            <Waiting/>
            <button
                type="button"
                class="quiet"
                class:gone=move || !more()
                disabled=move || !more()
                on:click=move |_| turn.update(|t| *t += 1)
            >
                {move || if harder_next.get() { text::HARDER_EXAMPLES } else { text::OTHER_EXAMPLES }}
            </button>
        </div>
        <p class="hint" aria-live="polite">{move || harder.get().then_some(text::HARDER)}</p>
        <ul role="list" class="examples" class:none=none aria-label=text::EXAMPLES>
            {list}
        </ul>
    }
}

/// Whether an input method is still composing a word.
fn is_composing(event: &web_sys::Event) -> bool {
    js_sys::Reflect::get(event, &"isComposing".into()).is_ok_and(|is| is.is_truthy())
}

/// `/` focuses the search box, unless a field has the focus.
fn focus_on_slash(event: web_sys::KeyboardEvent) {
    if event.key() != "/" || event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let in_field = event.target().and_then(|t| t.dyn_into::<web_sys::HtmlElement>().ok()).is_some_and(|e| {
        matches!(e.tag_name().as_str(), "TEXTAREA" | "SELECT")
            || e.is_content_editable()
            || e.dyn_ref::<web_sys::HtmlInputElement>()
                .is_some_and(|input| !matches!(input.type_().as_str(), "radio" | "checkbox" | "file"))
    });
    let query =
        document().get_element_by_id("query").and_then(|e| e.dyn_into::<web_sys::HtmlInputElement>().ok());
    // In another view the box exists, but is hidden.
    let query = query.filter(|q| q.offset_parent().is_some());
    if let (false, Some(query)) = (in_field, query) {
        event.prevent_default();
        // If the box cannot take the focus, nothing changes.
        let _ = query.focus();
        query.select();
    }
}

/// `shown` examples, each in another language and with another question; a different selection each turn. Harder ones
/// come last.
fn choose(examples: &[ExampleQuestion], turn: usize, shown: usize) -> Vec<ExampleQuestion> {
    let (harder, first): (Vec<_>, Vec<_>) = examples.iter().cloned().partition(ExampleQuestion::is_harder);
    let turns = |examples: &[ExampleQuestion]| examples.len().div_ceil(shown.max(1));
    let turn = turn % (turns(&first) + turns(&harder)).max(1);
    match turn.checked_sub(turns(&first)) {
        Some(turn) if !harder.is_empty() => choose_among(&harder, turn, shown),
        _ => choose_among(&first, turn, shown),
    }
}

fn choose_among(examples: &[ExampleQuestion], turn: usize, shown: usize) -> Vec<ExampleQuestion> {
    let mut codes: Vec<&str> = Vec::new();
    for example in examples {
        if !codes.contains(&example.language.as_str()) {
            codes.push(&example.language);
        }
    }
    if codes.is_empty() {
        return Vec::new();
    }
    // The first example is searched when the page opens, so its language comes first.
    let first = codes[0];
    codes.sort_by_key(|code| {
        let place = ORDER.iter().position(|c| c == code).unwrap_or(ORDER.len());
        (*code != first, place)
    });
    let languages = codes.len();
    let shown = shown.min(languages);
    let mut chosen: Vec<ExampleQuestion> = Vec::with_capacity(shown);
    let mut room = WIDTH;
    for slot in (turn * shown)..(turn * shown + shown) {
        let code = codes[slot % languages];
        let mut own: Vec<&ExampleQuestion> = examples.iter().filter(|e| e.language == code).collect();
        // Short ones first, as more of them fit into the row. The one searched at first keeps its place.
        own.sort_by_key(|e| (!std::ptr::eq(*e, &examples[0]), width(&e.text)));
        let begin = slot / languages % own.len().max(1);
        let new = |e: &&&ExampleQuestion| chosen.iter().all(|c| c.answer_id != e.answer_id);
        let next = own.iter().skip(begin).find(new).or_else(|| own.iter().find(new));
        if let Some(next) = next {
            room = room.saturating_sub(width(&next.text) + MARGIN);
            if room == 0 {
                break;
            }
            chosen.push((**next).clone());
        }
    }
    chosen
}

/// Approximate width of a text: Chinese characters count twice, combining marks not at all.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{652}' | '\u{93e}'..='\u{94d}' | '\u{e34}'..='\u{e3a}' => {
                0
            }
            '\u{2e80}'..='\u{ffef}' => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> Vec<ExampleQuestion> {
        let mut out = Vec::new();
        for question in 0..20 {
            for language in ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"] {
                out.push(ExampleQuestion {
                    language: language.into(),
                    text: format!("{language} {question}"),
                    answer_id: format!("{question}"),
                    rank: Some(if question < 19 { 1 } else { 7 }),
                });
            }
        }
        out
    }

    #[test]
    fn each_example_is_in_another_language_and_asks_something_else() {
        let all = examples();
        for turn in 0..9 {
            let chosen = choose(&all, turn, SHOWN);
            assert_eq!(chosen.len(), SHOWN, "short ones fit all");
            for (i, a) in chosen.iter().enumerate() {
                for b in &chosen[i + 1..] {
                    assert_ne!(a.language, b.language);
                    assert_ne!(a.answer_id, b.answer_id);
                }
            }
        }
        assert_ne!(choose(&all, 0, SHOWN), choose(&all, 1, SHOWN));
        // 19 times 11 in sevens, then 11.
        let harder = |turn: usize| choose(&all, turn, SHOWN).iter().filter(|e| e.is_harder()).count();
        assert_eq!((0..30).map(harder).sum::<usize>(), 0);
        assert!([30, 31].map(harder).iter().all(|n| *n > 0));
        assert_eq!(harder(32), 0);
    }

    #[test]
    fn the_first_example_is_among_the_first_shown() {
        let all = examples();
        assert_eq!(choose(&all, 0, SHOWN)[0], all[0]);
        let mut long_first = all.clone();
        long_first[0].text = "a long question that would not be chosen for its length".into();
        assert_eq!(choose(&long_first, 0, SHOWN)[0], long_first[0]);
        assert!(choose(&[], 3, SHOWN).is_empty());
        assert_eq!(choose(&all[..1], 5, SHOWN).len(), 1);
    }
}
