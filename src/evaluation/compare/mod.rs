//! Comparison of runs, ours or anyone's: means with intervals, and tests of their differences.
//!
//! Bootstrap and tests draw questions, as in [`significance`](super::significance): if every query id is
//! `<lang>:<id>` with a code of two or three letters, the queries with the same id are one question. Holm's
//! correction is over all tests of one measure together: those of the settings, and separately those of the
//! language pairs.

mod show;
mod source;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use source::{ALL, CompareOptions, CompareSource};

use self::source::Key;
use super::significance::{Grouped, LEVEL, Paired, Resamples, check_samples, correct};
use super::{Difference, Measure, Measures, Setting, significance::Interval};
use crate::{Error, Result};

/// One of the compared runs.
#[derive(Debug, Clone, Serialize)]
pub struct Compared {
    /// The letter that stands for it in tables.
    pub letter: String,
    /// Its file or folder.
    pub name: String,
    /// SHA-256 of its files.
    pub sha256: BTreeMap<String, String>,
    /// Notes about it.
    pub notes: Vec<String>,
}

/// One run's value of a figure.
#[derive(Debug, Clone, Serialize)]
pub struct CompareRow {
    /// The run's letter.
    pub run: String,
    /// The figure.
    pub value: f64,
    /// Its bootstrap interval; absent if the run has only means.
    pub interval: Option<Interval>,
    /// Number of queries that it is the mean of; absent if unknown.
    pub queries: Option<usize>,
    /// Letters of the runs that it is significantly better than.
    pub above: Vec<String>,
}

/// Two runs' values of a figure.
#[derive(Debug, Clone, Serialize)]
pub struct CompareTest {
    /// The letters of a and b.
    pub runs: [String; 2],
    /// Their difference.
    #[serde(flatten)]
    pub difference: Difference,
}

/// One measure in one setting.
#[derive(Debug, Clone, Serialize)]
pub struct CompareTable {
    /// `mono`, `cross`, `multi`, or [`ALL`].
    pub setting: String,
    /// Question language, in a table for one pair.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Passage language, in a table for one pair.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// As in [`Measures::names`].
    pub measure: String,
    /// One row for each run that has the setting.
    pub rows: Vec<CompareRow>,
    /// One test for every two runs.
    pub tests: Vec<CompareTest>,
}

/// A comparison of runs.
#[derive(Debug, Clone, Serialize)]
pub struct RunComparison {
    /// Version of this program.
    pub version: String,
    /// What was resampled: `question ids` or `query ids`.
    pub unit: String,
    /// How many of them there are.
    pub units: usize,
    /// Confidence level of the intervals.
    pub level: f64,
    /// Number of permutations, and of resamples.
    pub samples: usize,
    /// Their seed.
    pub seed: u64,
    /// The runs.
    pub runs: Vec<Compared>,
    /// One table for each setting and measure.
    pub settings: Vec<CompareTable>,
    /// One table for each language pair and measure.
    pub pairs: Vec<CompareTable>,
}

impl RunComparison {
    /// Compares runs in the given measures, all with one `seed`.
    ///
    /// # Errors
    /// [`Error::Input`] for no run or more than 26, unknown measures, fewer than 100 samples, and runs of
    /// different tasks.
    pub fn of(sources: &[CompareSource], measures: &[Measure], samples: usize, seed: u64) -> Result<Self> {
        if sources.is_empty() || sources.len() > 26 {
            return Err(Error::Input(format!("{} runs cannot be compared; give 1 to 26", sources.len())));
        }
        check_samples(samples)?;
        same_task(sources)?;
        let (unit, groups) = groups(sources);
        let units = groups.values().max().map_or(0, |last| last + 1);
        let letter = |run: usize| char::from(b'a' + run as u8).to_string();
        let runs = sources.iter().enumerate().map(|(run, source)| Compared {
            letter: letter(run),
            name: source.name.clone(),
            sha256: source.files.clone(),
            notes: source.notes.clone(),
        });
        let mut comparison = Self {
            version: env!("CARGO_PKG_VERSION").to_string(),
            unit: unit.to_string(),
            units,
            level: LEVEL,
            samples,
            seed,
            runs: runs.collect(),
            settings: Vec::new(),
            pairs: Vec::new(),
        };
        let keys = figures(sources);
        for measure in measures {
            let name = measure.to_string();
            let places: Result<Vec<usize>> = sources.iter().map(|source| source.place(&name)).collect();
            let places = places?;
            let mut tables: Vec<CompareTable> = keys
                .iter()
                .map(|(setting, from, to)| CompareTable {
                    setting: setting.clone(),
                    from: from.clone(),
                    to: to.clone(),
                    measure: name.clone(),
                    rows: Vec::new(),
                    tests: Vec::new(),
                })
                .collect();
            for (run, source) in sources.iter().enumerate() {
                for (table, row) in
                    tables.iter_mut().zip(rows(source, &keys, &groups, places[run], units, samples, seed))
                {
                    table.rows.extend(row.map(|row| CompareRow { run: letter(run), ..row }));
                }
            }
            for a in 0..sources.len() {
                for b in a + 1..sources.len() {
                    let both = [&sources[a], &sources[b]];
                    let tests = tests(both, &keys, &groups, [places[a], places[b]], units, samples, seed);
                    for (table, test) in tables.iter_mut().zip(tests) {
                        table.tests.extend(
                            test.map(|difference| CompareTest { runs: [letter(a), letter(b)], difference }),
                        );
                    }
                }
            }
            let (mut settings, mut pairs): (Vec<_>, Vec<_>) =
                tables.into_iter().partition(|t| t.from.is_empty());
            for tables in [&mut settings, &mut pairs] {
                correct(tables.iter_mut().flat_map(|t| &mut t.tests).map(|test| &mut test.difference));
                tables.iter_mut().for_each(CompareTable::mark);
            }
            comparison.settings.extend(settings);
            comparison.pairs.extend(pairs);
        }
        Ok(comparison)
    }
}

impl CompareTable {
    fn mark(&mut self) {
        for test in self.tests.iter().filter(|test| test.difference.significant) {
            let [a, b] = &test.runs;
            let (above, below) = if test.difference.difference > 0.0 { (b, a) } else { (a, b) };
            if let Some(row) = self.rows.iter_mut().find(|row| row.run == *above) {
                row.above.push(below.clone());
            }
        }
    }
}

/// Every setting, then every pair, that some run has.
fn figures(sources: &[CompareSource]) -> Vec<Key> {
    let mut pairs: BTreeSet<Key> = BTreeSet::new();
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for source in sources {
        known.extend(source.cells.keys().map(|key| key.0.as_str()));
        pairs.extend(source.cells.keys().filter(|key| !key.1.is_empty()).cloned());
        if let Some(report) = &source.report {
            let settings = Setting::ALL.into_iter().filter(|setting| report.measures(*setting).is_some());
            known.extend(settings.map(|setting| setting.name()));
            for (from, row) in &report.pairs {
                pairs.extend(
                    row.keys().map(|to| (setting_of(from, to).to_string(), from.clone(), to.clone())),
                );
            }
        }
    }
    let order = [ALL].into_iter().chain(Setting::ALL.map(Setting::name));
    let settings = order.filter(|name| known.contains(name));
    settings.map(|name| (name.to_string(), String::new(), String::new())).chain(pairs).collect()
}

fn setting_of(from: &str, to: &str) -> &'static str {
    if from == to { Setting::Mono.name() } else { Setting::Cross.name() }
}

/// The keys of a source's cells that make up a figure.
fn cells_of<'a>(source: &'a CompareSource, figure: &Key) -> Vec<&'a Key> {
    let cells = source.cells.keys();
    cells.filter(|key| *key == figure || figure.1.is_empty() && key.0 == figure.0).collect()
}

/// Refuses runs of the same setting with different cells or judgements.
fn same_task(sources: &[CompareSource]) -> Result<()> {
    let different = |a: &CompareSource, b: &CompareSource, what: String| {
        Error::Input(format!(
            "{} and {} were measured on different tasks: {what}. Compare runs of the same data, languages \
             and judgements.",
            a.name, b.name
        ))
    };
    for (i, a) in sources.iter().enumerate() {
        for b in &sources[i + 1..] {
            for setting in [ALL, "mono", "cross", "multi"] {
                let (of_a, of_b) = (a.cells_of(setting), b.cells_of(setting));
                if !of_a.is_empty() && !of_b.is_empty() && of_a != of_b {
                    return Err(different(a, b, format!("their languages or qrels of {setting} differ")));
                }
            }
            if let (Some(of_a), Some(of_b)) = (&a.report, &b.report) {
                let data = |report: &super::EvalReport| {
                    (report.facts.dataset.clone(), report.facts.hashes.get("data").cloned())
                };
                if data(of_a) != data(of_b) {
                    return Err(different(a, b, "their reports name different data".to_string()));
                }
            }
            for (report, source) in [(&a.report, b), (&b.report, a)] {
                let multi = (Setting::Multi.name().to_string(), String::new(), String::new());
                let queries = source.cells.get(&multi).map(|cell| cell.queries.len());
                if let (Some(report), Some(queries)) = (report, queries)
                    && report.counts.queries != queries
                {
                    let what = format!("one has {} queries, the other {queries}", report.counts.queries);
                    return Err(different(a, b, what));
                }
            }
        }
    }
    Ok(())
}

/// The unit of resampling, and the group number of each query.
fn groups(sources: &[CompareSource]) -> (&'static str, BTreeMap<String, usize>) {
    let cells = sources.iter().flat_map(|source| source.cells.values());
    let queries: BTreeSet<&str> = cells.flat_map(|cell| cell.queries.keys().map(String::as_str)).collect();
    let parts = |id: &'_ str| -> Option<String> {
        let (lang, question) = id.split_once(':')?;
        let code = matches!(lang.len(), 2 | 3) && lang.bytes().all(|b| b.is_ascii_lowercase());
        code.then(|| question.to_string())
    };
    let questions: Option<Vec<String>> = queries.iter().map(|id| parts(id)).collect();
    let unit = if questions.is_some() { "question ids" } else { "query ids" };
    let names = questions.unwrap_or_else(|| queries.iter().map(|id| id.to_string()).collect());
    let distinct: BTreeSet<&String> = names.iter().collect();
    let numbers: BTreeMap<&String, usize> = distinct.into_iter().zip(0..).collect();
    let groups = queries.iter().zip(&names).map(|(id, name)| (id.to_string(), numbers[name]));
    (unit, groups.collect())
}

/// One run's row for each figure.
fn rows(
    source: &CompareSource,
    keys: &[Key],
    groups: &BTreeMap<String, usize>,
    measure: usize,
    units: usize,
    samples: usize,
    seed: u64,
) -> Vec<Option<CompareRow>> {
    let row = |value, interval, queries| CompareRow {
        run: String::new(),
        value,
        interval,
        queries,
        above: Vec::new(),
    };
    if let Some(report) = &source.report {
        return keys
            .iter()
            .map(|(setting, from, to)| {
                let measures = match Setting::ALL.into_iter().find(|of| of.name() == setting) {
                    _ if !from.is_empty() => report.pairs.get(from).and_then(|row| row.get(to)),
                    Some(setting) => report.measures(setting),
                    None => None,
                };
                measures.map(|m| row(m.value(measure), None, None))
            })
            .collect();
    }
    let numbers: BTreeMap<&Key, usize> = source.cells.keys().zip(0..).collect();
    let value = |m: &Measures| [m.value(measure)];
    let cells = source.cells.values();
    let cells = cells.map(|cell| Grouped::new(cell.queries.iter().map(|(id, m)| (groups[id], value(m)))));
    let cells: Vec<Grouped> = cells.collect();
    let figures: Vec<Vec<usize>> =
        keys.iter().map(|key| cells_of(source, key).iter().map(|key| numbers[key]).collect()).collect();
    let queries = figures.iter().map(|numbers| numbers.iter().map(|&n| cells[n].queries() as usize).sum());
    let queries: Vec<usize> = queries.collect();
    let resamples = Resamples::new(units, cells, figures, samples, seed);
    let observed = resamples.observed();
    let known = observed.iter().zip(resamples.finish()).zip(queries);
    known
        .map(|((value, interval), queries)| {
            Some(row(*value.first()?, interval.first().copied().flatten(), Some(queries)))
        })
        .collect()
}

/// The difference of two runs in each figure that both have.
fn tests(
    sources: [&CompareSource; 2],
    keys: &[Key],
    groups: &BTreeMap<String, usize>,
    places: [usize; 2],
    units: usize,
    samples: usize,
    seed: u64,
) -> Vec<Option<Difference>> {
    let [a, b] = sources;
    let mut numbers: BTreeMap<&Key, usize> = BTreeMap::new();
    let mut cells = Vec::new();
    for (key, of_a) in &a.cells {
        let Some(of_b) = b.cells.get(key) else { continue };
        let both = of_a.queries.iter().filter_map(|(id, a)| Some((id, a, of_b.queries.get(id)?)));
        let values = |(id, a, b): (&String, &Measures, &Measures)| {
            (groups[id], [a.value(places[0]), b.value(places[1])])
        };
        let cell: Vec<_> = both.map(values).collect();
        if !cell.is_empty() {
            numbers.insert(key, cells.len());
            cells.push(cell);
        }
    }
    let figure = |key| -> Vec<usize> {
        cells_of(a, key).into_iter().filter_map(|key| numbers.get(key).copied()).collect()
    };
    let figures: Vec<Vec<usize>> = keys.iter().map(figure).collect();
    let known: Vec<bool> = figures.iter().map(|cells| !cells.is_empty()).collect();
    let figures = figures.into_iter().filter(|cells| !cells.is_empty()).collect();
    let mut differences = Paired::new(units, &cells, figures, samples, seed).finish().into_iter();
    known.into_iter().map(|known| if known { differences.next() } else { None }).collect()
}

#[cfg(test)]
mod tests;
