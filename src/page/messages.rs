//! Problems and notices, each shown until dismissed.

use leptos::prelude::*;

use super::catalogue::message;
use super::state::Page;

/// A problem, and what still works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProblemMessage {
    pub what: String,
    pub still: String,
    pub action: Option<ProblemAction>,
    pub until: ShownUntil,
}

/// How long a problem is shown unless dismissed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShownUntil {
    /// Until the action of its button has succeeded.
    ActionSucceeds,
    /// It is about one search; resolved by the next one that succeeds.
    NextSearch,
    /// It is about text that could not be opened; resolved by the next that can.
    NextText,
}

/// The action of a problem's button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProblemAction {
    LoadModel,
    /// The model is on another server.
    AllowModel,
    /// The model is on a hub, and can be inspected before it is downloaded.
    InspectModel,
    OpenText,
    StartWorker,
    /// The view of this name tries again; `words` is the button's label.
    View {
        name: &'static str,
        words: &'static str,
    },
}

impl ProblemAction {
    /// The button's label.
    pub fn label(self) -> &'static str {
        match self {
            Self::LoadModel => message::TRY_AGAIN,
            Self::AllowModel => message::LOAD_FROM_THERE,
            Self::InspectModel => message::SEE_WHAT_IT_IS,
            Self::OpenText => message::OPEN_AGAIN,
            Self::StartWorker => message::START_AGAIN,
            Self::View { words, .. } => words,
        }
    }
}

impl Page {
    /// Shows a problem.
    pub fn show_problem(self, what: impl Into<String>, still: &str, action: Option<ProblemAction>) {
        self.problem.set(Some(ProblemMessage {
            what: sentence(&what.into()),
            still: still.into(),
            action,
            until: ShownUntil::ActionSucceeds,
        }));
    }

    /// Shows a problem with a search, until another succeeds.
    pub fn show_search_problem(self, what: impl Into<String>, still: &str) {
        self.show_problem(what, still, None);
        self.problem.update(|p| p.iter_mut().for_each(|p| p.until = ShownUntil::NextSearch));
    }

    /// Shows a problem with a text, until one is opened.
    pub fn show_text_problem(self, what: impl Into<String>, still: &str, action: Option<ProblemAction>) {
        self.show_problem(what, still, action);
        self.problem.update(|p| p.iter_mut().for_each(|p| p.until = ShownUntil::NextText));
    }

    /// Removes a problem with one of these buttons, as its action was carried out.
    pub fn clear_problem_with(self, actions: &[ProblemAction]) {
        self.clear_problem_if(|p| p.action.is_some_and(|action| actions.contains(&action)));
    }

    /// A search succeeded: removes a problem with an earlier one.
    pub fn clear_search_problem(self) {
        self.clear_problem_if(|p| p.until == ShownUntil::NextSearch);
    }

    /// A text was opened: removes a problem with an earlier one.
    pub fn clear_text_problem(self) {
        self.clear_problem_if(|p| p.until == ShownUntil::NextText);
    }

    fn clear_problem_if(self, is_solved: impl Fn(&ProblemMessage) -> bool) {
        if self.problem.with_untracked(|p| p.as_ref().is_some_and(is_solved)) {
            self.problem.set(None);
        }
    }

    /// Carries out the action of a problem's button.
    pub fn perform(self, action: ProblemAction) {
        match action {
            ProblemAction::LoadModel => self.load_model(),
            ProblemAction::AllowModel => self.allow_and_load(),
            ProblemAction::InspectModel => self.inspect_linked(),
            ProblemAction::OpenText => self.reopen_corpus(),
            ProblemAction::StartWorker => self.restart_worker(),
            ProblemAction::View { name, .. } => self.view_named(Some(name)).try_again(),
        }
    }

    /// The user dismissed the problem.
    pub fn dismiss(self) {
        let model = self
            .problem
            .with_untracked(|p| p.as_ref().is_some_and(|p| p.action == Some(ProblemAction::LoadModel)));
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
