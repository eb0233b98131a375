//! A report as JSON and as CSV.

use super::{BenchmarkReport, TimedCell};
use crate::{Error, Result};

/// The report as indented JSON.
///
/// # Errors
/// [`Error::Input`] if it cannot be serialized.
pub fn json(report: &BenchmarkReport) -> Result<String> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|e| Error::Input(format!("the report cannot be written as JSON: {e}")))?;
    Ok(text + "\n")
}

/// One row per line, after comment lines that begin with `#` and say what was timed, and on what. Times are
/// in milliseconds.
pub fn csv(report: &BenchmarkReport) -> String {
    let mut facts = vec![
        format!("interlingua {}", report.version),
        format!("model: {} ({})", report.model, report.quantization),
        format!("SHA-256 of manifest.json: {}", report.hash),
        format!("texts: {}", report.texts),
        format!("calls: {} after {} warm-ups", report.plan.repeats, report.plan.warmups),
        format!("browser: {}", report.browser),
        format!("logical processors: {}", report.cores),
        format!("cross-origin isolated: {}", if report.isolated { "yes" } else { "no" }),
        format!("date: {}", report.date),
        format!("complete: {}", if report.finished { "yes" } else { "no" }),
    ];
    facts.extend(report.machines.iter().map(|m| format!("{}: {}; {}", m.target, m.adapter, m.computes_in)));
    facts.extend(report.notes.iter().map(|note| format!("note: {note}")));
    let line = |fact: &String| format!("# {}\n", fact.split_whitespace().collect::<Vec<_>>().join(" "));
    let mut out: String = facts.iter().map(line).collect();
    out += "device,precision,batch,tokens,median_ms,min_ms,lower_quartile_ms,upper_quartile_ms,max_ms,\
            texts_per_second,tokens_per_second,tokenize_ms,least_cosine\n";
    out.extend(report.rows.iter().map(row));
    out
}

fn row(
    TimedCell { target, cell, ms, texts_per_second, tokens_per_second, tokenize_ms, cosine, .. }: &TimedCell,
) -> String {
    let cosine = cosine.map(|c| c.to_string()).unwrap_or_default();
    format!(
        "{},{},{},{},{},{},{},{},{},{texts_per_second},{tokens_per_second},{tokenize_ms},{cosine}\n",
        target.device.name(),
        target.precision.name(),
        cell.batch,
        cell.tokens,
        ms.median,
        ms.min,
        ms.lower_quartile,
        ms.upper_quartile,
        ms.max,
    )
}

/// `benchmark-<model>-<date><end>`, restricted to characters that all file systems allow.
pub fn file_name(report: &BenchmarkReport, end: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || c == '.' { c } else { '-' };
    let model: String = report.model.chars().map(plain).collect();
    format!("benchmark-{model}-{}{end}", report.date)
}

#[cfg(test)]
mod tests {
    use super::super::{BenchmarkCell, BenchmarkPlan, BenchmarkTarget, TimedDevice};
    use super::*;

    fn report() -> BenchmarkReport {
        let cell = BenchmarkCell { batch: 8, tokens: 114 };
        BenchmarkReport {
            model: "my model/2".into(),
            url: "model/".into(),
            hash: "ab".into(),
            quantization: "q8".into(),
            plan: BenchmarkPlan::default(),
            texts: "the sample, English".into(),
            machines: vec![TimedDevice {
                target: BenchmarkTarget::REFERENCE,
                adapter: "WebAssembly, SIMD".into(),
                computes_in: "f32".into(),
                software: false,
                self_test_difference: 1e-6,
            }],
            rows: vec![
                TimedCell::new(BenchmarkTarget::REFERENCE, cell, vec![10.0, 30.0, 20.0], 1.5, Some(1.0)),
                TimedCell::new(BenchmarkTarget::ALL[2], cell, vec![5.0], 1.5, None),
            ],
            notes: vec!["One\nthing.".into()],
            browser: "Mozilla/5.0 (X11)".into(),
            cores: 2,
            isolated: false,
            date: "2026-01-31".into(),
            version: "0.1.0".into(),
            finished: true,
        }
    }

    #[test]
    fn both_files_have_every_row() {
        let report = report();
        assert_eq!(serde_json::from_str::<BenchmarkReport>(&json(&report).unwrap()).unwrap(), report);
        let csv = csv(&report);
        let lines: Vec<&str> = csv.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(csv.contains("# note: One thing.\n"), "{csv}");
        let columns = lines[0].split(',').count();
        assert!(lines.iter().all(|line| line.split(',').count() == columns), "{csv}");
        assert_eq!(lines[1], "cpu,exact,8,114,20,10,15,25,30,400,45600,1.5,1");
        assert_eq!(lines[2], "webgpu,exact,8,114,5,5,5,5,5,1600,182400,1.5,");
        assert_eq!(file_name(&report, ".csv"), "benchmark-my-model-2-2026-01-31.csv");
    }
}
