//! Language bias: whether a model prefers passages because of their language.
//!
//! All of it is computed from the ranking of all languages (the multi setting), in which no two passages
//! share a rank: ties are ordered as trec_eval orders them. "Answer" means a relevant passage, of any grade
//! that counts as relevant; answers that are not searched are ignored. Measures without a source are our own.

mod agreement;
mod chi_square;
mod hubness;
mod peer;
mod shares;
#[cfg(test)]
mod tests;

pub use hubness::Hubness;
pub use peer::Peer;
pub use shares::Shares;

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::measures::average_precision;
use super::settings::{mean, median};
use super::{RankedAnswer, Ranks, SettingMeans, Task};

/// The cut-off for the top ranks.
const K: usize = 10;

/// An observed share, with the share expected by chance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Observed, 0 to 1.
    pub rate: f64,
    /// Expected, 0 to 1.
    pub chance: f64,
}

/// Mean and median.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeanMedian {
    /// Mean over queries.
    pub mean: f64,
    /// Median over queries.
    pub median: f64,
}

/// All measures of language bias.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bias {
    /// How often the best ranked answer is in the query's language: over the queries that have an answer in
    /// their own language and one in another. Chance is what a ranking blind to languages gives, the mean of
    /// (answers in the query's language) / (all answers): 1/L with one in each of L languages. Null if there
    /// are no such queries.
    pub same_language_first: Option<Rate>,
    /// The same by query language.
    pub same_language_first_by: BTreeMap<String, Rate>,
    /// How often the first passage, answer or not, is in the query's language: over all queries. Chance is
    /// the mean of (answers in the query's language) / (all answers), which suits a ranking that puts answers
    /// first and is blind to languages: 0 where sentences look for translations (ours).
    #[serde(default)]
    pub first_in_language: Option<Rate>,
    /// Languages of the first 10 ranks.
    pub shares: Shares,
    /// The worst rank of an answer: how far one must read to see all of them (Max@R, arXiv 2604.05684, as a
    /// plain rank); over the queries with answers in two languages or more. At best the number of answers.
    /// Null if there are no such queries.
    pub last_answer: Option<MeanMedian>,
    /// Share of the same queries whose answers are all in the first k ranks, by k: "10", "20", "100"
    /// (Complete@k). Empty if there are no such queries; 0 where a query has more than k answers.
    pub complete: BTreeMap<String, f64>,
    /// Whether a question's translations give the same ranking (MRC@10): mean over questions of the mean over
    /// pairs of translations of Spearman's ρ over the union of both first 10 ranks, −1 to 1; a passage that
    /// is in only one list has rank 11 in the other (tied ranks are averaged). How passages in only one list
    /// count is our reading. Null if no question has a translation, there is only one passage, or questions
    /// are passages themselves: each lacks another one in its ranking.
    pub agreement: Option<f64>,
    /// Null if no language has two questions with one answer in every language.
    pub peer: Option<Peer>,
    /// Hubs among the first 10 ranks.
    pub hubness: Hubness,
    /// mAP in the multi setting over mAP in the mono setting; null if the latter is missing or 0.
    pub multi_to_mono: Option<f64>,
    /// mAP in the pool of all languages where only the answers in one language count and those in others are
    /// removed from the ranking: `single_target[question language][passage language]`, after the heat maps of
    /// LAReQA (arXiv 2004.05484). Mean over the queries that count there; absent if there are none.
    pub single_target: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Bias {
    /// The main figures as lines of plain text, each with the value that an unbiased model would have.
    pub(super) fn write_lines(&self, out: &mut String) -> std::fmt::Result {
        let k = self.shares.k;
        writeln!(out, "\nlanguage bias (in brackets: without bias)")?;
        if let Some(own) = self.same_language_first {
            writeln!(out, "  best answer in the question's language  {:.4} ({:.4})", own.rate, own.chance)?;
        }
        if let Some(first) = self.first_in_language {
            writeln!(
                out,
                "  first passage in the question's language {:.4} ({:.4})",
                first.rate, first.chance
            )?;
        }
        writeln!(out, "  top {k} against pool, Jensen-Shannon      {:.4} (0)", self.shares.distance)?;
        if let Some(last) = self.last_answer {
            writeln!(out, "  rank of the last answer, mean, median   {:.1}, {:.1}", last.mean, last.median)?;
        }
        let mut complete: Vec<_> = self.complete.iter().collect();
        complete.sort_by_key(|(depth, _)| depth.parse::<usize>().unwrap_or(usize::MAX));
        for (depth, share) in complete {
            writeln!(out, "  {:<40}{share:.4} (1)", format!("all answers in the first {depth}"))?;
        }
        if let Some(agreement) = self.agreement {
            writeln!(out, "  agreement of translated questions       {agreement:.4} (1)")?;
        }
        if let Some(peer) = self.peer {
            writeln!(out, "  Friedman's p, Kendall's W               {:.2e}, {:.4} (0)", peer.p, peer.w)?;
        }
        writeln!(
            out,
            "  hubness: skewness, largest, never found {:.2}, {}, {:.4}",
            self.hubness.skewness, self.hubness.largest, self.hubness.never
        )?;
        if let Some(ratio) = self.multi_to_mono {
            writeln!(out, "  multi / mono mAP                        {ratio:.4} (1)")?;
        }
        Ok(())
    }

    /// Measures what [`rank`](super::rank) found; `None` if the task has only one language.
    pub fn of(task: &Task, ranks: &[Ranks], settings: &SettingMeans) -> Option<Self> {
        if task.languages.len() < 2 {
            return None;
        }
        // An answer has at least the grade that the user calls relevant.
        let level = task.rules.wanted.level();
        let answers = |ranks: &Ranks| {
            let answers = ranks.answers.iter().filter(|answer| answer.grade >= level).copied().collect();
            Ranks { answers, top: ranks.top.clone() }
        };
        let leveled: Vec<Ranks> = if level > 1 { ranks.iter().map(answers).collect() } else { Vec::new() };
        let ranks = if level > 1 { &leveled } else { ranks };
        let (same_language_first, same_language_first_by) = same_language_first(task, ranks);
        let mut last = last_answers(task, ranks);
        let within = |k: usize| last.iter().filter(|&&rank| rank <= k as f64).count() as f64;
        let complete = [K, 20, 100].map(|k| (k.to_string(), within(k) / last.len() as f64));
        let complete = if last.is_empty() { BTreeMap::new() } else { BTreeMap::from(complete) };
        let mono = settings.mono.as_ref().filter(|mono| mono.map > 0.0);
        Some(Self {
            same_language_first,
            same_language_first_by,
            first_in_language: first_in_language(task, ranks),
            shares: Shares::of(task, ranks),
            last_answer: mean(&last).zip(median(&mut last)).map(|(mean, median)| MeanMedian { mean, median }),
            complete,
            agreement: if task.queries.iter().any(|query| query.itself.is_some()) {
                None
            } else {
                agreement::agreement(task, ranks)
            },
            peer: Peer::of(task, ranks),
            hubness: Hubness::of(task, ranks),
            multi_to_mono: settings.multi.as_ref().zip(mono).map(|(multi, mono)| multi.map / mono.map),
            single_target: single_target(task, ranks),
        })
    }
}

/// Over all queries, and by query language.
fn same_language_first(task: &Task, ranks: &[Ranks]) -> (Option<Rate>, BTreeMap<String, Rate>) {
    /// Sums over queries.
    #[derive(Clone, Copy, Default)]
    struct Sum {
        queries: usize,
        first: usize,
        chance: f64,
    }
    let rate = |sum: Sum| {
        let n = sum.queries as f64;
        (sum.queries > 0).then(|| Rate { rate: sum.first as f64 / n, chance: sum.chance / n })
    };
    let mut sums = vec![Sum::default(); task.languages.len()];
    for (query, ranks) in task.queries.iter().zip(ranks) {
        let is_own = |f: &&RankedAnswer| task.documents[f.document].lang == query.lang;
        let own = ranks.answers.iter().filter(is_own).count();
        if own > 0 && own < ranks.answers.len() {
            let sum = &mut sums[query.lang];
            sum.queries += 1;
            sum.first +=
                usize::from(ranks.answers.iter().min_by_key(|f| f.pool).as_ref().is_some_and(is_own));
            sum.chance += own as f64 / ranks.answers.len() as f64;
        }
    }
    let all = sums.iter().fold(Sum::default(), |a, b| Sum {
        queries: a.queries + b.queries,
        first: a.first + b.first,
        chance: a.chance + b.chance,
    });
    let by = task.languages.iter().zip(sums).filter_map(|(lang, sum)| Some((lang.clone(), rate(sum)?)));
    (rate(all), by.collect())
}

/// Over all queries.
fn first_in_language(task: &Task, ranks: &[Ranks]) -> Option<Rate> {
    let (mut first, mut chance, mut queries) = (0usize, 0.0, 0usize);
    for (query, ranks) in task.queries.iter().zip(ranks) {
        let is_own = |document: usize| task.documents[document].lang == query.lang;
        let Some(&top) = ranks.top.first() else { continue };
        queries += 1;
        first += usize::from(is_own(top as usize));
        let own = ranks.answers.iter().filter(|f| is_own(f.document)).count();
        chance += own as f64 / ranks.answers.len().max(1) as f64;
    }
    let n = queries as f64;
    (queries > 0).then(|| Rate { rate: first as f64 / n, chance: chance / n })
}

/// The worst rank of an answer, for the queries with answers in two languages or more.
fn last_answers(task: &Task, ranks: &[Ranks]) -> Vec<f64> {
    let lang = |f: &RankedAnswer| task.documents[f.document].lang;
    // Answers are sorted by language.
    let several = ranks.iter().map(|r| &r.answers).filter(|found| match found.as_slice() {
        [first, .., last] => lang(first) != lang(last),
        _ => false,
    });
    several.filter_map(|found| found.iter().map(|f| f.pool as f64).reduce(f64::max)).collect()
}

fn single_target(task: &Task, ranks: &[Ranks]) -> BTreeMap<String, BTreeMap<String, f64>> {
    let n = task.languages.len();
    let mut values = vec![vec![Vec::new(); n]; n];
    for (query, ranks) in task.queries.iter().zip(ranks) {
        let mut found: Vec<(usize, usize)> =
            ranks.answers.iter().map(|f| (f.pool, task.documents[f.document].lang)).collect();
        found.sort_unstable();
        for (to, values) in values[query.lang].iter_mut().enumerate() {
            // Each rank minus the removed answers above it.
            let above = found.iter().scan(0, |out, &(rank, lang)| {
                *out += usize::from(lang != to);
                Some((rank - *out, lang))
            });
            let left: Vec<usize> = above.filter(|(_, lang)| *lang == to).map(|(rank, _)| rank).collect();
            if task.counts(query, Some(to)) {
                let level = task.rules.wanted.level();
                let relevant = task.grades(query, Some(to)).into_iter().filter(|grade| *grade >= level);
                values.push(average_precision(&left, relevant.count()));
            }
        }
    }
    let named = |row: &Vec<Vec<f64>>| -> BTreeMap<String, f64> {
        let cells = task.languages.iter().zip(row);
        cells.filter_map(|(to, values)| Some((to.clone(), mean(values)?))).collect()
    };
    let rows = task.languages.iter().zip(&values).map(|(from, row)| (from.clone(), named(row)));
    rows.filter(|(_, row)| !row.is_empty()).collect()
}
