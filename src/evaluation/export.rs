//! A report as JSON, CSV and LaTeX. The latter two begin with comments that say what was measured and how:
//! data, hashes, device, date, version, seed.

use std::fmt::Write;

use super::significance::Interval;
use super::{EvalReport, Measure, Measures, Scores, Setting, Task};
use crate::{Error, Result};

/// The facts, one per line, as `name: value`.
fn facts(report: &EvalReport) -> Vec<String> {
    let facts = &report.facts;
    let mut lines = vec![
        format!("interlingua {}", facts.version),
        format!("model: {}", facts.model),
        format!("data set: {}", facts.dataset),
        format!("device: {}", facts.device),
    ];
    lines.extend(facts.date.iter().map(|date| format!("date: {date}")));
    lines.extend(facts.lir.iter().map(|n| format!("leading directions removed from each language: {n}")));
    lines.extend(report.relevance.iter().map(|level| format!("relevant from grade: {level}")));
    if report.only_answerable {
        lines.push("queries: only those that some passage answers".into());
    }
    lines.extend(report.identical_ids.iter().map(|fate| format!("passages with a query's own id: {fate}")));
    lines.extend(facts.hashes.iter().map(|(name, hash)| format!("SHA-256 of {name}: {hash}")));
    lines.extend(report.intervals.iter().map(|of| {
        format!(
            "intervals: {} % by bootstrap over {} questions, {} samples, seed {}",
            of.level * 100.0,
            report.counts.questions,
            of.samples,
            of.seed
        )
    }));
    lines.extend(report.notes.iter().map(|note| format!("note: {note}")));
    lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// A field of a CSV file (RFC 4180).
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

/// Every query's measures, one line for each query and setting: `query,setting,from,to` and the names of
/// [`Measures::names`]; `to` is empty in the multi setting. Ids are the data set's own, prefixed with the
/// language.
pub fn per_query(task: &Task, scores: &Scores) -> String {
    let names = scores.multi.first().map_or_else(|| Measures::default().names(), Measures::names);
    let mut out = format!("query,setting,from,to,{}\n", names.join(","));
    let mut add = |query: usize, setting: &str, to: &str, measures: &Measures| {
        let query = &task.queries[query];
        let _ = write!(out, "{},{setting},{},{to}", field(&query.id), field(&task.languages[query.lang]));
        measures.values().iter().for_each(|value| {
            let _ = write!(out, ",{value}");
        });
        out.push('\n');
    };
    for (from, row) in scores.pairs.iter().enumerate() {
        for (to, cell) in row.iter().enumerate() {
            let setting = if from == to { "mono" } else { "cross" };
            cell.iter().for_each(|(query, m)| add(*query, setting, &field(&task.languages[to]), m));
        }
    }
    scores.multi.iter().enumerate().for_each(|(query, m)| add(query, "multi", "", m));
    out
}

/// The report as indented JSON: what `interlingua eval --json` prints.
///
/// # Errors
/// [`Error::Input`] if it cannot be serialized.
pub fn json(report: &EvalReport) -> Result<String> {
    serde_json::to_string_pretty(report)
        .map_err(|e| Error::Input(format!("the report cannot be written as JSON: {e}")))
}

/// One figure per line: `setting,from,to,measure,value,low,high,queries`, after comment lines that begin with
/// `#`. `from` and `to` are the languages of question and passage in rows of a single pair; `low` and `high`
/// are empty if there is no interval.
pub fn csv(report: &EvalReport) -> String {
    let mut out: String = facts(report).iter().map(|fact| format!("# {fact}\n")).collect();
    out += "setting,from,to,measure,value,low,high,queries\n";
    let mut add = |[setting, from, to, measure]: [&str; 4],
                   value: f64,
                   ends: Option<Interval>,
                   queries: Option<usize>| {
        let [low, high] = ends.map_or([String::new(), String::new()], |ends| ends.map(|end| end.to_string()));
        let queries = queries.map_or(String::new(), |n| n.to_string());
        let [from, to] = [from, to].map(csv_field);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{setting},{from},{to},{measure},{value},{low},{high},{queries}");
    };
    let intervals = report.intervals.as_ref();
    let count = |same: bool| {
        let all =
            report.counts.pairs.iter().flat_map(|(from, row)| row.iter().map(move |(to, n)| (from == to, n)));
        all.filter(|(own, _)| *own == same).map(|(_, n)| n).sum()
    };
    for (setting, queries) in Setting::ALL.into_iter().zip([count(true), count(false), report.counts.queries])
    {
        let Some(measures) = report.measures(setting) else { continue };
        for (i, name) in measures.names().iter().enumerate() {
            let ends = report.band(setting).map(|band| [band.low.value(i), band.high.value(i)]);
            add([setting.name(), "", "", name], measures.value(i), ends, Some(queries));
        }
    }
    if let Some(d) = report.rank_distance {
        let ends = intervals.and_then(|i| i.rank_distance);
        let values = [("mean", d.mean), ("median", d.median), ("normalised", d.normalised)];
        for (i, (name, value)) in values.into_iter().enumerate() {
            let ends = ends.map(|ends| ends.map(|d| [d.mean, d.median, d.normalised][i]));
            add(["rank_distance", "", "", name], value, ends, None);
        }
    }
    for (from, row) in &report.pairs {
        for (to, measures) in row {
            let setting = if from == to { "mono" } else { "cross" };
            let queries = report.counts.pairs.get(from).and_then(|row| row.get(to)).copied();
            for (name, value) in measures.names().iter().zip(measures.values()) {
                let map = intervals.and_then(|i| i.pairs.get(from)).and_then(|row| row.get(to)).copied();
                add([setting, from, to, name], value, map.filter(|_| name == "map"), queries);
            }
        }
    }
    out
}

/// Two LaTeX tables (they need the package booktabs): the settings, with intervals if there are any, and mAP
/// by question language (rows) and passage language.
pub fn latex(report: &EvalReport) -> String {
    let mut out: String = facts(report).iter().map(|fact| format!("% {fact}\n")).collect();
    let always = ["mAP", "MRR", "R@1", "R@10", "R@100", "nDCG@10", "mAP@20", "P@10"];
    let own = report.own().map(Measure::title);
    let columns: Vec<String> = always.into_iter().map(str::to_string).chain(own).collect();
    out += &format!(
        "\\begin{{tabular}}{{l{}}}\n\\toprule\n & {} \\\\\n\\midrule\n",
        "c".repeat(columns.len()),
        columns.join(" & ")
    );
    for setting in Setting::ALL {
        let Some(measures) = report.measures(setting) else { continue };
        let row: Vec<String> = measures.values().iter().map(|x| format!("{x:.4}")).collect();
        out += &format!("{} & {} \\\\\n", setting.name(), row.join(" & "));
        if let Some(band) = report.band(setting) {
            let ends = band.low.values().into_iter().zip(band.high.values());
            let ends: Vec<String> =
                ends.map(|(low, high)| format!("\\scriptsize {low:.3}--{high:.3}")).collect();
            out += &format!(" & {} \\\\\n", ends.join(" & "));
        }
    }
    out += "\\bottomrule\n\\end{tabular}\n\n";
    let names: Vec<String> = report.languages.iter().map(|lang| latex_text(lang)).collect();
    out += &format!(
        "\\begin{{tabular}}{{l{}}}\n\\toprule\n & {} \\\\\n\\midrule\n",
        "c".repeat(names.len()),
        names.join(" & ")
    );
    for (from, name) in report.languages.iter().zip(&names) {
        let cell = |to| report.pairs.get(from).and_then(|row| row.get(to));
        let cells =
            report.languages.iter().map(|to| cell(to).map_or("--".into(), |m| format!("{:.4}", m.map)));
        out += &format!("{name} & {} \\\\\n", cells.collect::<Vec<_>>().join(" & "));
    }
    out + "\\bottomrule\n\\end{tabular}\n"
}

/// A CSV field, quoted if necessary.
pub(super) fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.into()
    }
}

/// Text with LaTeX's special characters escaped.
pub(super) fn latex_text(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out += "\\textbackslash{}",
            '~' => out += "\\textasciitilde{}",
            '^' => out += "\\textasciicircum{}",
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::sample;
    use crate::evaluation::{Facts, Intervals, Scores, SettingMeans, Task, rank};
    use crate::retrieval::Index;

    fn report(intervals: bool) -> EvalReport {
        let line = r#"{"id":"a","topic":"T","passage":{"en":"It is red.","de":"Es ist rot."},"question":{"en":"Colour?","de":"Farbe?"},"answer":{"en":"red","de":"rot"}}"#;
        let task = Task::new(&sample::parse("p", line).unwrap()).unwrap();
        let index = Index::from_rows(1, &[1.0, 2.0]).unwrap();
        let ranks = rank(&task, &index, &[1.0, 1.0]).unwrap();
        let scores = Scores::of(&task, &ranks);
        let facts = Facts { model: "m\nn".into(), dataset: "d".into(), ..Facts::default() };
        let mut report = EvalReport::new(facts, &task, &SettingMeans::of(&task, &scores));
        report.facts.hashes.insert("data".into(), "abc".into());
        report.intervals = intervals.then(|| Intervals::of(&task, &scores, 100, 7));
        report
    }

    #[test]
    fn csv_has_every_figure() {
        let text = csv(&report(true));
        let (comments, rows): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
        for fact in [
            "# model: m n",
            "# SHA-256 of data: abc",
            "# intervals: 95 % by bootstrap over 1 questions, 100 samples, seed 7",
        ] {
            assert!(comments.contains(&fact), "{fact} is missing in {text}");
        }
        // Settings, rank distance, pairs.
        assert_eq!(rows.len(), 1 + 3 * 8 + 3 + 4 * 8);
        assert!(rows.iter().all(|row| row.split(',').count() == 8));
        assert!(rows.contains(&"mono,,,map,1,1,1,2") && rows.contains(&"cross,de,en,map,1,1,1,1"), "{text}");
        assert!(csv(&report(false)).contains("\ncross,,,p@10,0.1,,,2\n"));
    }

    #[test]
    fn latex_has_settings_and_matrix() {
        let text = latex(&report(true));
        assert!(text.starts_with("% interlingua"), "{text}");
        assert!(
            text.contains("mono & 1.0000 & 1.0000") && text.contains("\\scriptsize 1.000--1.000"),
            "{text}"
        );
        assert!(
            text.contains("de & 1.0000 & 1.0000 \\\\") && text.matches("\\toprule").count() == 2,
            "{text}"
        );
        assert_eq!(
            latex_text("a_b\\50%~^{}&#$"),
            "a\\_b\\textbackslash{}50\\%\\textasciitilde{}\\textasciicircum{}\\{\\}\\&\\#\\$"
        );
        assert_eq!(csv_field("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
