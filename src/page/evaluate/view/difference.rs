//! The comparison of two models by setting.

use leptos::prelude::*;

use crate::evaluation::significance::Difference as Tested;
use crate::page::catalogue::{evaluate as text, fill};
use crate::page::evaluate::choices::MapMeasure;
use crate::page::evaluate::{Evaluate, RunReport};
use crate::page::words;

/// The settings in display order, and whether smaller is better.
const ROWS: [(&str, &str); 4] =
    [("mono", "mono"), ("cross", "cross"), ("multi", "multi"), ("rank_distance", "rank distance")];

#[component]
pub(super) fn Difference() -> impl IntoView {
    let e = Evaluate::here();
    let two = Memo::new(move |_| e.runs.with(|runs| runs.len() == 2));
    let legend = move || {
        e.runs.with(|runs| {
            let names: Vec<String> = runs.iter().map(RunReport::name).collect();
            fill(text::A_AND_B, &[("a", &names[0]), ("b", names.get(1).map_or("", String::as_str))])
        })
    };
    let table = move || {
        e.comparison.with(|comparison| {
            let Some(c) = comparison.as_ref() else {
                return view! { <p class="hint" aria-live="polite">{text::COMPARING}</p> }.into_any();
            };
            let measure = MapMeasure::named(&c.measure).unwrap_or_default().title();
            let rows = ROWS.iter().filter_map(|(key, name)| c.settings.get(*key).map(|d| row(name, measure, d)));
            view! {
                <div class="scroll" tabindex="0" role="region" aria-label=text::DIFFERENCE>
                    <table class="figures">
                        <caption class="unseen">{text::DIFFERENCE}</caption>
                        <thead>
                            <tr>
                                <td></td>
                                <th scope="col">"A"</th>
                                <th scope="col">"B"</th>
                                <th scope="col">{text::B_MINUS_A}</th>
                                <th scope="col">{text::INTERVAL}</th>
                                <th scope="col">{text::P}</th>
                                <th scope="col" title=text::P_HOLM>
                                    {text::P_CORRECTED}
                                </th>
                                <th scope="col">{text::IN_WORDS}</th>
                            </tr>
                        </thead>
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </div>
                <p class="hint">
                    {fill(text::HOW_TESTED, &[("n", &words::count(c.samples)), ("seed", &c.seed.to_string())])}
                </p>
            }
            .into_any()
        })
    };
    view! {
        {move || two.get().then(|| view! {
            <h3>{text::THE_DIFFERENCE}</h3>
            <p class="hint">{legend}</p>
            {table}
        })}
    }
}

fn row(name: &'static str, measure: &str, d: &Tested) -> impl IntoView + use<> {
    let distance = name == "rank distance";
    let digits = if distance { 1 } else { 4 };
    let show = move |x: f64| words::decimal(x, digits);
    let name = match distance {
        true => fill(text::LESS_IS_BETTER, &[("name", text::RANK_DISTANCE)]),
        false => format!("{name}, {measure}"),
    };
    let better = (d.difference > 0.0) != distance;
    let verdict = match (d.significant, better) {
        (false, _) => text::NOT_SIGNIFICANT,
        (true, true) => text::B_BETTER,
        (true, false) => text::A_BETTER,
    };
    let [low, high] = d.interval.map(|end| words::signed(end, digits));
    let interval = fill(text::RANGE, &[("low", &low), ("high", &high)]);
    view! {
        <tr class:significant=d.significant>
            <th scope="row">{name}</th>
            <td>{show(d.a)}</td>
            <td>{show(d.b)}</td>
            <td class="delta">{words::signed(d.difference, digits)}</td>
            <td>{interval}</td>
            <td>{words::p_value(d.p)}</td>
            <td>{words::p_value(d.p_adjusted)}</td>
            <td class="words">{verdict}</td>
        </tr>
    }
}
