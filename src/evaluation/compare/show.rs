//! A comparison as text, CSV and LaTeX.

use super::super::export::{csv_field, latex_text};
use super::{CompareRow, CompareTable, RunComparison};
use crate::sha256;

impl RunComparison {
    /// What was compared and how, one fact per line.
    fn facts(&self) -> Vec<String> {
        let mut lines = vec![
            format!("interlingua {}", self.version),
            format!(
                "{} % intervals by bootstrap and two-sided paired randomisation tests over {} {}, {} samples, seed {}",
                self.level * 100.0,
                self.units,
                self.unit,
                self.samples,
                self.seed
            ),
            "p adjusted by Holm for all tests of a measure, settings and pairs of languages separately; significant \
             below 0.05"
                .to_string(),
        ];
        for run in &self.runs {
            lines.push(format!("{}: {}", run.letter, run.name));
            lines.extend(run.notes.iter().map(|note| format!("{}: {note}", run.letter)));
            let hashes: Vec<String> =
                run.sha256.iter().map(|(file, hash)| format!("{hash}  {file}")).collect();
            if hashes.len() > 2 {
                let list: String = hashes.iter().map(|line| format!("{line}\n")).collect();
                lines.push(format!(
                    "{}: SHA-256 {} of the list of its {} files' hashes, which --format json has",
                    run.letter,
                    sha256(list.as_bytes()),
                    hashes.len()
                ));
            } else {
                lines.extend(hashes.iter().map(|line| format!("{}: SHA-256 {line}", run.letter)));
            }
        }
        lines
    }

    /// As plain text for a terminal. Letters after a value name the runs that it is significantly better
    /// than.
    pub fn table(&self) -> String {
        let mut out = String::new();
        for table in &self.settings {
            out += &format!("{} {}\n", table.setting, table.measure);
            for row in &table.rows {
                let interval = row
                    .interval
                    .map_or("(means only)".into(), |[low, high]| format!("[{low:.4}, {high:.4}]"));
                out += &format!(
                    "  {}  {:.4} {:<4} {interval}  {}\n",
                    row.run,
                    row.value,
                    row.above.concat(),
                    self.name(row)
                );
            }
            for test in &table.tests {
                let d = &test.difference;
                out += &format!(
                    "  {} - {}  {:+.4} [{:+.4}, {:+.4}]  p {:.4}  adjusted {:.4}{}\n",
                    test.runs[1],
                    test.runs[0],
                    d.difference,
                    d.interval[0],
                    d.interval[1],
                    d.p,
                    d.p_adjusted,
                    if d.significant { " *" } else { "" }
                );
            }
            out += "\n";
        }
        out += &self.matrices();
        self.facts().iter().for_each(|fact| out += &format!("{fact}\n"));
        out
    }

    fn name(&self, row: &CompareRow) -> &str {
        self.runs.iter().find(|run| run.letter == row.run).map_or("", |run| &run.name)
    }

    /// The differences of every two runs by language pair, marked where they are significant.
    fn matrices(&self) -> String {
        let mut out = String::new();
        let mut shown: Vec<(&str, &[String; 2])> = Vec::new();
        let all =
            self.pairs.iter().flat_map(|t| t.tests.iter().map(move |test| (t.measure.as_str(), &test.runs)));
        for one in all {
            if !shown.contains(&one) {
                shown.push(one);
            }
        }
        let mut languages: Vec<&str> =
            self.pairs.iter().flat_map(|t| [t.from.as_str(), t.to.as_str()]).collect();
        languages.sort_unstable();
        languages.dedup();
        for (measure, runs) in shown {
            out += &format!(
                "{measure} of {} minus {}, by question language (rows) and passage language\n     ",
                runs[1], runs[0]
            );
            languages.iter().for_each(|to| out += &format!("{to:>9}"));
            for from in &languages {
                out += &format!("\n{from:<5}");
                for to in &languages {
                    let table =
                        self.pairs.iter().find(|t| t.measure == measure && t.from == *from && t.to == *to);
                    let test = table.and_then(|t| t.tests.iter().find(|test| test.runs == *runs));
                    out += &test.map_or(format!("{:>9}", "-"), |test| {
                        let mark = if test.difference.significant { "*" } else { " " };
                        format!("{:>+8.4}{mark}", test.difference.difference)
                    });
                }
            }
            out += "\n\n";
        }
        out
    }

    /// One figure per line, after comment lines: rows of one run have only `run`, rows of a test also
    /// `against`; their value is `run` minus `against`.
    pub fn csv(&self) -> String {
        let mut out: String = self.facts().iter().map(|fact| format!("# {fact}\n")).collect();
        out += "setting,from,to,measure,run,against,value,low,high,p,p_adjusted,significant,queries\n";
        for CompareTable { setting, from, to, measure, rows, tests } in
            self.settings.iter().chain(&self.pairs)
        {
            let [from, to] = [from, to].map(|lang| csv_field(lang));
            let start = format!("{setting},{from},{to},{measure}");
            for row in rows {
                let [low, high] =
                    row.interval.map_or([String::new(), String::new()], |ends| ends.map(|x| x.to_string()));
                let queries = row.queries.map_or(String::new(), |n| n.to_string());
                out += &format!("{start},{},,{},{low},{high},,,,{queries}\n", row.run, row.value);
            }
            for test in tests {
                let ([a, b], d) = (&test.runs, &test.difference);
                let [low, high] = d.interval;
                out += &format!(
                    "{start},{b},{a},{},{low},{high},{},{},{},\n",
                    d.difference, d.p, d.p_adjusted, d.significant
                );
            }
        }
        out
    }

    /// A LaTeX table of the settings (needs the package booktabs); superscripts name the runs that a value is
    /// significantly better than.
    pub fn latex(&self) -> String {
        let mut out: String = self.facts().iter().map(|fact| format!("% {fact}\n")).collect();
        let heads = self.settings.iter().map(|t| format!("{} {}", t.setting, latex_text(&t.measure)));
        let heads: Vec<String> = heads.collect();
        out += &format!(
            "\\begin{{tabular}}{{ll{}}}\n\\toprule\n & run & {} \\\\\n\\midrule\n",
            "l".repeat(heads.len()),
            heads.join(" & ")
        );
        for run in &self.runs {
            let cell = |table: &CompareTable| match table.rows.iter().find(|row| row.run == run.letter) {
                Some(row) if row.above.is_empty() => format!("{:.4}", row.value),
                Some(row) => format!("{:.4}$^{{{}}}$", row.value, row.above.concat()),
                None => "--".to_string(),
            };
            let cells: Vec<String> = self.settings.iter().map(cell).collect();
            out += &format!("{} & {} & {} \\\\\n", run.letter, latex_text(&run.name), cells.join(" & "));
        }
        out + "\\bottomrule\n\\end{tabular}\n"
    }
}
