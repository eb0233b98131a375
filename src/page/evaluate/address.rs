//! The view's part of the URL:
//! `?view=evaluate&data=…&languages=ar,de&measure=…&show=…&order=…&lir=…&measures=…&relevance=…&cell=…&device=…&precision=…&model=…&against=…`.
//! Defaults are left out.

use super::choices::{DataChoice, MapMeasure, ShownModel, cell_name, cell_named, order_named, order_names};
use crate::evaluation::{Measure, Sorting};
use crate::page::address::{QueryString, QueryStringBuilder};
use crate::protocol::CellChoice;

/// The view's own part of the URL.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EvaluateChoices {
    /// What models are evaluated on.
    pub data: DataChoice,
    /// Languages to include; empty for all.
    pub languages: Vec<String>,
    /// What the map of language pairs shows.
    pub measure: MapMeasure,
    /// Which of two models it shows, or their difference.
    pub shown: ShownModel,
    /// The order of the questions, if it is not the one that goes with that.
    pub order: Option<Sorting>,
    /// Number of leading directions to remove from each language.
    pub lir: Option<usize>,
    /// Measures in addition to the standard ones.
    pub measures: Vec<Measure>,
    /// The lowest grade that counts as relevant.
    pub relevance: u32,
    /// The cell whose queries are shown.
    pub cell: Option<CellChoice>,
    /// The model's folder, if not the default one.
    pub model: Option<String>,
    /// The second model's folder.
    pub second_model: Option<String>,
}

impl EvaluateChoices {
    /// In place of an invalid word the default is used, and [`QueryString::unknown`] reports it.
    pub fn read(address: &QueryString) -> Self {
        let number = |word: &str| word.parse::<u32>().ok();
        Self {
            data: address.parse_value("data", DataChoice::named).unwrap_or_default(),
            languages: address.list("languages").map(str::to_owned).collect(),
            measure: address.parse_value("measure", MapMeasure::named).unwrap_or_default(),
            shown: address.parse_value("show", ShownModel::named).unwrap_or_default(),
            order: address.parse_value("order", order_named),
            lir: address.parse_value("lir", |word| word.parse().ok()).filter(|n| *n > 0),
            measures: address.parse_list("measures", |name| name.parse().ok()),
            relevance: address.parse_value("relevance", number).unwrap_or(1).max(1),
            cell: address.parse_value("cell", cell_named),
            model: address.text("model"),
            second_model: address.text("against"),
        }
    }

    /// `shared` adds the device in between.
    pub fn write(&self, address: &mut QueryStringBuilder, shared: impl FnOnce(&mut QueryStringBuilder)) {
        address.put_some("data", (self.data != DataChoice::default()).then(|| self.data.name()));
        address.put_list("languages", &self.languages.join(","));
        address.put_some("measure", (self.measure != MapMeasure::default()).then(|| self.measure.name()));
        address.put_some("show", (self.shown != ShownModel::default()).then(|| self.shown.name()));
        address.put_some("order", self.order.map(|order| order_names(order).0));
        address.put_some("lir", self.lir.map(|n| n.to_string()).as_deref());
        let measures: Vec<String> = self.measures.iter().map(Measure::to_string).collect();
        address.put_list("measures", &measures.join(","));
        address.put_some("relevance", (self.relevance > 1).then(|| self.relevance.to_string()).as_deref());
        address.put_some("cell", self.cell.as_ref().map(cell_name).as_deref());
        shared(address);
        address.put_some("model", self.model.as_deref());
        address.put_some("against", self.second_model.as_deref());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(choices: &EvaluateChoices) -> String {
        let mut address = QueryStringBuilder::default();
        choices.write(&mut address, |_| {});
        address.search()
    }

    proptest! {
        /// A parsed link is equal to the same link written again.
        #[test]
        fn any_address_is_read_and_comes_to_rest(
            pairs in proptest::collection::vec(
                ("data|languages|measure|show|order|lir|measures|relevance|against|cell|model|x", ".{0,12}|[a-z~@,0-9x%+]{0,12}"),
                0..8,
            ),
        ) {
            let text: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let once = written(&EvaluateChoices::read(&QueryString::parse(&format!("?{}", text.join("&")))));
            prop_assert_eq!(written(&EvaluateChoices::read(&QueryString::parse(&once))), once);
        }
    }

    #[test]
    fn a_link_holds_what_is_measured_and_looked_at() {
        let choices = EvaluateChoices {
            data: DataChoice::Mlqa,
            languages: vec!["ar".into(), "zh-Hant".into()],
            measure: MapMeasure::Recall1,
            shown: ShownModel::Difference,
            order: Some(Sorting::SecondBehind),
            lir: Some(3),
            measures: vec!["ndcg@20".parse().unwrap(), "mrr@10".parse().unwrap()],
            relevance: 2,
            cell: cell_named("zh-Hant~ar"),
            model: Some("one/".into()),
            second_model: Some("other/".into()),
        };
        let search = written(&choices);
        assert!(search.starts_with("?data=mlqa-r&languages=ar,zh-Hant&measure=recall%401"), "{search}");
        assert!(
            search.contains("&measures=ndcg%4020,mrr%4010&relevance=2&cell=zh-Hant~ar&model="),
            "{search}"
        );
        assert_eq!(EvaluateChoices::read(&QueryString::parse(&search)), choices);
    }

    #[test]
    fn defaults_leave_no_trace_and_unknown_words_count_as_them() {
        let default = EvaluateChoices::read(&QueryString::parse(""));
        assert_eq!(written(&default), "");
        let odd = QueryString::parse(
            "?lir=many&cell=&data=kitchen&lir=0&measures=good&relevance=1&measure=&show=c",
        );
        assert_eq!(EvaluateChoices::read(&odd), default);
        let told = odd.unknown().unwrap();
        assert!(told.ends_with(": data=kitchen, show=c, measures=good."), "{told}");
    }
}
