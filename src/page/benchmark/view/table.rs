//! The times as a table.

use leptos::prelude::*;

use crate::benchmark::TimedCell;
use crate::page::benchmark::Benchmark;
use crate::page::catalogue::benchmark as text;
use crate::page::words;

const COLUMNS: [(&str, &str); 8] = [
    (text::MEDIAN, text::MEDIAN_IS),
    (text::FASTEST, text::FASTEST_IS),
    (text::QUARTILES, text::QUARTILES_IS),
    (text::TEXTS_S, text::TEXTS_S_IS),
    (text::TOKENS_S, text::TOKENS_S_IS),
    (text::TOKENIZATION, text::TOKENIZATION_IS),
    (text::COSINE, text::COSINE_IS),
    (text::CALLS_MADE, text::CALLS_MADE_IS),
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
        <div class="scroll" tabindex="0" role="region" aria-label=text::RESULTS>
            <table class="figures">
                <caption class="unseen">{text::RESULTS}</caption>
                <thead>
                    <tr>
                        <th scope="col">{text::COLUMN_SIZE}</th>
                        <th scope="col" class="words">{text::COLUMN_DEVICE}</th>
                        {COLUMNS.into_iter().map(head).collect_view()}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <details class="explain">
            <summary>{text::COLUMNS_ARE}</summary>
            <dl>{COLUMNS.into_iter().map(|(name, why)| view! { <dt>{name}</dt><dd>{why}"."</dd> }).collect_view()}</dl>
        </details>
    }
}

fn line(row: &TimedCell) -> impl IntoView + use<> {
    let ms = row.ms;
    let values = [
        words::short_ms(ms.median),
        words::short_ms(ms.min),
        format!("{} – {}", words::short_ms(ms.lower_quartile), words::short_ms(ms.upper_quartile)),
        words::rate(row.texts_per_second),
        words::rate(row.tokens_per_second),
        words::short_ms(row.tokenize_ms),
        row.cosine.map_or_else(|| "–".into(), |cosine| words::decimal(cosine, 6)),
        words::count(row.calls.len()),
    ];
    view! {
        <tr>
            <th scope="row">{row.cell.to_string()}</th>
            <td class="words">{row.target.to_string()}</td>
            {values.map(|value| view! { <td>{value}</td> })}
        </tr>
    }
}
