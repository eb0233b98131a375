//! The plots of a report.

use super::summary::quality;
use super::{ArmSummary, Chart, ChartAxis, Cost, Figure, Findings, Panel, Point, Series, StudyReport, Sweep};

/// File names and charts: mAP and rank distance by share of monolingual batches for each data set with at
/// least two arms, and a chart for each sweep.
pub fn plots(report: &StudyReport) -> Vec<(String, Chart)> {
    let mut all = Vec::new();
    for findings in report.findings.iter().filter(|f| f.arms.len() > 1) {
        let file = |what: &str| format!("{what}-{}.svg", file_name(&findings.dataset));
        let maps = [Figure::MonoMap, Figure::CrossMap, Figure::MultiMap];
        all.push((file("map"), by_alpha(findings, "mAP", &maps)));
        if findings.arms.iter().any(|arm| arm.figures.contains_key(&Figure::RankDistance)) {
            all.push((file("rank-distance"), by_alpha(findings, "Rank distance", &[Figure::RankDistance])));
        }
    }
    all.extend(report.sweeps.iter().map(|sweep| (format!("sweep-{}.svg", sweep.name), pareto(sweep))));
    all
}

/// A name made safe for file names.
pub(super) fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn by_alpha(findings: &Findings, what: &str, figures: &[Figure]) -> Chart {
    let point = |arm: &ArmSummary, figure| {
        let value = arm.figures.get(&figure)?;
        let dots = if value.seeds.len() > 1 { value.seeds.clone() } else { Vec::new() };
        Some(Point { x: arm.alpha, y: value.mean, ends: value.interval, dots, ..Point::default() })
    };
    let series = figures.iter().map(|&figure| Series {
        name: figure.name().to_string(),
        points: findings.arms.iter().rev().filter_map(|arm| point(arm, figure)).collect(),
        line: true,
    });
    Chart {
        title: format!("{what} on {} by share of monolingual batches", findings.dataset),
        about: "Marks: mean over seeds. Bars: 95 % bootstrap interval over questions. Dots: single seeds."
            .to_string(),
        panels: vec![Panel {
            x: ChartAxis {
                label: "α: 0 cross-lingual (X-Y), 1 monolingual (X-X-mono)".into(),
                from_zero: false,
                ticks: findings.arms.iter().map(|arm| arm.alpha).collect(),
            },
            y: ChartAxis { label: what.to_string(), from_zero: false, ticks: Vec::new() },
            series: series.filter(|s| !s.points.is_empty()).collect(),
        }],
    }
}

fn pareto(sweep: &Sweep) -> Chart {
    let panel = |cost: Cost| {
        let mut points: Vec<Point> = sweep
            .variants
            .iter()
            .map(|v| Point {
                x: cost.of(v),
                y: quality(v),
                ends: v.figures.get(&Figure::MultiMap).and_then(|value| value.interval),
                label: v.name.clone(),
                hollow: !v.front.get(cost.name()).copied().unwrap_or(false),
                ..Point::default()
            })
            .collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        let label = match cost {
            Cost::Latency => "ms, one short text",
            Cost::Time => "ms per text, in batches",
            Cost::Bytes => "MB",
        };
        Panel {
            x: ChartAxis { label: label.to_string(), from_zero: true, ticks: Vec::new() },
            y: ChartAxis { label: "multi mAP".to_string(), from_zero: false, ticks: Vec::new() },
            series: vec![Series { name: "on the front".to_string(), points, line: true }],
        }
    };
    Chart {
        title: format!("Quality against cost: {}", sweep.name),
        about:
            "Filled, joined: on the Pareto front, nothing else is as good at a lower cost. Bars: 95 % bootstrap \
                interval over questions."
                .to_string(),
        panels: Cost::ALL.map(panel).to_vec(),
    }
}
