//! The list of the views. The first is the default.

use std::rc::Rc;

use super::address::QueryString;
use super::benchmark::Benchmark;
use super::card::Card;
use super::evaluate::Evaluate;
use super::search::Search;
use super::state::Page;
use super::view::View;

/// All views, with state from the URL.
pub(super) fn all(page: Page, address: &QueryString) -> Vec<Rc<dyn View>> {
    vec![
        Rc::new(Search::new(page, address)),
        Rc::new(Evaluate::new(page, address)),
        Rc::new(Benchmark::new(page, address)),
        Rc::new(Card::new(page, address)),
    ]
}
