//! The three settings: a line each, with intervals beneath.

use leptos::prelude::*;

use crate::evaluation::significance::Band;
use crate::evaluation::{EvalReport, Measures, RankDistance, Setting};
use crate::page::evaluate::{Evaluate, Run};
use crate::page::words;

/// The order in which measures are shown, as places in [`Measures::NAMES`], and their names for a person.
const COLUMNS: [(usize, &str, &str); Measures::COUNT] = [
    (0, "mAP", "Average precision over the whole ranking, mean over questions"),
    (1, "MRR", "One over the rank of the first answer"),
    (2, "R@1", "Share of the answers that is ranked first"),
    (3, "R@10", "Share of the answers in the first 10 ranks"),
    (4, "R@100", "Share of the answers in the first 100 ranks"),
    (
        5,
        "nDCG@10",
        "Gain of the first 10 ranks, discounted by the logarithm of the rank, over the most there can be",
    ),
    (7, "P@10", "Share of the first 10 ranks that answers"),
    (6, "mAP@20", "Average precision that looks at the first 20 ranks only"),
];

/// A place among the values of [`Measures`], its name for a person, and what it means.
type Column = (usize, String, String);

/// The columns that the runs have: the usual ones, then those a person asked for.
fn columns(runs: &[Run]) -> Vec<Column> {
    let usual = COLUMNS.into_iter().map(|(place, name, why)| (place, name.to_owned(), why.to_owned()));
    let own = runs.first().into_iter().flat_map(|run| run.report.own());
    let own = (Measures::COUNT..).zip(own).map(|(place, m)| (place, m.title(), m.meaning()));
    usual.chain(own).collect()
}

#[component]
pub(super) fn Scores() -> impl IntoView {
    let e = Evaluate::here();
    let title = move || {
        e.runs.with(|runs| {
            let names: Vec<String> = runs.iter().map(Run::name).collect();
            let data = runs.first().map(|run| run.report.facts.dataset.clone()).unwrap_or_default();
            format!("{} on {data}", names.join(" and "))
        })
    };
    let counted = move || e.runs.with(|runs| runs.first().map(|run| counts(&run.report)));
    let heads = move || {
        e.runs.with(|runs| {
            let head = |(_, name, why): Column| view! { <th scope="col" title=why>{name}</th> };
            columns(runs).into_iter().map(head).collect_view()
        })
    };
    let meanings = move || {
        e.runs.with(|runs| {
            let meaning = |(_, name, why): Column| view! { <dt>{name}</dt><dd>{why}"."</dd> };
            columns(runs).into_iter().map(meaning).collect_view()
        })
    };
    let bodies = move || {
        e.runs.with(|runs| {
            Setting::ALL
                .into_iter()
                .map(|setting| body(setting, runs))
                .chain([distances(runs)])
                .collect_view()
        })
    };
    let notes = move || {
        e.runs.with(|runs| {
            let mut notes: Vec<String> = Vec::new();
            for note in runs.iter().flat_map(|run| &run.report.notes) {
                if !notes.contains(note) {
                    notes.push(note.clone());
                }
            }
            notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view()
        })
    };
    view! {
        <h2>{title}</h2>
        <p class="hint">{counted}</p>
        <div class="scroll" tabindex="0" role="region" aria-label="Measures by setting">
            <table class="figures">
                <caption class="unseen">"Measures by setting"</caption>
                <thead>
                    <tr>
                        <td></td>
                        {heads}
                    </tr>
                </thead>
                {bodies}
            </table>
        </div>
        <p class="hint">{move || e.runs.with(|runs| runs.first().map(|run| intervals(&run.report)))}</p>
        <ul class="notes">{notes}</ul>
        <details class="explain">
            <summary>"What the settings and measures mean"</summary>
            <dl>
                {Setting::ALL.into_iter().map(|s| view! { <dt>{s.name()}</dt><dd>{meaning(s)}</dd> }).collect_view()}
                {meanings}
                <dt>"rank distance"</dt>
                <dd>
                    "In the ranking of all languages: the worst less the best rank among a question’s answers; "
                    "least where no language is preferred. The normalised form is 0 for the least there can be and "
                    "1 for the most."
                </dd>
            </dl>
        </details>
    }
}

/// What a setting is.
pub(super) fn meaning(setting: Setting) -> &'static str {
    match setting {
        Setting::Mono => "Passages in the question’s own language only: mean over languages.",
        Setting::Cross => "Passages in one other language only: mean over ordered pairs of languages.",
        Setting::Multi => {
            "Passages of all languages in one ranking, where answers in every language count: mean over questions."
        }
    }
}

fn counts(report: &EvalReport) -> String {
    let c = &report.counts;
    let questions = match c.queries > c.questions {
        true => {
            format!(
                "{} ({} with their translations)",
                words::plural(c.questions, "question"),
                words::count(c.queries)
            )
        }
        false => words::plural(c.queries, "question"),
    };
    let mut out = format!(
        "{questions} and {} in {}; {} and {}.",
        words::plural(c.passages, "passage"),
        words::plural(report.languages.len(), "language"),
        words::plural(c.settings.0, "mono setting"),
        words::plural(c.settings.1, "cross setting"),
    );
    if c.unanswered > 0 {
        let why =
            if report.only_answerable { "no passage answers them" } else { "nothing is judged for them" };
        out.push_str(&format!(" {} left out because {why}.", words::plural(c.unanswered, "question")));
    }
    out
}

fn intervals(report: &EvalReport) -> String {
    match &report.intervals {
        Some(i) => format!(
            "Beneath each figure its {:.0} % confidence interval: percentile bootstrap over questions, {} resamples, \
             seed {}. A question’s translations are drawn together, for they are not independent.",
            100.0 * i.level,
            words::count(i.samples),
            i.seed
        ),
        None => String::new(),
    }
}

fn band(report: &EvalReport, setting: Setting) -> Option<&Band> {
    let intervals = report.intervals.as_ref()?;
    match setting {
        Setting::Mono => intervals.mono.as_ref(),
        Setting::Cross => intervals.cross.as_ref(),
        Setting::Multi => intervals.multi.as_ref(),
    }
}

/// One setting: a line for each model.
fn body(setting: Setting, runs: &[Run]) -> AnyView {
    let rows: Vec<AnyView> = runs
        .iter()
        .enumerate()
        .filter_map(|(at, run)| {
            let values = run.report.measures(setting)?;
            let ends = band(&run.report, setting);
            let cell = |(i, ..): Column| {
                let beneath = ends.map(|band| (band.low.value(i), band.high.value(i)));
                view! { <td>{words::figure(values.value(i))} {beneath.map(interval)}</td> }
            };
            let name = letter(setting.name(), at, runs.len());
            Some(
                view! { <tr><th scope="row">{name}</th>{columns(runs).into_iter().map(cell).collect_view()}</tr> }
                    .into_any(),
            )
        })
        .collect();
    view! { <tbody>{rows}</tbody> }.into_any()
}

/// `0.731 to 0.753`, small.
fn interval((low, high): (f64, f64)) -> impl IntoView {
    view! {
        <small>
            {words::short_figure(low)} <span aria-hidden="true">"–"</span> <span class="unseen">" to "</span>
            {words::short_figure(high)}
        </small>
    }
}

/// The rank distance, across the table.
fn distances(runs: &[Run]) -> AnyView {
    let rows: Vec<AnyView> = runs
        .iter()
        .enumerate()
        .filter_map(|(at, run)| {
            let d = run.report.rank_distance?;
            let ends = run.report.intervals.as_ref().and_then(|i| i.rank_distance);
            let name = letter("rank distance", at, runs.len());
            let across = columns(runs).len().to_string();
            Some(
                view! { <tr><th scope="row">{name}</th><td colspan=across>{distance(d, ends)}</td></tr> }
                    .into_any(),
            )
        })
        .collect();
    view! { <tbody class="distance">{rows}</tbody> }.into_any()
}

fn distance(d: RankDistance, ends: Option<[RankDistance; 2]>) -> String {
    let within = |pick: fn(&RankDistance) -> f64, digits: usize| {
        ends.map(|[low, high]| format!(" ({:.digits$}–{:.digits$})", pick(&low), pick(&high)))
            .unwrap_or_default()
    };
    format!(
        "mean {}{}, median {}{}, normalised {}{}",
        words::ranks(d.mean),
        within(|d| d.mean, 1),
        words::ranks(d.median),
        within(|d| d.median, 1),
        words::figure(d.normalised),
        within(|d| d.normalised, 4),
    )
}

/// `mono`, or `mono, A` where there are two models.
fn letter(name: &str, at: usize, of: usize) -> String {
    if of < 2 { name.to_owned() } else { format!("{name}, {}", ["A", "B"][at.min(1)]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_has_its_column() {
        let mut places: Vec<usize> = COLUMNS.iter().map(|c| c.0).collect();
        for (place, name, _) in COLUMNS {
            let short = name.to_lowercase().replace("r@", "recall@");
            assert_eq!(Measures::NAMES[place], short);
        }
        places.sort_unstable();
        assert_eq!(places, (0..Measures::COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn rank_distances_in_words() {
        let d = |x: f64| RankDistance { mean: x, median: x / 2.0, normalised: x / 1000.0 };
        assert_eq!(distance(d(100.0), None), "mean 100.0, median 50.0, normalised 0.1000");
        assert_eq!(
            distance(d(100.0), Some([d(90.0), d(110.0)])),
            "mean 100.0 (90.0–110.0), median 50.0 (45.0–55.0), normalised 0.1000 (0.0900–0.1100)"
        );
        assert_eq!(letter("mono", 0, 1), "mono");
        assert_eq!(letter("mono", 1, 2), "mono, B");
    }
}
