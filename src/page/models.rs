//! The models that come with the page, from `models/models.json`, and the names of all models.

use std::collections::{BTreeMap, HashSet};

use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen::JsCast;
use web_sys::Response;

use super::catalogue::{fill, model as text};
use super::link::{answer, describe};
use super::model::{MODEL, same_folder};
use super::model_dialog::{imported_name, is_imported};
use super::state::Page;
use crate::choice::{split_dimension, with_dimension};
use crate::error::Problem;
use crate::protocol::{ModelCard, ModelInfo, StoredModel};
use crate::timeouts;

/// The list, relative to the page.
const LIST: &str = "models/models.json";

/// A model that comes with the page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListedModel {
    /// Its bundle's folder, relative to the page.
    pub folder: String,
    /// Its name, as in its manifest.
    pub name: String,
    /// A sentence about it that a stranger understands.
    pub about: String,
    /// The size of its download.
    pub megabytes: f64,
    /// Sizes of the files that other models may share, by the first letters of their hashes, as `interlingua share`
    /// prints them.
    #[serde(default)]
    pub shared: BTreeMap<String, f64>,
}

impl ListedModel {
    /// The size of its download if the models of `there` are loaded, and whether that is less than the whole; for one of
    /// these, the whole.
    pub fn cost(&self, there: &[Self]) -> (f64, bool) {
        if there.contains(self) {
            return (self.megabytes, false);
        }
        let have = |hash: &str| there.iter().any(|model| model.shared.contains_key(hash));
        let common: f64 = self.shared.iter().filter(|(hash, _)| have(hash)).map(|(_, size)| size).sum();
        (self.megabytes - common, common > 0.0)
    }
}

/// A model whose name is known.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NamedModel {
    /// Its full address.
    pub url: String,
    pub name: String,
    /// `q4` or another; empty if unknown.
    pub quantization: String,
    /// The size of all its files; 0 if unknown.
    pub bytes: u64,
}

impl NamedModel {
    pub fn running(info: &ModelInfo) -> Self {
        let ModelInfo { url, name, quantization, bytes, .. } = info.clone();
        Self { url, name, quantization, bytes }
    }

    pub fn stored(model: &StoredModel) -> Self {
        let StoredModel { url, name, quantization, bytes, .. } = model.clone();
        Self { url, name, quantization, bytes }
    }

    pub fn described(card: &ModelCard) -> Self {
        let ModelCard { url, name, quantization, bytes, .. } = card.clone();
        Self { url, name, quantization, bytes }
    }

    /// From an evaluation or a benchmark, which report only the name.
    pub fn new(url: String, name: String) -> Self {
        Self { url, name, quantization: String::new(), bytes: 0 }
    }
}

/// Parses the list; the error is a sentence.
fn parse(text: &str) -> Result<Vec<ListedModel>, String> {
    let list: Vec<ListedModel> = serde_json::from_str(text).map_err(|e| Problem::from(e).to_string())?;
    let mut seen = HashSet::new();
    for (model, number) in list.iter().zip(1..) {
        if model.folder.trim().is_empty() || model.name.trim().is_empty() {
            return Err(format!("model {number} has an empty `folder` or `name`"));
        }
        if !seen.insert(&model.folder) {
            return Err(format!("the folder `{}` is listed twice", model.folder));
        }
        if model.megabytes < 0.0 || model.shared.values().any(|size| *size < 0.0) {
            return Err(format!("model {number} has a size below 0"));
        }
        if model.shared.values().sum::<f64>() > model.megabytes {
            return Err(format!("model {number} shares more than its `megabytes`"));
        }
    }
    Ok(list)
}

impl Page {
    /// Fetches the list; without it, the default model and addresses can still be used.
    pub fn fetch_models(self) {
        leptos::task::spawn_local(async move {
            match fetch().await.and_then(|text| parse(&text)) {
                Ok(list) => self.models.set(list),
                Err(problem) => {
                    let what = [("list", LIST), ("problem", problem.as_str())];
                    self.models_problem.set(Some(fill(text::NO_LIST, &what)));
                }
            }
        });
    }

    /// The listed model in a folder.
    pub fn listed(self, folder: &str) -> Option<ListedModel> {
        self.models.with(|list| list.iter().find(|m| same_folder(&m.folder, folder)).cloned())
    }

    /// Stores a model's name.
    pub fn remember_name(self, known: NamedModel) {
        let is_told = |other: &NamedModel| other == &known || (other.url == known.url && known.bytes == 0);
        if !self.named_models.with_untracked(|all| all.iter().any(is_told)) {
            self.named_models.update(|all| {
                all.retain(|other| other.url != known.url);
                all.push(known);
            });
        }
    }

    /// What is known about an unlisted model.
    pub fn remembered(self, address: &str) -> Option<NamedModel> {
        self.named_models.with(|all| all.iter().find(|k| same_folder(&k.url, address)).cloned())
    }

    /// The name of a model in every view: from the list, from its hub or folder, or from its manifest; until that is known,
    /// its address.
    pub fn name_of(self, address: &str) -> String {
        let (whole, dimension) = split_dimension(address);
        match (dimension, self.remembered(address)) {
            (None, _) => self.name_of_whole(address),
            (Some(_), Some(known)) => known.name,
            (Some(n), None) => with_dimension(&self.name_of_whole(&whole), n),
        }
    }

    /// As [`name_of`](Self::name_of), of a model with all its dimensions.
    fn name_of_whole(self, address: &str) -> String {
        if let Some(listed) = self.listed(address) {
            return listed.name;
        }
        if is_imported(address) {
            return imported_name(address);
        }
        match self.remembered(address) {
            Some(known) => known.name,
            None if same_folder(address, MODEL) => text::THIS_PAGES.into(),
            None => address.into(),
        }
    }

    /// The listed models that are loaded: files that others share with them need not be downloaded.
    pub fn models_in_use(self) -> Vec<ListedModel> {
        let own = self.model.with(|m| m.as_ref().map(|m| m.info.url.clone()));
        let others = self.views().into_iter().flat_map(|view| view.models());
        own.into_iter().chain(others).filter_map(|url| self.listed(&url)).collect()
    }
}

async fn fetch() -> Result<String, String> {
    let response = answer(timeouts::SERVER, window().fetch_with_str(LIST)).await?;
    let response: Response = response.dyn_into().map_err(|e| describe(&e))?;
    if !response.ok() {
        return Err(format!("the server answers {}", response.status()));
    }
    let text = response.text().map_err(|e| describe(&e))?;
    answer(timeouts::SERVER, text).await?.as_string().ok_or_else(|| "it is not text".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A list in which words and numbers are any.
    fn any_list() -> impl Strategy<Value = String> {
        let size = prop_oneof![-2.0..60.0f64, Just(f64::MAX), Just(0.0)];
        let model = (
            "[ a-c]{0,2}/?",
            "[ A-C]{0,2}",
            size.clone(),
            proptest::collection::btree_map("[ab]", size, 0..3),
        );
        let model = model.prop_map(|(folder, name, megabytes, shared)| {
            serde_json::json!({"folder": folder, "name": name, "about": "", "megabytes": megabytes, "shared": shared})
        });
        proptest::collection::vec(model, 0..4).prop_map(|models| serde_json::Value::from(models).to_string())
    }

    proptest! {
        #[test]
        fn any_list_is_refused_or_has_names_and_costs(text in any_list(), cut in 0usize..200) {
            if let Ok(list) = parse(&text) {
                for model in &list {
                    prop_assert!(!model.folder.trim().is_empty() && !model.name.trim().is_empty());
                    let (cost, _) = model.cost(&list[..list.len() / 2]);
                    prop_assert!((0.0..=model.megabytes).contains(&cost), "{} of {}", cost, model.megabytes);
                }
            }
            prop_assert!(cut >= text.len() || parse(&text[..cut]).is_err());
        }
    }

    #[test]
    fn the_list_that_ships_is_read_and_begins_with_the_default() {
        let list = parse(include_str!("../../static/models/models.json")).unwrap();
        assert_eq!(list[0].folder, MODEL);
        for ListedModel { folder, name, .. } in list {
            let path = format!("{}/static/{folder}manifest.json", env!("CARGO_MANIFEST_DIR"));
            let manifest: serde_json::Value =
                serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            assert_eq!(manifest["name"], name);
        }
    }

    #[test]
    fn what_is_wrong_with_a_list_is_said() {
        let entry = r#"{"folder":"a/","name":"A","about":"It.","megabytes":26}"#;
        for (text, word) in [
            ("<html>", "not JSON"),
            (r#"[{"folder":"a/","name":"A","about":"It."}]"#, "megabytes"),
            (r#"[{"folder":"a/","nome":"A"}]"#, "`nome`"),
            (r#"[{"folder":" ","name":"A","about":"","megabytes":1}]"#, "model 1"),
            (r#"[{"folder":"a/","name":"A","about":"","megabytes":1,"shared":{"ab":2}}]"#, "model 1 shares"),
            (r#"[{"folder":"a/","name":"A","about":"","megabytes":-1}]"#, "model 1 has a size below 0"),
            (
                r#"[{"folder":"a/","name":"A","about":"","megabytes":1,"shared":{"ab":-2}}]"#,
                "model 1 has a size below 0",
            ),
            (&format!("[{entry},{entry}]"), "`a/` is listed twice"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
        assert_eq!(parse(&format!("[{entry}]")).unwrap()[0].megabytes, 26.0);
    }

    #[test]
    fn shared_files_are_not_counted_twice() {
        let model = |shared: &str| {
            let entry =
                format!(r#"[{{"folder":"a/","name":"A","about":"","megabytes":31,"shared":{shared}}}]"#);
            parse(&entry).unwrap().remove(0)
        };
        let (first, second) = (model(r#"{"ab":22.5,"cd":1.5}"#), model(r#"{"ab":22.5,"ef":1.5}"#));
        let none = model("{}");
        assert_eq!(second.cost(&[]), (31.0, false));
        assert_eq!(second.cost(std::slice::from_ref(&none)), (31.0, false));
        assert_eq!(second.cost(&[none.clone(), first.clone()]), (8.5, true));
        assert_eq!(first.cost(std::slice::from_ref(&first)), (31.0, false));
        assert_eq!(first.cost(&[second, first.clone()]), (31.0, false));
        assert_eq!(none.cost(&[first]), (31.0, false));
    }
}
