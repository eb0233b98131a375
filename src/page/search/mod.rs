//! The Search view: its state and its implementation of `View`.
//!
//! - `address`: its part of the URL
//! - `actions`: the user's actions
//! - `events`: the worker's events, and changes of the shared state
//! - `first`: the first example's results, which come with the page
//! - `second_model`: the second model, compared with the first
//! - `view`: its components

mod actions;
mod address;
mod events;
mod first;
mod second_model;
mod view;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::mount::mount_to;
use leptos::prelude::*;
use web_sys::HtmlElement;

use super::activity::{Concurrency, TrackedActivity};
use super::address::{QueryString, QueryStringBuilder};
use super::catalogue::{fill, search as text};
use super::corpus::SAMPLE_LANGUAGES;
use super::state::Page;
use super::view::{StateChange, View, ViewInfo};
use super::words;
use crate::datasets::UNDETERMINED;
use crate::protocol::{Event, Id, OpenedFile, Reading, Results, Scope};
use address::SearchChoices;
use second_model::SecondModel;

/// Number of hits shown at first, and counted in the upper bar.
const TOP: usize = 10;

/// The view's state. Cheap to copy; components get it by [`Search::here`].
#[derive(Clone, Copy)]
pub(super) struct Search {
    page: Page,
    /// The text in the search box.
    query: RwSignal<String>,
    /// The query's language, if the user corrected it.
    language: RwSignal<Option<String>>,
    scope: RwSignal<Scope>,
    /// Passage languages to include; empty for all.
    filter: RwSignal<Vec<String>>,
    /// Number of hits to show.
    top: RwSignal<usize>,
    /// Whether the panel for own text is open.
    own_is_open: RwSignal<bool>,

    results: RwSignal<Option<Results>>,
    status: RwSignal<QueryStatus>,
    /// The second model, if two are compared.
    second: SecondModel,

    /// State that no component displays.
    hidden: StoredValue<HiddenSearchState>,
}

/// The state of the last query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum QueryStatus {
    /// It is answered, or there is none.
    #[default]
    Idle,
    /// It waits for a model or corpus.
    Waiting,
    /// It was sent.
    Sent(Id),
}

/// Who entered the query, and whether the browser's history has an entry for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The page: it is an example, and not put into the URL.
    Page,
    /// A user who is still typing; the history has an entry for it.
    Typing,
    /// A user or a link; further typing adds a new entry.
    Settled,
}

/// Whether the first model was already requested: it is loaded by itself only once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FirstLoad {
    Due,
    Done,
}

/// The hidden state of [`Search`].
struct HiddenSearchState {
    origin: Origin,
    first_load: FirstLoad,
    previous: Option<PreviousModels>,
    crashing: Option<CrashingQuery>,
    /// Fires after a pause in typing.
    timer: Option<TimeoutHandle>,
    /// Requested passages in the reader's language, and where to display them.
    readings: Vec<(Id, RwSignal<ReadingState>)>,
    /// Those requested before the worker has the corpus: passage and language.
    early_readings: Vec<(usize, String, RwSignal<ReadingState>)>,
}

/// A passage in the reader's language.
#[derive(Debug, Clone, Default, PartialEq)]
enum ReadingState {
    /// Not requested, or hidden again.
    #[default]
    Hidden,
    Requested,
    /// `None` if there is none.
    Shown(Option<Reading>),
}

/// The models in the URL before the user chose one that is not loaded yet.
struct PreviousModels {
    model: Option<String>,
    second: Option<String>,
}

/// The query that was searched when the worker crashed, and the number of crashes.
struct CrashingQuery {
    query: String,
    times: usize,
}

static ABOUT: ViewInfo =
    ViewInfo { name: "search", label: text::LABEL, content: "results", skip: text::SKIP, drop: text::DROP };

impl QueryStatus {
    fn is_sent(self) -> bool {
        matches!(self, Self::Sent(_))
    }
}

impl Search {
    /// From the URL, without results.
    pub fn new(page: Page, address: &QueryString) -> Self {
        let SearchChoices { query, language, scope, filter, with } = SearchChoices::read(address);
        Self {
            page,
            language: RwSignal::new(language),
            scope: RwSignal::new(scope),
            filter: RwSignal::new(filter),
            top: RwSignal::new(TOP),
            own_is_open: RwSignal::new(false),
            results: RwSignal::new(None),
            status: RwSignal::default(),
            second: SecondModel::new(with),
            hidden: StoredValue::new(HiddenSearchState {
                origin: if query.is_none() { Origin::Page } else { Origin::Settled },
                first_load: FirstLoad::Due,
                previous: None,
                crashing: None,
                timer: None,
                readings: Vec::new(),
                early_readings: Vec::new(),
            }),
            query: RwSignal::new(query.unwrap_or_default()),
        }
    }

    /// The view that this component belongs to.
    fn here() -> Self {
        expect_context()
    }

    /// Whether the current model was not made for this language; a model that names none is assumed to support all.
    fn is_foreign(self, code: &str) -> bool {
        self.page.model.with(|model| match model {
            Some(m) => !m.info.languages.is_empty() && m.info.languages.iter().all(|known| known != code),
            // Before it is loaded, those of the sample's vectors.
            None => !SAMPLE_LANGUAGES.contains(&code),
        }) && code != UNDETERMINED
    }

    fn is_current(self, id: Id) -> bool {
        self.status.get_untracked() == QueryStatus::Sent(id)
    }
}

impl View for Search {
    fn about(&self) -> &'static ViewInfo {
        &ABOUT
    }

    fn title(&self) -> String {
        self.query.with(|q| q.chars().take(60).collect())
    }

    fn mount(&self, place: HtmlElement) {
        let search = *self;
        search.show_first();
        mount_to(place, move || {
            provide_context(search);
            view! { <view::Search/> }
        })
        .forget();
    }

    fn is_wide(&self) -> bool {
        self.second.address.with(Option::is_some)
    }

    fn read(&self, address: &QueryString) {
        self.restore(address);
    }

    fn write(&self, address: &mut QueryStringBuilder) {
        let Self { page, .. } = *self;
        let is_own = self.hidden.with_value(|h| h.origin != Origin::Page);
        let query = self.query.get();
        let choices = SearchChoices {
            query: (is_own && !query.trim().is_empty()).then_some(query),
            language: self.language.get(),
            scope: self.scope.get(),
            filter: self.filter.get(),
            with: self.second.address.get(),
        };
        choices.write(address, |address| {
            page.write_device(address);
            address.put_some("model", page.model_address.get().as_deref());
        });
    }

    fn on_open(&self) {
        if self.page.corpus_is_present() {
            self.load_first_model();
            self.load_second();
        }
    }

    fn take_files(&self, files: Vec<OpenedFile>) {
        self.page.open_new_files(files);
    }

    fn handle_event(&self, event: Event) -> Option<Event> {
        Search::handle_event(*self, event)
    }

    fn state_changed(&self, what: StateChange) {
        Search::state_changed(*self, what);
    }

    fn worker_crashed(&self) -> Option<&'static str> {
        Search::worker_crashed(*self)
    }

    fn tracked_activity(&self) -> TrackedActivity {
        TrackedActivity {
            activity: self.second.activity,
            sentence: text::SECOND_AT_WORK,
            concurrency: Concurrency::Shared,
        }
    }

    fn stop(&self) {
        self.choose_second(None);
    }

    fn model_line(&self) -> String {
        text::NO_MODEL.into()
    }

    fn last_line(&self) -> Option<String> {
        self.results.with(|r| {
            r.as_ref().filter(|r| !r.is_precomputed()).map(|r| {
                let said = if r.encode_ms > 0.0 { text::LAST } else { text::LAST_PRECOMPUTED };
                fill(said, &[("ms", &words::ms(r.encode_ms + r.search_ms))])
            })
        })
    }

    fn details(&self) -> Option<String> {
        self.results.with(|r| {
            r.as_ref().filter(|r| !r.is_precomputed()).map(|r| {
                let (encode, rank) = (words::ms(r.encode_ms), words::ms(r.search_ms));
                fill(text::LAST_DETAILS, &[("encode", &encode), ("rank", &rank)])
            })
        })
    }

    fn lacks_model(&self) -> bool {
        match self.status.get() {
            QueryStatus::Sent(_) => false,
            QueryStatus::Waiting => true,
            QueryStatus::Idle => {
                self.results.with(Option::is_some) || self.page.problem.with(Option::is_some)
            }
        }
    }

    fn models(&self) -> Vec<String> {
        self.second.model.with(|m| m.iter().map(|m| m.info.url.clone()).collect())
    }
}
