//! How a model was made: read from the recipe in a bundle's manifest, which is free-form JSON. What is not recorded
//! there stays empty. The model card and the page's Model view are written from this.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a model was made, the first step first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// What was done, from the model it started from to itself.
    pub steps: Vec<HistoryStep>,
    /// The texts it was trained on.
    pub sources: Vec<HistorySource>,
    /// The search for texts of evaluation sets among them.
    pub check: Option<OverlapCheck>,
}

/// A model made from another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HistoryStep {
    /// The model that was made.
    pub name: String,
    /// The one it was made from.
    pub from: String,
    /// The models whose weights it is the mean of, trained from one start; the steps before are the first's.
    pub averaged: Vec<AveragedModel>,
    /// Whether there is a training configuration, possibly without stages.
    pub configured: bool,
    /// Tokens kept of the vocabulary, and how many there were; none if all were kept.
    pub tokens: Option<(u64, u64)>,
    /// Transformer blocks kept, and how many there were; none if all were kept.
    pub blocks: Option<(u64, u64)>,
    /// Training, stage after stage.
    pub stages: Vec<HistoryStage>,
    /// Language information was removed from vectors: texts per language from which it was estimated.
    pub erased: Option<u64>,
    /// Vectors were whitened: pairs per language from which that was estimated.
    pub whitened: Option<u64>,
    /// The ridge added to the covariance in whitening.
    pub ridge: Option<f64>,
    /// The random numbers' seed, where there was training.
    pub seed: Option<u64>,
}

/// One of the models that an average consists of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AveragedModel {
    /// Its name.
    pub name: String,
    /// Its weight, relative to those of the others.
    pub share: Option<f64>,
    /// The batches of its first stage, as in [`HistoryStage::batches`].
    pub batches: String,
    /// Its seed.
    pub seed: Option<u64>,
}

/// A stage of training.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HistoryStage {
    /// Its name in the configuration.
    pub name: String,
    /// `contrastive` or `distillation`.
    pub objective: String,
    /// `hybrid`, `monolingual` or `cross-lingual` batches; empty where there is no such choice.
    pub batches: String,
    /// The share of monolingual batches in hybrid ones.
    pub alpha: Option<f64>,
    /// Number of batches.
    pub steps: u64,
    /// Pairs in a batch.
    pub size: u64,
    /// The highest learning rate.
    pub learning_rate: Option<f64>,
    /// How many of the last blocks were trained; none for another choice of weights.
    pub last: Option<u64>,
    /// The trained weights as in the configuration, unless only the last blocks were trained: `all`, for instance.
    pub weights: String,
    /// Longest text, in tokens.
    pub max_tokens: u64,
}

/// A source of training texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct HistorySource {
    /// Its name.
    pub name: String,
    /// Its licence as recorded; empty if not.
    pub licence: String,
    /// How many records were used.
    pub records: Option<u64>,
}

/// The search for texts of evaluation sets among training texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OverlapCheck {
    /// The evaluation sets.
    pub sets: Vec<String>,
    /// How many training texts were searched.
    pub texts: u64,
    /// In how many records they are.
    pub records: u64,
    /// Letters in a row that count as the same text.
    pub letters: u64,
    /// The same for Han, kana and Hangul.
    pub dense: u64,
    /// How many were removed.
    pub removed: u64,
    /// The sources from which some were removed, each once for every evaluation set.
    pub removed_from: Vec<String>,
}

impl History {
    /// What `recipe` records about the model `name`.
    pub fn of(name: &str, recipe: &Value) -> Self {
        let mut history = Self::default();
        let (mut name, mut next) = (name.to_owned(), Some(recipe));
        while let Some(recipe) = next.filter(|recipe| recipe.is_object()) {
            let start = recipe.get("start").unwrap_or(recipe);
            let averaged = recipe["average"].as_array().into_iter().flatten();
            let averaged: Vec<AveragedModel> = averaged.map(AveragedModel::of).collect();
            let from = averaged.first().map_or_else(|| text(&start["model"]), |first| first.name.clone());
            let config = &recipe["config"];
            let stages = config["stage"].as_array().into_iter().flatten();
            let step = HistoryStep {
                name: std::mem::replace(&mut name, from.clone()),
                from,
                averaged,
                configured: config["stage"].is_array(),
                tokens: pair(start["trim"]["tokens"].as_u64(), start["trim"]["before"].as_u64()),
                blocks: pair(
                    start["layers"]["kept"].as_array().map(|kept| kept.len() as u64),
                    start["layers"]["of"].as_u64(),
                ),
                stages: stages.map(HistoryStage::of).collect(),
                erased: config["erasure"]["texts"].as_u64(),
                whitened: config["whitening"]["pairs"].as_u64(),
                ridge: config["whitening"]["ridge"].as_f64(),
                seed: config["seed"].as_u64(),
            };
            history.steps.push(step);
            for source in start["data"].as_array().into_iter().flatten().map(HistorySource::of) {
                if history.sources.iter().all(|known| known.name != source.name) {
                    history.sources.push(source);
                }
            }
            history.check = history.check.or_else(|| OverlapCheck::of(&start["guard"]));
            next = start.get("recipe");
        }
        history.steps.reverse();
        history
    }
}

impl AveragedModel {
    fn of(model: &Value) -> Self {
        let config = &model["config"];
        Self {
            name: text(&model["name"]),
            share: model["share"].as_f64(),
            batches: text(&config["stage"][0]["objective"]["strategy"]),
            seed: config["seed"].as_u64(),
        }
    }
}

impl HistoryStage {
    fn of(stage: &Value) -> Self {
        let objective = &stage["objective"];
        let batches = text(&objective["strategy"]);
        let train = &stage["train"];
        Self {
            name: text(&stage["name"]),
            objective: text(&objective["kind"]),
            alpha: objective["alpha"].as_f64().filter(|_| batches == "hybrid"),
            batches,
            steps: stage["steps"].as_u64().unwrap_or_default(),
            size: stage["batch"].as_u64().unwrap_or_default(),
            learning_rate: stage["learning_rate"].as_f64(),
            last: train["last"].as_u64(),
            weights: text(train),
            max_tokens: stage["max_tokens"].as_u64().unwrap_or_default(),
        }
    }
}

impl HistorySource {
    fn of(source: &Value) -> Self {
        Self {
            name: text(&source["source"]),
            licence: text(&source["licence"]),
            records: source["records"].as_u64(),
        }
    }
}

impl OverlapCheck {
    fn of(guard: &Value) -> Option<Self> {
        let all = |list: &'static str| guard[list].as_array().into_iter().flatten();
        guard.is_object().then(|| Self {
            sets: all("sets").map(|set| text(&set["name"])).collect(),
            texts: guard["texts"].as_u64().unwrap_or_default(),
            records: guard["records"].as_u64().unwrap_or_default(),
            letters: guard["length"]["letters"].as_u64().unwrap_or_default(),
            dense: guard["length"]["dense"].as_u64().unwrap_or_default(),
            removed: all("found").filter_map(|found| found["texts"].as_u64()).sum(),
            removed_from: all("found").map(|found| text(&found["source"])).collect(),
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn pair(kept: Option<u64>, of: Option<u64>) -> Option<(u64, u64)> {
    kept.zip(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(manifest: &str) -> History {
        let manifest: Value = serde_json::from_str(manifest).unwrap();
        History::of(manifest["name"].as_str().unwrap(), &manifest["recipe"])
    }

    #[test]
    fn the_shipped_models_have_their_whole_history() {
        let history = shipped(include_str!("../static/model/manifest.json"));
        let [trimmed, trained, averaged, longer, mean] = history.steps.as_slice() else {
            panic!("{:?}", history.steps)
        };
        assert_eq!(trimmed.from, "multilingual-e5-small");
        assert_eq!(trimmed.tokens, Some((64_000, 250_002)));
        assert_eq!((trimmed.erased, trimmed.stages.len()), (Some(500), 0));
        assert_eq!(trained.name, "interlingua-small-hybrid-240");
        assert_eq!(trained.from, trimmed.name);
        let [stage] = trained.stages.as_slice() else { panic!("{:?}", trained.stages) };
        assert_eq!((stage.batches.as_str(), stage.alpha), ("hybrid", Some(0.5)));
        assert_eq!((stage.steps, stage.size, stage.last, stage.max_tokens), (240, 64, Some(6), 64));
        let parts = averaged.averaged.iter().map(|m| (m.name.as_str(), m.share, m.batches.as_str(), m.seed));
        assert_eq!(
            parts.collect::<Vec<_>>(),
            [
                ("interlingua-small-hybrid-240", Some(1.0), "hybrid", Some(1)),
                ("interlingua-small-monolingual", Some(1.0), "monolingual", Some(1))
            ]
        );
        assert_eq!(longer.from, "interlingua-small-averaged");
        assert_eq!((longer.stages[0].steps, longer.stages[0].size), (800, 128));
        assert_eq!(mean.name, "interlingua-small-hybrid");
        // An average has no batches of its own.
        let parts = mean.averaged.iter().map(|m| (m.name.as_str(), m.batches.as_str()));
        assert_eq!(
            parts.collect::<Vec<_>>(),
            [("interlingua-small-longer", "hybrid"), ("interlingua-small-averaged", "")]
        );
        assert!(history.sources.len() > 50 && history.sources.iter().all(|s| s.records.is_some()));
        assert_eq!(history.check.unwrap().sets, ["xquad-r"]);

        // One that was only trimmed has no configuration.
        let history = shipped(include_str!("../static/models/before/manifest.json"));
        let [trimmed] = history.steps.as_slice() else { panic!("{:?}", history.steps) };
        assert_eq!(
            (trimmed.name.as_str(), trimmed.from.as_str()),
            ("multilingual-e5-small-64k", "multilingual-e5-small")
        );
        assert_eq!(trimmed.tokens, Some((64_000, 250_002)));
    }

    #[test]
    fn an_average_has_its_parts_and_the_history_of_the_first() {
        let recipe = serde_json::json!({
            "average": [{"name": "one"}, {"name": "two"}],
            "recipe": {"config": {"name": "one", "seed": 1}, "start": {"model": "base"}},
        });
        let history = History::of("mean", &recipe);
        let [first, mean] = history.steps.as_slice() else { panic!("{:?}", history.steps) };
        assert_eq!((first.name.as_str(), first.from.as_str(), first.seed), ("one", "base", Some(1)));
        let parts: Vec<&str> = mean.averaged.iter().map(|model| model.name.as_str()).collect();
        assert_eq!((mean.name.as_str(), parts.as_slice()), ("mean", ["one", "two"].as_slice()));
    }

    #[test]
    fn what_is_not_recorded_stays_empty() {
        for recipe in [Value::Null, "notes".into(), serde_json::json!([1])] {
            assert_eq!(History::of("m", &recipe), History::default());
        }
        let odd =
            serde_json::json!({"config": 3, "start": {"data": [{}], "guard": [], "recipe": {"start": null}}});
        assert_eq!(History::of("m", &odd).steps.len(), 2);
    }
}
