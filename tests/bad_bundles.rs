//! Broken bundles and model folders: each gives a one-sentence error that names the file or field.

mod common;

use std::{fs, path::Path};

use common::{checkpoint, small};
use interlingua::{
    bundle::{Bundle, Quantization, SelfTest},
    encoder::{Encoder, EncoderDevice},
    sha256,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The error of opening `folder` and loading it on the CPU.
fn problem(folder: &Path) -> String {
    let error = match Bundle::open(folder).and_then(|bundle| Encoder::new(&bundle, EncoderDevice::cpu())) {
        Ok(_) => panic!("{} was taken", folder.display()),
        Err(error) => error.to_string(),
    };
    println!("{error}");
    assert!(!error.contains('\n') && !error.contains('{') && error.len() < 400, "not one sentence: {error}");
    error
}

/// Asserts that the problem mentions every one of `words`.
fn says(folder: &Path, words: &[&str]) {
    let problem = problem(folder);
    for word in words {
        assert!(problem.contains(word), "`{problem}` does not mention `{word}`");
    }
}

/// A valid q8 bundle.
fn bundle() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut bundle = small("labse");
    bundle.store_as(Quantization::Q8).unwrap();
    bundle.manifest.self_test = SelfTest::of(&bundle).unwrap();
    bundle.write(folder.path()).unwrap();
    assert!(Bundle::open(folder.path()).is_ok());
    folder
}

/// A copy of a small checkpoint.
fn folder(name: &str) -> TempDir {
    let out = tempfile::tempdir().unwrap();
    copy(&checkpoint(name), out.path());
    out
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => {
                fs::write(&target, fs::read(entry.path()).unwrap()).unwrap();
            }
        }
    }
}

fn edit(folder: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.join(file);
    let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    fs::write(&path, json.to_string()).unwrap();
}

/// Updates the manifest to match a file's bytes.
fn promise(folder: &Path, file: &str) {
    let bytes = fs::read(folder.join(file)).unwrap();
    edit(folder, "manifest.json", |manifest| {
        for entry in manifest["files"].as_array_mut().unwrap() {
            if entry["path"] == file {
                entry["bytes"] = json!(bytes.len());
                entry["sha256"] = json!(sha256(&bytes));
            }
        }
    });
}

#[test]
fn no_folder_no_model() {
    let empty = tempfile::tempdir().unwrap();
    says(&empty.path().join("nowhere"), &["nowhere", "no such folder"]);
    says(empty.path(), &["manifest.json", "config.json"]);
}

#[test]
fn files_of_a_bundle_that_are_missing_cut_or_altered() {
    for file in ["tokenizer.json", "model.safetensors"] {
        let folder = bundle();
        let path = folder.path().join(file);
        let good = fs::read(&path).unwrap();

        fs::remove_file(&path).unwrap();
        says(folder.path(), &[file, "missing"]);

        for left in [0, 3, good.len() / 2, good.len() - 1] {
            fs::write(&path, &good[..left]).unwrap();
            says(folder.path(), &[file, &left.to_string(), &good.len().to_string()]);
        }

        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        fs::write(&path, bad).unwrap();
        says(folder.path(), &[file, "SHA-256", "altered"]);
    }
}

#[test]
fn manifests_that_are_cut_or_of_another_format() {
    let folder = bundle();
    let path = folder.path().join("manifest.json");
    let good = fs::read(&path).unwrap();
    for bad in [&good[..good.len() / 2], b"", b"\xff\xfe\x00", b"[1, 2]", b"null"] {
        fs::write(&path, bad).unwrap();
        says(folder.path(), &["manifest.json"]);
    }
    fs::write(&path, &good).unwrap();
    edit(folder.path(), "manifest.json", |m| m["format"] = json!(99));
    says(folder.path(), &["manifest.json", "99", "format", "newer"]);
}

#[test]
fn manifest_fields_that_are_missing_or_of_the_wrong_type() {
    for field in ["format", "name", "architecture", "quantization", "files", "self_test"] {
        let folder = bundle();
        edit(folder.path(), "manifest.json", |m| {
            m.as_object_mut().unwrap().remove(field);
        });
        says(folder.path(), &["manifest.json", field]);
    }
    for field in ["family", "vocabulary", "hidden", "layers", "heads", "positions", "activation", "pooling"] {
        let folder = bundle();
        edit(folder.path(), "manifest.json", |m| {
            m["architecture"].as_object_mut().unwrap().remove(field);
        });
        says(folder.path(), &["manifest.json", field]);
    }
    for (pointer, value, word) in [
        ("/architecture/hidden", json!("wide"), "wide"),
        ("/architecture/hidden", json!(0), "hidden"),
        ("/architecture/heads", json!(5), "heads"),
        ("/architecture/layers", json!(-1), "-1"),
        ("/architecture/layers", json!(3), "encoder.layer.2"),
        ("/architecture/max_tokens", json!(65), "max_tokens"),
        ("/architecture/positions", json!(u64::MAX), "positions"),
        ("/architecture/first_position", json!(u64::MAX), "position"),
        ("/architecture/vocabulary", json!(601), "word_embeddings"),
        ("/architecture/intermediate", json!(96), "intermediate"),
        ("/architecture/pooling", json!("weightedmean"), "weightedmean"),
        ("/architecture/family", json!("gpt2"), "gpt2"),
        ("/architecture/dense/0/input", json!(65), "dense[0].input"),
        ("/architecture/dense/0/output", json!(0), "dense[0].output"),
        ("/quantization", json!("q3"), "q3"),
        ("/files", json!([]), "tokenizer.json"),
        ("/files/0/path", json!("../../etc/passwd"), "../../etc/passwd"),
        ("/files/0/bytes", json!("many"), "many"),
        ("/files/0/sha256", json!("00"), "SHA-256"),
        ("/self_test/cases/0/vector", json!([1.0]), "self_test"),
    ] {
        let folder = bundle();
        edit(folder.path(), "manifest.json", |m| *m.pointer_mut(pointer).unwrap() = value);
        says(folder.path(), &[word]);
    }
}

#[test]
fn safetensors_headers_that_lie() {
    let folder = bundle();
    let path = folder.path().join("model.safetensors");
    let good = fs::read(&path).unwrap();
    let length = u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let header = std::str::from_utf8(&good[8..8 + length]).unwrap();
    let with = |header: &str| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&good[8 + length..]);
        bytes
    };
    let mut huge = good.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut parsed: Value = serde_json::from_str(header).unwrap();
    let name = "encoder.layer.0.intermediate.dense.weight";
    let mut offsets = parsed.clone();
    offsets[name]["data_offsets"] = json!([0, 1u64 << 60]);
    let mut shape = parsed.clone();
    shape[name]["shape"] = json!([1u64 << 62, 64]);
    let mut kind = parsed.clone();
    kind[name]["dtype"] = json!("F64");
    parsed.as_object_mut().unwrap().remove(name);
    for bytes in [
        huge,
        with(&offsets.to_string()),
        with(&shape.to_string()),
        with(&kind.to_string()),
        with(&parsed.to_string()),
        with("not json"),
        b"short".to_vec(),
    ] {
        fs::write(&path, bytes).unwrap();
        promise(folder.path(), "model.safetensors");
        says(folder.path(), &["model.safetensors"]);
    }
}

#[test]
fn tensors_that_are_missing_or_of_another_shape() {
    for (remove, word) in [
        ("encoder.layer.1.output.dense.weight", "encoder.layer.1.output.dense.weight"),
        ("encoder.layer.0.attention.self.query.bias", "encoder.layer.0.attention.self.query.bias"),
        ("embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"),
        ("embeddings.LayerNorm.weight", "embeddings.LayerNorm.weight"),
        ("dense.0.bias", "dense.0.bias"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut bundle = small("labse");
        bundle.weights.remove(remove);
        bundle.write(folder.path()).unwrap();
        says(folder.path(), &[word, "missing"]);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut bundle = small("labse");
    let bias = bundle.weights.get("encoder.layer.0.output.dense.bias").unwrap().clone();
    bundle.weights.insert("encoder.layer.0.intermediate.dense.bias", bias);
    bundle.write(folder.path()).unwrap();
    says(folder.path(), &["encoder.layer.0.intermediate.dense.bias", "[64]", "[128]"]);
}

#[test]
fn tokenizers_that_are_broken_or_larger_than_the_table() {
    let folder = bundle();
    let path = folder.path().join("tokenizer.json");
    for bad in [&b"{}"[..], b"", b"\x00\x01", br#"{"version":"1.0","model":{"type":"Telepathy"}}"#] {
        fs::write(&path, bad).unwrap();
        promise(folder.path(), "tokenizer.json");
        says(folder.path(), &["tokenizer.json"]);
    }

    let folder = bundle();
    edit(folder.path(), "tokenizer.json", |t| t["model"]["vocab"]["zzz-new"] = json!(600));
    promise(folder.path(), "tokenizer.json");
    says(folder.path(), &["tokenizer.json", "600", "table"]);
}

#[test]
fn architectures_and_modules_that_are_not_supported() {
    type Case = (&'static str, &'static str, fn(&mut Value), &'static [&'static str]);
    let cases: [Case; 17] = [
        ("labse", "config.json", |c| c["model_type"] = json!("gpt2"), &["config.json", "gpt2"]),
        ("labse", "config.json", |c| c["model_type"] = json!(7), &["config.json", "model_type"]),
        ("labse", "config.json", |c| c["hidden_size"] = json!("64"), &["config.json", "hidden_size"]),
        ("labse", "config.json", |c| c["hidden_act"] = json!("swiglu"), &["config.json", "swiglu"]),
        (
            "labse",
            "config.json",
            |c| c["position_embedding_type"] = json!("relative_key"),
            &["config.json", "relative_key"],
        ),
        (
            "labse",
            "config.json",
            |c| c["vocab_size"] = json!(77),
            &["embeddings.word_embeddings.weight", "77"],
        ),
        ("labse", "config.json", |c| c["num_attention_heads"] = json!(0), &["config.json", "heads"]),
        ("xlm-r", "config.json", |c| c["max_position_embeddings"] = json!(2), &["max_position_embeddings"]),
        ("xlm-r", "config.json", |c| c["pad_token_id"] = json!(u64::MAX), &["config.json"]),
        (
            "labse",
            "1_Pooling/config.json",
            |c| c["pooling_mode"] = json!("median"),
            &["1_Pooling/config.json", "median"],
        ),
        (
            "labse",
            "1_Pooling/config.json",
            |c| c["pooling_mode"] = json!(["cls", "max"]),
            &["1_Pooling/config.json", "cls", "max"],
        ),
        (
            "labse",
            "2_Dense/config.json",
            |c| c["activation_function"] = json!("torch.nn.modules.activation.Softsign"),
            &["2_Dense/config.json", "Softsign"],
        ),
        (
            "labse",
            "2_Dense/config.json",
            |c| c["out_features"] = json!(null),
            &["2_Dense/config.json", "out_features"],
        ),
        (
            "labse",
            "2_Dense/config.json",
            |c| c["use_residual"] = json!(true),
            &["2_Dense/config.json", "use_residual"],
        ),
        ("labse", "2_Dense/config.json", |c| c["in_features"] = json!(32), &["dense"]),
        (
            "labse",
            "modules.json",
            |m| m[1]["type"] = json!("sentence_transformers.models.LSTM"),
            &["modules.json", "LSTM"],
        ),
        ("labse", "modules.json", |m| *m = json!("Transformer"), &["modules.json"]),
    ];
    for (name, file, change, words) in cases {
        let folder = folder(name);
        edit(folder.path(), file, change);
        says(folder.path(), words);
    }
}

#[test]
fn folders_without_a_file_they_need() {
    for file in ["tokenizer.json", "model.safetensors", "1_Pooling/config.json", "2_Dense/model.safetensors"]
    {
        let folder = folder("labse");
        fs::remove_file(folder.path().join(file)).unwrap();
        says(folder.path(), &[file]);
    }
    // Weights only as Python pickles.
    let folder = folder("labse");
    fs::rename(folder.path().join("model.safetensors"), folder.path().join("pytorch_model.bin")).unwrap();
    says(folder.path(), &["model.safetensors", "pytorch_model.bin", "convert"]);
}

#[test]
fn a_half_written_bundle_is_no_bundle() {
    let folder = bundle();
    fs::remove_file(folder.path().join("manifest.json")).unwrap();
    fs::write(folder.path().join("manifest.json.part"), b"{").unwrap();
    says(folder.path(), &["neither a bundle"]);
}
