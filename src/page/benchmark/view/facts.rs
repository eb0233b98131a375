//! What the times are of.

use leptos::prelude::*;

use crate::benchmark::Report;
use crate::page::benchmark::Benchmark;
use crate::page::words;

#[component]
pub(super) fn Facts() -> impl IntoView {
    let b = Benchmark::here();
    let row = |(name, value): (String, String)| view! { <dt>{name}</dt><dd>{value}</dd> };
    let rows = move || b.report.with(|r| r.iter().flat_map(facts).map(row).collect_view());
    view! {
        <section class="explain facts" aria-labelledby="facts">
            <h3 id="facts">"What was timed, on what"</h3>
            <dl>{rows}</dl>
        </section>
    }
}

fn facts(report: &Report) -> Vec<(String, String)> {
    let own = |name: &str, value: String| (name.to_owned(), value);
    let plan = &report.plan;
    let mut rows = vec![
        own("Model", format!("{}, {}", report.model, report.quantization)),
        own("Address", report.url.clone()),
        own("Hash", format!("SHA-256 of the manifest: {}", report.hash)),
    ];
    rows.extend(report.machines.iter().map(|m| {
        let works = format!("{}; computes in {}; self-test passed", m.adapter, m.computes_in);
        (m.way.to_string(), works)
    }));
    rows.extend([
        own("Texts", report.texts.clone()),
        own(
            "Calls",
            format!(
                "{} timed, {} before them",
                words::count(plan.repeats),
                words::plural(plan.warmups, "warm-up")
            ),
        ),
        own("Browser", words::browser(&report.browser)),
        own(
            "Machine",
            format!(
                "{}; the page is {}cross-origin isolated",
                match report.cores {
                    0 => "an unknown number of processors".into(),
                    n => words::plural(n, "logical processor"),
                },
                if report.isolated { "" } else { "not " }
            ),
        ),
        own("Date", report.date.clone()),
        own("Version", format!("interlingua {}", report.version)),
    ]);
    rows
}
