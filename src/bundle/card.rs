//! Model cards: a `README.md` for a bundle, written from its manifest in the form of Hugging Face's model
//! cards.
//!
//! It contains what the manifest contains and nothing else; missing information is marked as such. Readers of
//! bundles ignore it.

use std::fmt::Write;

use serde_json::Value;

use super::Manifest;
use crate::datasets::account::NOT_RECORDED;
use crate::history::{AveragedModel, History, HistoryStage, HistoryStep};
use crate::retrieval::Similarity;
use crate::text::language;

/// File name of the card.
pub const CARD: &str = "README.md";
/// Distinguishes our cards from a file of the same name that someone else wrote.
pub(super) const MARK: &str = "library_name: interlingua";

/// The card, in Markdown with YAML front matter.
pub fn card(manifest: &Manifest) -> String {
    let mut out = String::new();
    let history = History::of(&manifest.name, &manifest.recipe);
    let card = CardWriter { manifest, history, reports: reports(&manifest.results) };
    // Writing to a string cannot fail.
    let _ = card.write(&mut out);
    out
}

/// Evaluation reports: one, or a list of them.
pub(super) fn reports(results: &Value) -> Vec<&Value> {
    match results {
        Value::Array(all) => all.iter().collect(),
        Value::Object(_) => vec![results],
        _ => Vec::new(),
    }
}

struct CardWriter<'a> {
    manifest: &'a Manifest,
    history: History,
    reports: Vec<&'a Value>,
}

impl CardWriter<'_> {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        self.front(out)?;
        self.what(out)?;
        self.usage(out)?;
        self.data(out)?;
        self.recipe(out)?;
        self.results(out)?;
        self.limits(out)
    }

    fn licence(&self) -> Option<&str> {
        Some(self.manifest.licence.trim()).filter(|l| !l.is_empty() && *l != "unknown")
    }

    fn front(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "---")?;
        if !self.manifest.languages.is_empty() {
            // Quoted, as YAML reads Norwegian's code as `false`.
            writeln!(out, "language: {}", quoted(&self.manifest.languages))?;
        }
        match self.licence() {
            // Hugging Face's identifiers are SPDX's in lower case; it does not support expressions.
            Some(one) if !one.contains(char::is_whitespace) => {
                writeln!(out, "license: {}", one.to_lowercase())?
            }
            Some(other) => writeln!(out, "license: other\nlicense_name: {}", Value::from(other))?,
            None => {}
        }
        writeln!(out, "{MARK}\npipeline_tag: sentence-similarity\ntags:")?;
        ["feature-extraction", "sentence-similarity", "multilingual", "cross-lingual-retrieval"]
            .iter()
            .try_for_each(|tag| writeln!(out, "- {tag}"))?;
        writeln!(out, "---\n")
    }

    fn what(&self, out: &mut String) -> std::fmt::Result {
        let Manifest { name, architecture: shape, prompts, quantization, similarity, .. } = self.manifest;
        writeln!(out, "# {name}\n")?;
        writeln!(
            out,
            "An encoder for search: it turns a question or a passage into a vector, so that a question lies near \
             the passages that answer it, in its own language and in others. This card was generated from the \
             bundle's manifest by interlingua.\n"
        )?;
        let bytes = self.manifest.bytes();
        let elsewhere: u64 = self.manifest.files.iter().filter(|f| f.at.is_some()).map(|f| f.bytes).sum();
        let prompt = |text: &str| if text.is_empty() { "none".into() } else { format!("`{text}`") };
        let rows = [
            (
                "size",
                format!(
                    "{:.1} MB ({} bytes){}, weights in {quantization}",
                    bytes as f64 / 1e6,
                    number(bytes),
                    match elsewhere {
                        0 => String::new(),
                        some => format!(", {:.1} MB of it in another bundle", some as f64 / 1e6),
                    }
                ),
            ),
            (
                "blocks",
                match shape.layers {
                    0 => format!("none: a table of width {}", shape.hidden),
                    layers => format!("{layers} of width {}, {} heads", shape.hidden, shape.heads),
                },
            ),
            ("vocabulary", format!("{} tokens", number(shape.vocabulary as u64))),
            (
                "vector",
                format!(
                    "{} dimensions{}{}",
                    shape.dimension(),
                    if shape.normalize { ", of length 1" } else { "" },
                    match similarity {
                        Similarity::Cosine => String::new(),
                        other => format!(", compared by {}", other.name()),
                    }
                ),
            ),
            ("longest text", format!("{} tokens", shape.max_tokens)),
            (
                "prompts",
                format!("question: {}; passage: {}", prompt(&prompts.query), prompt(&prompts.passage)),
            ),
            ("languages", languages(&self.manifest.languages)),
            ("licence", self.licence().unwrap_or(NOT_RECORDED).to_string()),
        ];
        writeln!(out, "| | |\n|---|---|")?;
        rows.iter().try_for_each(|(what, value)| writeln!(out, "| {what} | {} |", cell(value)))?;
        writeln!(out)
    }

    fn usage(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "## How to use it\n\nWith this folder as `MODEL`:\n\n```sh\n\
             interlingua search --model MODEL --corpus passages.jsonl \"a question\"\n\
             interlingua encode --model MODEL --input lines.txt --kind passage --output vectors.npy\n```\n\n\
             In the browser, serve this folder and open its address in interlingua's page, under Model. Compare \
             vectors by their dot product. Questions and passages are encoded differently where the table above \
             names prompts. `tokenizer.json` is read by Hugging Face's tokenizers, {} by any reader of safetensors.\n",
            match self.manifest.weights_files() {
                [one] => format!("`{one}`"),
                parts => format!("{} (the weights are in both)", names(parts.iter().copied())),
            }
        )?;
        let shared: Vec<&str> = self.manifest.files.iter().filter_map(|file| file.at.as_deref()).collect();
        if shared.is_empty() {
            return Ok(());
        }
        writeln!(
            out,
            "It shares files with another bundle and needs them in place, on a disk as on a server: {}. \
             `interlingua import MODEL --output FOLDER --quantize {}` turns it into a bundle with all files of its \
             own.\n",
            names(shared.into_iter()),
            self.manifest.quantization
        )
    }

    fn data(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "## Training data\n")?;
        if !self.manifest.background.trim().is_empty() {
            writeln!(out, "**Earlier training**: {}\n", self.manifest.background.trim())?;
        }
        let sources = &self.history.sources;
        if sources.is_empty() {
            writeln!(out, "Sources and licences: {NOT_RECORDED}.\n")?;
        } else {
            writeln!(out, "| source | licence | records |\n|---|---|---|")?;
            for source in sources {
                let records = source.records.map_or_else(|| NOT_RECORDED.into(), number);
                writeln!(out, "| {} | {} | {records} |", recorded(&source.name), recorded(&source.licence))?;
            }
            writeln!(out)?;
        }
        match &self.history.check {
            Some(check) => writeln!(
                out,
                "Before training, {} texts of {} records were checked against {}: whatever has {} letters in \
                 a row in common with them ({} in Han, kana or Hangul), or an id, was left out. This removed {} texts{}.\n",
                number(check.texts),
                number(check.records),
                check.sets.join(", "),
                check.letters,
                check.dense,
                check.removed,
                match check.removed_from.as_slice() {
                    [] => String::new(),
                    some => format!(", from {}", some.join(", ")),
                }
            ),
            None => writeln!(
                out,
                "Whether training texts overlap with the sets that the model is measured on was not checked.\n"
            ),
        }
    }

    /// The last step first.
    fn recipe(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "## Recipe\n")?;
        let mut is_recorded = false;
        for step in self.history.steps.iter().rev() {
            if step.configured {
                training(step, out)?;
            } else if let Some(tokens) = tokens(step) {
                let model = if step.from.is_empty() { "The start model" } else { &step.from };
                writeln!(out, "{model} was reduced to {tokens} (`interlingua trim`).\n")?;
            } else if !step.averaged.is_empty() {
                let parts: Vec<String> = step.averaged.iter().map(part).collect();
                writeln!(
                    out,
                    "The weights are the mean of {} models trained from one start (`interlingua average`): {}. The first \
                     of them:\n",
                    parts.len(),
                    parts.join("; ")
                )?;
            } else {
                continue;
            }
            is_recorded = true;
        }
        match is_recorded {
            true => writeln!(out, "`manifest.json` has the whole configuration.\n"),
            false => writeln!(out, "How it was trained: {NOT_RECORDED}.\n"),
        }
    }

    fn results(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "## Results\n")?;
        if self.reports.is_empty() {
            return writeln!(
                out,
                "Not measured. `interlingua eval` measures it, `interlingua card` puts the reports here.\n"
            );
        }
        for report in &self.reports {
            let text = |field: &str| report[field].as_str().unwrap_or(NOT_RECORDED);
            let count = |field: &str| report["counts"][field].as_u64().map_or("?".into(), number);
            writeln!(out, "### {}\n", text("dataset"))?;
            writeln!(
                out,
                "{}, {}: {} questions in {} languages, {} passages. `{}`\n",
                text("date"),
                text("device"),
                count("queries"),
                report["languages"].as_array().map_or(0, Vec::len),
                count("passages"),
                command(report)
            )?;
            let level = report["intervals"]["level"].as_f64().map_or(95.0, |level| level * 100.0);
            writeln!(
                out,
                "| passages | mAP | {level:.0} % interval | nDCG@10 | recall@10 |\n|---|---|---|---|---|"
            )?;
            for (setting, what) in [
                ("mono", "in the question's language"),
                ("cross", "in one other language"),
                ("multi", "in all languages"),
            ] {
                let measures = &report[setting];
                if measures.is_object() {
                    let band = &report["intervals"][setting];
                    let interval = match (band["low"]["map"].as_f64(), band["high"]["map"].as_f64()) {
                        (Some(low), Some(high)) => format!("{low:.4} – {high:.4}"),
                        _ => "not computed".into(),
                    };
                    let [map, ndcg, recall] =
                        ["map", "ndcg@10", "recall@10"].map(|name| figure(&measures[name]));
                    writeln!(out, "| {setting}: {what} | {map} | {interval} | {ndcg} | {recall} |")?;
                }
            }
            writeln!(out)?;
            let (own, others) = by_language(report);
            if own.len() > 1 {
                writeln!(out, "| mAP by the question's language | mono | cross |\n|---|---|---|")?;
                for ((lang, own), (_, other)) in own.iter().zip(&others) {
                    let name = language(lang).map_or(lang.as_str(), |l| l.english);
                    writeln!(out, "| {name} | {} | {} |", figure(&(*own).into()), figure(&(*other).into()))?;
                }
                writeln!(out)?;
            }
        }
        Ok(())
    }

    fn limits(&self, out: &mut String) -> std::fmt::Result {
        let Manifest { architecture: shape, self_test, languages, .. } = self.manifest;
        writeln!(out, "## Limits\n")?;
        match languages.len() {
            0 => writeln!(out, "- Which languages it was trained for is {NOT_RECORDED}.")?,
            n => writeln!(
                out,
                "- It was trained for the {n} languages above. It also answers in others, but it was not trained \
                 for them and not measured in them."
            )?,
        }
        writeln!(out, "- Of a text longer than {} tokens only the beginning is read.", shape.max_tokens)?;
        let stages = self.history.steps.iter().flat_map(|step| &step.stages);
        if let Some(seen) = stages.map(|stage| stage.max_tokens).max()
            && (1..shape.max_tokens as u64).contains(&seen)
        {
            writeln!(out, "- In training no text was longer than {seen} tokens.")?;
        }
        let mut bias = false;
        for report in &self.reports {
            let first = &report["bias"]["same_language_first"];
            if let (Some(rate), Some(chance)) = (first["rate"].as_f64(), first["chance"].as_f64()) {
                bias = true;
                writeln!(
                    out,
                    "- Language bias ({}, passages in all languages): of equally good answers the one in the \
                     question's language comes first in {:.0} % of the questions; without bias it would be {:.0} %.",
                    report["dataset"].as_str().unwrap_or(NOT_RECORDED),
                    rate * 100.0,
                    chance * 100.0
                )?;
            }
        }
        if !bias {
            writeln!(out, "- Whether it prefers passages because of their language was not measured.")?;
        }
        match self_test.cases.len() {
            0 => writeln!(out, "- It has no self-test: a device that computes wrongly goes unnoticed.")?,
            n => writeln!(
                out,
                "- The self-test guards against devices that compute wrongly, not against bad answers: {n} texts with \
                 their vectors are in `manifest.json`, and a device that differs by more than {} in any dimension is \
                 not used.",
                self_test.tolerance
            )?,
        }
        writeln!(
            out,
            "- Biases of the training texts about people and groups may show in which texts are near each other; this \
             was not examined. That a passage is near does not mean that it is true."
        )
    }
}

/// Names of files, as `a` and `b`.
fn names<'a>(files: impl Iterator<Item = &'a str>) -> String {
    files.map(|file| format!("`{file}`")).collect::<Vec<_>>().join(" and ")
}

/// The command that measured it.
fn command(report: &Value) -> String {
    let dataset = report["dataset"].as_str().map_or_else(|| "–".into(), cell);
    let mut out = format!("interlingua eval --model MODEL --dataset {dataset} --data FOLDER");
    for (option, value) in [
        ("lir", &report["lir"]),
        ("samples", &report["intervals"]["samples"]),
        ("seed", &report["intervals"]["seed"]),
    ] {
        if value.is_u64() {
            let _ = write!(out, " --{option} {value}");
        }
    }
    out
}

/// mAP by the question's language: for passages in that language, and the mean over the others.
type MapByLanguage = Vec<(String, Option<f64>)>;

fn by_language(report: &Value) -> (MapByLanguage, MapByLanguage) {
    let map = |from: &str, to: &str| report["pairs"][from][to]["map"].as_f64();
    let languages: Vec<&str> =
        report["languages"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let others = |from: &str| {
        let all: Vec<f64> =
            languages.iter().filter(|to| **to != from).filter_map(|to| map(from, to)).collect();
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
    };
    languages.iter().map(|l| ((l.to_string(), map(l, l)), (l.to_string(), others(l)))).unzip()
}

fn figure(value: &Value) -> String {
    value.as_f64().map_or("–".into(), |value| format!("{value:.4}"))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}

fn quoted(words: &[String]) -> String {
    Value::from(words.to_vec()).to_string()
}

fn languages(codes: &[String]) -> String {
    if codes.is_empty() {
        return NOT_RECORDED.into();
    }
    let name = |code: &String| language(code).map_or(code.clone(), |l| format!("{} ({code})", l.english));
    codes.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// With thousands separators: `1,234,567`.
fn number(n: u64) -> String {
    let digits = n.to_string();
    let comma = |(i, digit): (usize, char)| {
        let comma = (i > 0 && (digits.len() - i).is_multiple_of(3)).then_some(',');
        comma.into_iter().chain([digit])
    };
    digits.chars().enumerate().flat_map(comma).collect()
}

/// How many tokens were kept, if recorded.
fn tokens(step: &HistoryStep) -> Option<String> {
    let (kept, all) = step.tokens?;
    Some(format!("{} of its {} tokens", number(kept), number(all)))
}

/// A step with a training configuration.
fn training(step: &HistoryStep, out: &mut String) -> std::fmt::Result {
    let blocks = step.blocks.map(|(kept, all)| format!("{kept} of its {all} blocks"));
    let kept: Vec<String> = blocks.into_iter().chain(tokens(step)).collect();
    let cut = if kept.is_empty() { String::new() } else { format!(", with {}", kept.join(" and ")) };
    let seed = step.seed.map_or_else(|| NOT_RECORDED.into(), |seed| seed.to_string());
    writeln!(out, "{} started from {}{cut}; seed {seed}:\n", step.name, recorded(&step.from))?;
    if !step.stages.is_empty() {
        writeln!(
            out,
            "| stage | objective | batches | α | steps | batch | learning rate | weights | tokens |\n\
             |---|---|---|---|---|---|---|---|---|"
        )?;
        step.stages.iter().try_for_each(|one| writeln!(out, "| {} |", stage(one).join(" | ")))?;
        writeln!(out)?;
    }
    if let Some(texts) = step.erased {
        writeln!(
            out,
            "At the end, language information was removed from vectors by one affine map, estimated from at \
             most {texts} texts that exist in every language.\n"
        )?;
    }
    if let Some(pairs) = step.whitened {
        let ridge = step.ridge.map_or_else(|| NOT_RECORDED.into(), |ridge| format!("{ridge:?}"));
        writeln!(
            out,
            "At the end, vectors were whitened within pairs (WCCN): at most {pairs} pairs of each language, \
             ridge {ridge}.\n"
        )?;
    }
    Ok(())
}

/// The cells of a stage.
fn stage(stage: &HistoryStage) -> [String; 9] {
    let word = |text: &str| if text.is_empty() { "–".into() } else { cell(text) };
    let real = |x: Option<f64>| x.map_or_else(|| "–".into(), decimal);
    [
        word(&stage.name),
        word(&stage.objective),
        word(&stage.batches),
        real(stage.alpha),
        stage.steps.to_string(),
        stage.size.to_string(),
        real(stage.learning_rate),
        match stage.last {
            Some(1) => "last block".into(),
            Some(blocks) => format!("last {blocks} blocks"),
            None => word(&stage.weights),
        },
        stage.max_tokens.to_string(),
    ]
}

/// A part of an average.
fn part(model: &AveragedModel) -> String {
    let mut facts = vec![format!("share {}", model.share.map_or_else(|| "–".into(), decimal))];
    if !model.batches.is_empty() {
        let seed = model.seed.map_or_else(|| NOT_RECORDED.into(), |seed| seed.to_string());
        facts.push(format!("{} batches, seed {seed}", cell(&model.batches)));
    }
    format!("{} ({})", cell(&model.name), facts.join("; "))
}

/// A configuration's number: an f32 there has digits that nobody wrote.
fn decimal(x: f64) -> String {
    format!("{}", x as f32)
}

fn recorded(text: &str) -> String {
    if text.is_empty() { NOT_RECORDED.into() } else { cell(text) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(recipe: Value, results: Value) -> Manifest {
        let case = json!({ "kind": "query", "text": "a", "vector": [1.0, 0.0, 0.0, 0.0] });
        let value = json!({
            "format": 1, "name": "tiny", "quantization": "q8", "licence": "Apache-2.0",
            "architecture": {
                "family": "bert", "vocabulary": 32000, "hidden": 4, "layers": 2, "heads": 2, "intermediate": 8,
                "positions": 256, "first_position": 0, "layer_norm_epsilon": 1e-12, "activation": "gelu",
                "max_tokens": 256, "pooling": "mean", "normalize": true
            },
            "prompts": { "query": "query: ", "passage": "" },
            "languages": ["de", "no"],
            "recipe": recipe, "results": results,
            "files": [{ "path": "model.safetensors", "bytes": 24_412_345, "sha256": "" }],
            "self_test": { "tolerance": 0.001, "cases": [case] }
        });
        Manifest::parse("m", value.to_string().as_bytes()).unwrap()
    }

    fn report() -> Value {
        let measures = |map: f64| json!({ "map": map, "ndcg@10": map + 0.01, "recall@10": map + 0.02 });
        json!({
            "model": "tiny", "dataset": "xquad-r", "device": "cpu (CPU)", "date": "2026-11-20",
            "languages": ["de", "en"], "counts": { "queries": 13090, "passages": 13014 },
            "mono": measures(0.5), "cross": measures(0.25), "multi": measures(0.2),
            "pairs": {
                "de": { "de": measures(0.6), "en": measures(0.3) },
                "en": { "de": measures(0.2), "en": measures(0.4) }
            },
            "intervals": {
                "level": 0.95, "samples": 1000, "seed": 1,
                "mono": { "low": measures(0.48), "high": measures(0.53) }, "cross": null
            },
            "bias": { "same_language_first": { "rate": 0.62, "chance": 0.5 } }
        })
    }

    #[test]
    fn an_average_names_its_parts_and_describes_the_first() {
        let config = |strategy: &str, seed: u64| {
            json!({ "name": "part", "seed": seed, "stage": [{ "name": "only", "train": "all", "steps": 9,
                "objective": { "kind": "contrastive", "strategy": strategy } }] })
        };
        let recipe = json!({
            "average": [
                { "name": "one", "share": 1.0, "config": config("hybrid", 1) },
                { "name": "two", "share": 0.5, "config": config("monolingual", 2) },
            ],
            "recipe": { "config": config("hybrid", 1), "start": { "model": "base" } }
        });
        let card = card(&manifest(recipe, Value::Null));
        for part in [
            "The weights are the mean of 2 models trained from one start (`interlingua average`): one (share 1; hybrid \
             batches, seed 1); two (share 0.5; monolingual batches, seed 2). The first of them:\n",
            "one started from base; seed 1:",
        ] {
            assert!(card.contains(part), "{part} is missing in:\n{card}");
        }
    }

    #[test]
    fn a_trained_model_tells_all() {
        let stage = |name: &str, train: Value, objective: Value| {
            json!({ "name": name, "objective": objective, "steps": 120, "batch": 24, "learning_rate": 5e-5,
                "train": train, "max_tokens": 64, "temperature": 0.05 })
        };
        let hybrid = json!({ "kind": "contrastive", "strategy": "hybrid", "alpha": 0.5_f32 });
        let recipe = json!({
            "config": { "name": "tiny", "seed": 7, "stage": [
                stage("retrieval", json!("all"), hybrid.clone()),
                stage("end", json!({ "last": 3 }), hybrid),
            ], "erasure": { "texts": 500 }, "whitening": { "pairs": 2000, "ridge": 4.0 } },
            "start": {
                "model": "distilled",
                "data": [{ "source": "iot", "licence": "MIT | LICENSE", "records": 3774 }],
                "guard": {
                    "length": { "letters": 31, "dense": 13 }, "sets": [{ "name": "xquad-r" }],
                    "records": 482368, "texts": 1540951, "found": [{ "source": "mlqe-pe", "texts": 1 }]
                },
                "recipe": {
                    "config": { "name": "distilled", "seed": 1, "stage": [
                        stage("all", json!("all"), json!({ "kind": "distillation" }))
                    ] },
                    "start": {
                        "model": "e5-64k", "layers": { "kept": [0, 5], "of": 6 },
                        "trim": { "before": 64000, "tokens": 32000 },
                        "recipe": { "model": "e5", "trim": { "before": 250037, "tokens": 64000 }, "recipe": null },
                        "data": [
                            { "source": "iot", "licence": "MIT", "records": 9 },
                            { "source": "web", "licence": "not recorded", "records": 12 }
                        ]
                    }
                }
            }
        });
        let card = card(&manifest(recipe, json!([report()])));
        println!("{card}");
        for part in [
            "---\nlanguage: [\"de\",\"no\"]\nlicense: apache-2.0\nlibrary_name: interlingua\n\
             pipeline_tag: sentence-similarity\ntags:\n- feature-extraction\n",
            "\n---\n\n# tiny\n",
            "| size | 24.4 MB (24,412,345 bytes), weights in q8 |",
            "| prompts | question: `query: `; passage: none |",
            "| languages | German (de), no |",
            "| iot | MIT \\| LICENSE | 3,774 |\n| web | not recorded | 12 |\n\n",
            "1,540,951 texts of 482,368 records were checked against xquad-r: whatever has 31 letters",
            "This removed 1 texts, from mlqe-pe.",
            "tiny started from distilled; seed 7:",
            "| retrieval | contrastive | hybrid | 0.5 | 120 | 24 | 0.00005 | all | 64 |\n\
             | end | contrastive | hybrid | 0.5 | 120 | 24 | 0.00005 | last 3 blocks | 64 |\n\n\
             At the end, language information was removed from vectors by one affine map, estimated from at most 500 \
             texts that exist in every language.\n\n\
             At the end, vectors were whitened within pairs (WCCN): at most 2000 pairs of each language, ridge 4.0.\n\n",
            "distilled started from e5-64k, with 2 of its 6 blocks and 32,000 of its 64,000 tokens; seed 1:",
            "e5 was reduced to 64,000 of its 250,037 tokens (`interlingua trim`).",
            "| all | distillation | – | – | 120 |",
            "2026-11-20, cpu (CPU): 13,090 questions in 2 languages, 13,014 passages. `interlingua eval --model \
             MODEL --dataset xquad-r --data FOLDER --samples 1000 --seed 1`",
            "| mono: in the question's language | 0.5000 | 0.4800 – 0.5300 | 0.5100 | 0.5200 |",
            "| cross: in one other language | 0.2500 | not computed |",
            "| German | 0.6000 | 0.3000 |\n| English | 0.4000 | 0.2000 |",
            "- In training no text was longer than 64 tokens.",
            "comes first in 62 % of the questions; without bias it would be 50 %.",
            "1 texts with their vectors are in `manifest.json`, and a device that differs by more than 0.001",
        ] {
            assert!(card.contains(part), "{part}\nis not in\n{card}");
        }
    }

    #[test]
    fn the_shipped_cards_are_up_to_date() {
        for folder in ["model", "models/before", "models/monolingual"] {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("static").join(folder);
            let written = std::fs::read_to_string(folder.join(CARD)).unwrap();
            assert_eq!(card(&Manifest::open(&folder).unwrap()), written, "{}", folder.display());
        }
    }

    #[test]
    fn what_is_not_known_is_called_so() {
        let mut unknown = manifest(Value::Null, Value::Null);
        unknown.licence = String::new();
        unknown.languages.clear();
        unknown.self_test.cases.clear();
        let text = card(&unknown);
        for part in [
            "---\nlibrary_name",
            "| licence | not recorded |",
            "| languages | not recorded |",
            "Sources and licences: not recorded.",
            "How it was trained: not recorded.",
            "Not measured. `interlingua eval`",
            "was not checked.",
            "It has no self-test",
        ] {
            assert!(text.contains(part), "{part}\nis not in\n{text}");
        }
        assert!(!text.contains("Earlier training"), "{text}");
        unknown.background = "a web crawl, by its authors' account\n".into();
        let told = card(&unknown);
        assert!(
            told.contains(
                "## Training data\n\n**Earlier training**: a web crawl, by its authors' account\n\nSources"
            ),
            "{told}"
        );
        unknown.licence = "MIT OR Apache-2.0".into();
        unknown.results = report();
        let text = card(&unknown);
        assert!(text.contains("license: other\nlicense_name: \"MIT OR Apache-2.0\"\n"), "{text}");
        assert!(text.contains("### xquad-r"), "{text}");
    }

    #[test]
    fn files_that_lie_elsewhere_are_named() {
        let mut sharing = manifest(Value::Null, Value::Null);
        assert!(card(&sharing).contains("tokenizers, `model.safetensors` by any reader"));
        let entry = |path: &str, at: Option<&str>, bytes: u64| crate::bundle::FileEntry {
            path: path.into(),
            at: at.map(String::from),
            bytes,
            sha256: String::new(),
        };
        sharing.files = vec![
            entry("tokenizer.json", Some("../../model/tokenizer.json"), 1_700_000),
            entry("shared.safetensors", Some("../../model/shared.safetensors"), 22_000_000),
            entry("own.safetensors", None, 7_500_000),
        ];
        let text = card(&sharing);
        for part in [
            "| size | 31.2 MB (31,200,000 bytes), 23.7 MB of it in another bundle, weights in q8 |",
            "`shared.safetensors` and `own.safetensors` (the weights are in both) by any reader",
            "as on a server: `../../model/tokenizer.json` and `../../model/shared.safetensors`.",
        ] {
            assert!(text.contains(part), "{part}\nis not in\n{text}");
        }
    }

    #[test]
    fn numbers_have_commas() {
        for (n, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(n), text);
        }
    }
}
