//! Two models against each other, setting by setting.

use leptos::prelude::*;

use crate::evaluation::significance::Difference as Tested;
use crate::page::evaluate::choices::MapMeasure;
use crate::page::evaluate::{Evaluate, Run};
use crate::page::words;

/// The settings in the order in which they are shown, and whether less is better.
const ROWS: [(&str, &str); 4] =
    [("mono", "mono"), ("cross", "cross"), ("multi", "multi"), ("rank_distance", "rank distance")];

#[component]
pub(super) fn Difference() -> impl IntoView {
    let e = Evaluate::here();
    let two = Memo::new(move |_| e.runs.with(|runs| runs.len() == 2));
    let legend = move || {
        e.runs.with(|runs| {
            let names: Vec<String> = runs.iter().map(Run::name).collect();
            format!("A is {}, B is {}.", names[0], names.get(1).cloned().unwrap_or_default())
        })
    };
    let table = move || {
        e.comparison.with(|comparison| {
            let Some(c) = comparison.as_ref() else {
                return view! { <p class="hint" aria-live="polite">"The two are being compared."</p> }.into_any();
            };
            let measure = MapMeasure::named(&c.measure).unwrap_or_default().title();
            let rows = ROWS.iter().filter_map(|(key, name)| c.settings.get(*key).map(|d| row(name, measure, d)));
            view! {
                <div class="scroll" tabindex="0" role="region" aria-label="Difference between the models">
                    <table class="figures">
                        <caption class="unseen">"Difference between the models"</caption>
                        <thead>
                            <tr>
                                <td></td>
                                <th scope="col">"A"</th>
                                <th scope="col">"B"</th>
                                <th scope="col">"B − A"</th>
                                <th scope="col">"interval"</th>
                                <th scope="col">"p"</th>
                                <th scope="col" title="Corrected for the number of tests in this table (Holm)">
                                    "p corrected"
                                </th>
                                <th scope="col">"in words"</th>
                            </tr>
                        </thead>
                        <tbody>{rows.collect_view()}</tbody>
                    </table>
                </div>
                <p class="hint">
                    {format!(
                        "Paired randomisation test and bootstrap over questions, {} samples, seed {}. Significant: the p \
                         value, corrected by Holm’s method, is below 0.05.",
                        words::count(c.samples),
                        c.seed
                    )}
                </p>
            }
            .into_any()
        })
    };
    view! {
        {move || two.get().then(|| view! {
            <h3>"The difference between the two"</h3>
            <p class="hint">{legend}</p>
            {table}
        })}
    }
}

fn row(name: &'static str, measure: &str, d: &Tested) -> impl IntoView + use<> {
    let distance = name == "rank distance";
    let digits = if distance { 1 } else { 4 };
    let show = move |x: f64| format!("{x:.digits$}");
    let name = if distance { format!("{name} (less is better)") } else { format!("{name}, {measure}") };
    let better = (d.difference > 0.0) != distance;
    let verdict = match (d.significant, better) {
        (false, _) => "not significant",
        (true, true) => "B is better",
        (true, false) => "A is better",
    };
    view! {
        <tr class:significant=d.significant>
            <th scope="row">{name}</th>
            <td>{show(d.a)}</td>
            <td>{show(d.b)}</td>
            <td class="delta">{words::signed(d.difference, digits)}</td>
            <td>{words::signed(d.interval[0], digits)} " to " {words::signed(d.interval[1], digits)}</td>
            <td>{words::p_value(d.p)}</td>
            <td>{words::p_value(d.p_adjusted)}</td>
            <td class="words">{verdict}</td>
        </tr>
    }
}
