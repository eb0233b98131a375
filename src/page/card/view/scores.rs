//! How good a model is, by the evaluations in its manifest: by setting and by language pair, with intervals.

use leptos::prelude::*;

use crate::evaluation::{EvalReport, Measures, Setting, significance::Band};
use crate::page::catalogue::{card as text, evaluate, fill};
use crate::page::names;
use crate::page::parts::scale;
use crate::page::words;

/// The measures that are shown, as places in [`Measures::NAMES`], with their names and meanings.
const COLUMNS: [(usize, &str, &str); 4] = [
    (0, "mAP", evaluate::MAP_IS),
    (2, "R@1", evaluate::R1_IS),
    (3, "R@10", evaluate::R10_IS),
    (5, "nDCG@10", evaluate::NDCG_IS),
];

#[component]
pub(super) fn Scores(reports: Vec<EvalReport>, others: usize) -> impl IntoView {
    let none = (reports.is_empty() && others == 0).then_some(text::NOT_MEASURED);
    let others = (others > 0).then(|| words::plural(others, text::OTHER_RESULT));
    view! {
        <h3>{text::SCORES}</h3>
        {none.map(|none| view! { <p>{none}</p> })}
        {reports.into_iter().map(one).collect_view()}
        {others.map(|others| view! { <p class="hint">{fill(text::OTHER_RESULTS, &[("results", &others)])}</p> })}
    }
}

fn one(report: EvalReport) -> AnyView {
    let facts = &report.facts;
    let level = words::percent_with(report.intervals.as_ref().map_or(0.95, |i| i.level), 0);
    let said = fill(
        text::MEASURED_ON,
        &[
            ("data", &facts.dataset),
            ("questions", &words::plural(report.counts.queries, evaluate::QUESTION)),
            ("passages", &words::plural(report.counts.passages, evaluate::PASSAGE)),
            ("languages", &words::plural(report.languages.len(), evaluate::LANGUAGE)),
            ("date", facts.date.as_deref().unwrap_or(evaluate::NO_DATE)),
            ("device", &facts.device),
        ],
    );
    let intervals = report.intervals.is_some().then(|| fill(text::INTERVALS, &[("level", &level)]));
    let head = COLUMNS.map(|(_, name, why)| view! { <th scope="col" title=why>{name}</th> });
    let rows = [
        (Setting::Mono, evaluate::MONO, report.intervals.as_ref().and_then(|i| i.mono.as_ref())),
        (Setting::Cross, evaluate::CROSS, report.intervals.as_ref().and_then(|i| i.cross.as_ref())),
        (Setting::Multi, evaluate::MULTI, report.intervals.as_ref().and_then(|i| i.multi.as_ref())),
    ]
    .into_iter()
    .filter_map(|(setting, name, band)| Some(row(name, report.measures(setting)?, band)));
    let by_setting = fill(text::BY_SETTING, &[("data", &facts.dataset)]);
    let by_pair = fill(text::BY_PAIR, &[("data", &facts.dataset)]);
    let (setting_region, pair_region, pair_head) = (by_setting.clone(), by_pair.clone(), by_pair.clone());
    view! {
        <p>{said} " " {intervals}</p>
        <div class="scroll" tabindex="0" role="region" aria-label=setting_region>
            <table class="figures">
                <caption class="unseen">{by_setting}</caption>
                <thead><tr><td></td>{head}</tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
        <h4>{pair_head}</h4>
        <p class="hint">{text::PAIRS_ARE}</p>
        <div class="scroll map" tabindex="0" role="region" aria-label=pair_region>
            <table>
                <caption class="unseen">{by_pair}</caption>
                <thead>
                    <tr>
                        <td class="corner"><span>{evaluate::CORNER_QUESTION}</span> <span>{evaluate::CORNER_PASSAGE}</span></td>
                        {report.languages.iter().map(|code| language("col", code)).collect_view()}
                    </tr>
                </thead>
                <tbody>{pairs(&report)}</tbody>
            </table>
        </div>
        <p class="hint">{text::SAME}</p>
    }
    .into_any()
}

fn row(name: &'static str, values: &Measures, band: Option<&Band>) -> AnyView {
    let cell = |(i, ..): (usize, &str, &str)| {
        let ends = band.map(|band| interval(band.low.value(i), band.high.value(i)));
        view! { <td>{words::figure(values.value(i))} <small>{ends}</small></td> }
    };
    view! { <tr><th scope="row">{name}</th>{COLUMNS.map(cell)}</tr> }.into_any()
}

/// `0.731–0.753`
fn interval(low: f64, high: f64) -> String {
    fill(text::INTERVAL, &[("low", &words::short_figure(low)), ("high", &words::short_figure(high))])
}

/// A language as the head of a row or column.
fn language(scope: &'static str, code: &str) -> AnyView {
    let english = names::english(code);
    let said = (english != code).then(|| view! { <span class="unseen">{format!(" {english}")}</span> });
    view! { <th scope=scope title=names::endonym(code)>{code.to_owned()} {said}</th> }.into_any()
}

fn pairs(report: &EvalReport) -> Vec<AnyView> {
    let value = |from: &str, to: &str| Some(report.pairs.get(from)?.get(to)?.value(0));
    let all = &report.languages;
    let figures = all.iter().flat_map(|from| all.iter().filter_map(move |to| value(from, to)));
    let (low, high) = figures.fold((1.0f64, 0.0f64), |(low, high), x| (low.min(x), high.max(x)));
    let cell = |from: &str, to: &str| match value(from, to) {
        None => view! { <td class="nothing"><span title=evaluate::NO_ANSWER_HERE>"–"</span></td> }.into_any(),
        Some(x) => {
            let ends = report.intervals.as_ref().and_then(|i| i.pairs.get(from)?.get(to));
            let ends = ends.map(|[low, high]| interval(*low, *high));
            let style = scale::sequential((x - low) / (high - low).max(1e-9));
            view! { <td prop:style=style>{words::short_figure(x)} <small>{ends}</small></td> }.into_any()
        }
    };
    all.iter()
        .map(|from| {
            let cells: Vec<AnyView> = all.iter().map(|to| cell(from, to)).collect();
            view! { <tr>{language("row", from)} {cells}</tr> }.into_any()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_what_their_names_say() {
        for (place, name, _) in COLUMNS {
            assert_eq!(Measures::NAMES[place], name.to_lowercase().replace("r@", "recall@"));
        }
    }
}
