//! The page's layout, and gestures that work in all views.

use std::rc::Rc;

use leptos::ev;
use leptos::html::Div;
use leptos::prelude::*;

use super::machine::DevicePanel;
use crate::page::address::QueryString;
use crate::page::catalogue::{fill, shell as text};
use crate::page::files::file_list;
use crate::page::messages::ProblemAction;
use crate::page::parts::ModelDialog;
use crate::page::state::Page;
use crate::page::view::View;
use crate::page::views;

/// The page.
#[component]
pub(in crate::page) fn App() -> impl IntoView {
    let address = QueryString::here();
    let page = Page::new(&address);
    provide_context(page);
    page.show(views::all(page, &address), &address);
    page.start_worker();
    page.fetch_models();
    if let Some(placeholder) = document().get_element_by_id("boot") {
        placeholder.remove();
    }
    window_event_listener(ev::popstate, move |_| page.restore_from_address());
    Effect::new(move |_| document().set_title(&fill(text::TITLE, &[("view", &page.view().title())])));

    let skip = move || {
        let about = page.view().about();
        view! { <a class="skip" href=format!("#{}", about.content)>{about.skip}</a> }
    };
    view! {
        {skip}
        <div class="sheet" class:comparing=move || page.view().is_wide()>
            <header class="head">
                <h1>"interlingua"</h1>
                <p>{text::LINE} <span>{text::IN_BROWSER}</span></p>
                <Views/>
            </header>
            <main>
                <Messages/>
                {page.views().into_iter().map(|view| view! { <ViewContainer view/> }).collect_view()}
            </main>
            <Foot/>
        </div>
        <DevicePanel/>
        <DropZone/>
        <ModelDialog/>
    }
}

/// A view's container. It is built when first displayed, and kept.
#[component]
fn ViewContainer(view: Rc<dyn View>) -> impl IntoView {
    let page = Page::here();
    let about = view.about();
    let place = NodeRef::<Div>::new();
    let unseen = StoredValue::new_local(Some(view));
    let owner = Owner::current();
    Effect::new(move |_| {
        if let (true, Some(place)) = (page.is_shown(about), place.get())
            && let Some(view) = unseen.try_update_value(Option::take).flatten()
        {
            let mount = || untrack(|| view.mount(place.into()));
            // What belongs to this effect is disposed when it runs again; a view has to stay.
            match &owner {
                Some(owner) => owner.with(mount),
                None => mount(),
            }
        }
    });
    view! { <div node_ref=place hidden=move || !page.is_shown(about)></div> }
}

/// The navigation between views. It consists of links, which can be copied and opened in tabs.
#[component]
fn Views() -> impl IntoView {
    let page = Page::here();
    let link = move |view: Rc<dyn View>| {
        let about = view.about();
        let view = StoredValue::new_local(view);
        let follow = move |event: web_sys::MouseEvent| {
            // A click that opens a new tab or window is left to the browser.
            if !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key()) {
                event.prevent_default();
                page.go(about.name);
            }
        };
        view! {
            <a
                href=move || format!("./{}", view.with_value(|view| page.address(&**view)))
                aria-current=move || page.is_shown(about).then_some("page")
                on:click=follow
            >
                {about.label}
            </a>
        }
    };
    view! {
        <nav class="views" aria-label=text::VIEWS>{page.views().into_iter().map(link).collect_view()}</nav>
    }
}

/// Problems and notices, each shown until dismissed.
#[component]
fn Messages() -> impl IntoView {
    let page = Page::here();
    let action = move |action: ProblemAction| {
        let take = move |_| page.perform(action);
        view! { <button type="button" class="quiet" on:click=take>{action.label()}</button> }
    };
    view! {
        <div class="messages">
            <div role="alert">
                {move || page.problem.get().map(|problem| view! {
                    <div class="message problem">
                        <p><strong>{problem.what}</strong> " " {problem.still}</p>
                        <div class="buttons">
                            {problem.action.map(action)}
                            <button type="button" class="quiet" on:click=move |_| page.dismiss()>{text::DISMISS}</button>
                        </div>
                    </div>
                })}
            </div>
            <div aria-live="polite">
                {move || page.notice.get().map(|notice| view! {
                    <div class="message">
                        <p>{notice}</p>
                        <button type="button" class="quiet" on:click=move |_| page.notice.set(None)>{text::DISMISS}</button>
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
            <p>{text::ABOUT}</p>
            <p>{text::LICENCE} <a href="example/index.html">{text::IN_YOUR_PAGE}</a></p>
        </footer>
    }
}

/// Handles files that are dropped anywhere on the page.
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
        // Leaving one element for another inside the page has a related target.
        if e.related_target().is_none() {
            over.set(false);
        }
    });
    window_event_listener(ev::drop, move |e| {
        over.set(false);
        if carries_files(&e) {
            e.prevent_default();
            if page.take_dropped(&e) {
                return;
            }
            page.read_files(e.data_transfer().and_then(|d| d.files()).map(file_list).unwrap_or_default());
        }
    });
    view! {
        <div class="drop" class:over=move || over.get() aria-hidden="true">
            <p>{move || page.view().about().drop}</p>
        </div>
    }
}

fn carries_files(event: &web_sys::DragEvent) -> bool {
    event
        .data_transfer()
        .is_some_and(|data| data.types().iter().any(|kind| kind.as_string().as_deref() == Some("Files")))
}
