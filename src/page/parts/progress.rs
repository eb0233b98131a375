//! A progress bar for any activity.

use leptos::prelude::*;

use crate::page::activity::{Activity, ActivityProgress as Step, ShowWhen};
use crate::page::catalogue::{fill, progress as text, shell};
use crate::page::words;
use crate::protocol::ProgressStage;

/// Shows an activity with its stage, progress and remaining time, and a button to stop it.
#[component]
pub(in crate::page) fn Progress(
    activity: RwSignal<Option<Activity>>,
    /// Shown before the first progress, in place of a default.
    #[prop(optional, into)]
    before: Option<Signal<&'static str>>,
    cancel: Callback<()>,
) -> impl IntoView {
    let what = Memo::new(move |_| {
        activity.with(|a| {
            let is_shown = |a: &&Activity| a.show == ShowWhen::Immediately || a.progress.is_some();
            a.as_ref().filter(is_shown).map(|a| a.what.clone())
        })
    });
    let step = move || activity.with(|a| a.as_ref().and_then(|a| a.progress));
    let before = move || before.map_or(shell::BEGINS, |before| before.get());
    let words = move || step().map_or_else(|| before().to_owned(), |s| in_words(&s));
    let percent = move || step().and_then(|s| s.part()).map(|part| format!("{:.0}", part * 100.0));
    view! {
        {move || what.get().map(|what| view! {
            <div class="progress">
                <div
                    class="track"
                    class:unknown=move || percent().is_none()
                    role="progressbar"
                    aria-label=what.clone()
                    aria-valuemin="0"
                    aria-valuemax="100"
                    aria-valuenow=percent
                    aria-valuetext=words
                >
                    <div class="done" prop:style=move || percent().map(|p| format!("width:{p}%"))></div>
                </div>
                <p><strong>{what}</strong> ": " <span aria-hidden="true">{words}</span></p>
                <button type="button" class="quiet" on:click=move |_| cancel.run(())>{shell::CANCEL}</button>
            </div>
        })}
    }
}

/// `Downloading 12 of 26 MB · 8 s left`, `Encoding 120 of 400 passages · 35 per second · 8 s left`.
fn in_words(step: &Step) -> String {
    let stage = words::stage(step.stage);
    let whole = |x: f64| words::count(x.round().max(0.0) as usize);
    let counted = |words: &str| {
        format!(" {}", fill(words, &[("done", &whole(step.done)), ("total", &whole(step.total))]))
    };
    let much = match step.stage {
        _ if step.total <= 0.0 => String::new(),
        ProgressStage::Download | ProgressStage::Cache | ProgressStage::Check | ProgressStage::Keep => {
            format!(" {}", words::bytes_of(step.done, step.total))
        }
        ProgressStage::Encode => counted(text::OF_PASSAGES),
        ProgressStage::EncodeQueries | ProgressStage::Score => counted(text::OF_QUESTIONS),
        ProgressStage::Prepare
        | ProgressStage::SelfTest
        | ProgressStage::Measure
        | ProgressStage::Benchmark => counted(text::OF),
    };
    let mut out = format!("{stage}{much}");
    if let (ProgressStage::Encode | ProgressStage::EncodeQueries | ProgressStage::Score, Some(rate)) =
        (step.stage, step.rate())
    {
        out.push_str(" · ");
        out.push_str(&fill(text::RATE, &[("rate", &words::rate(rate))]));
    }
    if let Some(seconds) = step.seconds_left {
        out.push_str(&format!(" · {}", words::time_left(seconds)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(stage: ProgressStage, done: f64, total: f64, seconds_left: Option<f64>) -> Step {
        Step { stage, done, total, seconds_left, since: (0.0, 0.0), at: 2000.0 }
    }

    #[test]
    fn progress_in_words() {
        assert_eq!(
            in_words(&step(ProgressStage::Download, 12e6, 26e6, Some(8.0))),
            "Downloading 12 of 26 MB · 8 s left"
        );
        assert_eq!(
            in_words(&step(ProgressStage::Encode, 70.0, 400.0, Some(9.4))),
            "Encoding 70 of 400 passages · 35 per second · 9 s left"
        );
        assert_eq!(in_words(&step(ProgressStage::SelfTest, 0.0, 0.0, None)), "Self-test");
    }
}
