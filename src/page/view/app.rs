//! The whole page: what is where, and the keys and gestures that work everywhere.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use super::ask::Ask;
use super::benchmark::Benchmark;
use super::columns::Columns;
use super::controls::{Controls, scope_words};
use super::corpus::Corpus;
use super::evaluate::Evaluate;
use super::machine::Machine;
use super::models::Models;
use crate::page::actions::here;
use crate::page::evaluate::View;
use crate::page::state::{Page, WayOut};

/// The page.
#[component]
pub(in crate::page) fn App() -> impl IntoView {
    let page = Page::new(here());
    provide_context(page);
    page.start_worker();
    page.fetch_models();
    if let Some(placeholder) = document().get_element_by_id("boot") {
        placeholder.remove();
    }
    window_event_listener(ev::popstate, move |_| page.read_address());
    window_event_listener(ev::keydown, focus_on_slash);
    Effect::new(move |_| {
        let query = page.query.with(|q| q.chars().take(60).collect::<String>());
        let of = match page.view.get() {
            View::Search => &query,
            View::Evaluate => "Evaluate",
            View::Benchmark => "Benchmark",
        };
        document().set_title(&format!("{of} · interlingua"));
    });

    let in_view = move |view| page.view.get() == view;
    let search = move || in_view(View::Search);
    // Built when they are first seen, and kept from then on, as the search is.
    let seen = move |view| Memo::new(move |before| before == Some(&true) || in_view(view));
    let (evaluated, timed) = (seen(View::Evaluate), seen(View::Benchmark));
    view! {
        {move || match page.view.get() {
            View::Search => view! { <a class="skip" href="#results">"Skip to the results"</a> },
            View::Evaluate => view! { <a class="skip" href="#report">"Skip to the report"</a> },
            View::Benchmark => view! { <a class="skip" href="#benchmark">"Skip to the times"</a> },
        }}
        <div class="sheet" class:comparing=move || search() && page.beside.address.with(Option::is_some)>
            <header class="head">
                <h1>"interlingua"</h1>
                <p>"Ask in one language, find in all. " <span>"The search runs in your browser."</span></p>
                <Views/>
            </header>
            <main>
                <Messages/>
                <div hidden=move || !search()>
                    <Ask/>
                    <div class="columns">
                        <Side/>
                        <section class="found" id="results" tabindex="-1" aria-labelledby="found">
                            <Columns/>
                        </section>
                    </div>
                </div>
                <div hidden=move || !in_view(View::Evaluate)>
                    {move || evaluated.get().then(|| view! { <Evaluate/> })}
                </div>
                <div hidden=move || !in_view(View::Benchmark)>
                    {move || timed.get().then(|| view! { <Benchmark/> })}
                </div>
            </main>
            <Foot/>
        </div>
        <Machine/>
        <DropZone/>
    }
}

/// The way from one view to another. They are links: they can be copied and opened beside.
#[component]
fn Views() -> impl IntoView {
    let page = Page::here();
    let link = move |view: View, name: &'static str| {
        let follow = move |event: web_sys::MouseEvent| {
            // A click that asks for a new tab or window is the browser's.
            if !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key()) {
                event.prevent_default();
                page.go(view);
            }
        };
        view! {
            <a
                href=move || format!("./{}", page.address(view).search())
                aria-current=move || (page.view.get() == view).then_some("page")
                on:click=follow
            >
                {name}
            </a>
        }
    };
    view! {
        <nav class="views" aria-label="Views">
            {link(View::Search, "Search")}
            {link(View::Evaluate, "Evaluate")}
            {link(View::Benchmark, "Benchmark")}
        </nav>
    }
}

/// What chooses: beside the results in a wide window, folded above them in a narrow one.
#[component]
fn Side() -> impl IntoView {
    let page = Page::here();
    let is_wide = || {
        let query = window().match_media("(min-width: 1040px)").ok().flatten();
        query.is_none_or(|q| q.matches())
    };
    let wide = RwSignal::new(is_wide());
    window_event_listener(ev::resize, move |_| {
        if wide.get_untracked() != is_wide() {
            wide.set(is_wide());
        }
    });
    let words = move || {
        let filter = page.filter.with(Vec::len);
        let scope = scope_words(page.scope.get());
        if filter == 0 { scope.to_owned() } else { format!("{scope}, {filter} chosen") }
    };
    view! {
        <details class="side" prop:open=move || wide.get()>
            <summary>"Languages, models and text: " {words}</summary>
            <div class="fold">
                <Models/>
                <Controls/>
                <Corpus/>
            </div>
        </details>
    }
}

/// Problems and notices, each until it is dismissed.
#[component]
fn Messages() -> impl IntoView {
    let page = Page::here();
    let way_out = move |way_out| {
        let words = match way_out {
            WayOut::LoadModel => "Try again",
            WayOut::FetchModel => "Load it from there",
            WayOut::OpenText => "Open it again",
            WayOut::StartWorker => "Start again",
            WayOut::Measure => "Measure again",
        };
        let take = move |_| match way_out {
            WayOut::LoadModel => page.load_model(),
            WayOut::FetchModel => page.fetch_model(),
            WayOut::OpenText => page.open_again(),
            WayOut::StartWorker => page.start_again(),
            WayOut::Measure => page.measure(),
        };
        view! { <button type="button" class="quiet" on:click=take>{words}</button> }
    };
    view! {
        <div class="messages">
            <div role="alert">
                {move || page.problem.get().map(|problem| view! {
                    <div class="message problem">
                        <p><strong>{problem.what}</strong> " " {problem.still}</p>
                        <div class="buttons">
                            {problem.way_out.map(way_out)}
                            <button type="button" class="quiet" on:click=move |_| page.dismiss()>"Dismiss"</button>
                        </div>
                    </div>
                })}
            </div>
            <div aria-live="polite">
                {move || page.notice.get().map(|notice| view! {
                    <div class="message">
                        <p>{notice}</p>
                        <button type="button" class="quiet" on:click=move |_| page.notice.set(None)>"Dismiss"</button>
                    </div>
                })}
            </div>
        </div>
    }
}

#[component]
fn Foot() -> impl IntoView {
    view! {
        <footer class="foot">
            <p>
                "interlingua is a multilingual text encoder written in Rust. It was trained so that a question "
                "lies near its answer in whatever language the answer is, and it computes on your device: on the "
                "GPU through WebGPU, or on the CPU. No text leaves this page."
            </p>
            <p>
                "Licence: MIT or Apache-2.0; the sample passages are in the public domain. How the figures are "
                "made is written in the project’s README. "
                <a href="example/index.html">"The encoder in a page of your own"</a>
            </p>
        </footer>
    }
}

/// Takes files that are dropped anywhere on the page.
#[component]
fn DropZone() -> impl IntoView {
    let page = Page::here();
    let over = RwSignal::new(false);
    window_event_listener(ev::dragover, move |e| {
        if carries_files(&e) {
            e.prevent_default();
            over.set(true);
        }
    });
    window_event_listener(ev::dragleave, move |e| {
        // Leaving an element for another inside the page has a related target.
        if e.related_target().is_none() {
            over.set(false);
        }
    });
    window_event_listener(ev::drop, move |e| {
        over.set(false);
        if carries_files(&e) {
            e.prevent_default();
            page.read_files(e.data_transfer().and_then(|d| d.files()).map(files).unwrap_or_default());
        }
    });
    view! {
        <div class="drop" class:over=move || over.get() aria-hidden="true">
            <p>
                {move || match page.view.get() {
                    View::Search | View::Benchmark => "Drop to search in these files. They stay on this device.",
                    View::Evaluate => "Drop to measure on these files. They stay on this device.",
                }}
            </p>
        </div>
    }
}

/// The files of a list.
pub(super) fn files(list: web_sys::FileList) -> Vec<web_sys::File> {
    (0..list.length()).filter_map(|i| list.get(i)).collect()
}

fn carries_files(event: &web_sys::DragEvent) -> bool {
    event
        .data_transfer()
        .is_some_and(|data| data.types().iter().any(|kind| kind.as_string().as_deref() == Some("Files")))
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
