//! Describes a model from its small files.

use super::{
    SmallFiles, json,
    source::InspectedFiles,
    static_embedding::STATIC,
    weights::{ImportedWeights, WeightFiles},
};
use crate::{
    Result,
    architecture::{Pooling, program::Program},
    bundle::{BLOCK, Quantization},
    hub::{About, ListedFile, Memory},
    retrieval::Similarity,
};

/// Describes a model, and says whether it is supported, before anything large is downloaded.
///
/// `files` has the file list and the files that [`InspectedFiles::to_inspect`] names. `beginning`, if available, is the start of
/// a weights file including its header: then types and shapes are checked too.
pub fn inspect(name: &str, files: &mut InspectedFiles, beginning: Option<(&str, &[u8])>) -> About {
    let card = files.card();
    let mut about =
        About { name: name.into(), licence: card.licence, languages: card.languages, ..About::default() };
    let mut needed: Vec<String> = files.small().map(String::from).collect();
    if let Err(problem) = read(files, beginning, &mut about, &mut needed) {
        about.refused = Some(problem.to_string());
    }
    let (needed, others): (Vec<ListedFile>, Vec<ListedFile>) =
        files.listed().cloned().partition(|file| needed.contains(&file.path));
    (about.needed, about.others) = (needed, others);
    about
}

fn read(
    files: &mut InspectedFiles,
    beginning: Option<(&str, &[u8])>,
    about: &mut About,
    needed: &mut Vec<String>,
) -> Result<()> {
    read_names(files, about);
    let settings = SmallFiles::read(files, false)?;
    if settings.table.is_some() {
        about.architecture = STATIC.into();
    }
    let config = &settings.config;
    let program = config.program()?;
    about.dimension = Some(config.dimension());
    about.layers = Some(config.layers);
    about.vocabulary = Some(config.vocabulary);
    about.parameters = Some(program.params().iter().map(|param| count(&param.shape())).sum());
    about.memory = Some(memory(&program));
    let pooling = match config.pooling {
        Pooling::Mean => "mean",
        Pooling::Cls => "cls",
        Pooling::Max => "max",
        Pooling::Last => "last token",
        Pooling::WeightedMean => "mean weighted by position",
        Pooling::MeanSqrtLength => "sum divided by the root of the length",
    };
    about.pooling = Some(pooling.into());
    about.normalized = Some(config.normalize);
    about.similarity = Some(settings.usage.similarity.name().into());
    about.prompts = settings.usage.named.clone();
    about.query_prompt = settings.usage.prompts.query.clone();
    about.passage_prompt = settings.usage.prompts.passage.clone();
    about.max_tokens = Some(config.max_tokens);
    about.notes.extend(notes(&settings));
    needed.push(format!("{}{}", settings.root, crate::bundle::TOKENIZER));
    let weight_files = settings.weight_files(files)?;
    needed.extend(weight_files.files.iter().map(|(path, _)| path.clone()));
    if let Some((path, bytes)) = beginning {
        let checked =
            WeightFiles { files: weight_files.files.iter().filter(|(at, _)| at == path).cloned().collect() };
        let mut imported =
            ImportedWeights::new(program, checked, Some(Quantization::Q8), files).folded(settings.table);
        imported.check_beginning(path, bytes)?;
    }
    Ok(())
}

/// Reads what is displayed even for an unsupported model.
fn read_names(files: &mut InspectedFiles, about: &mut About) {
    let folder = json(files, "modules.json").ok().flatten();
    let folder =
        folder.as_ref().and_then(|list| list[0]["path"].as_str()).unwrap_or_default().trim_matches('/');
    let place = if folder.is_empty() { "config.json".into() } else { format!("{folder}/config.json") };
    let Ok(Some(config)) = json(files, &place) else { return };
    let number = |name: &str| config[name].as_u64().and_then(|n| usize::try_from(n).ok());
    about.architecture = config["model_type"].as_str().unwrap_or_default().into();
    about.layers = number("num_hidden_layers");
    about.dimension = number("hidden_size");
    about.vocabulary = number("vocab_size");
}

/// Assumptions that were made because no file says otherwise.
fn notes(settings: &SmallFiles) -> Vec<String> {
    let mut notes = Vec::new();
    if !settings.listed {
        notes.push(
            "It has no modules.json: mean pooling is assumed, as in sentence-transformers, which may not be what the \
             model was trained with."
                .into(),
        );
    }
    let usage = &settings.usage;
    if usage.prompts.query.is_empty() && usage.prompts.passage.is_empty() {
        let which: Vec<&str> = usage.named.keys().map(String::as_str).collect();
        notes.push(match which[..] {
            [] => {
                "Its files define no prompts. Some models expect prompts all the same, see the model card (E5: \
                   `query: ` and `passage: `)."
                .into()
            }
            _ => format!(
                "None of its prompts ({}) is for queries or documents; none is used.",
                which.join(", ")
            ),
        });
    }
    if usage.similarity != Similarity::Cosine {
        notes.push(format!("Its vectors are compared by {}.", usage.similarity.name()));
    }
    notes
}

fn count(shape: &[usize]) -> u64 {
    shape.iter().fold(1u64, |product, &n| product.saturating_mul(n as u64))
}

/// Bytes in each [`Quantization`].
fn memory(program: &Program) -> Memory {
    let sum = |quantization| {
        let bytes = program.params().iter().map(|param| {
            let shape = param.shape();
            let n = count(&shape);
            let matrix = shape.len() == 2;
            let packable = matrix && shape[1].is_multiple_of(BLOCK);
            let scales = n / BLOCK as u64 * 2;
            match quantization {
                Quantization::F32 => n.saturating_mul(4),
                _ if !matrix => n.saturating_mul(4),
                Quantization::Q4 if packable && param.name == program.table().name => n / 2 + scales,
                Quantization::Q8 | Quantization::Q4 if packable => n + scales,
                _ => n.saturating_mul(2),
            }
        });
        bytes.fold(0u64, u64::saturating_add)
    };
    let [q4, q8, f16, f32] =
        [Quantization::Q4, Quantization::Q8, Quantization::F16, Quantization::F32].map(sum);
    Memory { q4, q8, f16, f32 }
}
