//! The open data set: what models are evaluated on.

use std::rc::Rc;

use super::{
    Session,
    browser::yield_now,
    corpus::PASSAGES,
    download::{self, fetch_file, fetch_file_by_steps},
    open::{self, LARGEST},
    progress::ProgressReporter,
};
use crate::{
    Error, Result,
    datasets::{
        Corpus, sample,
        xquad::{self, Dataset},
    },
    evaluation::{Rules, Task},
    protocol::{Id, ProgressStage, TaskInfo, TaskSource},
};

/// A data set with its retrieval task. Clones are cheap.
#[derive(Clone)]
pub struct OpenDataset {
    /// Its name, as in `interlingua eval`.
    pub name: String,
    /// Passages and questions.
    pub corpus: Rc<Corpus>,
    /// What has to be retrieved.
    pub task: Rc<Task>,
}

impl OpenDataset {
    fn new(name: &str, corpus: Corpus) -> Result<Self> {
        Self::with(name, Rc::new(corpus), &Rules::default())
    }

    fn with(name: &str, corpus: Rc<Corpus>, rules: &Rules) -> Result<Self> {
        let task = Rc::new(Task::with(&corpus, rules.clone())?);
        Ok(Self { name: name.into(), corpus, task })
    }

    /// The part in `languages`, or everything if none are given, under `rules`.
    ///
    /// # Errors
    /// [`Error::Input`] for a language that it does not have, or if no question is left.
    pub fn only(&self, languages: &[String], rules: &Rules) -> Result<Self> {
        let all = languages.is_empty() || self.task.languages.iter().all(|lang| languages.contains(lang));
        match all {
            true if *rules == self.task.rules => Ok(self.clone()),
            true => Self::with(&self.name, self.corpus.clone(), rules),
            false => Self::with(&self.name, Rc::new(self.corpus.only(languages)?), rules),
        }
    }

    fn info(&self) -> TaskInfo {
        let task = &self.task;
        let asked = |lang: usize| task.queries.iter().filter(|q| q.lang == lang).count();
        let languages = task.languages.iter().enumerate();
        TaskInfo {
            name: self.name.clone(),
            hash: self.corpus.hash(),
            languages: languages.map(|(i, lang)| (lang.clone(), asked(i), task.range(i).len())).collect(),
            queries: task.queries.len(),
            passages: task.documents.len(),
            notes: task.notes.clone(),
            fields: self.corpus.fields.clone(),
        }
    }
}

impl Session {
    /// Opens a data set to evaluate models on, in place of the previous one.
    ///
    /// # Errors
    /// Names the file and what is wrong with it; what was open stays open.
    pub(super) async fn open_task(&self, id: Id, source: TaskSource) -> Result<TaskInfo> {
        let say = |event| self.say(event);
        let mut progress = ProgressReporter::new(id, &say);
        let data = match source {
            TaskSource::Sample { url } => {
                progress.at(ProgressStage::Download, 0.0, 0.0);
                let bytes = fetch_file(&download::folder(&url)?, PASSAGES, LARGEST).await?;
                let text = std::str::from_utf8(&bytes).map_err(|e| {
                    Error::format(PASSAGES, format!("not UTF-8 text (byte {})", e.valid_up_to()))
                })?;
                OpenDataset::new("sample", sample::parse(PASSAGES, text)?)?
            }
            TaskSource::Download { dataset, base } => {
                download_dataset(&dataset, &base, &mut progress).await?
            }
            TaskSource::Files { files } => {
                let corpus = open::read(&files)?;
                OpenDataset::new(&corpus.name.clone(), corpus)?
            }
        };
        let info = data.info();
        self.0.data.replace(Some(data));
        Ok(info)
    }
}

async fn download_dataset(
    name: &str,
    base: &str,
    progress: &mut ProgressReporter<'_>,
) -> Result<OpenDataset> {
    let dataset = Dataset::by_name(name)?;
    let folder = download::folder(base)?;
    let mut corpus = Corpus { name: dataset.name.into(), ..Corpus::default() };
    let (mut before, files) = (0.0, dataset.languages.len() as f64);
    for (complete, lang) in dataset.languages.iter().enumerate() {
        // Sizes are not known beforehand: the remaining files are assumed to be as large as those so far.
        let total = if complete > 0 { before / complete as f64 * files } else { 0.0 };
        let mut step = |n: u64| {
            let done = before + n as f64;
            progress.at(ProgressStage::Download, done, if total > 0.0 { total.max(done) } else { 0.0 });
        };
        let file = format!("{lang}.json");
        let bytes = fetch_file_by_steps(&folder, &file, LARGEST, &mut step).await.map_err(|e| match e {
            Error::File { path, problem, source } => {
                let problem = format!("{problem}. {name} is had from {}.", dataset.origin);
                Error::File { path, problem, source }
            }
            other => other,
        })?;
        before += bytes.len() as f64;
        yield_now().await;
        corpus.append(xquad::parse(&format!("{folder}{file}"), &bytes)?)?;
    }
    OpenDataset::new(dataset.name, corpus)
}
