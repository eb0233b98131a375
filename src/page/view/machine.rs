//! The state of the machine: one line that opens to everything known, and what is under way.

use leptos::either::Either;
use leptos::prelude::*;

use super::corpus::CorpusProgress;
use super::progress::Progress;
use crate::page::address::{device_name, device_named};
use crate::page::evaluate::View;
use crate::page::names;
use crate::page::state::{Model, Page, Worker};
use crate::page::words;
use crate::protocol::{DeviceChoice, DeviceReport, PrecisionChoice};

#[component]
pub(super) fn Machine() -> impl IntoView {
    let page = Page::here();
    let before = Signal::stored("begins");
    view! {
        <div class="machine">
            <Progress activity=page.loading before cancel=Callback::new(move |()| {
                page.cancel_load();
                page.return_to_model();
            })/>
            <CorpusProgress/>
            <Progress activity=page.beside.activity before cancel=Callback::new(move |()| page.choose_beside(None))/>
            <Progress
                activity=page.evaluate.activity
                before
                cancel=Callback::new(move |()| page.stop_measuring())
            />
            <Progress
                activity=page.benchmark.activity
                before
                cancel=Callback::new(move |()| page.stop_benchmark())
            />
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

/// Nothing is there and nothing comes.
fn can_load(page: Page) -> bool {
    page.view.get() == View::Search
        && page.model.with(Option::is_none)
        && page.loading.with(Option::is_none)
        && matches!(page.worker.get(), Worker::Listening { .. })
        && page.searching.with(Option::is_none)
        && (page.results.with(Option::is_some) || page.waiting.get() || page.problem.with(Option::is_some))
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
        None if page.view.get() == View::Evaluate => page.evaluate.runs.with(|runs| match runs.last() {
            Some(run) => {
                format!("Last measured: {} on {} · self-test passed", run.name(), run.report.facts.device)
            }
            None => "The model is loaded when you measure".into(),
        }),
        None if page.view.get() == View::Benchmark => "The model is loaded when you run the benchmark".into(),
        None => "No model is loaded; the examples can be searched".to_owned(),
    };
    let last = move || {
        page.results.with(|r| {
            r.as_ref().filter(|_| page.view.get() == View::Search).map(|r| {
                if r.encode_ms > 0.0 {
                    format!(" · last query {}", words::ms(r.encode_ms + r.search_ms))
                } else {
                    format!(" · last query {}, its vector came with the page", words::ms(r.search_ms))
                }
            })
        })
    };
    view! {
        <span class="line">{words}</span>
        // It changes with each query: not worth an announcement each time.
        <span class="last" aria-live="off">{last}</span>
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
    view! {
        <div class="details">
            <DeviceChoices/>
            {move || page.model.get().map(|model| view! { <ModelDetails model/> })}
            <LastQuery/>
            {move || page.threads_next_time.get().map(|next_time| match next_time {
                Ok(()) => Either::Left(view! {
                    <p>
                        "One thread computes on the CPU. Opened again, this page can use more. "
                        <button type="button" class="quiet" on:click=|_| reload()>"Reload the page"</button>
                    </p>
                }),
                Err(why) => Either::Right(view! {
                    <p>
                        "One thread computes on the CPU. For more, the browser has to start a service worker, and did not: "
                        {why.trim_end_matches('.').to_owned()} "."
                    </p>
                }),
            })}
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
                <select on:change:target=move |e| page.choose_device(device_named(&e.target().value()))>
                    {option(DeviceChoice::Auto, "automatic: measure, keep the faster")}
                    {option(DeviceChoice::Cpu, "CPU")}
                    {option(DeviceChoice::WebGpu, "GPU (WebGPU)")}
                </select>
            </label>
            " " {offered}
            " "
            <label>
                "Precision on the CPU "
                <select on:change:target=move |e| page.choose_precision(PrecisionChoice::named(&e.target().value()))>
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

#[component]
fn LastQuery() -> impl IntoView {
    let page = Page::here();
    let words = move || {
        page.results.with(|r| {
            r.as_ref().map(|r| {
                format!(
                    "Last query: {} to encode, {} to score and rank.",
                    words::ms(r.encode_ms),
                    words::ms(r.search_ms)
                )
            })
        })
    };
    view! { <p aria-live="off">{words}</p> }
}
