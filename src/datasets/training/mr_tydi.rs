//! Mr. TyDi's unpacked archives: `mrtydi-v1.1-<language>` with `topic.train.tsv`, `qrels.train.txt`
//! and `collection/docs.jsonl[.gz]`. Its judgements name relevant passages only.

use std::path::Path;

use super::judged::TrainingJudgements;
use super::{TrainingPairs, files, need};
use crate::{Error, Result, text};

pub(super) fn read(dir: &Path, lang: &str, pairs: &mut TrainingPairs) -> Result<()> {
    let name = text::language(lang).map_or(lang.into(), |language| language.english.to_lowercase());
    let folders = [format!("mrtydi-v1.1-{name}"), format!("mrtydi-v1.0-{name}")];
    let at = |folder: &Path| folder.join("topic.train.tsv").is_file();
    let own = dir.to_path_buf();
    let folder = folders.iter().map(|folder| dir.join(folder)).chain([own]).find(|folder| at(folder));
    let folder = folder.ok_or_else(|| {
        Error::file(dir, format!("neither topic.train.tsv nor the folder {} with it is here", folders[0]))
    })?;
    let there = files(&folder)?;
    let mut judged = TrainingJudgements::default();
    judged.qrels(need(&there, &folder, "qrels.train.txt")?, &mut pairs.left_out)?;
    judged.topics(need(&there, &folder, "topic.train.tsv")?, &mut pairs.left_out)?;
    judged.documents(need(&there, &folder, "docs.jsonl")?, &mut pairs.left_out)?;
    judged.finish(&format!("mr-tydi:{lang}"), "mr-tydi", lang, pairs);
    Ok(())
}
