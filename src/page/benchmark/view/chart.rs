//! The times as a chart: a row for each size, with a line for each device and precision showing median, quartiles and
//! extremes. The scale is logarithmic, so that equal distances are equal ratios.

use leptos::prelude::*;

use crate::benchmark::{BenchmarkCell, BenchmarkDevice, BenchmarkReport, BenchmarkTarget, TimeSpread};
use crate::page::benchmark::Benchmark;
use crate::page::catalogue::{benchmark as text, fill};
use crate::page::words;
use crate::protocol::PrecisionChoice;

#[component]
pub(super) fn Chart() -> impl IntoView {
    let b = Benchmark::here();
    let rows = move || {
        let (now, running) = (b.now.get(), b.activity.with(Option::is_some));
        b.report.with(|report| {
            let Some(report) = report else { return ().into_any() };
            let scale = LogScale::of(report);
            let targets = report.plan.targets();
            let row = |cell: &BenchmarkCell| {
                let lane = |target: &BenchmarkTarget| {
                    let waits = match report.row(*target, *cell) {
                        Some(_) => "",
                        None if now == Some((*target, *cell)) => text::TIMING,
                        None if running => text::WAITS,
                        None => text::NOT_TIMED,
                    };
                    lane(*target, report.row(*target, *cell).map(|row| row.ms), waits, scale)
                };
                view! {
                    <div class="size">
                        <p>{size(*cell)}</p>
                        {targets.iter().map(lane).collect_view()}
                    </div>
                }
            };
            view! {
                <div class="lane axis"><span></span>{axis(scale)}<span></span></div>
                {report.plan.cells.iter().map(row).collect_view()}
            }
            .into_any()
        })
    };
    view! {
        <figure class="chart">
            <figcaption>
                {text::CHART_IS}
            </figcaption>
            // The table has the same figures for screen readers.
            <div role="img" aria-label=text::CHART>{rows}</div>
        </figure>
    }
}

/// `8 texts × 114 tokens`.
fn size(cell: BenchmarkCell) -> String {
    let (texts, tokens) = (words::plural(cell.batch, text::TEXT), words::plural(cell.tokens, text::TOKEN));
    fill(text::SIZE, &[("texts", &texts), ("tokens", &tokens)])
}

/// One device and precision.
fn lane(
    target: BenchmarkTarget,
    ms: Option<TimeSpread>,
    waits: &'static str,
    scale: LogScale,
) -> impl IntoView + use<> {
    let drawn = ms.map(|ms| {
        let at = |t: f64| scale.at(t);
        view! {
            <line class="range" x1=at(ms.min) x2=at(ms.max) y1="50%" y2="50%"></line>
            <line class="band" x1=at(ms.lower_quartile) x2=at(ms.upper_quartile) y1="50%" y2="50%"></line>
            <svg x=at(ms.median) y="50%"><path d=mark(target)></path></svg>
        }
    });
    let value = match ms {
        Some(ms) => view! { <span class="value">{words::short_ms(ms.median)}" ms"</span> }.into_any(),
        None => view! { <span class="value waits">{waits}</span> }.into_any(),
    };
    view! {
        <div class="lane" prop:style=colour(target)>
            <span>{target.to_string()}</span>
            <svg>{grid(scale)} {drawn}</svg>
            {value}
        </div>
    }
}

fn grid(scale: LogScale) -> impl IntoView {
    let line = |(t, _): (f64, bool)| view! { <line class="grid" x1=scale.at(t) x2=scale.at(t) y1="0" y2="100%"></line> };
    scale.ticks().into_iter().map(line).collect_view()
}

fn axis(scale: LogScale) -> impl IntoView {
    let label = |(t, _): (f64, bool)| {
        let words = if t < 1000.0 { format!("{t} ms") } else { format!("{} s", t / 1e3) };
        view! { <text x=scale.at(t) y="14">{words}</text> }
    };
    view! { <svg>{scale.ticks().into_iter().filter(|t| t.1).map(label).collect_view()}</svg> }
}

/// The symbol of a target at its median, so that colour is not the only distinction.
fn mark(target: BenchmarkTarget) -> &'static str {
    match (target.device, target.precision) {
        (BenchmarkDevice::Cpu, PrecisionChoice::Exact) => "M-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0 -11 0z",
        (BenchmarkDevice::Cpu, PrecisionChoice::Fast) => "M0 -7L7 0L0 7L-7 0z",
        (BenchmarkDevice::WebGpu, _) => "M-5 -5H5V5H-5z",
    }
}

/// Colours of the style sheet that are distinguishable with all kinds of colour vision.
fn colour(target: BenchmarkTarget) -> &'static str {
    match (target.device, target.precision) {
        (BenchmarkDevice::Cpu, PrecisionChoice::Exact) => "--target:var(--c-de)",
        (BenchmarkDevice::Cpu, PrecisionChoice::Fast) => "--target:var(--c-ar)",
        (BenchmarkDevice::WebGpu, _) => "--target:var(--c-hi)",
    }
}

/// A logarithmic scale over whole powers of ten, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
struct LogScale {
    low: i32,
    high: i32,
}

impl LogScale {
    /// The scale for all rows; `before` is the previous one, which changes as rarely as possible.
    fn of(report: &BenchmarkReport) -> Self {
        let ends = report.rows.iter().filter(|row| row.ms.min > 0.0);
        let (low, high) = ends.fold((f64::MAX, 0.0), |(low, high): (f64, f64), row| {
            (low.min(row.ms.min), high.max(row.ms.max))
        });
        if high <= 0.0 {
            return Self { low: 0, high: 3 };
        }
        let low = low.log10().floor() as i32;
        Self { low, high: (high.log10().ceil() as i32).max(low + 1) }
    }

    /// The position of a time as a fraction of the width.
    fn at(self, t: f64) -> String {
        let part = (t.max(f64::MIN_POSITIVE).log10() - f64::from(self.low)) / f64::from(self.high - self.low);
        format!("{:.2}%", 100.0 * part.clamp(0.0, 1.0))
    }

    /// Positions of grid lines, and whether they have a label: 1, 2 and 5 of each power of ten, depending on space.
    fn ticks(self) -> Vec<(f64, bool)> {
        let few = self.high - self.low < 2;
        let steps = (self.low..self.high).flat_map(|power| {
            [(1.0, true), (2.0, few), (5.0, few)].map(|(n, label)| (n * 10f64.powi(power), label))
        });
        steps.filter(|tick| few || tick.1).chain([(10f64.powi(self.high), true)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_the_same_ratio_in_every_step() {
        let scale = LogScale { low: 0, high: 2 };
        assert_eq!(
            [1.0, 10.0, 100.0, 1e6, 0.0].map(|t| scale.at(t)),
            ["0.00%", "50.00%", "100.00%", "100.00%", "0.00%"]
        );
        assert_eq!(scale.ticks(), [(1.0, true), (10.0, true), (100.0, true)]);
        let one = LogScale { low: 1, high: 2 };
        assert_eq!(one.ticks().iter().map(|t| t.0).collect::<Vec<_>>(), [10.0, 20.0, 50.0, 100.0]);
    }

    #[test]
    fn every_way_has_a_mark_and_a_colour_of_its_own() {
        let [a, b, c] = BenchmarkTarget::ALL;
        for (one, other) in [(a, b), (a, c), (b, c)] {
            assert_ne!(mark(one), mark(other));
            assert_ne!(colour(one), colour(other));
        }
        assert_eq!(size(BenchmarkCell { batch: 1, tokens: 256 }), "1 text × 256 tokens");
    }
}
