//! Where a model's vectors rank the passages that answer each query, from which all measures are computed.

use super::measures::RelevantRank;
use super::{Query, Task};
use crate::retrieval::Index;
use crate::{Error, Result};

/// How many of the best documents of the pool of all languages are kept for each query.
pub const TOP: usize = 100;

/// A relevant document of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RankedAnswer {
    /// Index into [`Task::documents`].
    pub document: usize,
    /// Grade of relevance, from 1.
    pub grade: u32,
    /// Its rank, from 1, among the documents of its own language.
    pub own: usize,
    /// Its rank, from 1, among the documents of all languages.
    pub pool: usize,
}

/// One query's ranking, as far as measures need it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranks {
    /// All relevant documents, sorted by language.
    pub answers: Vec<RankedAnswer>,
    /// The first [`TOP`] documents of all languages, best first.
    pub top: Vec<u32>,
}

impl Ranks {
    /// The relevant documents in the ranking of all languages, best first.
    pub fn pool(&self) -> Vec<RelevantRank> {
        sorted(self.answers.iter().map(|f| RelevantRank { rank: f.pool, grade: f.grade }))
    }

    /// The relevant documents of one language in the ranking of that language alone, best first.
    pub fn own(&self, task: &Task, lang: usize) -> Vec<RelevantRank> {
        let range = task.range(lang);
        let own = self.answers.iter().filter(|f| range.contains(&f.document));
        sorted(own.map(|f| RelevantRank { rank: f.own, grade: f.grade }))
    }
}

fn sorted(hits: impl Iterator<Item = RelevantRank>) -> Vec<RelevantRank> {
    let mut hits: Vec<RelevantRank> = hits.collect();
    hits.sort_unstable_by_key(|h| h.rank);
    hits
}

/// Ranks every query's relevant documents. `index` holds the documents' vectors in the order of
/// [`Task::documents`]; `queries` the queries' vectors in the order of [`Task::queries`].
///
/// # Errors
/// [`Error::Input`] when vectors and task do not match, or a query's vector is not finite.
pub fn rank(task: &Task, index: &Index, queries: &[f32]) -> Result<Vec<Ranks>> {
    check(task, index, queries)?;
    rank_some(task, index, queries, 0)
}

/// As [`rank`], for the vectors in `queries`, which start at query number `first`: callers that must stay
/// responsive (a browser's worker) rank a few at a time.
///
/// # Errors
/// As [`rank`]; fewer vectors than queries are allowed.
pub(super) fn rank_some(task: &Task, index: &Index, queries: &[f32], first: usize) -> Result<Vec<Ranks>> {
    let asked = queries.len() / index.dimension().max(1);
    let Some(of) = task.queries.get(first..first + asked) else {
        return Err(Error::Input(format!(
            "Questions {first} to {} were requested, but there are {}",
            first + asked,
            task.queries.len()
        )));
    };
    index.map_scores(queries, |i, scores| ranks_of(task, &of[i], scores))
}

/// Checks that there is one vector for each document and query, and that scores will be finite.
pub(super) fn check(task: &Task, index: &Index, queries: &[f32]) -> Result<()> {
    let (documents, rows) = (task.documents.len(), queries.len() / index.dimension().max(1));
    if index.len() != documents || rows != task.queries.len() {
        return Err(Error::Input(format!(
            "{} vectors for {documents} passages and {rows} for {} questions: there must be one for each",
            index.len(),
            task.queries.len()
        )));
    }
    if let Some(at) = queries.iter().position(|x| !x.is_finite()) {
        return Err(Error::Input(format!(
            "The vector of question {} contains a number that is not finite",
            task.queries[at / index.dimension().max(1)].id
        )));
    }
    Ok(())
}

fn ranks_of(task: &Task, query: &Query, scores: &[f32]) -> Ranks {
    let languages = 0..task.languages.len();
    let mut answers = Vec::new();
    for target in languages.clone() {
        for judged in task.rankable(query, target) {
            let above = |lang| task.above(query, scores, judged.document, task.range(lang));
            let own = 1 + above(target);
            let others: usize = languages.clone().filter(|&lang| lang != target).map(above).sum();
            answers.push(RankedAnswer {
                document: judged.document,
                grade: judged.grade,
                own,
                pool: own + others,
            });
        }
    }
    let top = task.top(query, scores, 0..scores.len(), TOP);
    // Not `into_iter`: that would keep an allocation for all documents for each query.
    Ranks { answers, top: top.iter().map(|&document| document as u32).collect() }
}

#[cfg(test)]
mod tests {
    use crate::evaluation::oracle::worlds;
    use proptest::prelude::*;

    proptest! {
        /// Both ranks of every relevant document, and the top, compared with sorting the pools in full.
        #[test]
        fn ranks_are_what_sorting_gives(world in worlds()) {
            let Some((task, ranks)) = world.ranked() else { return Ok(()) };
            for (query, ranks) in task.queries.iter().zip(&ranks) {
                let ask = world.asks().into_iter().find(|ask| ask.id == query.id).unwrap();
                let ranking = world.ranking(ask);
                let top: Vec<&str> = ranks.top.iter().map(|&d| task.documents[d as usize].id.as_str()).collect();
                let all: Vec<&str> = ranking.iter().map(|doc| doc.id.as_str()).collect();
                prop_assert_eq!(top, all);
                let mut found = 0;
                for (pool, doc) in (1..).zip(&ranking).filter(|(_, doc)| world.answers(ask, doc)) {
                    found += 1;
                    let own = 1 + ranking[..pool - 1].iter().filter(|above| above.lang == doc.lang).count();
                    let at = ranks.answers.iter().find(|f| task.documents[f.document].id == doc.id).unwrap();
                    prop_assert_eq!((at.grade, at.own, at.pool), (world.grade(ask, doc), own, pool));
                }
                prop_assert_eq!(ranks.answers.len(), found);
            }
        }
    }
}
