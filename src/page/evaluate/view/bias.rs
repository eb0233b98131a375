//! Language bias: figures with a sentence each, and bars in which one sees it.

use leptos::prelude::*;

use crate::evaluation::bias::Bias as Figures;
use crate::evaluation::{EvalReport, RankDistance};
use crate::page::evaluate::{Evaluate, Run};
use crate::page::names;
use crate::page::parts::segment;
use crate::page::words;

/// A figure: its name, its value for each model, what it would be without bias, and what it means.
struct Line {
    name: String,
    values: Vec<String>,
    unbiased: String,
    meaning: String,
}

#[component]
pub(super) fn Bias() -> impl IntoView {
    let e = Evaluate::here();
    let panel = move || {
        e.runs.with(|runs| {
            let measured: Option<Vec<(&EvalReport, &Figures)>> =
                runs.iter().map(|run| Some((&run.report, run.report.bias.as_ref()?))).collect();
            let Some(measured) = measured else {
                return view! {
                    <p class="hint">"Not measured: it takes passages in two languages at least."</p>
                }
                .into_any();
            };
            view! {
                {table(&lines(&measured), runs)}
                {runs.iter().zip(&measured).map(|(run, (report, bias))| bars(run, report, bias, runs.len())).collect_view()}
            }
            .into_any()
        })
    };
    view! {
        <h3>"Language bias"</h3>
        <p class="hint">
            "Whether passages are ranked by what they say or by the language they say it in. All of it is read from "
            "the ranking of all languages."
        </p>
        {panel}
    }
}

fn table(lines: &[Line], runs: &[Run]) -> impl IntoView + use<> {
    let head = |(at, run): (usize, &Run)| {
        let letter = if runs.len() < 2 { "measured" } else { ["A", "B"][at.min(1)] };
        view! { <th scope="col" title=run.name()>{letter}</th> }
    };
    let row = |line: &Line| {
        view! {
            <tr>
                <th scope="row">{line.name.clone()} <small>{line.meaning.clone()}</small></th>
                {line.values.iter().map(|value| view! { <td>{value.clone()}</td> }).collect_view()}
                <td class="unbiased">{line.unbiased.clone()}</td>
            </tr>
        }
    };
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label="Figures of language bias">
            <table class="figures bias">
                <caption class="unseen">"Figures of language bias"</caption>
                <thead>
                    <tr>
                        <td></td>
                        {runs.iter().enumerate().map(head).collect_view()}
                        <th scope="col">"without bias"</th>
                    </tr>
                </thead>
                <tbody>{lines.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

/// All figures, in the order in which they are read.
fn lines(measured: &[(&EvalReport, &Figures)]) -> Vec<Line> {
    let Some((_, first)) = measured.first() else { return Vec::new() };
    let line =
        |name: String, value: &dyn Fn(&Figures) -> Option<String>, unbiased: String, meaning: &str| Line {
            name,
            values: measured.iter().map(|(_, b)| value(b).unwrap_or_else(|| "–".into())).collect(),
            unbiased,
            meaning: meaning.to_owned(),
        };
    let mut lines = vec![
        line(
            "Own language first".into(),
            &|b| b.same_language_first.map(|r| words::percent(r.rate)),
            first.same_language_first.map_or_else(|| "–".into(), |r| words::percent(r.chance)),
            "How often the best ranked answer is the one in the question’s language. Without bias: as often as by chance.",
        ),
        line(
            format!("Distance of the first {} from the pool", first.shares.k),
            &|b| Some(words::short_figure(b.shares.distance)),
            "0".into(),
            "How far the languages of the first ranks are from those of all passages, for each question language \
             (Jensen–Shannon distance; 1: nothing in common).",
        ),
        line(
            format!("Mix of the first {}", first.shares.k),
            &|b| Some(format!("{:.2} bits", b.shares.entropy)),
            format!("{:.2} bits", first.shares.pool_entropy),
            "Entropy of the languages in the first ranks, all questions together. Without bias: that of the pool.",
        ),
    ];
    let pool = first.shares.pool.values().filter(|share| **share > 0.0).count();
    let distance = |report: &EvalReport| report.rank_distance.map_or_else(|| "–".into(), spread_of);
    lines.push(Line {
        name: "Rank distance, mean (median)".into(),
        values: measured.iter().map(|(report, _)| distance(report)).collect(),
        unbiased: format!("{} or little more", pool.saturating_sub(1)),
        meaning:
            "Ranks between the best and the worst answer to one question; with an answer in each language at \
                  least their number less one."
                .into(),
    });
    lines.push(line(
        "Reading to the last answer, mean (median)".into(),
        &|b| b.last_answer.map(|a| format!("{} ({})", words::ranks(a.mean), words::ranks(a.median))),
        format!("{pool} or little more"),
        "How many ranks one must read until every answer was seen (Max@R).",
    ));
    let mut depths: Vec<&String> = first.complete.keys().collect();
    depths.sort_by_key(|k| k.parse::<usize>().unwrap_or(usize::MAX));
    for k in depths {
        lines.push(line(
            format!("Complete in the first {k}"),
            &|b| b.complete.get(k).map(|share| words::percent(*share)),
            "100 %".into(),
            "Questions whose answers in all languages are in the first ranks (Complete@k).",
        ));
    }
    lines.push(line(
        "Agreement of translations".into(),
        &|b| b.agreement.map(|rho| words::signed(rho, 3)),
        "+1".into(),
        "Whether a question gives the same ranking in every language it is asked in (mean rank correlation of the \
         first 10; near −1: nothing in common).",
    ));
    lines.push(line(
        "Same order of languages (W)".into(),
        &|b| b.peer.map(|peer| words::short_figure(peer.w)),
        "0".into(),
        "Kendall’s W over the ranks of a question’s answers: 0, no language is preferred; 1, always the same order.",
    ));
    lines.push(line(
        "Friedman’s test, p".into(),
        &|b| b.peer.map(|peer| words::p_value(peer.p)),
        "above 0.05".into(),
        "How likely such an order of languages is where none is preferred: mean over question languages.",
    ));
    lines.push(line(
        "Hubness, skewness".into(),
        &|b| Some(format!("{:.2}", b.hubness.skewness)),
        "near 0".into(),
        "Whether a few passages are near to everything: skewness of how often each is in the first 10 ranks.",
    ));
    lines.push(line(
        "Largest hub".into(),
        &|b| Some(words::plural(b.hubness.largest, "question")),
        "few".into(),
        "For how many questions the passage that comes up most is in the first 10 ranks.",
    ));
    lines.push(line(
        "Passages never found".into(),
        &|b| Some(words::percent(b.hubness.never)),
        "few".into(),
        "Passages in nobody’s first 10 ranks.",
    ));
    lines.push(line(
        "multi over mono".into(),
        &|b| b.multi_to_mono.map(words::short_figure),
        "1".into(),
        "mAP among all languages over mAP within one: what is lost where languages compete.",
    ));
    lines
}

fn spread_of(d: RankDistance) -> String {
    format!("{} ({})", words::ranks(d.mean), words::ranks(d.median))
}

/// The languages of the pool above those of the first ranks: together, and by question language.
fn bars(run: &Run, report: &EvalReport, bias: &Figures, runs: usize) -> impl IntoView + use<> {
    let shares = &bias.shares;
    let mut rows = vec![
        row("pool".into(), "pool".into(), &shares.pool, &report.languages, String::new()),
        row(
            format!("top {}", shares.k),
            format!("first {}, all questions", shares.k),
            &shares.top,
            &report.languages,
            own(bias.same_language_first.as_ref()),
        ),
    ];
    for code in &report.languages {
        if let Some(by) = shares.by_query.get(code) {
            let heard = format!("first {}, {} questions", shares.k, names::english(code));
            let rate = own(bias.same_language_first_by.get(code));
            rows.push(row(format!("asked in {code}"), heard, by, &report.languages, rate));
        }
    }
    let title = if runs < 2 {
        format!("Languages of the first {} ranks against the pool’s", shares.k)
    } else {
        format!("{}: languages of the first {} ranks against the pool’s", run.name(), shares.k)
    };
    view! {
        <h4>{title}</h4>
        <p class="hint">
            "Without bias every bar looks like the pool’s. On the right: how often the answer in the question’s own "
            "language comes first, and how often by chance."
        </p>
        <div class="mix shares">{rows}</div>
    }
}

fn own(rate: Option<&crate::evaluation::bias::Rate>) -> String {
    rate.map_or_else(String::new, |r| format!("{:.0} % ({:.0} %)", 100.0 * r.rate, 100.0 * r.chance))
}

fn row(
    name: String,
    heard: String,
    shares: &std::collections::BTreeMap<String, f64>,
    languages: &[String],
    rate: String,
) -> AnyView {
    let parts: Vec<(String, f64)> =
        languages.iter().filter_map(|code| shares.get(code).map(|share| (code.clone(), *share))).collect();
    let mut spoken = parts.clone();
    spoken.sort_by(|a, b| b.1.total_cmp(&a.1));
    let spoken: Vec<String> = spoken
        .iter()
        .map(|(code, share)| format!("{} {}", names::english(code), words::percent(*share)))
        .collect();
    view! {
        <span class="name" aria-hidden="true">{name}</span>
        <div class="bar" role="img" aria-label=format!("Languages, {heard}: {}", spoken.join(", "))>
            {parts.iter().filter(|p| p.1 > 0.0).map(|(code, share)| segment(code, *share, &words::percent(*share))).collect_view()}
        </div>
        <span class="rate">{rate}</span>
    }
    .into_any()
}
