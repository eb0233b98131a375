//! A form with the choices for long work, and its start button.

use leptos::prelude::*;

use crate::page::catalogue::progress;

/// Groups of choices under a heading; the button is disabled while work is in progress.
#[component]
pub(in crate::page) fn Form(
    /// The heading's id.
    id: &'static str,
    title: &'static str,
    hint: &'static str,
    /// The button's label.
    go: Signal<&'static str>,
    busy: Signal<bool>,
    begin: Callback<()>,
    /// Next to the button.
    #[prop(optional, into)]
    more: ViewFn,
    children: Children,
) -> impl IntoView {
    view! {
        <form
            class="choose"
            aria-labelledby=id
            on:submit=move |e| {
                e.prevent_default();
                if !busy.get_untracked() {
                    begin.run(());
                }
            }
        >
            <h2 id=id>{title}</h2>
            <p class="hint">{hint}</p>
            <div class="choices">{children()}</div>
            <p class="go">
                <button type="submit" aria-disabled=move || busy.get().to_string()>{go}</button>
                {more.run()}
                <span class="hint" aria-live="polite">
                    {move || if busy.get() { progress::RUNNING } else { "" }}
                </span>
            </p>
        </form>
    }
}
