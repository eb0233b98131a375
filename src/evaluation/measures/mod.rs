//! Measures of a ranking, as trec_eval defines them: a file for each, and the list `FAMILIES`.
//!
//! Each takes `ranks`, the ranks (from 1, ascending) at which relevant documents were retrieved, and where
//! needed `relevant`, the number of relevant documents, retrieved or not. Only nDCG distinguishes grades of
//! relevance. Averages over nothing are 0.

mod average_precision;
mod ndcg;
mod precision;
mod recall;
mod reciprocal_rank;

pub use average_precision::{average_precision, average_precision_at};
pub use ndcg::ndcg_at;
pub use precision::precision_at;
pub use recall::recall_at;
pub use reciprocal_rank::{reciprocal_rank, reciprocal_rank_at};

use std::fmt;
use std::str::FromStr;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Error, Result};

fn within(ranks: &[usize], k: usize) -> usize {
    ranks.iter().take_while(|&&rank| rank <= k).count()
}

fn share(sum: f64, n: usize) -> f64 {
    if n > 0 { sum / n as f64 } else { 0.0 }
}

/// A relevant document in a ranking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelevantRank {
    /// From 1.
    pub rank: usize,
    /// Grade of relevance, from 1.
    pub grade: u32,
}

/// A ranking, as measures see it.
struct RelevanceRanking<'a> {
    /// Documents with a grade above 0, best first.
    hits: &'a [RelevantRank],
    /// The grades of all such documents, retrieved or not.
    grades: &'a [u32],
    /// The ranks of the relevant ones, ascending.
    ranks: &'a [usize],
    /// Number of relevant documents, retrieved or not.
    relevant: usize,
}

/// A measure without its cut-off.
struct MeasureFamily {
    /// Its name for users and in files, in lower case.
    name: &'static str,
    /// Its name in tables.
    title: &'static str,
    /// A short description.
    meaning: &'static str,
    /// trec_eval's name before a cut-off, in lower case.
    trec_cut: Option<&'static str>,
    /// trec_eval's name over the whole ranking; if absent, a cut-off is required.
    trec_whole: Option<&'static str>,
    /// Its value in the first ranks, as many as given.
    of: fn(&RelevanceRanking, usize) -> f64,
}

/// All measures.
static FAMILIES: [MeasureFamily; 5] =
    [average_precision::MAP, reciprocal_rank::MRR, recall::RECALL, ndcg::NDCG, precision::PRECISION];

/// A measure by its name: `map`, `mrr` and `ndcg` over the whole ranking or, as always for `recall` and `p`,
/// over the first ranks: `ndcg@20`, `recall@1000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Measure {
    /// Index into [`FAMILIES`].
    family: usize,
    /// The cut-off: how many ranks are considered.
    cut: Option<u32>,
}

impl Measure {
    /// Its value for one ranking.
    fn of(self, ranking: &RelevanceRanking) -> f64 {
        (FAMILIES[self.family].of)(ranking, self.cut.map_or(usize::MAX, |k| k as usize))
    }

    /// Its name in tables, `nDCG@20`.
    pub fn title(self) -> String {
        let name = FAMILIES[self.family].title;
        self.cut.map_or(name.to_string(), |k| format!("{name}@{k}"))
    }

    /// A short description.
    pub fn meaning(self) -> String {
        let of = FAMILIES[self.family].meaning;
        self.cut.map_or(of.to_string(), |k| format!("{of}, in the first {k} ranks"))
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let name = FAMILIES[self.family].name;
        match self.cut {
            Some(k) => write!(f, "{name}@{k}"),
            None => f.write_str(name),
        }
    }
}

impl FromStr for Measure {
    type Err = Error;

    /// Accepts our names and trec_eval's, in any case: `nDCG@20` and `ndcg_cut_20` are the same.
    fn from_str(word: &str) -> Result<Self> {
        let lower = word.trim().to_ascii_lowercase();
        let cut = |digits: &str| digits.parse().ok().filter(|k| *k > 0);
        let read = |(family, MeasureFamily { name, trec_cut, trec_whole, .. }): (usize, &MeasureFamily)| {
            if trec_whole.is_some_and(|theirs| lower == *name || lower == theirs) {
                return Some(Self { family, cut: None });
            }
            let ours = lower.strip_prefix(name).and_then(|rest| rest.strip_prefix('@'));
            let theirs = trec_cut.and_then(|theirs| lower.strip_prefix(theirs));
            let cut = Some(ours.or(theirs).and_then(cut)?);
            Some(Self { family, cut })
        };
        FAMILIES.iter().enumerate().find_map(read).ok_or_else(|| {
            let whole: Vec<&str> =
                FAMILIES.iter().filter(|f| f.trec_whole.is_some()).map(|f| f.name).collect();
            let cut: Vec<String> = FAMILIES.iter().map(|f| format!("{}@k", f.name)).collect();
            Error::Input(format!(
                "There is no measure {word}; there are {} over the whole ranking and, with a cut-off of 1 or more, {}: \
                 map@20 is one of them",
                whole.join(", "),
                cut.join(", ")
            ))
        })
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Measure {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The lowest relevant grade, and measures in addition to [`Measures::NAMES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureOptions {
    level: u32,
    more: Vec<Measure>,
}

impl Default for MeasureOptions {
    fn default() -> Self {
        Self { level: 1, more: Vec::new() }
    }
}

impl MeasureOptions {
    /// `level` is trec_eval's `-l`: only nDCG considers all grades. Drops duplicates from `measures`, and
    /// those that are always measured.
    ///
    /// # Errors
    /// [`Error::Input`] for level 0: everything would be relevant.
    pub fn new(level: u32, measures: &[Measure]) -> Result<Self> {
        if level == 0 {
            return Err(Error::Input(
                "With grade 0 as relevant, every passage would be: give 1 or more".into(),
            ));
        }
        let mut more: Vec<Measure> = Vec::new();
        for measure in measures {
            if !Measures::NAMES.contains(&measure.to_string().as_str()) && !more.contains(measure) {
                more.push(*measure);
            }
        }
        Ok(Self { level, more })
    }

    /// The lowest relevant grade.
    pub fn level(&self) -> u32 {
        self.level
    }

    /// Measures in addition to [`Measures::NAMES`].
    pub fn more(&self) -> &[Measure] {
        &self.more
    }
}

/// Values of additional measures. In JSON they are fields like the others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MoreMeasures(Vec<(Measure, f64)>);

impl Serialize for MoreMeasures {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(measure, value)| map.serialize_entry(measure, value))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for MoreMeasures {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        struct Beside;
        impl<'de> Visitor<'de> for Beside {
            type Value = MoreMeasures;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("measures and their values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<MoreMeasures, A::Error> {
                let mut more = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    // Other versions may write measures that this one does not know; `p@010` is a standard
                    // one.
                    match name.parse::<Measure>() {
                        Ok(measure)
                            if !Measures::NAMES.contains(&measure.to_string().as_str())
                                && more.iter().all(|(other, _)| *other != measure) =>
                        {
                            more.push((measure, map.next_value()?));
                        }
                        _ => drop(map.next_value::<serde::de::IgnoredAny>()?),
                    }
                }
                Ok(MoreMeasures(more))
            }
        }
        d.deserialize_map(Beside)
    }
}

/// The measures that are always reported, of one ranking or as a mean over many.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// (Mean) average precision over the full ranking.
    pub map: f64,
    /// (Mean) reciprocal rank.
    pub mrr: f64,
    /// Recall in the first rank.
    #[serde(rename = "recall@1")]
    pub recall_1: f64,
    /// Recall in the first 10 ranks.
    #[serde(rename = "recall@10")]
    pub recall_10: f64,
    /// Recall in the first 100 ranks.
    #[serde(rename = "recall@100")]
    pub recall_100: f64,
    /// nDCG over the first 10 ranks.
    #[serde(rename = "ndcg@10")]
    pub ndcg_10: f64,
    /// Average precision over the first 20 ranks.
    #[serde(rename = "map@20")]
    pub map_20: f64,
    /// Precision in the first 10 ranks.
    #[serde(rename = "p@10", default)]
    pub precision_10: f64,
    /// Additional measures that the user asked for.
    #[serde(flatten)]
    pub more: MoreMeasures,
}

impl Measures {
    /// The number of measures that are always reported.
    pub const COUNT: usize = 8;
    /// Their names in JSON and CSV, in the order of [`values`](Self::values).
    pub const NAMES: [&'static str; Self::COUNT] =
        ["map", "mrr", "recall@1", "recall@10", "recall@100", "ndcg@10", "map@20", "p@10"];

    /// Measures one ranking, given the documents with a grade above 0 in it, best first, and the grades of
    /// all such documents, retrieved or not.
    pub fn of(hits: &[RelevantRank], grades: &[u32], wanted: &MeasureOptions) -> Self {
        let relevant = |grade: u32| grade >= wanted.level;
        let ranks: Vec<usize> = hits.iter().filter(|h| relevant(h.grade)).map(|h| h.rank).collect();
        let relevant = grades.iter().filter(|grade| relevant(**grade)).count();
        let ranking = RelevanceRanking { hits, grades, ranks: &ranks, relevant };
        let more = wanted.more.iter().map(|measure| (*measure, measure.of(&ranking)));
        Self {
            map: average_precision(&ranks, relevant),
            mrr: reciprocal_rank(&ranks),
            recall_1: recall_at(&ranks, relevant, 1),
            recall_10: recall_at(&ranks, relevant, 10),
            recall_100: recall_at(&ranks, relevant, 100),
            ndcg_10: ndcg_at(hits, grades, 10),
            map_20: average_precision_at(&ranks, relevant, 20),
            precision_10: precision_at(&ranks, 10),
            more: MoreMeasures(more.collect()),
        }
    }

    /// The mean of several with the same measures; `None` of none.
    pub fn mean<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut all = all.into_iter();
        let first = all.next()?;
        let (mut sums, mut n) = (first.values(), 1);
        for one in all {
            sums.iter_mut().zip(one.values()).for_each(|(sum, x)| *sum += x);
            n += 1;
        }
        first.with_values(&sums.into_iter().map(|sum| sum / f64::from(n)).collect::<Vec<_>>())
    }

    /// The names of its values: [`NAMES`](Self::NAMES), then the additional ones.
    pub fn names(&self) -> Vec<String> {
        let more = self.more.0.iter().map(|(measure, _)| measure.to_string());
        Self::NAMES.iter().map(|name| name.to_string()).chain(more).collect()
    }

    /// The additional measures.
    pub fn own(&self) -> impl Iterator<Item = Measure> {
        self.more.0.iter().map(|(measure, _)| *measure)
    }

    /// The values, in the order of [`names`](Self::names).
    pub fn values(&self) -> Vec<f64> {
        let Self { map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20, precision_10, more } = self;
        let always = [map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20, precision_10];
        always.into_iter().copied().chain(more.0.iter().map(|(_, value)| *value)).collect()
    }

    /// A value by its index in [`values`](Self::values); 0 if out of range.
    pub fn value(&self, place: usize) -> f64 {
        match place {
            0 => self.map,
            1 => self.mrr,
            2 => self.recall_1,
            3 => self.recall_10,
            4 => self.recall_100,
            5 => self.ndcg_10,
            6 => self.map_20,
            7 => self.precision_10,
            _ => self.more.0.get(place - Self::COUNT).map_or(0.0, |(_, value)| *value),
        }
    }

    /// The index of a measure in [`values`](Self::values).
    ///
    /// # Errors
    /// [`Error::Input`] for a measure that is not included.
    pub fn place(&self, measure: &str) -> Result<usize> {
        let names = self.names();
        // Parsed, so that trec_eval's names work as well and unknown names get a helpful error.
        let wanted = measure.parse::<Measure>()?.to_string();
        names
            .iter()
            .position(|name| *name == wanted)
            .ok_or_else(|| Error::Input(format!("{wanted} was not measured, only {}", names.join(", "))))
    }

    /// The same measures with other values; `None` if their number differs.
    pub fn with_values(&self, values: &[f64]) -> Option<Self> {
        let (always, more) = values.split_at_checked(Self::COUNT)?;
        let [map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20, precision_10] = *always else {
            return None;
        };
        if more.len() != self.more.0.len() {
            return None;
        }
        let more = MoreMeasures(self.own().zip(more.iter().copied()).collect());
        Some(Self { map, mrr, recall_1, recall_10, recall_100, ndcg_10, map_20, precision_10, more })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        let (ranks, relevant) = ([1, 3, 30], 4);
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(average_precision(&ranks, relevant), (1.0 + 2.0 / 3.0 + 3.0 / 30.0) / 4.0);
        close(average_precision_at(&ranks, relevant, 20), (1.0 + 2.0 / 3.0) / 4.0);
        close(reciprocal_rank(&ranks[1..]), 1.0 / 3.0);
        close(precision_at(&ranks, 10), 0.2);
        close(recall_at(&ranks, relevant, 10), 0.5);
        let ideal = 1.0 + 1.0 / 3f64.log2() + 0.5 + 1.0 / 5f64.log2();
        let hits = ranks.map(|rank| RelevantRank { rank, grade: 1 });
        close(ndcg_at(&hits, &[1; 4], 10), 1.5 / ideal);
        let graded = [RelevantRank { rank: 1, grade: 1 }, RelevantRank { rank: 3, grade: 3 }];
        close(ndcg_at(&graded, &[1, 3], 10), (1.0 + 3.0 / 2.0) / (3.0 + 1.0 / 3f64.log2()));
        let none = |grades: &[u32]| Measures::of(&[], grades, &MeasureOptions::default());
        assert_eq!([none(&[1; 3]), none(&[])], [Measures::default(), Measures::default()]);
        assert_eq!(Measures::mean([]), None);
    }

    #[test]
    fn a_person_names_measures() {
        let named = |word: &str| word.parse::<Measure>().unwrap();
        for (word, name) in [
            ("ndcg@20", "ndcg@20"),
            (" nDCG@20 ", "ndcg@20"),
            ("ndcg_cut_20", "ndcg@20"),
            ("NDCG", "ndcg"),
            ("recip_rank", "mrr"),
            ("MRR@10", "mrr@10"),
            ("recall_1000", "recall@1000"),
            ("P_5", "p@5"),
            ("p@5", "p@5"),
            ("map_cut_100", "map@100"),
            ("map", "map"),
        ] {
            assert_eq!(named(word).to_string(), name);
        }
        for word in
            ["", "p", "recall", "map@", "map@0", "map@-1", "ndcg@x", "map@20@3", "mapp", "recip_rank_10"]
        {
            assert!(word.parse::<Measure>().unwrap_err().to_string().contains("map@20"), "{word}");
        }
        let list = ["ndcg@20", "map", "mrr@2", "ndcg_cut_20", "p@10"].map(named);
        let wanted = MeasureOptions::new(2, &list).unwrap();
        assert_eq!(wanted.more(), [named("ndcg@20"), named("mrr@2")]);
        assert!(MeasureOptions::new(0, &list).is_err());
    }

    #[test]
    fn own_measures_stand_beside_the_others() {
        // E18: relevant from grade 2 on, as trec_eval's -l 2.
        let hits = [(1, 1), (2, 2), (4, 3)].map(|(rank, grade)| RelevantRank { rank, grade });
        let list = ["mrr@1", "ndcg@2", "p@2"].map(|m| m.parse().unwrap());
        let of = |level| Measures::of(&hits, &[1, 2, 3], &MeasureOptions::new(level, &list).unwrap());
        let (all, some) = (of(1), of(2));
        assert_eq!((all.map, some.map), ((1.0 + 1.0 + 0.75) / 3.0, 0.5));
        assert_eq!((all.ndcg_10, all.value(9)), (some.ndcg_10, some.value(9)));
        assert_eq!((some.value(8), some.value(10), some.mrr), (0.0, 0.5, 0.5));
        assert_eq!(some.place("MRR@1").unwrap(), 8);
        assert!(some.place("mrr@3").unwrap_err().to_string().contains("ndcg@2"));
        let json = serde_json::to_value(&some).unwrap();
        assert_eq!((&json["map"], &json["p@2"]), (&serde_json::json!(0.5), &serde_json::json!(0.5)));
        assert_eq!(serde_json::from_value::<Measures>(json.clone()).unwrap(), some);
        let mut unknown = json;
        unknown["bpref"] = serde_json::json!({"a": 1});
        assert_eq!(serde_json::from_value::<Measures>(unknown).unwrap(), some);
        let mean = Measures::mean([&all, &some]).unwrap();
        assert_eq!((mean.value(8), mean.names()[8].as_str()), (0.5, "mrr@1"));
        assert_eq!(mean.with_values(&mean.values()).unwrap(), mean);
        assert!((0..11).all(|i| mean.value(i) == mean.values()[i]) && mean.with_values(&[1.0]).is_none());
    }

    proptest! {
        #[test]
        fn against_a_walk_down_the_ranking(hits in proptest::collection::vec(any::<bool>(), 1..60), missing in 0usize..3) {
            let ranks: Vec<usize> =
                hits.iter().enumerate().filter(|(_, h)| **h).map(|(i, _)| i + 1).collect();
            let relevant = ranks.len() + missing;
            let (mut found, mut ap) = (0, 0.0);
            for (i, hit) in hits.iter().enumerate() {
                if *hit {
                    found += 1;
                    ap += f64::from(found) / (i + 1) as f64;
                }
            }
            let hits: Vec<RelevantRank> = ranks.iter().map(|&rank| RelevantRank { rank, grade: 1 }).collect();
            let m = Measures::of(&hits, &vec![1; relevant], &MeasureOptions::default());
            let expected = if relevant == 0 { 0.0 } else { ap / relevant as f64 };
            prop_assert!((m.map - expected).abs() < 1e-12);
            prop_assert!(m.map_20 <= m.map + 1e-12 && m.recall_1 <= m.recall_10);
            prop_assert!(m.ndcg_10 <= 1.0 + 1e-12 && m.recall_10 <= m.recall_100);
        }
    }
}
