//! A query's ranking.

use std::rc::Rc;

use super::{Session, browser::now, corpus::Open, model::Model};
use crate::{
    Error, Result,
    datasets::count_languages,
    protocol::{Hit, Results, Scope},
    retrieval::Filter,
    text::{Kind, check_query, detect},
};

/// Hits that are returned at most.
const MOST: usize = 1000;

/// What a person asks.
pub struct Query {
    /// The words.
    pub text: String,
    /// Their language where it is known.
    pub language: Option<String>,
    /// Which passages count, seen from that language.
    pub scope: Scope,
    /// Passage languages to keep; empty keeps all.
    pub languages: Vec<String>,
    /// How many hits to return.
    pub top: usize,
}

impl Session {
    /// Ranks the open corpus.
    ///
    /// # Errors
    /// [`Error::Input`] when the query is none, or there is nothing to search or to search with.
    pub async fn search(&self, query: Query) -> Result<Results> {
        check_query(&query.text)?;
        let text = query.text.trim();
        let open = self.corpus().ok_or_else(|| {
            Error::Input("There is nothing to search yet: open a file, or wait for the sample.".into())
        })?;
        let mut notes = Vec::new();
        let start = now();
        let (vector, encode_ms) = match self.model_for(&open, text).await? {
            Some(model) => {
                notes.extend(cut(&model, text));
                let similarity = model.encoder.similarity();
                notes.extend(similarity.note());
                let (mut vector, _) = self.encode(model, &[text], Kind::Query, None).await?;
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
            notes
                .push("No passage is in a language that is searched: choose other languages, or all.".into());
        }
        let admits = |i: usize| admitted.get(i).copied().unwrap_or(false);
        let best = open.index.search(&vector, query.top.clamp(1, MOST), admits)?;
        let answers = open.answers(text);
        let hits = best.into_iter().zip(1..).filter_map(|((i, score), rank)| {
            let passage = passages.get(i)?;
            let whole = (0, passage.text.len());
            Some(Hit {
                rank,
                score,
                id: passage.group.clone(),
                language: passage.lang.clone(),
                text: passage.text.clone(),
                source: passage.source.clone(),
                answer: answers.contains(&i).then(|| passage.answer.unwrap_or(whole)),
            })
        });
        let hits = hits.collect();
        let search_ms = now() - start;
        Ok(Results { query: query.text, language, detected, hits, pool, encode_ms, search_ms, notes })
    }

    /// The model that encodes `text` for this corpus; `None` when its vector came with the corpus and
    /// no model is there.
    async fn model_for(&self, open: &Open, text: &str) -> Result<Option<Rc<Model>>> {
        loop {
            match self.model() {
                Some(model) if open.is_of(&model) => return Ok(Some(model)),
                _ if open.shipped(text).is_some() => return Ok(None),
                _ if self.is_loading() => self.model_change().await,
                Some(_) => {
                    return Err(Error::Input(
                        "The passages were encoded by another model than the one that is loaded: open them again."
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

/// Says so when the query is longer than what the model reads.
fn cut(model: &Model, text: &str) -> Option<String> {
    let tokenizer = model.encoder.tokenizer();
    let longest = tokenizer.max_tokens();
    // A byte makes at most one token, so most queries need no second look.
    if text.len() + 2 < longest {
        return None;
    }
    let encoding = tokenizer.inner().encode_fast(text, true).ok()?;
    (!encoding.get_overflowing().is_empty()).then(|| {
        format!("The query is longer than the {longest} tokens this model reads; its end was left out.")
    })
}
