//! MIRACL's training questions, in the same format as in `datasets/miracl.rs`. Passages judged 0, found
//! by a search engine and rejected by an annotator, are the hard negatives.

use std::path::Path;

use super::judged::TrainingJudgements;
use super::{TrainingPairs, files, need};
use crate::{Error, Result};

pub(super) fn read(dir: &Path, lang: &str, pairs: &mut TrainingPairs) -> Result<()> {
    let there = files(dir)?;
    let name = format!("miracl-v1.0-{lang}-train.tsv");
    let mut judged = TrainingJudgements::default();
    judged.qrels(need(&there, dir, &format!("qrels.{name}"))?, &mut pairs.left_out)?;
    judged.topics(need(&there, dir, &format!("topics.{name}"))?, &mut pairs.left_out)?;
    let folder = format!("miracl-corpus-v1.0-{lang}");
    let mut found = false;
    for path in &there {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let is_document =
            name.starts_with("docs-") && (name.ends_with(".jsonl") || name.ends_with(".jsonl.gz"));
        if is_document && path.parent().is_some_and(|parent| parent.ends_with(&folder)) {
            found = true;
            judged.documents(path, &mut pairs.left_out)?;
        }
    }
    if !found {
        return Err(Error::file(dir, format!("{folder}/docs-0.jsonl.gz is missing")));
    }
    judged.finish(&format!("miracl:{lang}"), "miracl", lang, pairs);
    Ok(())
}
