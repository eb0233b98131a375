//! One query's ranking, or two models' side by side: its answers, and the passages ranked above them.

use leptos::prelude::*;

use crate::page::catalogue::{evaluate as text, fill};
use crate::page::evaluate::{Evaluate, RunReport};
use crate::page::names;
use crate::page::words;
use crate::protocol::RankedPassage;

#[component]
pub(super) fn QueryRankings() -> impl IntoView {
    let e = Evaluate::here();
    let two = e.queries.with_untracked(|q| q.as_ref().is_some_and(|q| q.second.is_some()));
    let name = |at: usize, letter: &str| {
        let name = e.runs.with_untracked(|runs| runs.get(at).map(RunReport::name).unwrap_or_default());
        format!("{letter}: {name}")
    };
    let of = |at: usize, letter: &str| {
        let name = name(at, letter);
        let label = name.clone();
        view! { <section aria-label=label><h4>{name}</h4>{ranking(e, at)}</section> }
    };
    match two {
        false => ranking(e, 0).into_any(),
        true => view! { <div class="rankings">{of(0, "A")}{of(1, "B")}</div> }.into_any(),
    }
}

fn ranking(e: Evaluate, at: usize) -> impl IntoView {
    let passages = Memo::new(move |_| e.opened.with(|o| o.as_ref().and_then(|o| o.passages[at].clone())));
    move || match passages.get() {
        None => view! { <p class="ranking hint" aria-live="polite">{text::RANKING_COMING}</p> }.into_any(),
        Some(passages) => {
            let last = passages.iter().filter(|p| p.grade > 0).map(|p| p.rank).max().unwrap_or_default();
            let mut before = 0;
            let rows: Vec<AnyView> = passages
                .into_iter()
                .flat_map(|p| {
                    let skipped = p.rank.saturating_sub(before + 1);
                    before = p.rank;
                    let gap = (skipped > 0).then(|| gap(skipped).into_any());
                    gap.into_iter().chain([passage(p, last).into_any()])
                })
                .collect();
            view! { <ol class="ranking" role="list" aria-label=text::RANKING>{rows}</ol> }.into_any()
        }
    }
}

fn gap(skipped: usize) -> impl IntoView {
    view! { <li class="gap">{fill(text::GAP, &[("passages", &words::plural(skipped, text::PASSAGE))])}</li> }
}

/// A passage; `last` is the worst rank of an answer.
fn passage(p: RankedPassage, last: usize) -> impl IntoView {
    let gold = p.grade > 0;
    let verdict = match p.grade {
        0 if p.rank < last => text::ABOVE_ANSWER.to_owned(),
        0 => text::NOT_ANSWER.to_owned(),
        1 => text::ANSWERS.to_owned(),
        grade => fill(text::ANSWERS_GRADE, &[("grade", &grade.to_string())]),
    };
    view! {
        <li class="ranked" class:gold=gold prop:style=names::colour(&p.language)>
            <span class="rank"><span class="unseen">{text::RANK}</span>{words::count(p.rank)}</span>
            <div dir=names::direction(&p.language)>
                <p class="passage" lang=p.language.clone()>{p.text}</p>
                <p class="about" lang="en">
                    <span class="swatch" aria-hidden="true">{p.language.clone()}</span>
                    <span class="endonym" lang=p.language.clone() title=names::english(&p.language)>{names::endonym(&p.language)}</span>
                    <span class="score" title=text::SCORE_HINT>{words::short_figure(p.score.into())}</span>
                    <bdi class="verdict">{verdict}</bdi>
                    <bdi class="source">{p.source}</bdi>
                </p>
            </div>
        </li>
    }
}
