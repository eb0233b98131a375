//! The Benchmark view: the choices, and the results below.

mod chart;
mod choose;
mod facts;
mod table;

use leptos::prelude::*;

use crate::benchmark::BenchmarkReport;
use crate::page::benchmark::Benchmark as State;
use crate::page::benchmark::actions::Format;
use crate::page::catalogue::{benchmark as text, fill};
use crate::page::words;
use chart::Chart;
use choose::BenchmarkForm;
use facts::Facts;
use table::Table;

#[component]
pub(super) fn Benchmark() -> impl IntoView {
    let state = State::here();
    let timed = Memo::new(move |_| state.report.with(Option::is_some));
    view! {
        <div class="evaluate">
            <BenchmarkForm/>
            <section class="report" id="benchmark" tabindex="-1" aria-label=text::REPORT>
                {move || if timed.get() {
                    view! { <Timed/> }.into_any()
                } else {
                    view! {
                        <p class="hint">{text::NOTHING}</p>
                    }
                    .into_any()
                }}
            </section>
        </div>
    }
}

#[component]
fn Timed() -> impl IntoView {
    let b = State::here();
    let title = move || b.report.with(|r| r.as_ref().map(|r| named(b, r)));
    let state = move || {
        let running = b.activity.with(Option::is_some);
        b.report.with(|r| r.as_ref().map(|r| if running { String::new() } else { ended(r) }))
    };
    let notes = move || {
        b.report.with(|r| {
            let notes = r.iter().flat_map(said);
            notes.map(|note| view! { <li>{note}</li> }).collect_view()
        })
    };
    view! {
        <h2>{title}</h2>
        <p class="hint ended" aria-live="polite">{state}</p>
        <Chart/>
        <ul class="notes">{notes}</ul>
        <Table/>
        <Facts/>
        <h3>{text::EXPORT}</h3>
        <p class="buttons">
            <button type="button" class="quiet" on:click=move |_| b.export_benchmark(Format::Json)>{text::SAVE_JSON}</button>
            <button type="button" class="quiet" on:click=move |_| b.export_benchmark(Format::Csv)>{text::SAVE_CSV}</button>
        </p>
    }
}

/// The model's name, and its weights' bits.
pub(super) fn named(b: State, report: &BenchmarkReport) -> String {
    format!("{}, {}", b.page.name_of(&report.url), words::bits(&report.quantization))
}

/// The outcome.
fn ended(report: &BenchmarkReport) -> String {
    let figures = words::plural(report.rows.len(), text::FIGURE);
    match report.finished {
        true if report.rows.is_empty() => text::NOTHING_TIMED.into(),
        true => {
            let calls = words::plural(report.plan.repeats, text::CALL);
            fill(text::DONE, &[("figures", &figures), ("calls", &calls)])
        }
        false => fill(text::STOPPED, &[("figures", &figures)]),
    }
}

/// Further notes.
fn said(report: &BenchmarkReport) -> Vec<String> {
    report
        .has_software_gpu()
        .then(|| text::IMITATED.to_owned())
        .into_iter()
        .chain(report.notes.iter().cloned())
        .collect()
}
