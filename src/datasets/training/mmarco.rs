//! mMARCO, as in its authors' repository `unicamp-dl/mmarco`: `google` (version 2, 14 languages) or
//! `helsinki` (version 1) with `collections/<language>_collection.tsv` and
//! `queries/train/<language>_queries.train.tsv`, and next to them `triples.train.ids.small.tsv`; or with
//! MS MARCO's own `qrels.train.tsv`.

use std::path::Path;

use super::judged::TrainingJudgements;
use super::{TrainingPairs, files, need, one};
use crate::{Error, Result, text};

/// The judgements, common to all languages.
const JUDGEMENTS: [&str; 2] = ["qrels.train.tsv", "triples.train.ids.small.tsv"];

pub(super) fn read(dir: &Path, lang: &str, pairs: &mut TrainingPairs) -> Result<()> {
    let name = text::language(lang).map_or(lang.into(), |language| language.english.to_lowercase());
    let mut there = files(dir)?;
    let collection = need(&there, dir, &format!("{name}_collection.tsv"))?.clone();
    let queries = need(&there, dir, &format!("{name}_queries.train.tsv"))?.clone();
    if JUDGEMENTS.iter().all(|name| one(&there, dir, name).is_ok_and(|file| file.is_none())) {
        // For the folder of one translation, they are in the parent folder.
        let up = dir.join("..");
        there = JUDGEMENTS
            .iter()
            .flat_map(|name| [up.join(name), up.join(format!("{name}.gz"))])
            .filter(|path| path.is_file())
            .collect();
    }
    let mut judged = TrainingJudgements::default();
    let [qrels, triples] = JUDGEMENTS.map(|name| one(&there, dir, name));
    let (qrels, triples) = (qrels?, triples?);
    if qrels.is_none() && triples.is_none() {
        let names = JUDGEMENTS.join(" nor ");
        return Err(Error::file(dir, format!("neither {names} is here or in the parent folder")));
    }
    if let Some(path) = qrels {
        judged.qrels(path, &mut pairs.left_out)?;
    }
    if let Some(path) = triples {
        judged.triples(path, &mut pairs.left_out)?;
    }
    judged.topics(&queries, &mut pairs.left_out)?;
    judged.table(&collection, &mut pairs.left_out)?;
    // The same in every language.
    judged.finish("mmarco", "mmarco", lang, pairs);
    Ok(())
}
