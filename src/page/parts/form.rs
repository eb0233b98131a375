//! What a person chooses before long work begins, and the button that begins it.

use leptos::prelude::*;

/// Choices side by side under a heading; nothing begins while something is under way.
#[component]
pub(in crate::page) fn Form(
    /// The heading's id.
    id: &'static str,
    title: &'static str,
    hint: &'static str,
    /// On the button.
    go: &'static str,
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
                    {move || if busy.get() { "Under way; how far it is stands at the foot of the window." } else { "" }}
                </span>
            </p>
        </form>
    }
}
