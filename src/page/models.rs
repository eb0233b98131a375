//! The models that come with the page, as `models/models.json` lists them.

use std::collections::{BTreeMap, HashSet};

use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen::JsCast;
use web_sys::Response;

use super::link::{answer, describe};
use super::model::same_folder;
use super::state::Page;
use crate::error::Problem;
use crate::patience;

/// The list, seen from the page.
const LIST: &str = "models/models.json";

/// A model that comes with the page.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    /// Where its bundle is, seen from the page.
    pub folder: String,
    /// Its name for a person, a few words.
    pub name: String,
    /// What sets it apart, a sentence.
    pub about: String,
    /// What it takes to download.
    pub megabytes: f64,
    /// How much of that are files that other models may have too, by the first letters of their hashes, as
    /// `interlingua share` says it.
    #[serde(default)]
    pub shared: BTreeMap<String, f64>,
}

impl Listed {
    /// What it takes to download where `there` are at hand, and whether that is less than the whole; of one that is
    /// at hand itself, the whole.
    pub fn cost(&self, there: &[Self]) -> (f64, bool) {
        if there.contains(self) {
            return (self.megabytes, false);
        }
        let have = |hash: &str| there.iter().any(|model| model.shared.contains_key(hash));
        let common: f64 = self.shared.iter().filter(|(hash, _)| have(hash)).map(|(_, size)| size).sum();
        (self.megabytes - common, common > 0.0)
    }
}

/// Reads the list; otherwise says what is wrong with it.
fn parse(text: &str) -> Result<Vec<Listed>, String> {
    let list: Vec<Listed> = serde_json::from_str(text).map_err(|e| Problem::from(e).to_string())?;
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
    /// Fetches the list; without it the page has the default model, and takes addresses.
    pub fn fetch_models(self) {
        leptos::task::spawn_local(async move {
            match fetch().await.and_then(|text| parse(&text)) {
                Ok(list) => self.models.set(list),
                Err(problem) => self.models_problem.set(Some(format!(
                    "The list of models could not be read ({LIST}: {problem}). A model can still be named by its address."
                ))),
            }
        });
    }

    /// The listed model in a folder.
    pub fn listed(self, folder: &str) -> Option<Listed> {
        self.models.with(|list| list.iter().find(|m| same_folder(&m.folder, folder)).cloned())
    }

    /// The models of the list that were loaded and are in use: what others share with them need not come.
    pub fn at_hand(self) -> Vec<Listed> {
        let own = self.model.with(|m| m.as_ref().map(|m| m.info.url.clone()));
        let others = self.views().into_iter().flat_map(|view| view.models());
        own.into_iter().chain(others).filter_map(|url| self.listed(&url)).collect()
    }
}

async fn fetch() -> Result<String, String> {
    let response = answer(patience::SERVER, window().fetch_with_str(LIST)).await?;
    let response: Response = response.dyn_into().map_err(|e| describe(&e))?;
    if !response.ok() {
        return Err(format!("the server answers {}", response.status()));
    }
    let text = response.text().map_err(|e| describe(&e))?;
    answer(patience::SERVER, text).await?.as_string().ok_or_else(|| "it is not text".into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::page::model::MODEL;

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
    fn what_is_at_hand_need_not_come() {
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
