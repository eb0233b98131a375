//! Where the figures come from, how to get the same in a terminal, and files to keep.

use leptos::prelude::*;

use crate::page::evaluate::choices::Data;
use crate::page::evaluate::{Evaluate, Run};
use crate::page::model::MODEL;
use crate::protocol::ExportKind;

#[component]
pub(super) fn Facts() -> impl IntoView {
    let e = Evaluate::here();
    let runs = move || e.runs.with(|runs| runs.iter().map(about).collect_view());
    let compared = move || e.comparison.with(Option::is_some);
    view! {
        <h3>"Keep it"</h3>
        <p class="buttons">
            <button type="button" class="quiet" on:click=move |_| e.export(ExportKind::Json)>"Save report (JSON)"</button>
            <button type="button" class="quiet" on:click=move |_| e.export(ExportKind::Csv)>"Save figures (CSV)"</button>
            <button type="button" class="quiet" on:click=move |_| e.export(ExportKind::Latex)>"Save table (LaTeX)"</button>
            <button type="button" class="quiet" hidden=move || !compared() on:click=move |_| e.export_comparison()>
                "Save difference (JSON)"
            </button>
        </p>
        <p class="hint" hidden=move || e.runs.with(|runs| runs.len() < 2)>
            "The first three are about the model that the map shows; where it shows the difference, about A."
        </p>
        <details class="explain">
            <summary>"Where these figures come from"</summary>
            {runs}
            <p>
                <button type="button" class="quiet" on:click=move |_| e.clear_vectors()>
                    "Remove vectors from this browser’s storage"
                </button>
            </p>
        </details>
    }
}

fn about(run: &Run) -> impl IntoView + use<> {
    let facts = &run.report.facts;
    let mut rows = vec![
        ("Model".to_owned(), run.name()),
        ("Address".to_owned(), run.address.clone()),
        ("Data".to_owned(), format!("{}, {}", facts.dataset, run.report.languages.join(" "))),
        ("Device".to_owned(), facts.device.clone()),
        ("Date".to_owned(), facts.date.clone().unwrap_or_else(|| "not recorded".into())),
        ("Version".to_owned(), format!("interlingua {}", facts.version)),
    ];
    rows.extend(facts.hashes.iter().map(|(name, hash)| (format!("SHA-256, {name}"), hash.clone())));
    let row = |(name, value): (String, String)| view! { <dt>{name}</dt><dd>{value}</dd> };
    view! {
        <dl>{rows.into_iter().map(row).collect_view()}</dl>
        <p class="hint">"The same in a terminal, once the model and the data are in folders there:"</p>
        <pre tabindex="0">{command(run)}</pre>
    }
}

/// The command that prints this report.
fn command(run: &Run) -> String {
    let model = if run.address == MODEL { "static/model" } else { "MODEL" };
    let (name, folder) = match run.data {
        Data::Sample => ("sample", "static/sample"),
        Data::Own => ("own", "FOLDER"),
        named => (named.name(), "FOLDER"),
    };
    let mut out = format!("interlingua eval --model {model} --dataset {name} --data {folder}");
    if !run.languages.is_empty() {
        out.push_str(&format!(" --languages {}", run.languages.join(",")));
    }
    // The page's way to compute, which is not the terminal's own.
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
