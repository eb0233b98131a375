//! The status line at the bottom: model, device and progress; it unfolds to a panel with details.

use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::page::address::{device_name, device_named};
use crate::page::catalogue::{fill, shell as text};
use crate::page::model::CurrentModel;
use crate::page::names;
use crate::page::parts::{ModelLink, Progress};
use crate::page::service_worker::{NewVersion, Threads, offer_words, offline_words, reload};
use crate::page::state::Page;
use crate::page::view::View;
use crate::page::words;
use crate::page::worker::Worker;
use crate::protocol::{DeviceChoice, DeviceReport, PrecisionChoice};

#[component]
pub(super) fn DevicePanel() -> impl IntoView {
    let page = Page::here();
    let begins =
        Signal::derive(
            move || {
                if page.model.with(Option::is_none) { text::BEGINS_WITH_MODEL } else { text::BEGINS }
            },
        );
    let fold = |event: web_sys::KeyboardEvent| {
        let details = event.current_target().and_then(|d| d.dyn_into::<web_sys::HtmlDetailsElement>().ok());
        if let Some(details) = details.filter(|d| event.key() == "Escape" && d.open()) {
            event.prevent_default();
            details.set_open(false);
            if let Ok(Some(summary)) = details.query_selector("summary")
                && let Some(summary) = summary.dyn_ref::<web_sys::HtmlElement>()
            {
                // If the summary cannot take the focus, it stays where it is.
                let _ = summary.focus();
            }
        }
    };
    // Unfolded, it covers the page: keyboard users would not see the focus behind it.
    let leave = |event: web_sys::FocusEvent| {
        let details = event.current_target().and_then(|d| d.dyn_into::<web_sys::HtmlDetailsElement>().ok());
        let to = event.related_target().and_then(|t| t.dyn_into::<web_sys::Node>().ok());
        if let (Some(details), Some(to)) = (details, to)
            && !details.contains(Some(&to))
        {
            details.set_open(false);
        }
    };
    view! {
        <aside class="machine" aria-label=text::MACHINE>
            <Offer/>
            <Progress activity=page.loading cancel=Callback::new(move |()| page.stop_loading())/>
            <Progress activity=page.opening before=begins cancel=Callback::new(move |()| page.stop_opening())/>
            {page.views().into_iter().map(bar).collect_view()}
            <section class="state" role="status" aria-label=text::DEVICE>
                <details on:keydown=fold on:focusout=leave>
                    <summary><Line/></summary>
                    <Details/>
                </details>
                {move || can_load(page).then(|| view! {
                    <button type="button" class="load" on:click=move |_| page.load_model()>{text::LOAD_MODEL}</button>
                })}
            </section>
        </aside>
    }
}

/// A new version of the page, which the user takes or leaves for the next visit.
#[component]
fn Offer() -> impl IntoView {
    let page = Page::here();
    let offer = move |version| {
        view! {
            <p>
                <span>{offer_words(version)}</span>
                <button type="button" class="quiet" on:click=move |_| page.take_new_version()>{text::RELOAD}</button>
                <button type="button" class="quiet" on:click=move |_| page.new_version.set(NewVersion::None)>{text::LATER}</button>
            </p>
        }
    };
    let version = move || page.new_version.get();
    view! {
        <div class="news" aria-live="polite">
            {move || (version() != NewVersion::None).then(|| offer(version()))}
        </div>
    }
}

/// The progress of a view's work.
fn bar(view: Rc<dyn View>) -> impl IntoView {
    let activity = view.tracked_activity().activity;
    let view = StoredValue::new_local(view);
    view! { <Progress activity cancel=Callback::new(move |()| view.with_value(|view| view.stop()))/> }
}

/// No model is loaded or loading.
fn can_load(page: Page) -> bool {
    page.model.with(Option::is_none)
        && page.loading.with(Option::is_none)
        && page.worker.get().is_listening()
        && page.view().lacks_model()
}

/// The one-line summary.
#[component]
fn Line() -> impl IntoView {
    let page = Page::here();
    let words = move || match page.model.get() {
        Some(model) => model_line(&page.name_of(&model.info.url), &model),
        None if page.worker.get() == Worker::Dead => text::WORKER_DEAD.into(),
        None if page.loading.with(Option::is_some) => {
            let examples = page.corpus.with(Option::is_some);
            if examples { text::MODEL_LOADING_EXAMPLES } else { text::MODEL_LOADING }.into()
        }
        None if page.worker.get() == Worker::Starting => match page.worker_bytes.get() {
            0.0 => text::STARTING.into(),
            come => fill(text::PROGRAM_LOADING, &[("bytes", &words::bytes(come))]),
        },
        None => page.view().model_line(),
    };
    view! {
        <span class="line">{words}</span>
        // It changes with each query, which is not worth an announcement.
        <span class="last" aria-live="off">{move || page.view().last_line()}</span>
    }
}

/// `name · 26 MB · 4-bit, fast · CPU (WebAssembly, SIMD) · self-test passed`.
fn model_line(name: &str, model: &CurrentModel) -> String {
    let CurrentModel { info, device } = model;
    format!(
        "{} · {} · {} · {} ({}) · {}",
        name,
        words::bytes(info.bytes as f64),
        words::computes(&info.quantization, &device.precision),
        words::device(&device.kind),
        device.adapter,
        self_test(device),
    )
}

fn passed(device: &DeviceReport) -> bool {
    device.self_test_difference <= device.self_test_tolerance
}

fn self_test(device: &DeviceReport) -> &'static str {
    if passed(device) { text::SELF_TEST_PASSED } else { text::SELF_TEST_FAILED }
}

#[component]
fn Details() -> impl IntoView {
    let page = Page::here();
    let details = move || page.views().iter().find_map(|view| view.details());
    view! {
        <div class="details">
            <DeviceChoices/>
            {move || page.model.get().map(|model| view! { <ModelDetails model/> })}
            <p aria-live="off">{details}</p>
            {move || {
                let threads = page.threads.get();
                let said = match &threads {
                    Threads::Settled => return None,
                    Threads::NextTime => text::ONE_THREAD.to_owned(),
                    Threads::Refused(why) => fill(text::NO_THREADS, &[("why", why.trim_end_matches('.'))]),
                    Threads::Unable => text::THREADS_UNABLE.to_owned(),
                };
                let again = (threads == Threads::NextTime)
                    .then(|| view! { <button type="button" class="quiet" on:click=|_| reload()>{text::RELOAD}</button> });
                Some(view! { <p>{said}{again}</p> })
            }}
            {move || page.offline.with(offline_words).map(|words| view! { <p>{words}</p> })}
            <p class="buttons">
                <button type="button" class="quiet" on:click=move |_| page.load_model()>{text::LOAD_AGAIN}</button>
                <button type="button" class="quiet" on:click=move |_| page.clear_cache()>
                    {text::REMOVE}
                </button>
            </p>
        </div>
    }
}

#[component]
fn DeviceChoices() -> impl IntoView {
    let page = Page::here();
    let offered = move || match page.worker.get() {
        Worker::Listening { webgpu: true } => text::HAS_WEBGPU,
        Worker::Listening { webgpu: false } => text::NO_WEBGPU,
        Worker::Starting => text::LOOKING,
        Worker::Dead => text::WORKER_STOPPED,
    };
    let option = move |device, name| {
        view! {
            <option value=device_name(device) prop:selected=move || page.device.get() == device>{name}</option>
        }
    };
    let precision = move |choice: PrecisionChoice, name| {
        let chosen = move || page.precision.get() == choice;
        view! { <option value=choice.name() prop:selected=chosen>{name}</option> }
    };
    view! {
        <p>
            <label>
                {text::CHOOSE_DEVICE}
                <select on:change:target=move |e| page.choose_device(device_named(&e.target().value()).unwrap_or_default())>
                    {option(DeviceChoice::Auto, text::AUTOMATIC)}
                    {option(DeviceChoice::Cpu, text::CPU)}
                    {option(DeviceChoice::WebGpu, text::GPU)}
                </select>
            </label>
            " " {offered}
            " "
            <label>
                {text::PRECISION}
                <select on:change:target=move |e| page.choose_precision(PrecisionChoice::named(&e.target().value()).unwrap_or_default())>
                    {precision(PrecisionChoice::Fast, text::FAST)}
                    {precision(PrecisionChoice::Exact, text::EXACT)}
                </select>
            </label>
        </p>
    }
}

#[component]
fn ModelDetails(model: CurrentModel) -> impl IntoView {
    let page = Page::here();
    let CurrentModel { info, device } = model;
    let address = info.url.clone();
    let languages: Vec<String> = info.languages.iter().map(|code| names::english(code)).collect();
    let from = if info.from_cache { text::FROM_STORAGE } else { text::FROM_NETWORK };
    let measured: Vec<String> = device
        .measured
        .iter()
        .map(|(kind, t)| format!("{} {}", words::device(kind), words::ms(*t)))
        .collect();
    let mut rows = vec![
        (text::MODEL, page.name_of(&info.url)),
        (text::ADDRESS, info.url),
        (text::MODEL_LICENCE, info.licence),
        (text::LANGUAGES, languages.join(", ")),
        (
            text::SHAPE,
            fill(
                text::SHAPE_IS,
                &[
                    ("layers", &words::count(info.layers)),
                    ("dimensions", &words::count(info.dimension)),
                    ("vocabulary", &words::count(info.vocabulary)),
                    ("parameters", &words::count(usize::try_from(info.parameters).unwrap_or(usize::MAX))),
                ],
            ),
        ),
        (text::WEIGHTS, format!("{}, {}", words::bits(&info.quantization), words::bytes(info.bytes as f64))),
        (text::LOADED, fill(from, &[("ms", &words::ms(info.load_ms))])),
        (text::HASH, fill(text::HASH_IS, &[("hash", &info.hash)])),
        (text::RUNS_ON, format!("{}: {}", words::device(&device.kind), device.adapter)),
        (text::COMPUTES_IN, device.precision.clone()),
        (
            text::SELF_TEST,
            fill(
                if passed(&device) { text::PASSED_BY } else { text::FAILED_BY },
                &[
                    ("difference", &format!("{:.2e}", device.self_test_difference)),
                    ("allowed", &format!("{:.2e}", device.self_test_tolerance)),
                ],
            ),
        ),
    ];
    if !measured.is_empty() {
        rows.push((text::MEASURED, fill(text::MEASURED_IS, &[("times", &measured.join(", "))])));
    }
    let row = |(name, value): (&'static str, String)| view! { <dt>{name}</dt><dd>{value}</dd> };
    let note = |note: String| view! { <li>{note}</li> };
    view! {
        <dl>{rows.into_iter().map(row).collect_view()}</dl>
        {(!device.notes.is_empty()).then(|| view! {
            <ul class="notes">{device.notes.into_iter().map(note).collect_view()}</ul>
        })}
        <p><ModelLink address/></p>
    }
}
