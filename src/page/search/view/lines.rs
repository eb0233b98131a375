//! Lines from each passage of one ranking to the same passage in the other.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{DomRect, Element, ResizeObserver};

use super::columns::{RankingPair, key};
use crate::page::names;

/// A line between two items, in pixels.
#[derive(Debug, Clone, PartialEq)]
struct Connection {
    key: String,
    colour: String,
    path: String,
    /// Whether the ranks differ.
    moved: bool,
}

/// Hidden from screen readers, as each item's text says where its counterpart is.
#[component]
pub(super) fn Connections() -> impl IntoView {
    let pair: RankingPair = expect_context();
    let lines = RwSignal::new(Vec::new());
    let svg = NodeRef::<leptos::svg::Svg>::new();
    let measure = move || {
        if let Some(svg) = svg.get_untracked() {
            lines.set(between(pair, &svg.get_bounding_client_rect()));
        }
    };
    // After the items are laid out.
    let soon = move || request_animation_frame(measure);
    Effect::new(move |_| {
        pair.first.results.track();
        pair.second.results.track();
        soon();
    });
    // Anything that moves items (the window, fonts, unfolded text) changes this drawing's height or width.
    let on_resize = Closure::<dyn Fn()>::new(soon);
    let observer = ResizeObserver::new(on_resize.as_ref().unchecked_ref()).ok();
    let kept = StoredValue::new_local(Some((observer, on_resize)));
    Effect::new(move |_| {
        if let Some(svg) = svg.get() {
            kept.with_value(|k| {
                if let Some((Some(observer), _)) = k {
                    observer.observe(&svg);
                }
            });
        }
    });
    on_cleanup(move || {
        if let Some((Some(observer), _)) = kept.try_update_value(Option::take).flatten() {
            observer.disconnect();
        }
    });
    let line = move |Connection { key, colour, path, moved }: Connection| {
        let pointed = move || pair.pointed.with(|p| p.as_ref() == Some(&key));
        view! { <path class:moved=moved class:pointed=pointed prop:style=colour d=path></path> }
    };
    view! {
        <svg node_ref=svg class="lines" aria-hidden="true">
            {move || lines.get().into_iter().map(line).collect_view()}
        </svg>
    }
}

/// A line for each passage in both rankings; none if the columns are not side by side.
fn between(pair: RankingPair, drawing: &DomRect) -> Vec<Connection> {
    let width = drawing.width();
    if width < 1.0 {
        return Vec::new();
    }
    let middle = |id: &str| {
        let rect = element(id)?.get_bounding_client_rect();
        Some(rect.top() + rect.height() / 2.0 - drawing.top())
    };
    pair.first.results.with_untracked(|results| {
        let hits = results.iter().flat_map(|r| r.hits.iter());
        let line = |hit: &crate::protocol::Hit| {
            let key = key(hit);
            let rank = pair.second.ranks.with_untracked(|ranks| ranks.get(&key).copied())?;
            let (from, to) = (middle(&pair.first.item(hit.rank))?, middle(&pair.second.item(rank))?);
            Some(Connection {
                key,
                colour: names::colour(&hit.language),
                path: curve(width, from, to),
                moved: rank != hit.rank,
            })
        };
        hits.filter_map(line).collect()
    })
}

fn element(id: &str) -> Option<Element> {
    document().get_element_by_id(id)
}

/// From the left edge to the right one, horizontal at both ends.
fn curve(width: f64, from: f64, to: f64) -> String {
    let half = width / 2.0;
    format!("M0 {from:.1}C{half:.1} {from:.1} {half:.1} {to:.1} {width:.1} {to:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_leave_and_arrive_level() {
        assert_eq!(curve(56.0, 10.0, 200.04), "M0 10.0C28.0 10.0 28.0 200.0 56.0 200.0");
    }
}
