//! The results in the three settings, with intervals.

use leptos::prelude::*;

use crate::evaluation::significance::Band;
use crate::evaluation::{EvalReport, Measures, RankDistance, Setting};
use crate::page::catalogue::{evaluate as text, fill};
use crate::page::evaluate::{Evaluate, RunReport};
use crate::page::words;

/// The measures in display order, as indices into [`Measures::NAMES`], with their displayed names.
const COLUMNS: [(usize, &str, &str); Measures::COUNT] = [
    (0, "mAP", text::MAP_IS),
    (1, "MRR", text::MRR_IS),
    (2, "R@1", text::R1_IS),
    (3, "R@10", text::R10_IS),
    (4, "R@100", text::R100_IS),
    (5, "nDCG@10", text::NDCG_IS),
    (7, "P@10", text::P10_IS),
    (6, "mAP@20", text::MAP20_IS),
];

/// An index into the values of [`Measures`], its displayed name, and its meaning.
type MeasureColumn = (usize, String, String);

/// The columns of the runs: the standard measures, then those that the user added.
fn columns(runs: &[RunReport]) -> Vec<MeasureColumn> {
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
            let data = runs.first().map(|run| run.report.facts.dataset.clone()).unwrap_or_default();
            let models = match runs.as_slice() {
                [a, b] => fill(text::AND, &[("first", &a.name()), ("last", &b.name())]),
                _ => runs.first().map(RunReport::name).unwrap_or_default(),
            };
            fill(text::ON, &[("models", &models), ("data", &data)])
        })
    };
    let counted = move || e.runs.with(|runs| runs.first().map(|run| counts(&run.report)));
    let heads = move || {
        e.runs.with(|runs| {
            let head = |(_, name, why): MeasureColumn| view! { <th scope="col" title=why>{name}</th> };
            columns(runs).into_iter().map(head).collect_view()
        })
    };
    let meanings = move || {
        e.runs.with(|runs| {
            let meaning = |(_, name, why): MeasureColumn| view! { <dt>{name}</dt><dd>{why}"."</dd> };
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
        <div class="scroll" tabindex="0" role="region" aria-label=text::SCORES>
            <table class="figures">
                <caption class="unseen">{text::SCORES}</caption>
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
            <summary>{text::MEANINGS}</summary>
            <dl>
                {Setting::ALL.into_iter().map(|s| view! { <dt>{s.name()}</dt><dd>{meaning(s)}</dd> }).collect_view()}
                {meanings}
                <dt>{text::RANK_DISTANCE}</dt>
                <dd>
                    {text::RANK_DISTANCE_IS}
                </dd>
            </dl>
        </details>
    }
}

/// The meaning of a setting.
pub(super) fn meaning(setting: Setting) -> &'static str {
    match setting {
        Setting::Mono => text::MONO_IS,
        Setting::Cross => text::CROSS_IS,
        Setting::Multi => text::MULTI_IS,
    }
}

fn counts(report: &EvalReport) -> String {
    let c = &report.counts;
    let questions = match c.queries > c.questions {
        true => {
            let questions = words::plural(c.questions, text::QUESTION);
            fill(text::WITH_TRANSLATIONS, &[("questions", &questions), ("n", &words::count(c.queries))])
        }
        false => words::plural(c.queries, text::QUESTION),
    };
    let mut out = fill(
        text::COUNTS,
        &[
            ("questions", &questions),
            ("passages", &words::plural(c.passages, text::PASSAGE)),
            ("languages", &words::plural(report.languages.len(), text::LANGUAGE)),
            ("mono", &words::plural(c.settings.0, text::MONO_SETTING)),
            ("cross", &words::plural(c.settings.1, text::CROSS_SETTING)),
        ],
    );
    if c.unanswered > 0 {
        let why = if report.only_answerable { text::NO_PASSAGE_ANSWERS } else { text::NOT_JUDGED };
        let questions = words::plural(c.unanswered, text::QUESTION);
        out.push_str(&fill(text::LEFT_OUT, &[("questions", &questions), ("why", why)]));
    }
    out
}

fn intervals(report: &EvalReport) -> String {
    match &report.intervals {
        Some(i) => fill(
            text::INTERVALS,
            &[
                ("level", &words::percent_with(i.level, 0)),
                ("n", &words::count(i.samples)),
                ("seed", &i.seed.to_string()),
            ],
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

/// One setting, with a line for each model.
fn body(setting: Setting, runs: &[RunReport]) -> AnyView {
    let rows: Vec<AnyView> = runs
        .iter()
        .enumerate()
        .filter_map(|(at, run)| {
            let values = run.report.measures(setting)?;
            let ends = band(&run.report, setting);
            let cell = |(i, ..): MeasureColumn| {
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

/// An interval in small type: `0.731 to 0.753`.
fn interval((low, high): (f64, f64)) -> impl IntoView {
    view! {
        <small>
            {words::short_figure(low)} <span aria-hidden="true">"–"</span> <span class="unseen">{text::TO}</span>
            {words::short_figure(high)}
        </small>
    }
}

/// The rank distance, spanning the table.
fn distances(runs: &[RunReport]) -> AnyView {
    let rows: Vec<AnyView> = runs
        .iter()
        .enumerate()
        .filter_map(|(at, run)| {
            let d = run.report.rank_distance?;
            let ends = run.report.intervals.as_ref().and_then(|i| i.rank_distance);
            let name = letter(text::RANK_DISTANCE, at, runs.len());
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
        let end = |d: &RankDistance| words::decimal(pick(d), digits);
        ends.map(|[low, high]| format!(" ({}–{})", end(&low), end(&high))).unwrap_or_default()
    };
    fill(
        text::DISTANCE,
        &[
            ("mean", &words::ranks(d.mean)),
            ("mean_in", &within(|d| d.mean, 1)),
            ("median", &words::ranks(d.median)),
            ("median_in", &within(|d| d.median, 1)),
            ("normalised", &words::figure(d.normalised)),
            ("normalised_in", &within(|d| d.normalised, 4)),
        ],
    )
}

/// `mono`, or `mono, A` if there are two models.
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
