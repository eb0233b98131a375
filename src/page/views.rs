//! The list of the views. The first is the one that an address without `view=` means.

use std::rc::Rc;

use super::address::Address;
use super::benchmark::Benchmark;
use super::card::Card;
use super::evaluate::Evaluate;
use super::search::Search;
use super::state::Page;
use super::view::View;

/// All views, as the address says.
pub(super) fn all(page: Page, address: &Address) -> Vec<Rc<dyn View>> {
    vec![
        Rc::new(Search::new(page, address)),
        Rc::new(Evaluate::new(page, address)),
        Rc::new(Benchmark::new(page, address)),
        Rc::new(Card::new(page, address)),
    ]
}
