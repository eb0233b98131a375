//! LIR on a task's vectors, for page and terminal.

use super::Task;
use crate::Result;
use crate::retrieval::lir;

/// Removes the `r` leading directions of each language ([`lir::apply`]) from a task's vectors, of `dimension`
/// numbers each: `passages` in the order of [`Task::documents`], `queries` in that of [`Task::queries`].
/// Returns notes for the user, one sentence each.
///
/// # Errors
/// As [`lir::apply`].
pub fn remove_languages(
    task: &Task,
    passages: &mut [f32],
    queries: &mut [f32],
    dimension: usize,
    r: usize,
) -> Result<Vec<String>> {
    let of_passages: Vec<usize> = task.documents.iter().map(|d| d.lang).collect();
    let of_queries: Vec<usize> = task.queries.iter().map(|q| q.lang).collect();
    let languages = task.languages.len();
    let outcome = lir::apply(passages, &of_passages, queries, &of_queries, languages, dimension, r)?;
    let mut notes = Vec::new();
    if !outcome.left_alone.is_empty() {
        let codes: Vec<&str> = outcome.left_alone.iter().map(|&l| task.languages[l].as_str()).collect();
        notes.push(format!(
            "LIR left {} unchanged: there are too few passages for {r} directions.",
            codes.join(", ")
        ));
    }
    if outcome.zeros > 0 {
        notes.push(format!("LIR reduced {} vectors to zero; their score is 0.", outcome.zeros));
    }
    Ok(notes)
}
