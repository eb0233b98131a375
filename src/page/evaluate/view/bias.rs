//! Language bias: values with an explanation each, and bars that show it.

use leptos::prelude::*;

use crate::evaluation::bias::Bias as Figures;
use crate::evaluation::{EvalReport, RankDistance};
use crate::page::catalogue::{evaluate as text, fill};
use crate::page::evaluate::{Evaluate, RunReport};
use crate::page::names;
use crate::page::parts::segment;
use crate::page::words;

/// A value: its name, its figure for each model, the figure without bias, and its meaning.
struct BiasRow {
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
                    <p class="hint">{text::NOT_MEASURED}</p>
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
        <h3>{text::BIAS}</h3>
        <p class="hint">
            {text::BIAS_IS}
        </p>
        {panel}
    }
}

fn table(lines: &[BiasRow], runs: &[RunReport]) -> impl IntoView + use<> {
    let head = |(at, run): (usize, &RunReport)| {
        let letter = if runs.len() < 2 { text::MEASURED } else { ["A", "B"][at.min(1)] };
        view! { <th scope="col" title=run.name()>{letter}</th> }
    };
    let row = |line: &BiasRow| {
        view! {
            <tr>
                <th scope="row">{line.name.clone()} <small>{line.meaning.clone()}</small></th>
                {line.values.iter().map(|value| view! { <td>{value.clone()}</td> }).collect_view()}
                <td class="unbiased">{line.unbiased.clone()}</td>
            </tr>
        }
    };
    view! {
        <div class="scroll" tabindex="0" role="region" aria-label=text::BIAS_FIGURES>
            <table class="figures bias">
                <caption class="unseen">{text::BIAS_FIGURES}</caption>
                <thead>
                    <tr>
                        <td></td>
                        {runs.iter().enumerate().map(head).collect_view()}
                        <th scope="col">{text::UNBIASED}</th>
                    </tr>
                </thead>
                <tbody>{lines.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

/// All values, in reading order.
fn lines(measured: &[(&EvalReport, &Figures)]) -> Vec<BiasRow> {
    let Some((_, first)) = measured.first() else { return Vec::new() };
    let line =
        |name: String, value: &dyn Fn(&Figures) -> Option<String>, unbiased: String, meaning: &str| BiasRow {
            name,
            values: measured.iter().map(|(_, b)| value(b).unwrap_or_else(|| "–".into())).collect(),
            unbiased,
            meaning: meaning.to_owned(),
        };
    let mut lines = vec![
        line(
            text::OWN_FIRST.into(),
            &|b| b.same_language_first.map(|r| words::percent(r.rate)),
            first.same_language_first.map_or_else(|| "–".into(), |r| words::percent(r.chance)),
            text::OWN_FIRST_IS,
        ),
        line(
            of_first(text::TOP_DISTANCE, first.shares.k),
            &|b| Some(words::short_figure(b.shares.distance)),
            "0".into(),
            text::TOP_DISTANCE_IS,
        ),
        line(
            of_first(text::MIX, first.shares.k),
            &|b| Some(bits(b.shares.entropy)),
            bits(first.shares.pool_entropy),
            text::MIX_IS,
        ),
    ];
    let pool = first.shares.pool.values().filter(|share| **share > 0.0).count();
    let distance = |report: &EvalReport| report.rank_distance.map_or_else(|| "–".into(), mean_and_median);
    lines.push(BiasRow {
        name: text::SPREAD.into(),
        values: measured.iter().map(|(report, _)| distance(report)).collect(),
        unbiased: fill(text::OR_LITTLE_MORE, &[("n", &words::count(pool.saturating_sub(1)))]),
        meaning: text::SPREAD_IS.into(),
    });
    lines.push(line(
        text::LAST_ANSWER.into(),
        &|b| b.last_answer.map(|a| format!("{} ({})", words::ranks(a.mean), words::ranks(a.median))),
        fill(text::OR_LITTLE_MORE, &[("n", &words::count(pool))]),
        text::LAST_ANSWER_IS,
    ));
    let mut depths: Vec<&String> = first.complete.keys().collect();
    depths.sort_by_key(|k| k.parse::<usize>().unwrap_or(usize::MAX));
    for k in depths {
        lines.push(line(
            fill(text::COMPLETE, &[("k", k)]),
            &|b| b.complete.get(k).map(|share| words::percent(*share)),
            words::percent(1.0),
            text::COMPLETE_IS,
        ));
    }
    lines.push(line(
        text::AGREEMENT.into(),
        &|b| b.agreement.map(|rho| words::signed(rho, 3)),
        "+1".into(),
        text::AGREEMENT_IS,
    ));
    lines.push(line(
        text::SAME_ORDER.into(),
        &|b| b.peer.map(|peer| words::short_figure(peer.w)),
        "0".into(),
        text::SAME_ORDER_IS,
    ));
    lines.push(line(
        text::FRIEDMAN.into(),
        &|b| b.peer.map(|peer| words::p_value(peer.p)),
        text::ABOVE.into(),
        text::FRIEDMAN_IS,
    ));
    lines.push(line(
        text::HUBNESS.into(),
        &|b| Some(words::decimal(b.hubness.skewness, 2)),
        text::NEAR_ZERO.into(),
        text::HUBNESS_IS,
    ));
    lines.push(line(
        text::HUB.into(),
        &|b| Some(words::plural(b.hubness.largest, text::QUESTION)),
        text::FEW.into(),
        text::HUB_IS,
    ));
    lines.push(line(
        text::NEVER.into(),
        &|b| Some(words::percent(b.hubness.never)),
        text::FEW.into(),
        text::NEVER_IS,
    ));
    lines.push(line(
        text::MULTI_OVER_MONO.into(),
        &|b| b.multi_to_mono.map(words::short_figure),
        "1".into(),
        text::MULTI_OVER_MONO_IS,
    ));
    lines
}

/// A name that includes the number of ranks.
fn of_first(words: &str, k: usize) -> String {
    fill(words, &[("k", &words::count(k))])
}

fn bits(entropy: f64) -> String {
    fill(text::BITS, &[("n", &words::decimal(entropy, 2))])
}

fn mean_and_median(d: RankDistance) -> String {
    format!("{} ({})", words::ranks(d.mean), words::ranks(d.median))
}

/// The languages of the pool above those of the top ranks: overall, and by question language.
fn bars(run: &RunReport, report: &EvalReport, bias: &Figures, runs: usize) -> impl IntoView + use<> {
    let shares = &bias.shares;
    let mut rows = vec![
        row(text::POOL.into(), text::POOL.into(), &shares.pool, &report.languages, String::new()),
        row(
            of_first(text::TOP, shares.k),
            of_first(text::TOP_HEARD, shares.k),
            &shares.top,
            &report.languages,
            same_language_rate(bias.same_language_first.as_ref()),
        ),
    ];
    for code in &report.languages {
        if let Some(by) = shares.by_query.get(code) {
            let k = words::count(shares.k);
            let heard = fill(text::TOP_HEARD_OF, &[("k", &k), ("language", &names::english(code))]);
            let rate = same_language_rate(bias.same_language_first_by.get(code));
            rows.push(row(fill(text::ASKED, &[("code", code)]), heard, by, &report.languages, rate));
        }
    }
    let title = if runs < 2 {
        of_first(text::SHARES, shares.k)
    } else {
        fill(text::SHARES_OF, &[("name", &run.name()), ("k", &words::count(shares.k))])
    };
    view! {
        <h4>{title}</h4>
        <p class="hint">
            {text::SHARES_ARE}
        </p>
        <div class="mix shares">{rows}</div>
    }
}

fn same_language_rate(rate: Option<&crate::evaluation::bias::Rate>) -> String {
    let whole = |share: f64| words::percent_with(share, 0);
    rate.map_or_else(String::new, |r| {
        fill(text::RATE, &[("rate", &whole(r.rate)), ("chance", &whole(r.chance))])
    })
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
        <div class="bar" role="img" aria-label=fill(text::BAR, &[("name", &heard), ("parts", &spoken.join(", "))])>
            {parts.iter().filter(|p| p.1 > 0.0).map(|(code, share)| segment(code, *share, &words::percent(*share))).collect_view()}
        </div>
        <span class="rate">{rate}</span>
    }
    .into_any()
}
