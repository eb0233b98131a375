//! From a task's vectors to a report, the same for terminal and page.

use super::{
    Bias, Bootstrap, CutTexts, EvalReport, Facts, Ranks, Scores, SettingMeans, Task, ranks, remove_languages,
};
use crate::{
    Error, Result,
    retrieval::{Index, Similarity},
};

/// The vectors of a task's texts.
pub struct TaskVectors {
    /// Of the passages, `[n, dimension]`: one row for each of [`Task::documents`], or for each of their
    /// windows.
    pub passages: Vec<f32>,
    /// How many windows each passage has; `None` if passages are not split.
    pub windows: Option<Vec<usize>>,
    /// Of the queries, `[m, dimension]`, in the order of [`Task::queries`].
    pub queries: Vec<f32>,
    /// Numbers in a vector.
    pub dimension: usize,
    /// How vectors are compared.
    pub similarity: Similarity,
    /// How much was truncated to the model's window.
    pub cut: CutTexts,
}

/// Options for computing the figures.
#[derive(Debug, Clone, Copy)]
pub struct Analysis {
    /// Number of leading directions of each language to remove first (LIR, arXiv 2109.04727).
    pub lir: Option<usize>,
    /// Bootstrap resamples for the intervals; 0 leaves intervals out.
    pub samples: usize,
    /// Seed of the resampling.
    pub seed: u64,
    /// How much is done between two pauses.
    pub pieces: Pieces,
}

/// How much is done at a time, so that a browser's worker can answer messages in between.
#[derive(Debug, Clone, Copy)]
pub struct Pieces {
    /// Queries ranked together.
    pub queries: usize,
    /// Multiplications per piece of ranking, which further limits the queries.
    pub multiplications: usize,
    /// Resamples per piece of bootstrapping.
    pub samples: usize,
}

impl Pieces {
    /// Everything at once.
    pub const WHOLE: Self = Self { queries: usize::MAX, multiplications: usize::MAX, samples: usize::MAX };
}

/// The result of a measurement, with what it was computed from.
pub struct Evaluated {
    /// The passages' vectors, in the order of [`Task::documents`].
    pub index: Index,
    /// The queries' vectors, in the order of [`Task::queries`]: `[n, dimension]`.
    pub queries: Vec<f32>,
    /// Ranks of the answers.
    pub ranks: Vec<Ranks>,
    /// Every query's measures.
    pub scores: Scores,
    /// The summary.
    pub report: EvalReport,
}

/// Measures `vectors` on a task. `pause` is awaited after each piece of work with the number of queries
/// ranked so far. The report's notes begin with those of LIR and of the similarity.
///
/// # Errors
/// [`Error::Input`] when vectors and task do not match, a query's vector is not finite, or LIR is combined
/// with windows; [`Error::Unsupported`] when LIR is combined with vectors that are not compared by cosine.
pub async fn measure(
    task: &Task,
    mut facts: Facts,
    vectors: TaskVectors,
    analysis: Analysis,
    mut pause: impl AsyncFnMut(usize),
) -> Result<Evaluated> {
    let TaskVectors { mut passages, windows, mut queries, dimension, similarity, cut } = vectors;
    let Analysis { lir, samples, seed, pieces } = analysis;
    let mut notes: Vec<String> = similarity.note().into_iter().collect();
    if let Some(r) = lir {
        similarity.need_cosine("LIR")?;
        if windows.as_ref().is_some_and(|counts| counts.iter().any(|&n| n > 1)) {
            return Err(Error::Input("LIR and windows cannot be combined: leave one of them out".into()));
        }
        notes.extend(remove_languages(task, &mut passages, &mut queries, dimension, r)?);
        pause(0).await;
    }
    let mut index = Index::from_rows(dimension, &passages)?.compared_by(similarity);
    drop(passages);
    if let Some(counts) = &windows {
        index = index.grouped(counts)?;
    }

    ranks::check(task, &index, &queries)?;
    let fit = pieces.multiplications / (index.len() * dimension).max(1);
    let together = fit.clamp(1, pieces.queries).min(task.queries.len().max(1));
    let mut ranks = Vec::with_capacity(task.queries.len());
    for piece in queries.chunks(together * dimension.max(1)) {
        ranks.extend(ranks::rank_some(task, &index, piece, ranks.len())?);
        pause(ranks.len()).await;
    }

    let scores = Scores::of(task, &ranks);
    pause(ranks.len()).await;
    let settings = SettingMeans::of(task, &scores);
    facts.lir = lir.filter(|r| *r > 0);
    let mut report = EvalReport::new(facts, task, &settings);
    report.notes.extend(notes);
    report.add_cut(cut);
    report.bias = Bias::of(task, &ranks, &settings);
    if samples > 0 {
        let mut bootstrap = Bootstrap::new(task, &scores, samples, seed);
        while bootstrap.step(pieces.samples) > 0 {
            pause(ranks.len()).await;
        }
        report.intervals = Some(bootstrap.finish());
    }
    Ok(Evaluated { index, queries, ranks, scores, report })
}
