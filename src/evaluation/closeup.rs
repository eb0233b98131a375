//! A closer look at part of a report: its queries one by one, a query's ranking, and both as trec_eval files.

use std::cmp::Ordering;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Ranks, Scores, Setting, Task, trec};
use crate::retrieval::Index;
use crate::{Error, Result};

/// A selection of queries in one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// The setting.
    pub setting: Setting,
    /// The queries' language (an index into [`Task::languages`]); `None` for all.
    pub from: Option<usize>,
    /// The passages' language in the settings mono and cross; `None` for each in turn.
    pub to: Option<usize>,
}

/// A query in one ranking: in cross a query has several.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedQuery {
    /// Index into [`Task::queries`].
    pub query: usize,
    /// The passages' language; `None` for all (multi).
    pub to: Option<usize>,
    /// Average precision.
    pub ap: f64,
}

/// The order of a selection's queries, by average precision. Without a second model, only the first one counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sorting {
    /// Worst first.
    #[default]
    Worst,
    /// Those that the second model answers worst.
    WorstOfSecond,
    /// Those on which the two models differ most, in either direction.
    Difference,
    /// Those on which the second model is most ahead.
    SecondAhead,
    /// Those on which it is most behind.
    SecondBehind,
}

/// A document in a query's ranking.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankedDocument {
    /// Index into [`Task::documents`].
    pub document: usize,
    /// From 1.
    pub rank: usize,
    /// The score of query and document.
    pub score: f32,
    /// Grade of relevance; 0 if not relevant, or not relevant enough.
    pub grade: u32,
}

impl Selection {
    /// A selection with languages given by their codes.
    ///
    /// # Errors
    /// [`Error::Input`] for a language that the task does not have.
    pub fn new(task: &Task, setting: Setting, from: Option<&str>, to: Option<&str>) -> Result<Self> {
        let number = |code: Option<&str>| {
            let Some(code) = code else { return Ok(None) };
            let number = task.languages.iter().position(|lang| lang == code);
            number.map(Some).ok_or_else(|| {
                Error::Input(format!(
                    "The language {code} is not in this data set; it has {}",
                    task.languages.join(", ")
                ))
            })
        };
        let to = if setting == Setting::Multi { None } else { number(to)? };
        Ok(Self { setting, from: number(from)?, to })
    }

    /// The queries that count in the selection, in the task's order.
    pub fn entries(&self, task: &Task, scores: &Scores) -> Vec<RankedQuery> {
        let chosen = |choice: Option<usize>, lang: usize| choice.is_none_or(|c| c == lang);
        if self.setting == Setting::Multi {
            let queries = task.queries.iter().zip(&scores.multi).enumerate();
            return queries
                .filter(|(_, (q, _))| chosen(self.from, q.lang))
                .map(|(query, (_, m))| RankedQuery { query, to: None, ap: m.map })
                .collect();
        }
        let mut out = Vec::new();
        for (from, row) in scores.pairs.iter().enumerate().filter(|(from, _)| chosen(self.from, *from)) {
            for (to, cell) in row.iter().enumerate().filter(|(to, _)| chosen(self.to, *to)) {
                if (from == to) == (self.setting == Setting::Mono) {
                    out.extend(cell.iter().map(|(query, m)| RankedQuery {
                        query: *query,
                        to: Some(to),
                        ap: m.map,
                    }));
                }
            }
        }
        out
    }

    /// As [`entries`](Self::entries), in this order, ties by the query's id; each with that of a second model on the same
    /// task, if there is one.
    pub fn sorted(
        &self,
        task: &Task,
        scores: &Scores,
        second: Option<&Scores>,
        order: Sorting,
    ) -> Vec<(RankedQuery, Option<RankedQuery>)> {
        let mut seconds = second.map(|scores| self.entries(task, scores)).unwrap_or_default().into_iter();
        let with_second = |entry: RankedQuery| (entry, seconds.next());
        let mut entries: Vec<_> = self.entries(task, scores).into_iter().map(with_second).collect();
        let key = |(entry, second): &(RankedQuery, Option<RankedQuery>)| {
            let ahead = second.map_or(0.0, |second| second.ap - entry.ap);
            match order {
                Sorting::Worst => entry.ap,
                Sorting::WorstOfSecond => entry.ap + ahead,
                Sorting::Difference => -ahead.abs(),
                Sorting::SecondAhead => -ahead,
                Sorting::SecondBehind => ahead,
            }
        };
        entries.sort_by(|a, b| {
            let id = |e: &RankedQuery| &task.queries[e.query].id;
            let (one, other) = (&a.0, &b.0);
            let by_id = || id(one).cmp(id(other)).then(one.to.cmp(&other.to));
            key(a).partial_cmp(&key(b)).unwrap_or(Ordering::Equal).then_with(by_id)
        });
        entries
    }

    /// The name of the selection's files, as `interlingua eval --runs` would call them, with the queries'
    /// language if a single one is selected.
    pub fn name(&self, task: &Task) -> String {
        let code = |lang: Option<usize>| lang.and_then(|l| task.languages.get(l)).map(String::as_str);
        let langs = match self.setting {
            Setting::Mono => [code(self.from.or(self.to)), None],
            Setting::Cross => [code(self.from), code(self.to)],
            Setting::Multi => [code(self.from), None],
        };
        [Some(self.setting.name())].into_iter().chain(langs).flatten().collect::<Vec<_>>().join(".")
    }
}

impl RankedQuery {
    /// Ranks (from 1, ascending) of the relevant documents.
    pub fn ranks(&self, task: &Task, ranks: &[Ranks]) -> Vec<usize> {
        let hits = ranks.get(self.query).map(|ranks| match self.to {
            Some(lang) => ranks.own(task, lang),
            None => ranks.pool(),
        });
        let level = task.rules.wanted.level();
        let answers = hits.unwrap_or_default().into_iter().filter(|hit| hit.grade >= level);
        answers.map(|hit| hit.rank).collect()
    }

    /// The documents that are ranked.
    fn pool(&self, task: &Task) -> Range<usize> {
        self.to.map_or(0..task.documents.len(), |lang| task.range(lang))
    }

    /// The query's relevant documents that are ranked, with their grades.
    fn judged(&self, task: &Task) -> Vec<(usize, u32)> {
        let languages = self.to.map_or(0..task.languages.len(), |lang| lang..lang + 1);
        let judged = languages.flat_map(|lang| task.rankable(&task.queries[self.query], lang));
        let relevant = judged.filter(|j| j.grade >= task.rules.wanted.level());
        relevant.map(|j| (j.document, j.grade)).collect()
    }

    /// The first `top` documents, then the relevant ones further down. `vector` is the query's.
    ///
    /// # Errors
    /// [`Error::Input`] when vectors and index do not match.
    pub fn ranking(
        &self,
        task: &Task,
        index: &Index,
        vector: &[f32],
        top: usize,
    ) -> Result<Vec<RankedDocument>> {
        let scores = index.scores(vector)?;
        if scores.len() != task.documents.len() {
            return Err(Error::Input("The vectors do not belong to this data set".into()));
        }
        let (judged, query) = (self.judged(task), &task.queries[self.query]);
        let ranked = |rank: usize, document: usize| {
            let grade = judged.iter().find(|(d, _)| *d == document).map_or(0, |(_, grade)| *grade);
            RankedDocument { document, rank, score: scores[document], grade }
        };
        let best = task.top(query, &scores, self.pool(task), top);
        let mut out: Vec<RankedDocument> = best.iter().zip(1..).map(|(&d, rank)| ranked(rank, d)).collect();
        let above = |d: usize| task.above(query, &scores, d, self.pool(task));
        let mut below: Vec<RankedDocument> =
            judged.iter().map(|(d, _)| ranked(1 + above(*d), *d)).filter(|r| r.rank > top).collect();
        below.sort_unstable_by_key(|r| r.rank);
        out.extend(below);
        Ok(out)
    }

    /// Appends lines of a run file (see [`trec`]) for `entries`, which must not contain a query twice.
    /// `queries` are the vectors of all queries.
    ///
    /// # Errors
    /// [`Error::Input`] when vectors and index do not match.
    pub fn run_lines(
        entries: &[Self],
        out: &mut String,
        (task, index, queries): (&Task, &Index, &[f32]),
        tag: &str,
        depth: usize,
    ) -> Result<()> {
        let d = index.dimension();
        let mut vectors = Vec::with_capacity(entries.len() * d);
        for entry in entries {
            vectors
                .extend_from_slice(queries.get(entry.query * d..(entry.query + 1) * d).unwrap_or_default());
        }
        let tag = tag.split_whitespace().collect::<Vec<_>>().join("-");
        let lines = index.map_scores(&vectors, |i, scores| {
            let (entry, mut lines) = (entries[i], String::new());
            let query = &task.queries[entry.query];
            let top = task.top(query, scores, entry.pool(task), depth);
            let ranked: Vec<(usize, f32)> = top.into_iter().map(|i| (i, scores[i])).collect();
            trec::run_lines(task, query, &ranked, &tag, &mut lines);
            lines
        })?;
        out.extend(lines);
        Ok(())
    }

    /// Appends the query's lines of a qrels file.
    pub fn qrels_lines(&self, out: &mut String, task: &Task) {
        trec::qrels_lines(task, &task.queries[self.query], self.to, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::sample;
    use crate::evaluation::rank;

    /// Documents de:a, de:b, en:a, en:b; queries likewise.
    fn measured() -> (Task, Index, Vec<f32>, Vec<Ranks>, Scores) {
        let line = |id: &str| {
            format!(
                r#"{{"id":"{id}","topic":"T","passage":{{"en":"It is red.","de":"Es ist rot."}},"question":{{"en":"Colour?","de":"Farbe?"}},"answer":{{"en":"red","de":"rot"}}}}"#
            )
        };
        let task = Task::new(&sample::parse("p", &[line("a"), line("b")].join("\n")).unwrap()).unwrap();
        let index = Index::from_rows(1, &[4.0, 3.0, 2.0, 1.0]).unwrap();
        let queries = vec![1.0, 1.0, -1.0, -1.0];
        let ranks = rank(&task, &index, &queries).unwrap();
        let scores = Scores::of(&task, &ranks);
        (task, index, queries, ranks, scores)
    }

    fn all(setting: Setting) -> Selection {
        Selection { setting, from: None, to: None }
    }

    #[test]
    fn the_worst_query_comes_first_and_equal_ones_by_id() {
        let (task, _, _, ranks, scores) = measured();
        let ids = |selection: Selection| -> Vec<(String, Option<usize>)> {
            let entries = selection.sorted(&task, &scores, None, Sorting::Worst);
            entries.iter().map(|(e, _)| (task.queries[e.query].id.clone(), e.to)).collect()
        };
        let named = |ids: [&str; 4], to: [Option<usize>; 4]| -> Vec<(String, Option<usize>)> {
            ids.map(String::from).into_iter().zip(to).collect()
        };
        // By hand: in its own language de:a is first and de:b second; the other way round for English.
        assert_eq!(
            ids(all(Setting::Mono)),
            named(["de:b", "en:a", "de:a", "en:b"], [Some(0), Some(1), Some(0), Some(1)])
        );
        assert_eq!(
            ids(all(Setting::Cross)),
            named(["de:b", "en:a", "de:a", "en:b"], [Some(1), Some(0), Some(1), Some(0)])
        );
        // de:b finds answers at 2 and 4, de:a at 1 and 3.
        assert_eq!(ids(all(Setting::Multi)), named(["de:b", "en:a", "de:a", "en:b"], [None; 4]));
        let (worst, _) = all(Setting::Multi).sorted(&task, &scores, None, Sorting::Worst)[0];
        assert_eq!((worst.ap, worst.ranks(&task, &ranks)), (0.5, vec![2, 4]));
        let german = Selection::new(&task, Setting::Cross, Some("de"), None).unwrap();
        assert_eq!(german.entries(&task, &scores).len(), 2);
        assert!(Selection::new(&task, Setting::Mono, Some("fr"), None).is_err());
    }

    #[test]
    fn two_models_are_set_against_each_other_query_by_query() {
        let (task, index, _, _, scores) = measured();
        // A second model that ranks German questions the other way round, and English ones alike.
        let ranks = rank(&task, &index, &[-1.0, -1.0, -1.0, -1.0]).unwrap();
        let second = Scores::of(&task, &ranks);
        let sorted = |order| -> Vec<(String, f64)> {
            let entries = all(Setting::Mono).sorted(&task, &scores, Some(&second), order);
            let ahead = |(a, b): &(RankedQuery, Option<RankedQuery>)| {
                let b = b.unwrap();
                assert_eq!((a.query, a.to), (b.query, b.to));
                (task.queries[a.query].id.clone(), b.ap - a.ap)
            };
            entries.iter().map(ahead).collect()
        };
        let named = |rows: [(&str, f64); 4]| rows.map(|(id, ahead)| (id.to_owned(), ahead)).to_vec();
        // By hand: of the German questions, the first model puts a's answer first and b's second.
        let (a, b, same) = (("de:a", -0.5), ("de:b", 0.5), [("en:a", 0.0), ("en:b", 0.0)]);
        assert_eq!(sorted(Sorting::Difference), named([a, b, same[0], same[1]]));
        assert_eq!(sorted(Sorting::SecondAhead), named([b, same[0], same[1], a]));
        assert_eq!(sorted(Sorting::SecondBehind), named([a, same[0], same[1], b]));
        assert_eq!(sorted(Sorting::WorstOfSecond)[..2], named([a, same[0], same[1], b])[..2]);
    }

    #[test]
    fn answers_below_the_cut_keep_their_ranks() {
        let (task, index, queries, ranks, scores) = measured();
        for setting in Setting::ALL {
            for entry in all(setting).entries(&task, &scores) {
                let vector = &queries[entry.query..=entry.query];
                for top in 0..5 {
                    let ranking = entry.ranking(&task, &index, vector, top).unwrap();
                    let known: Vec<usize> = ranking.iter().filter(|r| r.grade > 0).map(|r| r.rank).collect();
                    assert_eq!(known, entry.ranks(&task, &ranks), "{entry:?} {top}");
                    let cut = top.min(entry.pool(&task).len());
                    assert!(ranking.iter().take(cut).map(|r| r.rank).eq(1..=cut));
                    assert!(ranking[cut..].iter().all(|r| r.grade > 0));
                }
            }
        }
    }

    #[test]
    fn lines_are_those_of_the_files() {
        let (task, index, queries, _, scores) = measured();
        let dir = tempfile::tempdir().unwrap();
        trec::write(dir.path(), &task, &index, &queries, "my model", trec::Depth { main: 3, cross: 1 })
            .unwrap();
        let read = |name: String| std::fs::read_to_string(dir.path().join(name)).unwrap();
        for (setting, from, to, depth) in [
            (Setting::Multi, None, None, 3),
            (Setting::Mono, Some("en"), None, 3),
            (Setting::Cross, Some("de"), Some("en"), 1),
        ] {
            let selection = Selection::new(&task, setting, from, to).unwrap();
            let entries = selection.entries(&task, &scores);
            let (mut run, mut qrels) = (String::new(), String::new());
            RankedQuery::run_lines(&entries, &mut run, (&task, &index, &queries), "my model", depth).unwrap();
            entries.iter().for_each(|e| e.qrels_lines(&mut qrels, &task));
            let name = selection.name(&task);
            assert_eq!(run, read(format!("{name}.run")));
            assert_eq!(qrels, read(format!("{name}.qrels")));
        }
    }
}
