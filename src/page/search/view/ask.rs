//! The search box, the question's language, and questions to try.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::page::names;
use crate::page::search::{Asked, Origin, Search};
use crate::page::worker::Worker;
use crate::protocol::Example;
use crate::text::languages;

/// How many examples are shown at a time, each in a language of its own.
const SHOWN: usize = 7;
/// What fits into the two rows kept for them in a wide window, in letters; each has a margin.
const ROOM: usize = 275;
const MARGIN: usize = 5;
/// The order in which languages are shown, so that the first examples are in many scripts.
const ORDER: [&str; 11] = ["en", "hi", "ar", "th", "zh", "el", "ru", "de", "vi", "tr", "es"];

#[component]
pub(super) fn Ask() -> impl IntoView {
    let search = Search::here();
    window_event_listener(ev::keydown, focus_on_slash);
    let language = move || {
        search.language.get().or_else(|| search.results.with(|r| r.as_ref().and_then(|r| r.language.clone())))
    };
    let select_untouched = move |e: web_sys::FocusEvent| {
        if search.kept.with_value(|k| k.origin == Origin::Page) {
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
            <label for="query" class="unseen">"Search passages"</label>
            <input
                id="query"
                type="search"
                dir="auto"
                autocomplete="off"
                spellcheck="false"
                enterkeyhint="search"
                placeholder="Ask anything, in any of these languages"
                title="Press / to come here from anywhere on the page"
                lang=language
                prop:value=move || search.query.get()
                on:input:target=move |e| search.type_query(e.target().value())
                on:focus=select_untouched
            />
            <button type="submit">"Search"</button>
        </form>
        <Below/>
    }
}

/// Which language the question is taken to be in, to correct it.
#[component]
fn QueryLanguage() -> impl IntoView {
    let search = Search::here();
    let automatic = move || {
        search.results.with(|results| match results.as_ref() {
            Some(r) if search.language.with(Option::is_none) => match (&r.language, r.detected) {
                (Some(code), true) => format!("detected: {}", names::english(code)),
                (Some(code), false) => format!("{} (the example’s)", names::english(code)),
                (None, _) => "not recognised".into(),
            },
            _ => "detect it".into(),
        })
    };
    let option = move |code: &'static str, endonym: &'static str, english: &'static str| {
        let name = if endonym == english { english.into() } else { format!("{english} · {endonym}") };
        view! {
            <option value=code prop:selected=move || search.language.with(|l| l.as_deref() == Some(code))>
                {name}
            </option>
        }
    };
    view! {
        <label class="language">
            <span>"Question in"</span>
            <select on:change:target=move |e| {
                search.choose_language(Some(e.target().value()).filter(|code| !code.is_empty()));
            }>
                <option value="" prop:selected=move || search.language.with(Option::is_none)>{automatic}</option>
                {languages().iter().map(|l| option(l.code, l.endonym, l.english)).collect_view()}
            </select>
        </label>
    }
}

/// Why nothing happens yet. The line is kept free for it.
#[component]
fn Waiting() -> impl IntoView {
    let search = Search::here();
    let page = search.page;
    let line = move || {
        if search.asked.get() != Asked::Waiting {
            return None;
        }
        let loading = page.loading.with(Option::is_some);
        Some(if page.model.with(Option::is_some) || page.corpus.with(Option::is_none) {
            view! { "Your question is kept. It is searched as soon as the text is open." }.into_any()
        } else if loading || page.worker.get() == Worker::Starting {
            view! { "Your question is kept. It is searched as soon as the model is ready." }.into_any()
        } else {
            view! {
                "Your question is kept, but it needs the model. "
                <button type="button" class="quiet" on:click=move |_| page.load_model()>"Load model"</button>
            }
            .into_any()
        })
    };
    view! { <p class="waiting" aria-live="polite">{line}</p> }
}

/// What stands below the box; last, questions to click in many scripts.
#[component]
fn Below() -> impl IntoView {
    let search = Search::here();
    let turn = RwSignal::new(0);
    let shown = Memo::new(move |_| {
        search.page.corpus.with(|corpus| corpus.as_ref().map(|c| choose(&c.examples, turn.get(), SHOWN)))
    });
    let button = move |example: Example| {
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
                "Other examples"
            </button>
        </div>
        <ul role="list" class="examples" class:none=none aria-label="Example questions">
            {list}
        </ul>
    }
}

/// `/` goes to the search box from anywhere but another field.
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
    // In another view the box is there, but hidden.
    let query = query.filter(|q| q.offset_parent().is_some());
    if let (false, Some(query)) = (in_field, query) {
        event.prevent_default();
        // A box that cannot take the focus leaves the page as it was.
        let _ = query.focus();
        query.select();
    }
}

/// `shown` examples, each in another language and asking something else; another choice each turn.
fn choose(examples: &[Example], turn: usize, shown: usize) -> Vec<Example> {
    let mut codes: Vec<&str> = Vec::new();
    for example in examples {
        if !codes.contains(&example.language.as_str()) {
            codes.push(&example.language);
        }
    }
    if codes.is_empty() {
        return Vec::new();
    }
    // The first example is searched when the page opens, so its language leads.
    let first = codes[0];
    codes.sort_by_key(|code| {
        let place = ORDER.iter().position(|c| c == code).unwrap_or(ORDER.len());
        (*code != first, place)
    });
    let languages = codes.len();
    let shown = shown.min(languages);
    let mut chosen: Vec<Example> = Vec::with_capacity(shown);
    let mut room = ROOM;
    for slot in (turn * shown)..(turn * shown + shown) {
        let code = codes[slot % languages];
        let mut own: Vec<&Example> = examples.iter().filter(|e| e.language == code).collect();
        // Short ones first: more of them fit into the row. The one searched at the start keeps its place.
        own.sort_by_key(|e| (!std::ptr::eq(*e, &examples[0]), width(&e.text)));
        let begin = slot / languages % own.len().max(1);
        let new = |e: &&&Example| chosen.iter().all(|c| c.answer_id != e.answer_id);
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

/// About how wide a text is: Chinese characters count twice, marks above and below not at all.
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

    fn examples() -> Vec<Example> {
        let mut out = Vec::new();
        for question in 0..20 {
            for language in ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"] {
                out.push(Example {
                    language: language.into(),
                    text: format!("{language} {question}"),
                    answer_id: format!("{question}"),
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
