//! Bars that show the shares of languages.

use leptos::prelude::*;

use crate::page::names;

/// A language's part of a bar, with a width of `weight` and its size as text.
pub(in crate::page) fn segment(code: &str, weight: f64, size: &str) -> impl IntoView + use<> {
    let style = format!("{};flex-grow:{weight}", names::colour(code));
    let title = format!("{} ({}): {size}", names::endonym(code), names::english(code));
    view! {
        <span class="segment" prop:style=style title=title>
            {code.to_owned()}
        </span>
    }
}
