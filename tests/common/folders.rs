//! The odd model folders that `reference/folders.py` made, and what sentence-transformers gives for them.
#![allow(dead_code)] // each test program uses a part of it

use std::{collections::BTreeMap, fs, path::Path};

use interlingua::{
    Result,
    bundle::{Bundle, Weights, from_hugging_face},
};
use serde_json::Value;

/// What was made.
pub struct Cases {
    pub texts: Vec<String>,
    pub cases: Vec<Case>,
    pub vectors: Weights,
}

/// A folder, and whether it is refused.
pub struct Case {
    pub name: String,
    pub files: BTreeMap<String, Vec<u8>>,
    /// File and field.
    pub refused: Option<[String; 2]>,
}

fn read(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/folders").join(name);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A case's file, as given in `cases.json`.
fn file(value: &Value) -> Vec<u8> {
    if let Some(name) = value.as_str() {
        return read(&name[1..]);
    }
    let Some(from) = value["from"].as_str() else { return value.to_string().into_bytes() };
    let mut document: Value = serde_json::from_slice(&read(from)).unwrap();
    for (field, value) in value["set"].as_object().unwrap() {
        document[field] = value.clone();
    }
    document.to_string().into_bytes()
}

/// All of them.
pub fn cases() -> Cases {
    let document: Value = serde_json::from_slice(&read("cases.json")).unwrap();
    let cases = document["cases"].as_array().unwrap().iter().map(|case| Case {
        name: case["name"].as_str().unwrap().into(),
        files: case["files"].as_object().unwrap().iter().map(|(path, f)| (path.clone(), file(f))).collect(),
        refused: serde_json::from_value(case["refused"].clone()).unwrap(),
    });
    Cases {
        texts: serde_json::from_value(document["texts"].clone()).unwrap(),
        cases: cases.collect(),
        vectors: Weights::from_safetensors("vectors", &read("vectors.safetensors")).unwrap(),
    }
}

impl Cases {
    pub fn named(&self, name: &str) -> &Case {
        self.cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("no case {name}"))
    }

    pub fn expected(&self, name: &str, what: &str) -> Vec<f32> {
        let query = || self.vectors.need(&format!("{name}.query")).unwrap();
        self.vectors.get(&format!("{name}.{what}")).unwrap_or_else(query).to_f32()
    }
}

impl Case {
    pub fn bundle(&self) -> Result<Bundle> {
        from_hugging_face(&self.name, &mut |path| Ok(self.files.get(path).cloned()))
    }
}
