//! The user's choices: data, what the map shows, a cell of it; each with its name in the URL.

use crate::evaluation::{EvalReport, Measures, Setting, Sorting};
use crate::page::catalogue::evaluate as text;
use crate::page::corpus::SAMPLE_LANGUAGES;
use crate::protocol::CellChoice;

/// What models are evaluated on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum DataChoice {
    #[default]
    Sample,
    Xquad,
    Mlqa,
    /// The user's own files, or files of the sets above.
    Own,
}

impl DataChoice {
    pub const ALL: [Self; 4] = [Self::Sample, Self::Xquad, Self::Mlqa, Self::Own];

    /// Its name in the URL, which is the data set's in the terminal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Xquad => "xquad-r",
            Self::Mlqa => "mlqa-r",
            Self::Own => "own",
        }
    }

    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|data| data.name() == word)
    }

    /// Its displayed name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sample => text::SAMPLE,
            Self::Xquad => "XQuAD-R",
            Self::Mlqa => "MLQA-R",
            Self::Own => text::OWN,
        }
    }

    /// Its languages, as far as known before it is opened.
    pub fn languages(self) -> &'static [&'static str] {
        match self {
            Self::Sample => &SAMPLE_LANGUAGES,
            Self::Xquad => &["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"],
            Self::Mlqa => &["ar", "de", "en", "es", "hi", "vi", "zh"],
            Self::Own => &[],
        }
    }

    /// The default folder to download its files from.
    pub fn origin(self) -> Option<&'static str> {
        match self {
            Self::Xquad => {
                Some("https://raw.githubusercontent.com/google-research-datasets/lareqa/master/xquad-r/")
            }
            Self::Mlqa => {
                Some("https://raw.githubusercontent.com/google-research-datasets/lareqa/master/mlqa-r/")
            }
            Self::Sample | Self::Own => None,
        }
    }
}

/// What the map of language pairs shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum MapMeasure {
    #[default]
    Map,
    Recall1,
    Ndcg10,
    /// mAP in the pool of all languages with one language's answers.
    SingleTarget,
}

impl MapMeasure {
    pub const ALL: [Self; 4] = [Self::Map, Self::Recall1, Self::Ndcg10, Self::SingleTarget];

    /// Its name in the URL; for all but the last, that in [`Measures::NAMES`].
    pub fn name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Recall1 => "recall@1",
            Self::Ndcg10 => "ndcg@10",
            Self::SingleTarget => "single-target",
        }
    }

    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.name() == word)
    }

    /// Its displayed name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Map => "mAP",
            Self::Recall1 => "R@1",
            Self::Ndcg10 => "nDCG@10",
            Self::SingleTarget => "Single-target mAP",
        }
    }

    /// The measure by which two models are compared.
    pub fn compared(self) -> &'static str {
        if self == Self::SingleTarget { Self::Map.name() } else { self.name() }
    }

    /// A pair's value.
    pub fn of(self, report: &EvalReport, from: &str, to: &str) -> Option<f64> {
        let own = |m: &Measures| match self {
            Self::Recall1 => m.recall_1,
            Self::Ndcg10 => m.ndcg_10,
            Self::Map | Self::SingleTarget => m.map,
        };
        match self {
            Self::SingleTarget => report.bias.as_ref()?.single_target.get(from)?.get(to).copied(),
            _ => report.pairs.get(from)?.get(to).map(own),
        }
    }
}

/// Which of two models the map shows, or their difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum ShownModel {
    #[default]
    A,
    B,
    Difference,
}

impl ShownModel {
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::Difference];

    /// Its name in the URL.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::Difference => "difference",
        }
    }

    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shown| shown.name() == word)
    }

    /// The order of the questions, unless another is chosen.
    pub fn order(self) -> Sorting {
        match self {
            Self::A => Sorting::Worst,
            Self::B => Sorting::WorstOfSecond,
            Self::Difference => Sorting::Difference,
        }
    }
}

/// The orders of two models' questions: the name in the URL, and for a person.
pub(super) const ORDERS: [(Sorting, &str, &str); 5] = [
    (Sorting::Worst, "a", text::A_WORST),
    (Sorting::WorstOfSecond, "b", text::B_WORST),
    (Sorting::Difference, "difference", text::MOST_APART),
    (Sorting::SecondAhead, "b-ahead", text::B_AHEAD),
    (Sorting::SecondBehind, "a-ahead", text::A_AHEAD),
];

/// The order of this name in the URL.
pub(super) fn order_named(word: &str) -> Option<Sorting> {
    ORDERS.iter().find(|(_, name, _)| *name == word).map(|(order, ..)| *order)
}

/// An order's names, in the URL and for a person.
pub(super) fn order_names(order: Sorting) -> (&'static str, &'static str) {
    ORDERS.iter().find(|(known, ..)| *known == order).map_or(("", ""), |(_, name, words)| (name, words))
}

/// A cell's name in the URL: `multi`, `mono`, `cross~de` (questions in German), or `de~th`.
pub(super) fn cell_name(cell: &CellChoice) -> String {
    match (&cell.from, &cell.to) {
        (Some(from), Some(to)) => format!("{from}~{to}"),
        (Some(from), None) => format!("{}~{from}", cell.setting.name()),
        (None, Some(to)) => format!("{}~~{to}", cell.setting.name()),
        (None, None) => cell.setting.name().to_owned(),
    }
}

/// The inverse of [`cell_name`].
pub(super) fn cell_named(word: &str) -> Option<CellChoice> {
    let mut parts = word.split('~');
    let first = parts.next().filter(|first| !first.is_empty())?;
    let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
    let (second, third) = (part(), part());
    match Setting::ALL.into_iter().find(|setting| setting.name() == first) {
        Some(setting) => Some(CellChoice { setting, from: second, to: third }),
        None => second.map(|to| pair(first, &to)),
    }
}

/// The cell of a pair of languages.
pub(super) fn pair(from: &str, to: &str) -> CellChoice {
    CellChoice {
        setting: if from == to { Setting::Mono } else { Setting::Cross },
        from: Some(from.to_owned()),
        to: Some(to.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_a_word_each() {
        for word in ["multi", "mono", "cross", "cross~de", "multi~th", "de~th", "de~de", "cross~~ar"] {
            let cell = cell_named(word).unwrap();
            assert_eq!(cell_name(&cell), word, "{cell:?}");
        }
        assert_eq!(cell_named("de~th").unwrap().setting, Setting::Cross);
        assert_eq!(cell_named("de~de").unwrap().setting, Setting::Mono);
        for word in ["", "de", "~", "de~", "~de"] {
            assert_eq!(cell_named(word), None, "{word}");
        }
    }

    #[test]
    fn names_are_read_back() {
        assert!(DataChoice::ALL.into_iter().all(|d| DataChoice::named(d.name()) == Some(d)));
        assert!(MapMeasure::ALL.into_iter().all(|m| MapMeasure::named(m.name()) == Some(m)));
        assert!(ShownModel::ALL.into_iter().all(|s| ShownModel::named(s.name()) == Some(s)));
        assert!(ORDERS.iter().all(|(order, ..)| order_named(order_names(*order).0) == Some(*order)));
        let named = |m: &MapMeasure| Measures::NAMES.contains(&m.compared());
        assert!(MapMeasure::ALL.iter().all(named));
    }
}
