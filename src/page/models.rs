//! The models that come with the page, as `models/models.json` lists them.

use std::collections::HashSet;

use leptos::prelude::*;
use serde::Deserialize;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

use super::actions::{MODEL, resolve};
use super::link::describe;
use super::state::Page;

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
}

/// Reads the list; otherwise says what is wrong with it.
fn parse(text: &str) -> Result<Vec<Listed>, String> {
    let list: Vec<Listed> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut seen = HashSet::new();
    for (model, number) in list.iter().zip(1..) {
        if model.folder.trim().is_empty() || model.name.trim().is_empty() {
            return Err(format!("model {number} has an empty `folder` or `name`"));
        }
        if !seen.insert(&model.folder) {
            return Err(format!("the folder `{}` is listed twice", model.folder));
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

    /// The name of the model whose ranking is on the screen, as it is listed or names itself.
    pub fn first_name(self) -> String {
        let loaded = self.model.with(|m| m.as_ref().map(|m| (m.info.url.clone(), m.info.name.clone())));
        let (url, name) = loaded.unwrap_or_else(|| (MODEL.into(), "The model of this page".into()));
        self.listed(&url).map_or(name, |m| m.name)
    }

    /// The second model's name: as it is listed or names itself, until then its address.
    pub fn second_name(self) -> String {
        let address = self.beside.address.get().unwrap_or_default();
        let own = self.beside.model.with(|m| m.as_ref().map(|m| m.info.name.clone()));
        self.listed(&address).map(|m| m.name).or(own).unwrap_or(address)
    }
}

/// Whether two addresses name the same folder.
pub(super) fn same_folder(a: &str, b: &str) -> bool {
    a == b || resolve(a).is_some_and(|a| resolve(b) == Some(a))
}

async fn fetch() -> Result<String, String> {
    let response = JsFuture::from(window().fetch_with_str(LIST)).await.map_err(|e| describe(&e))?;
    let response: Response = response.dyn_into().map_err(|e| describe(&e))?;
    if !response.ok() {
        return Err(format!("the server answers {}", response.status()));
    }
    let text = response.text().map_err(|e| describe(&e))?;
    let text = JsFuture::from(text).await.map_err(|e| describe(&e))?;
    text.as_string().ok_or_else(|| "it is not text".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_that_ships_is_read_and_begins_with_the_default() {
        let list = parse(include_str!("../../static/models/models.json")).unwrap();
        assert_eq!(list[0].folder, MODEL);
    }

    #[test]
    fn what_is_wrong_with_a_list_is_said() {
        let entry = r#"{"folder":"a/","name":"A","about":"It.","megabytes":26}"#;
        for (text, word) in [
            ("<html>", "expected value"),
            (r#"[{"folder":"a/","name":"A","about":"It."}]"#, "megabytes"),
            (r#"[{"folder":"a/","nome":"A"}]"#, "`nome`"),
            (r#"[{"folder":" ","name":"A","about":"","megabytes":1}]"#, "model 1"),
            (&format!("[{entry},{entry}]"), "`a/` is listed twice"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.contains(word), "{problem}");
        }
        assert_eq!(parse(&format!("[{entry}]")).unwrap()[0].megabytes, 26.0);
    }
}
