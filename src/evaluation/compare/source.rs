//! Inputs of a comparison: a run file, a folder of runs, or a report.

use std::collections::BTreeMap;
use std::path::Path;

use super::super::trec::{self, Missing, Qrels};
use super::super::{EvalReport, MeasureOptions, Measures, Setting};
use crate::datasets::file;
use crate::{Error, Problem, Result, sha256};

/// A setting, or one language pair in it: setting, question language, passage language.
pub(super) type Key = (String, String, String);

/// The setting of a run that is a single file.
pub const ALL: &str = "all";

/// One of the inputs.
#[derive(Debug, Clone)]
pub struct CompareSource {
    /// Its file or folder.
    pub name: String,
    /// SHA-256 of its files, by name; within the folder if it is one.
    pub files: BTreeMap<String, String>,
    /// Notes about it, one sentence each.
    pub notes: Vec<String>,
    pub(super) cells: BTreeMap<Key, CellMeasures>,
    /// Present instead of cells.
    pub(super) report: Option<EvalReport>,
    /// By setting.
    tally: BTreeMap<String, RunTally>,
}

/// How queries count, and what is measured.
#[derive(Debug, Clone, Default)]
pub struct CompareOptions {
    /// How judged queries that are missing from a run count.
    pub missing: Missing,
    /// Grade of relevance, and additional measures.
    pub wanted: MeasureOptions,
    /// Whether queries without a relevant document are left out rather than counting 0.
    pub only_answerable: bool,
}

/// Sums over the runs of a setting, as in [`trec::RunMeasures`].
#[derive(Debug, Clone, Default)]
struct RunTally {
    missing: usize,
    unjudged: usize,
    unanswerable: usize,
    none_found: usize,
    close: usize,
    depth: usize,
}

/// The measures of a run file's queries.
#[derive(Debug, Clone)]
pub(super) struct CellMeasures {
    pub queries: BTreeMap<String, Measures>,
    /// Of the judgements.
    pub fingerprint: String,
}

impl CompareSource {
    /// Reads a run file (with the judgements in `qrels`), a folder as written by `interlingua eval --runs`,
    /// or a report as printed by `interlingua eval --json`; files may be compressed.
    ///
    /// # Errors
    /// [`Error::File`] and [`Error::Format`] for what cannot be read, [`Error::Input`] for a run file without
    /// judgements and a folder without runs.
    pub fn read(path: &Path, qrels: Option<&Qrels>, options: &CompareOptions) -> Result<Self> {
        let mut source = Self {
            name: path.display().to_string(),
            files: BTreeMap::new(),
            notes: Vec::new(),
            cells: BTreeMap::new(),
            report: None,
            tally: BTreeMap::new(),
        };
        if path.is_dir() {
            source.folder(path, options)?;
        } else if file::unpacked_name(&source.name).ends_with(".json") {
            let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
            let file::Text { text, note, .. } = file::text(&source.name, &bytes)?;
            let report = serde_json::from_str(&text).map_err(|e| {
                Error::format(
                    &source.name,
                    Problem::of(format!("it is not a report of `interlingua eval --json`: {e}"), e),
                )
            })?;
            source.report = Some(report);
            source.notes.extend(note);
            source.files.insert(source.name.clone(), sha256(&bytes));
            source.notes.push("is a report: it has only means, so it is not part of any test".into());
        } else {
            let qrels = qrels.ok_or_else(|| {
                Error::Input(format!("{} is a run file: give its judgements with --qrels", source.name))
            })?;
            let key = (ALL.to_string(), String::new(), String::new());
            let name = source.name.clone();
            source.add(path, &name, key, qrels, options)?;
        }
        source.note(options);
        Ok(source)
    }

    fn folder(&mut self, dir: &Path, options: &CompareOptions) -> Result<()> {
        let entries = std::fs::read_dir(dir).map_err(|e| Error::file(dir, e))?;
        // By uncompressed name.
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in entries {
            let entry = entry.map_err(|e| Error::file(dir, e))?;
            if let Some(name) = entry.file_name().to_str() {
                files.entry(file::unpacked_name(name).into()).or_default().push(name.into());
            }
        }
        // The shortest name is that of the uncompressed file.
        files.values_mut().for_each(|same| same.sort_by_key(|name| (name.len(), name.clone())));
        for name in files.keys().filter_map(|file| file.strip_suffix(".run")) {
            let key = match *name.split('.').collect::<Vec<_>>() {
                ["mono", lang] => (Setting::Mono, lang, lang),
                ["cross", from, to] => (Setting::Cross, from, to),
                ["multi"] => (Setting::Multi, "", ""),
                _ => {
                    self.notes
                        .push(format!("has {name}.run, which is not named as a setting and is left out"));
                    continue;
                }
            };
            let [run, judged] = ["run", "qrels"].map(|end| {
                let file = format!("{name}.{end}");
                let same = files.get(&file).map_or(&[][..], Vec::as_slice);
                if let [read, others @ ..] = same
                    && !others.is_empty()
                {
                    self.notes.push(format!("has {read}, which was read, and {}, not", others.join(", ")));
                }
                same.first().cloned().unwrap_or(file)
            });
            let qrels = trec::read_qrels(&dir.join(&judged))?;
            self.files.insert(judged, qrels.sha256.clone());
            let key = (key.0.name().to_string(), key.1.to_string(), key.2.to_string());
            self.add(&dir.join(&run), &run, key, &qrels, options)?;
        }
        if self.cells.is_empty() {
            return Err(Error::Input(format!(
                "{} has no runs of a setting (mono.<lang>.run, cross.<from>.<to>.run, multi.run), as \
                 `interlingua eval --runs` writes them",
                self.name
            )));
        }
        Ok(())
    }

    fn add(
        &mut self,
        path: &Path,
        name: &str,
        key: Key,
        qrels: &Qrels,
        options: &CompareOptions,
    ) -> Result<()> {
        let run = trec::read_run(path)?;
        let measured = trec::measure(&run, qrels, options.missing, &options.wanted, options.only_answerable);
        if measured.missing == qrels.queries().count() {
            return Err(Error::Input(format!(
                "{} has no judged query: are these its qrels?",
                path.display()
            )));
        }
        // There may be hundreds in a folder, and their names already say that they are compressed.
        let notes = match name != file::unpacked_name(name) {
            true => [&run.decoding, &qrels.decoding],
            false => [&run.note, &qrels.note],
        };
        for note in notes.into_iter().flatten() {
            if !self.notes.contains(note) {
                self.notes.push(note.clone());
            }
        }
        let tally = self.tally.entry(key.0.clone()).or_default();
        tally.missing += measured.missing;
        tally.unjudged += measured.unjudged;
        tally.unanswerable += measured.unanswerable;
        tally.none_found += measured.none_found;
        tally.close += measured.close;
        tally.depth = tally.depth.max(measured.depth);
        self.files.insert(name.to_string(), run.sha256);
        let fingerprint = qrels.fingerprint();
        self.cells.insert(key, CellMeasures { queries: measured.queries, fingerprint });
        Ok(())
    }

    /// Notes what was counted in each setting.
    fn note(&mut self, options: &CompareOptions) {
        let (level, only) = (options.wanted.level(), options.only_answerable);
        let unanswerable = match only {
            true => "judged queries have no relevant document; they are left out (only answerable)",
            false => "judged queries have no relevant document; their measures are 0",
        };
        if level > 1 && self.report.is_none() {
            self.notes.push(format!(
                "relevant is what has grade {level} or more (trec_eval -l {level}); nDCG counts all grades"
            ));
        }
        let fate = match options.missing {
            Missing::Zero => "judged queries are not in the run; they count as 0 (trec_eval -c)",
            Missing::Skip => {
                "judged queries are not in the run; they are left out (trec_eval without -c), of tests too"
            }
        };
        for (setting, tally) in &self.tally {
            for (many, what) in [
                (tally.missing, fate),
                (tally.unjudged, "queries of the run have no judgements and are left out"),
                (tally.unanswerable, unanswerable),
                (
                    tally.none_found,
                    "judged queries have relevant documents, none of which is in the run; their measures are 0",
                ),
                (
                    tally.close,
                    "queries have scores that differ beyond 32 bits only; they count as equal here and \
                     in trec_eval 9, not in trec_eval 10",
                ),
            ] {
                if many > 0 {
                    self.notes.push(format!("{setting}: {many} {what}"));
                }
            }
            self.notes.push(format!(
                "{setting}: at most {} documents a query are in the run; what is not in it counts as not \
                 found, so measures of the full ranking are a little lower than uncut",
                tally.depth
            ));
        }
    }

    /// The index of a measure among the values of this source.
    ///
    /// # Errors
    /// [`Error::Input`] if it was not measured, as may be the case for a report.
    pub(super) fn place(&self, measure: &str) -> Result<usize> {
        let known = match &self.report {
            Some(report) => Setting::ALL.into_iter().find_map(|setting| report.measures(setting)),
            None => self.cells.values().find_map(|cell| cell.queries.values().next()),
        };
        let place = known.map_or(Ok(0), |measures| measures.place(measure));
        place.map_err(|e| Error::Input(format!("{}: {e}", self.name)))
    }

    /// Keys of a setting's cells with the fingerprints of their judgements.
    pub(super) fn cells_of(&self, setting: &str) -> Vec<(&Key, &str)> {
        let cells = self.cells.iter().filter(|(key, _)| key.0 == setting);
        cells.map(|(key, cell)| (key, cell.fingerprint.as_str())).collect()
    }
}
