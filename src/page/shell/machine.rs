//! The state of the machine: one line that opens to everything known, and what is under way.

use std::rc::Rc;

use leptos::either::Either;
use leptos::prelude::*;

use crate::page::address::{device_name, device_named};
use crate::page::isolation::Threads;
use crate::page::model::Model;
use crate::page::names;
use crate::page::parts::Progress;
use crate::page::state::Page;
use crate::page::view::View;
use crate::page::words;
use crate::page::worker::Worker;
use crate::protocol::{DeviceChoice, DeviceReport, PrecisionChoice};

#[component]
pub(super) fn Machine() -> impl IntoView {
    let page = Page::here();
    let begins = Signal::derive(move || {
        if page.model.with(Option::is_none) { "begins when the model is ready" } else { "begins" }
    });
    view! {
        <div class="machine">
            <Progress activity=page.loading cancel=Callback::new(move |()| page.stop_loading())/>
            <Progress activity=page.opening before=begins cancel=Callback::new(move |()| page.stop_opening())/>
            {page.views().into_iter().map(bar).collect_view()}
            <section class="state" role="status" aria-label="Device">
                <details>
                    <summary><Line/></summary>
                    <Details/>
                </details>
                {move || can_load(page).then(|| view! {
                    <button type="button" class="load" on:click=move |_| page.load_model()>"Load model"</button>
                })}
            </section>
        </div>
    }
}

/// How far a view's work is.
fn bar(view: Rc<dyn View>) -> impl IntoView {
    let activity = view.work().activity;
    let view = StoredValue::new_local(view);
    view! { <Progress activity cancel=Callback::new(move |()| view.with_value(|view| view.stop()))/> }
}

/// Nothing is there and nothing comes.
fn can_load(page: Page) -> bool {
    page.model.with(Option::is_none)
        && page.loading.with(Option::is_none)
        && page.worker.get().is_listening()
        && page.view().lacks_model()
}

/// Everything in one line.
#[component]
fn Line() -> impl IntoView {
    let page = Page::here();
    let words = move || match page.model.get() {
        Some(model) => model_line(&model),
        None if page.worker.get() == Worker::Dead => "Nothing computes: the worker does not run".into(),
        None if page.loading.with(Option::is_some) => {
            let examples =
                if page.corpus.with(Option::is_some) { "; the examples can be searched" } else { "" };
            format!("The model is on its way{examples}")
        }
        None if page.worker.get() == Worker::Starting => "Starting".into(),
        None => page.view().model_line(),
    };
    view! {
        <span class="line">{words}</span>
        // It changes with each query: not worth an announcement each time.
        <span class="last" aria-live="off">{move || page.view().last_line()}</span>
    }
}

/// `name · 26 MB · q8, computes in f32 · CPU (WebAssembly, SIMD) · self-test passed`.
fn model_line(model: &Model) -> String {
    let Model { info, device } = model;
    format!(
        "{} · {} · {}, computes in {} · {} ({}) · {}",
        info.name,
        words::bytes(info.bytes as f64),
        info.quantization,
        device.precision,
        words::device(&device.kind),
        device.adapter,
        self_test(device),
    )
}

fn self_test(device: &DeviceReport) -> &'static str {
    if device.self_test_difference <= device.self_test_tolerance {
        "self-test passed"
    } else {
        "self-test failed"
    }
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
            {move || match page.threads.get() {
                Threads::Settled => None,
                Threads::NextTime => Some(Either::Left(view! {
                    <p>
                        "One thread computes on the CPU. Opened again, this page can use more. "
                        <button type="button" class="quiet" on:click=|_| reload()>"Reload the page"</button>
                    </p>
                })),
                Threads::Refused(why) => Some(Either::Right(view! {
                    <p>
                        "One thread computes on the CPU. For more, the browser has to start a service worker, and did not: "
                        {why.trim_end_matches('.').to_owned()} "."
                    </p>
                })),
            }}
            <p class="buttons">
                <button type="button" class="quiet" on:click=move |_| page.load_model()>"Load the model again"</button>
                <button type="button" class="quiet" on:click=move |_| page.clear_cache()>
                    "Remove from this browser’s storage"
                </button>
            </p>
        </div>
    }
}

fn reload() {
    // Refused only while the browser is leaving the page anyway.
    let _ = window().location().reload();
}

#[component]
fn DeviceChoices() -> impl IntoView {
    let page = Page::here();
    let offered = move || match page.worker.get() {
        Worker::Listening { webgpu: true } => "This browser offers WebGPU.",
        Worker::Listening { webgpu: false } => "This browser offers no WebGPU here, so the CPU computes.",
        Worker::Starting => "Looking at what there is.",
        Worker::Dead => "The worker does not run.",
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
                "Device "
                <select on:change:target=move |e| page.choose_device(device_named(&e.target().value()).unwrap_or_default())>
                    {option(DeviceChoice::Auto, "automatic: measure, keep the faster")}
                    {option(DeviceChoice::Cpu, "CPU")}
                    {option(DeviceChoice::WebGpu, "GPU (WebGPU)")}
                </select>
            </label>
            " " {offered}
            " "
            <label>
                "Precision on the CPU "
                <select on:change:target=move |e| page.choose_precision(PrecisionChoice::named(&e.target().value()).unwrap_or_default())>
                    {precision(PrecisionChoice::Fast, "fast: integers, for packed weights")}
                    {precision(PrecisionChoice::Exact, "exact: f32, the same vectors on every device")}
                </select>
            </label>
        </p>
    }
}

#[component]
fn ModelDetails(model: Model) -> impl IntoView {
    let Model { info, device } = model;
    let languages: Vec<String> = info.languages.iter().map(|code| names::english(code)).collect();
    let from = if info.from_cache { "this browser’s storage, checked by hash" } else { "the network" };
    let measured: Vec<String> = device
        .measured
        .iter()
        .map(|(kind, t)| format!("{} {}", words::device(kind), words::ms(*t)))
        .collect();
    let mut rows = vec![
        ("Model", info.name),
        ("Address", info.url),
        ("Licence", info.licence),
        ("Languages", languages.join(", ")),
        (
            "Shape",
            format!(
                "{} layers, {} dimensions, a vocabulary of {}, {} parameters",
                info.layers,
                info.dimension,
                words::count(info.vocabulary),
                words::count(usize::try_from(info.parameters).unwrap_or(usize::MAX)),
            ),
        ),
        ("Weights", format!("{}, {}", info.quantization, words::bytes(info.bytes as f64))),
        ("Loaded", format!("from {from}, in {}", words::ms(info.load_ms))),
        ("Hash", format!("SHA-256 of the manifest: {}", info.hash)),
        ("Runs on", format!("{}: {}", words::device(&device.kind), device.adapter)),
        ("Computes in", device.precision.clone()),
        (
            "Self-test",
            format!(
                "{}: the largest difference from the reference vectors is {:.2e}, allowed is {:.2e}",
                self_test(&device).trim_start_matches("self-test "),
                device.self_test_difference,
                device.self_test_tolerance
            ),
        ),
    ];
    if !measured.is_empty() {
        rows.push(("Measured", format!("{} for a short query", measured.join(", "))));
    }
    let row = |(name, value): (&'static str, String)| view! { <dt>{name}</dt><dd>{value}</dd> };
    let note = |note: String| view! { <li>{note}</li> };
    view! {
        <dl>{rows.into_iter().map(row).collect_view()}</dl>
        {(!device.notes.is_empty()).then(|| view! {
            <ul class="notes">{device.notes.into_iter().map(note).collect_view()}</ul>
        })}
        {(!info.recipe.trim().is_empty()).then(|| view! {
            <details class="recipe">
                <summary>"How it was trained, and what it reached"</summary>
                <pre tabindex="0">{info.recipe}</pre>
            </details>
        })}
    }
}
