//! Origin of the values, how to reproduce them in a terminal, and files to download.

use leptos::prelude::*;

use crate::page::catalogue::{evaluate as text, fill};
use crate::page::evaluate::choices::DataChoice;
use crate::page::evaluate::{Evaluate, RunReport};
use crate::page::model::MODEL;
use crate::protocol::ExportKind;

#[component]
pub(super) fn Facts() -> impl IntoView {
    let e = Evaluate::here();
    let runs = move || e.runs.with(|runs| runs.iter().map(about).collect_view());
    let compared = move || e.comparison.with(Option::is_some);
    view! {
        <h3>{text::EXPORT}</h3>
        <p class="buttons">
            <button type="button" class="quiet" on:click=move |_| e.export(ExportKind::Json)>{text::SAVE_JSON}</button>
            <button type="button" class="quiet" on:click=move |_| e.export(ExportKind::Csv)>{text::SAVE_CSV}</button>
            <button type="button" class="quiet" on:click=move |_| e.export(ExportKind::Latex)>{text::SAVE_LATEX}</button>
            <button type="button" class="quiet" hidden=move || !compared() on:click=move |_| e.export_comparison()>
                {text::SAVE_DIFFERENCE}
            </button>
        </p>
        <p class="hint" hidden=move || e.runs.with(|runs| runs.len() < 2)>
            {text::FILES_ABOUT}
        </p>
        <details class="explain">
            <summary>{text::FACTS}</summary>
            {runs}
            <p>
                <button type="button" class="quiet" on:click=move |_| e.clear_vectors()>
                    {text::REMOVE_VECTORS}
                </button>
            </p>
        </details>
    }
}

fn about(run: &RunReport) -> impl IntoView + use<> {
    let facts = &run.report.facts;
    let mut rows = vec![
        (text::MODEL.to_owned(), run.name()),
        (text::FACT_ADDRESS.to_owned(), run.address.clone()),
        (text::DATA.to_owned(), format!("{}, {}", facts.dataset, run.report.languages.join(" "))),
        (text::DEVICE.to_owned(), facts.device.clone()),
        (text::FACT_DATE.to_owned(), facts.date.clone().unwrap_or_else(|| text::NO_DATE.into())),
        (text::VERSION.to_owned(), format!("interlingua {}", facts.version)),
    ];
    rows.extend(facts.hashes.iter().map(|(name, hash)| (fill(text::HASH, &[("name", name)]), hash.clone())));
    let row = |(name, value): (String, String)| view! { <dt>{name}</dt><dd>{value}</dd> };
    view! {
        <dl>{rows.into_iter().map(row).collect_view()}</dl>
        <p class="hint">{text::IN_TERMINAL}</p>
        <pre tabindex="0">{command(run)}</pre>
    }
}

/// The command that reproduces this report.
fn command(run: &RunReport) -> String {
    let model = if run.address == MODEL { "static/model" } else { "MODEL" };
    let (name, folder) = match run.data {
        DataChoice::Sample => ("sample", "static/sample"),
        DataChoice::Own => ("own", "FOLDER"),
        named => (named.name(), "FOLDER"),
    };
    let mut out = format!("interlingua eval --model {model} --dataset {name} --data {folder}");
    if !run.languages.is_empty() {
        out.push_str(&format!(" --languages {}", run.languages.join(",")));
    }
    // The page's default precision, which is not the terminal's.
    if run.report.facts.device.ends_with(", fast") {
        out.push_str(" --precision fast");
    }
    let own: Vec<String> = run.report.own().map(|measure| measure.to_string()).collect();
    if !own.is_empty() {
        out.push_str(&format!(" --measure {}", own.join(",")));
    }
    if let Some(level) = run.report.relevance {
        out.push_str(&format!(" --relevance {level}"));
    }
    if let Some(directions) = run.report.facts.lir {
        out.push_str(&format!(" --lir {directions}"));
    }
    out
}
