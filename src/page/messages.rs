//! Problems and notices, each shown until dismissed.

use leptos::prelude::*;

use super::catalogue::message;
use super::state::Page;

/// A problem, and what still works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub what: String,
    pub still: String,
    pub way_out: Option<WayOut>,
    pub lasts: Lasts,
}

/// How long a problem is shown unless dismissed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lasts {
    /// Until the action of its button has succeeded.
    Settled,
    /// It is about one search; resolved by the next one that succeeds.
    NextSearch,
    /// It is about text that could not be opened; resolved by the next that can.
    NextText,
}

/// The action of a problem's button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WayOut {
    LoadModel,
    /// The model is on another server.
    FetchModel,
    /// The model is on a hub, and can be inspected before it is downloaded.
    LookAtModel,
    OpenText,
    StartWorker,
    /// The view of this name tries again; `words` is the button's label.
    View {
        name: &'static str,
        words: &'static str,
    },
}

impl WayOut {
    /// The button's label.
    pub fn words(self) -> &'static str {
        match self {
            Self::LoadModel => message::TRY_AGAIN,
            Self::FetchModel => message::LOAD_FROM_THERE,
            Self::LookAtModel => message::SEE_WHAT_IT_IS,
            Self::OpenText => message::OPEN_AGAIN,
            Self::StartWorker => message::START_AGAIN,
            Self::View { words, .. } => words,
        }
    }
}

impl Page {
    /// Shows a problem.
    pub fn say(self, what: impl Into<String>, still: &str, way_out: Option<WayOut>) {
        self.problem.set(Some(Problem {
            what: sentence(&what.into()),
            still: still.into(),
            way_out,
            lasts: Lasts::Settled,
        }));
    }

    /// Shows a problem with a search, until another succeeds.
    pub fn say_of_search(self, what: impl Into<String>, still: &str) {
        self.say(what, still, None);
        self.problem.update(|p| p.iter_mut().for_each(|p| p.lasts = Lasts::NextSearch));
    }

    /// Shows a problem with a text, until one is opened.
    pub fn say_of_text(self, what: impl Into<String>, still: &str, way_out: Option<WayOut>) {
        self.say(what, still, way_out);
        self.problem.update(|p| p.iter_mut().for_each(|p| p.lasts = Lasts::NextText));
    }

    /// Removes a problem with one of these buttons, as its action was carried out.
    pub fn settle(self, ways: &[WayOut]) {
        self.forget_problem(|p| p.way_out.is_some_and(|way| ways.contains(&way)));
    }

    /// A search succeeded: removes a problem with an earlier one.
    pub fn settle_search(self) {
        self.forget_problem(|p| p.lasts == Lasts::NextSearch);
    }

    /// A text was opened: removes a problem with an earlier one.
    pub fn settle_text(self) {
        self.forget_problem(|p| p.lasts == Lasts::NextText);
    }

    fn forget_problem(self, is_settled: impl Fn(&Problem) -> bool) {
        if self.problem.with_untracked(|p| p.as_ref().is_some_and(is_settled)) {
            self.problem.set(None);
        }
    }

    /// Carries out the action of a problem's button.
    pub fn take_way_out(self, way_out: WayOut) {
        match way_out {
            WayOut::LoadModel => self.load_model(),
            WayOut::FetchModel => self.fetch_model(),
            WayOut::LookAtModel => self.look_at_linked(),
            WayOut::OpenText => self.open_again(),
            WayOut::StartWorker => self.start_again(),
            WayOut::View { name, .. } => self.view_named(Some(name)).try_again(),
        }
    }

    /// The user dismissed the problem.
    pub fn dismiss(self) {
        let model =
            self.problem.with_untracked(|p| p.as_ref().is_some_and(|p| p.way_out == Some(WayOut::LoadModel)));
        self.problem.set(None);
        if model && self.loading.with_untracked(Option::is_none) {
            self.give_up_model();
        }
    }

    /// Adds a sentence to the notice, unless it is already there.
    pub fn add_notice(self, note: String) {
        let known = self.notice.with_untracked(|n| n.as_ref().is_some_and(|n| n.contains(&note)));
        if !known {
            self.notice.update(|notice| {
                *notice = Some(match notice.take() {
                    Some(before) => format!("{before} {note}"),
                    None => note,
                });
            });
        }
    }
}

/// Capitalizes the first letter, unless it starts with the name of a file or field, and adds a full stop.
pub(super) fn sentence(words: &str) -> String {
    let words = words.trim();
    let first = words.split(' ').next().unwrap_or_default();
    let mut chars = words.chars();
    let mut out: String = match chars.next() {
        Some(c) if first.chars().all(char::is_alphabetic) => c.to_uppercase().chain(chars).collect(),
        Some(_) => words.to_owned(),
        None => return message::SOMETHING.into(),
    };
    if !out.ends_with(['.', '!', '?', '…']) {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_shown_as_sentences() {
        assert_eq!(sentence("the model is gone"), "The model is gone.");
        assert_eq!(sentence("Done?"), "Done?");
        assert_eq!(sentence("model/manifest.json: empty"), "model/manifest.json: empty.");
        assert!(sentence("  ").ends_with('.'));
    }
}
