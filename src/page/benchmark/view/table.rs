//! The times as a table.

use leptos::prelude::*;

use crate::benchmark::Row;
use crate::page::benchmark::Benchmark;
use crate::page::words;

const COLUMNS: [(&str, &str); 8] = [
    ("median, ms", "Milliseconds from token ids to vectors that have come back from the device"),
    ("fastest", "The fastest call, in milliseconds"),
    ("quartiles", "A quarter of the calls is faster than the first, a quarter slower than the second"),
    ("texts/s", "Texts encoded in a second, by the median"),
    ("tokens/s", "Tokens encoded in a second, by the median"),
    ("tokenization, ms", "Milliseconds of making token ids of the same texts, on the CPU, before the call"),
    ("least cosine", "The least cosine of a text’s vector to the one by the CPU in f32"),
    ("calls", "How many were timed"),
];

#[component]
pub(super) fn Table() -> impl IntoView {
    let b = Benchmark::here();
    let head = |(name, why): (&'static str, &'static str)| view! { <th scope="col" title=why>{name}</th> };
    let rows = move || {
        b.report.with(|report| {
            let Some(report) = report else { return ().into_any() };
            // By size, as in the chart.
            let cells = report.plan.cells.iter();
            let rows = cells.flat_map(|cell| report.rows.iter().filter(move |row| row.cell == *cell));
            rows.map(line).collect_view().into_any()
        })
    };
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Benchmark results">
            <table class="figures">
                <caption class="unseen">"Benchmark results"</caption>
                <thead>
                    <tr>
                        <th scope="col">"texts × tokens"</th>
                        <th scope="col" class="words">"device"</th>
                        {COLUMNS.into_iter().map(head).collect_view()}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <details class="explain">
            <summary>"What the columns mean"</summary>
            <dl>{COLUMNS.into_iter().map(|(name, why)| view! { <dt>{name}</dt><dd>{why}"."</dd> }).collect_view()}</dl>
        </details>
    }
}

fn line(row: &Row) -> impl IntoView + use<> {
    let ms = row.ms;
    let values = [
        words::short_ms(ms.median),
        words::short_ms(ms.min),
        format!("{} – {}", words::short_ms(ms.lower_quartile), words::short_ms(ms.upper_quartile)),
        words::rate(row.texts_per_second),
        words::rate(row.tokens_per_second),
        words::short_ms(row.tokenize_ms),
        row.cosine.map_or_else(|| "–".into(), |cosine| format!("{cosine:.6}")),
        words::count(row.calls.len()),
    ];
    view! {
        <tr>
            <th scope="row">{row.cell.to_string()}</th>
            <td class="words">{row.way.to_string()}</td>
            {values.map(|value| view! { <td>{value}</td> })}
        </tr>
    }
}
