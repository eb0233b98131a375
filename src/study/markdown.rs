//! `report.md`.

use std::fmt::Write;

use super::claims::signed;
use super::{Figure, FigureTable, Findings, LEVEL, SeedFigures, StudyReport, Sweep, paper, plots};

impl StudyReport {
    /// The report in Markdown; plots are separate files next to it.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_markdown(&mut out);
        out
    }

    fn write_markdown(&self, out: &mut String) -> std::fmt::Result {
        let plots: Vec<String> = plots(self).into_iter().map(|(file, _)| file).collect();
        let date = self.date.as_deref().unwrap_or("no date");
        writeln!(out, "# {}\n", self.name)?;
        writeln!(
            out,
            "Written by `interlingua study` {} on {date}; {}; {}. Start model: {} ({} parameters, SHA-256 \
             `{}`). `report.json` has the full configuration, every hash and every figure.\n",
            self.version,
            self.device,
            self.machine,
            self.start.model,
            self.start.parameters,
            short(&self.start.sha256)
        )?;
        for note in &self.notes {
            writeln!(out, "- {note}")?;
        }
        for findings in &self.findings {
            findings.write_markdown(out, &plots)?;
        }
        for sweep in &self.sweeps {
            sweep.write_markdown(out, &plots)?;
        }
        self.write_sources(out)
    }

    fn write_sources(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "\n## Inputs\n")?;
        header(out, &["data set", "SHA-256 of ids and texts"])?;
        for (name, hash) in &self.datasets {
            row(out, &[name.clone(), format!("`{}`", short(hash))])?;
        }
        let bytes: u64 = self.data.iter().map(|f| f.bytes).sum();
        writeln!(
            out,
            "\nTraining data: {} files, {:.1} MB; SHA-256 of the texts used: `{}`. Runs, with the keys that \
             identify them:\n",
            self.data.len(),
            bytes as f64 / 1e6,
            short(&self.learned_sha256)
        )?;
        header(out, &["run", "data set", "weights", "key", "model", "pairs/s in training"])?;
        for run in &self.runs {
            row(
                out,
                &[
                    run.folder.clone(),
                    run.dataset.clone(),
                    run.quantization.clone(),
                    format!("`{}`", short(&run.key)),
                    format!("`{}`", short(&run.bundle)),
                    run.pairs_per_second.map_or("–".into(), |n| format!("{n:.1}")),
                ],
            )?;
        }
        let json = serde_json::to_string_pretty(&self.study).unwrap_or_default();
        writeln!(out, "\nThe study's configuration:\n\n```json\n{json}\n```")
    }
}

impl Findings {
    fn write_markdown(&self, out: &mut String, plots: &[String]) -> std::fmt::Result {
        let [languages, queries, questions, passages] = self.size;
        let (samples, permutations, seed) = self.drawn;
        writeln!(out, "\n## {}\n", self.dataset)?;
        writeln!(
            out,
            "{languages} languages, {questions} questions ({queries} with translations), {passages} passages.\n"
        )?;
        if !self.claims.is_empty() {
            header(out, &["the paper's claim", "verdict", "because"])?;
            for claim in &self.claims {
                row(
                    out,
                    &[claim.claim.clone(), format!("**{}**", claim.verdict.name()), claim.because.clone()],
                )?;
            }
            writeln!(
                out,
                "\nVerdicts are computed: a difference counts if its interval over questions, widened to \
                 include the difference of every seed, does not include 0; \"level\" is at most {:.0} % below \
                 (our bound, the paper gives none).\n",
                LEVEL * 100.0
            )?;
        }
        let figures: Vec<Figure> =
            Figure::ALL.into_iter().filter(|f| self.baseline.contains_key(f)).collect();
        writeln!(
            out,
            "Mean over seeds ± standard deviation over seeds [95 % bootstrap interval over questions, \
             {samples} resamples, seed {seed}]:\n"
        )?;
        let names = figures.iter().map(|f| f.name());
        header(out, &["batches", "α", "seeds"].into_iter().chain(names).collect::<Vec<_>>())?;
        let cells = |values: &FigureTable| {
            let show = |f: &Figure| values.get(f).map_or("–".to_string(), |v| cell(*f, v));
            figures.iter().map(show).collect::<Vec<_>>()
        };
        let start = ["[baseline] start model".to_string(), "–".into(), "–".into()];
        row(out, &[start.to_vec(), cells(&self.baseline)].concat())?;
        for arm in &self.arms {
            let first = [arm.name.clone(), arm.alpha.to_string(), arm.seeds.len().to_string()];
            row(out, &[first.to_vec(), cells(&arm.figures)].concat())?;
        }
        let ends = format!("-{}.svg", plots::file_name(&self.dataset));
        for file in plots.iter().filter(|file| file.ends_with(&ends)) {
            writeln!(out, "\n![{}]({file})", file.trim_end_matches(".svg"))?;
        }
        if !self.contrasts.is_empty() {
            writeln!(
                out,
                "\nDifferences. Each query's value is its mean over seeds; whole questions, with all their \
                 translations, are resampled and permuted (paired randomisation, {permutations} permutations, \
                 seed {seed}; p Holm-corrected for this table). So p is about other questions; the column of \
                 single seeds is about other seeds.\n"
            )?;
            header(out, &["difference of", "figure", "difference [95 %]", "by seed", "p", "p corrected"])?;
            for c in &self.contrasts {
                let show = |value: &f64| signed(c.figure, *value);
                row(
                    out,
                    &[
                        format!("{} − {}", c.hybrid, c.other),
                        c.figure.name().to_string(),
                        format!(
                            "{} [{} {}]",
                            show(&c.difference.difference),
                            show(&c.difference.interval[0]),
                            show(&c.difference.interval[1])
                        ),
                        c.seeds.iter().map(show).collect::<Vec<_>>().join(", "),
                        format!("{:.4}", c.difference.p),
                        format!("{:.4}", c.difference.p_adjusted),
                    ],
                )?;
            }
        }
        self.write_paper(out, &figures)
    }

    /// Our figures next to the paper's.
    fn write_paper(&self, out: &mut String, figures: &[Figure]) -> std::fmt::Result {
        let rows = paper::rows(&self.dataset);
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "\nCompared with the paper ([P]: printed in arXiv 2408.10536, larger models, other data):\n"
        )?;
        let names = figures.iter().map(|f| f.name());
        header(out, &["start", "batches"].into_iter().chain(names).collect::<Vec<_>>())?;
        let dash = || "–".to_string();
        for paper in rows {
            let first = [format!("[P] {}", paper.0), format!("[P] {}", paper.1)];
            let cells = figures.iter().map(|&f| paper::value(paper, f).map_or_else(dash, |v| f.show(v)));
            row(out, &first.into_iter().chain(cells).collect::<Vec<_>>())?;
        }
        let hybrid = self.hybrid().map(|arm| arm.alpha);
        let named =
            [(1.0, "X-X-mono"), (0.0, "X-Y")].into_iter().chain(hybrid.map(|alpha| (alpha, "hybrid")));
        for (alpha, name) in named {
            let Some(arm) = self.arms.iter().find(|arm| arm.alpha == alpha) else { continue };
            let show = |f: &Figure| arm.figures.get(f).map_or_else(dash, |v| f.show(v.mean));
            let first = ["ours".to_string(), name.to_string()];
            row(out, &first.into_iter().chain(figures.iter().map(show)).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

impl Sweep {
    fn write_markdown(&self, out: &mut String, plots: &[String]) -> std::fmt::Result {
        writeln!(out, "\n## Sweep: {}\n", self.name)?;
        header(
            out,
            &[
                "",
                "seeds",
                "multi mAP",
                "mono mAP",
                "cross mAP",
                "ms, one text",
                "texts/s",
                "MB",
                "pairs/s in training",
            ],
        )?;
        for v in &self.variants {
            let show = |f: Figure| v.figures.get(&f).map_or("–".to_string(), |value| cell(f, value));
            let star = |cost: &str| if v.front.get(cost).copied().unwrap_or(false) { " ◆" } else { "" };
            row(
                out,
                &[
                    v.name.clone(),
                    v.seeds.len().to_string(),
                    show(Figure::MultiMap),
                    show(Figure::MonoMap),
                    show(Figure::CrossMap),
                    format!("{:.2}{}", v.latency_ms, star("latency")),
                    format!("{:.0}{}", v.texts_per_second, star("throughput")),
                    format!("{:.1}{}", v.bytes as f64 / 1e6, star("bytes")),
                    v.pairs_per_second.map_or("–".into(), |n| format!("{n:.1}")),
                ],
            )?;
        }
        writeln!(out, "\n◆: on the Pareto front of multi mAP against this cost.")?;
        let file = format!("sweep-{}.svg", self.name);
        if plots.contains(&file) {
            writeln!(out, "\n![{}]({file})", file.trim_end_matches(".svg"))?;
        }
        Ok(())
    }
}

fn cell(figure: Figure, value: &SeedFigures) -> String {
    let mut out = figure.show(value.mean);
    out.extend(value.sd.map(|sd| format!(" ± {}", figure.show(sd))));
    out.extend(value.interval.map(|[low, high]| format!(" [{} {}]", figure.show(low), figure.show(high))));
    out
}

fn header(out: &mut String, names: &[&str]) -> std::fmt::Result {
    row(out, &names.iter().map(|n| n.to_string()).collect::<Vec<_>>())?;
    writeln!(out, "|{}", "---|".repeat(names.len()))
}

fn row(out: &mut String, cells: &[String]) -> std::fmt::Result {
    let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|").replace('\n', " ")).collect();
    writeln!(out, "| {} |", cells.join(" | "))
}

/// The first twelve digits of a hash.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::study::chart::tests::elements;
    use crate::study::summary::tests::findings;
    use crate::study::{Baseline, Cost, InputFile, StudyRun, Sweep, Variant};

    fn report() -> StudyReport {
        let found = findings(&[(1.0, 1, 30), (0.75, 1, 22), (0.5, 0, 14), (0.25, 1, 13), (0.0, 2, 12)]);
        let variant = |name: &str, arm: usize, ms: f64, bytes| Variant {
            name: name.into(),
            seeds: vec![1],
            figures: found.arms[arm].figures.clone(),
            latency_ms: ms,
            texts_per_second: 500.0 / ms,
            bytes,
            pairs_per_second: None,
            front: BTreeMap::new(),
        };
        let variants = vec![
            variant("1 layer", 0, 2.0, 12_000_000),
            variant("3 layers", 1, 4.5, 19_000_000),
            variant("4 layers", 0, 5.5, 21_000_000),
            variant("6 layers", 2, 8.0, 28_000_000),
        ];
        StudyReport {
            name: "a | study".into(),
            version: "0".into(),
            date: Some("2026-11-21".into()),
            device: "cpu".into(),
            machine: "linux".into(),
            study: json!({"seeds": [1, 2, 3]}),
            recipe: json!({}),
            start: Baseline {
                model: "m".into(),
                sha256: "ab".repeat(32),
                teacher_sha256: String::new(),
                parameters: 7,
            },
            data: vec![InputFile { name: "f".into(), bytes: 1_000_000, sha256: String::new() }],
            learned_sha256: "12".repeat(32),
            datasets: BTreeMap::from([("xquad-r".to_string(), "cd".repeat(32))]),
            findings: vec![found],
            sweeps: vec![Sweep::new("layers", variants)],
            runs: vec![StudyRun {
                folder: "alpha-1".into(),
                dataset: "xquad-r".into(),
                quantization: "f32".into(),
                key: "ef".repeat(32),
                bundle: String::new(),
                evaluation: String::new(),
                device: "cpu".into(),
                pairs_per_second: Some(3.25),
            }],
            notes: vec!["A note.".into()],
        }
    }

    #[test]
    fn every_table_is_whole() {
        let text = report().markdown();
        let mut columns = 0;
        for line in text.lines() {
            let here = line.replace("\\|", "").matches('|').count();
            if !line.starts_with('|') {
                columns = 0;
            } else {
                assert!(columns == 0 || here == columns, "{line}");
                columns = here;
            }
        }
        for words in [
            "[baseline] start model",
            "**holds**",
            "[P] XLM-R",
            "410.2",
            "p corrected",
            "A note.",
            "◆",
            "3.2",
        ] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
        // All that the table says about the mono arm.
        let arm = &report().findings[0].arms[0].figures[&Figure::MonoMap];
        let cell = format!("{:.4} ± {:.4} [{:.4} ", arm.mean, arm.sd.unwrap(), arm.interval.unwrap()[0]);
        assert!(text.contains(&cell), "{cell} is missing in\n{text}");
    }

    #[test]
    fn a_report_comes_back_from_its_json() {
        let json = serde_json::to_string(&report()).unwrap();
        let back: StudyReport = serde_json::from_str(&json).unwrap();
        assert_eq!(back.markdown(), report().markdown());
        assert!(json.contains("\"mono_recall@1\"") && json.contains("\"verdict\":\"holds\""), "{json}");
    }

    /// With `STUDY_PLOTS` set to a folder, the plots are written there for inspection.
    #[test]
    fn every_plot_is_well_formed_and_named_in_the_report() {
        let report = report();
        let plots = plots(&report);
        let names: Vec<&str> = plots.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["map-xquad-r.svg", "rank-distance-xquad-r.svg", "sweep-layers.svg"]);
        let text = report.markdown();
        for (name, chart) in &plots {
            assert!(text.contains(&format!("]({name})")), "{name}");
            let svg = chart.svg();
            elements(&svg);
            let points: usize = chart.panels.iter().flat_map(|p| &p.series).map(|s| s.points.len()).sum();
            assert_eq!(svg.matches("class=\"bar\"").count(), points, "an error bar for each point of {name}");
            if let Some(folder) = std::env::var_os("STUDY_PLOTS") {
                std::fs::write(std::path::Path::new(&folder).join(name), svg).unwrap();
            }
        }
        let front =
            |cost: Cost| report.sweeps[0].variants.iter().map(|v| v.front[cost.name()]).collect::<Vec<_>>();
        assert_eq!(front(Cost::Bytes), [true, true, false, true]);
    }
}
