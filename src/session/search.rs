//! Ranks the open corpus for a query.

use std::rc::Rc;

use super::{Session, browser::now, corpus::OpenCorpus, model::LoadedModel};
use crate::{
    Error, Result,
    datasets::count_languages,
    protocol::{Hit, Reading, Results, Scope},
    retrieval::{Filter, best_windows},
    text::{Kind, Window, check_query, detect},
};

/// Maximum number of hits.
const MOST: usize = 1000;

/// A search.
pub struct SearchQuery {
    /// The query.
    pub text: String,
    /// Its language, if known.
    pub language: Option<String>,
    /// Which passages to search, relative to that language.
    pub scope: Scope,
    /// Passage languages to include; empty for all.
    pub languages: Vec<String>,
    /// Number of hits to return.
    pub top: usize,
}

impl Session {
    /// Ranks the open corpus.
    ///
    /// # Errors
    /// [`Error::Input`] if the query is empty, or no corpus or no model is loaded.
    pub async fn search(&self, query: SearchQuery) -> Result<Results> {
        check_query(&query.text)?;
        let text = query.text.trim();
        let open = self.corpus().ok_or_else(|| {
            Error::Input("There is nothing to search yet: open a file, or wait for the sample".into())
        })?;
        let mut notes = Vec::new();
        let start = now();
        let mut cut = None;
        let (vector, encode_ms) = match self.model_for(&open, text).await? {
            Some(model) => {
                let similarity = model.encoder.similarity();
                notes.extend(similarity.note());
                let (mut vector, lengths, by) = self.encode(model, &[text], Kind::Query, None).await?;
                let count = by.encoder.tokenizer().cut().with(lengths);
                notes.extend(count.sentence("query", "queries"));
                cut = Some(count);
                let d = vector.len();
                similarity.ready(&mut vector, d);
                (vector, now() - start)
            }
            None => (open.shipped(text).map(<[f32]>::to_vec).unwrap_or_default(), 0.0),
        };

        let start = now();
        let detected = query.language.is_none();
        let language = query.language.or_else(|| detect(text).map(Into::into));
        let filter = Filter::new(query.scope, language.as_deref(), &query.languages)?;
        let passages = &open.corpus.passages;
        let admitted: Vec<bool> = passages.iter().map(|p| filter.admits(&p.lang)).collect();
        let counted = passages.iter().zip(&admitted).filter(|(_, admitted)| **admitted);
        let pool = count_languages(counted.map(|(p, _)| p.lang.as_str()));
        if pool.is_empty() {
            notes.push("No passage is in the chosen languages: choose others, or all.".into());
        }
        // The part of a passage that a row of the index encodes.
        let windows = open.windows.as_deref();
        let part = |row: usize| match windows {
            Some(windows) => windows.get(row).copied(),
            None => passages.get(row).map(|p| Window { text: row, start: 0, end: p.text.len() }),
        };
        let admits = |row: usize| part(row).is_some_and(|w| admitted.get(w.text).copied().unwrap_or(false));
        let nearest = |k: usize| open.index.search(&vector, k, admits);
        let top = query.top.clamp(1, MOST);
        let best_of = |top: usize| match windows {
            Some(windows) => best_windows(windows, top, nearest),
            None => nearest(top),
        };
        let best = best_of(top)?;
        let answers = open.answers(text);
        let answer_rank = {
            let is_answer = |(row, _): &(usize, f32)| part(*row).is_some_and(|w| answers.contains(&w.text));
            let ranked = |best: &[(usize, f32)]| best.iter().position(is_answer).map(|at| at + 1);
            match ranked(&best) {
                None if answers.iter().any(|&i| admitted.get(i).copied().unwrap_or(false)) => {
                    ranked(&best_of(passages.len())?)
                }
                found => found,
            }
        };
        let hits = best.into_iter().zip(1..).filter_map(|((row, score), rank)| {
            let Window { text: i, start, end } = part(row)?;
            let passage = passages.get(i)?;
            let text = passage.text.get(start..end)?;
            // The answer, as far as it is in the displayed text.
            let answer = passage.answer.unwrap_or((0, passage.text.len()));
            let answer = (answer.0.max(start), answer.1.min(end));
            let answer = (answer.0 < answer.1).then(|| (answer.0 - start, answer.1 - start));
            Some(Hit {
                rank,
                score,
                passage: i,
                id: passage.group.clone(),
                language: passage.lang.clone(),
                text: text.into(),
                source: passage.source.clone(),
                relevant: answers.contains(&i),
                answer: answer.filter(|_| answers.contains(&i)),
                part: (text.len() < passage.text.len()).then_some((start, end, passage.text.len())),
            })
        });
        let hits = hits.collect();
        let search_ms = now() - start;
        Ok(Results {
            query: query.text,
            language,
            detected,
            hits,
            answer_rank,
            pool,
            encode_ms,
            search_ms,
            notes,
            cut,
        })
    }

    /// Passage `i` of the open corpus in `language`: the same passage if it exists there, otherwise the one nearest to it;
    /// `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Input`] if no corpus is open.
    pub fn read_in(&self, i: usize, language: &str) -> Result<Option<Reading>> {
        let open = self.corpus().ok_or_else(|| Error::Input("No text is open".into()))?;
        let passages = &open.corpus.passages;
        let Some(own) = passages.get(i) else { return Ok(None) };
        let same =
            passages.iter().find(|p| p.lang == language && !p.group.is_empty() && p.group == own.group);
        let found = match same {
            Some(same) => Some((same.text.as_str(), true)),
            None => open.nearest_in(i, language)?.map(|text| (text, false)),
        };
        Ok(found.map(|(text, parallel)| Reading { language: language.into(), text: text.into(), parallel }))
    }

    /// The model that encodes `text` for this corpus; `None` if its vector came with the corpus and no model is loaded.
    async fn model_for(&self, open: &OpenCorpus, text: &str) -> Result<Option<Rc<LoadedModel>>> {
        loop {
            match self.model() {
                Some(model) if open.is_of(&model) => return Ok(Some(model)),
                _ if open.shipped(text).is_some() => return Ok(None),
                _ if self.is_loading() => self.model_change().await,
                Some(_) => {
                    return Err(Error::Input(
                        "The passages were encoded by another model than the one that is loaded: open them again"
                            .into(),
                    ));
                }
                None => {
                    return Err(Error::Input(
                        "No model is loaded. Load one to search for your own words; the examples can be searched without."
                            .into(),
                    ));
                }
            }
        }
    }
}
