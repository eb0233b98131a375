//! What a person chooses before long work begins, and the button that begins it.

use leptos::prelude::*;

use crate::page::catalogue::progress;

/// Choices side by side under a heading; nothing begins while something is under way.
#[component]
pub(in crate::page) fn Form(
    /// The heading's id.
    id: &'static str,
    title: &'static str,
    hint: &'static str,
    /// On the button.
    go: Signal<&'static str>,
    busy: Signal<bool>,
    begin: Callback<()>,
    /// Beside the button.
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
