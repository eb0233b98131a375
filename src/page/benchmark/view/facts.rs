//! What the times were measured on.

use leptos::prelude::*;

use super::named;
use crate::benchmark::BenchmarkReport;
use crate::page::benchmark::Benchmark;
use crate::page::catalogue::{benchmark as text, fill};
use crate::page::words;

#[component]
pub(super) fn Facts() -> impl IntoView {
    let b = Benchmark::here();
    let row = |(name, value): (String, String)| view! { <dt>{name}</dt><dd>{value}</dd> };
    let rows = move || b.report.with(|r| r.iter().flat_map(|r| facts(b, r)).map(row).collect_view());
    view! {
        <section class="explain facts" aria-labelledby="facts">
            <h3 id="facts">{text::FACTS}</h3>
            <dl>{rows}</dl>
        </section>
    }
}

fn facts(b: Benchmark, report: &BenchmarkReport) -> Vec<(String, String)> {
    let own = |name: &str, value: String| (name.to_owned(), value);
    let plan = &report.plan;
    let mut rows = vec![
        own(text::MODEL, named(b, report)),
        own(text::ADDRESS, report.url.clone()),
        own(text::HASH, fill(text::MANIFEST_HASH, &[("hash", &report.hash)])),
    ];
    rows.extend(report.machines.iter().map(|m| {
        let works = fill(text::MACHINE_IS, &[("adapter", &m.adapter), ("precision", &m.computes_in)]);
        (m.target.to_string(), works)
    }));
    rows.extend([
        own(text::TEXTS, report.texts.clone()),
        own(
            text::CALLS_ROW,
            fill(
                text::CALLS_ARE,
                &[
                    ("calls", &words::count(plan.repeats)),
                    ("warmups", &words::plural(plan.warmups, text::WARMUP)),
                ],
            ),
        ),
        own(text::BROWSER, words::browser(&report.browser)),
        own(
            text::MACHINE,
            fill(
                if report.isolated { text::ISOLATED } else { text::NOT_ISOLATED },
                &[(
                    "processors",
                    &match report.cores {
                        0 => text::PROCESSORS_UNKNOWN.into(),
                        n => words::plural(n, text::PROCESSOR),
                    },
                )],
            ),
        ),
        own(text::DATE, report.date.clone()),
        own(text::VERSION, format!("interlingua {}", report.version)),
    ]);
    rows
}
