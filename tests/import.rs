//! Models from any source of files: the same bundle whichever way they come, and what a model is before it has come.

#[path = "common/folders.rs"]
mod folders;

use std::collections::BTreeMap;

use folders::cases;
use interlingua::{
    Result,
    bundle::{Bundle, Import, InspectedFiles, Quantization, Weights, from_hugging_face, inspect},
    hub::{About, CardMetadata, ListedFile},
};
use serde_json::json;

type Folder = BTreeMap<String, Vec<u8>>;

/// The list of a folder's files, as a hub gives it.
fn listed(folder: &Folder) -> InspectedFiles {
    InspectedFiles::of(folder.iter().map(|(path, bytes)| ListedFile {
        path: path.clone(),
        bytes: Some(bytes.len() as u64),
        sha256: None,
    }))
}

/// Gets small files until no more are asked for; how often one had to ask.
fn get(folder: &Folder, files: &mut InspectedFiles, ask: fn(&InspectedFiles) -> Vec<String>) -> usize {
    for round in 0.. {
        let asked = ask(files);
        if asked.is_empty() {
            return round;
        }
        for path in asked {
            files.insert(&path, folder[&path].clone());
        }
        assert!(round < 5, "{:?} is asked for again and again", ask(files));
    }
    0
}

/// What is known of a folder before its large files have come.
fn about(folder: &Folder) -> About {
    let mut files = listed(folder);
    get(folder, &mut files, InspectedFiles::to_inspect);
    inspect("model", &mut files, None)
}

/// A folder as it comes over a network: `step` bytes of each file of weights in turn.
fn fetched(folder: &Folder, step: usize, quantization: Option<Quantization>) -> Result<Bundle> {
    let mut files = listed(folder);
    get(folder, &mut files, InspectedFiles::to_import);
    let mut import = Import::new("model", &mut files, quantization)?;
    let paths = import.files();
    while let Some(path) = paths.iter().find(|path| import.received(path) < folder[*path].len() as u64) {
        for path in paths.iter().filter(|other| *other >= path) {
            let rest = &folder[path][import.received(path) as usize..];
            import.push(path, &rest[..rest.len().min(step)])?;
        }
    }
    import.finish()
}

fn whole(folder: &Folder) -> Result<Bundle> {
    from_hugging_face("model", &mut |path| Ok(folder.get(path).cloned()))
}

fn problem<T>(result: Result<T>) -> String {
    result.err().map_or_else(|| panic!("it is read"), |e| e.to_string())
}

/// A folder whose weights are in three files, of which the last holds nothing that is used.
fn in_shards(folder: &Folder) -> Folder {
    let mut folder = folder.clone();
    let bytes = folder.remove("model.safetensors").unwrap();
    let mut weights = Weights::from_safetensors("w", &bytes).unwrap();
    weights.insert("cls.predictions.bias", interlingua::bundle::Array::f32(vec![2], vec![0.5, 0.25]));
    let shard = |name: &str| match name {
        name if name.starts_with("cls.") => "model-00003-of-00003.safetensors",
        name if name.contains("embeddings") => "model-00001-of-00003.safetensors",
        _ => "model-00002-of-00003.safetensors",
    };
    let map: BTreeMap<&str, &str> = weights.iter().map(|(name, _)| (name, shard(name))).collect();
    for file in map.values() {
        let part = weights.only(|name| shard(name) == *file);
        folder.insert(file.to_string(), part.to_safetensors().unwrap());
    }
    let index = json!({"metadata": {"total_size": 1}, "weight_map": map});
    folder.insert("model.safetensors.index.json".into(), index.to_string().into_bytes());
    folder
}

#[test]
fn what_comes_in_parts_is_what_is_read_from_a_folder() {
    let mut read = 0;
    for case in &cases().cases {
        let files = &case.files;
        match (whole(files), fetched(files, 997, None)) {
            (Ok(a), Ok(b)) => {
                assert_eq!(a.fingerprint().unwrap(), b.fingerprint().unwrap(), "{}", case.name);
                assert_eq!(a.manifest, b.manifest, "{}", case.name);
                read += 1;
            }
            (Err(a), Err(b)) => assert_eq!(a.to_string(), b.to_string(), "{}", case.name),
            (a, b) => panic!("{}: {:?} {:?}", case.name, a.err(), b.err()),
        }
    }
    assert!(read >= 100, "{read}");
}

#[test]
fn weights_are_stored_as_asked_for_to_the_last_bit() {
    let all = cases();
    for name in ["as-saved", "dense-without-bias", "xlm-r-whole"] {
        let files = &all.named(name).files;
        for quantization in [Quantization::F32, Quantization::F16, Quantization::Q8, Quantization::Q4] {
            let mut bundle = whole(files).unwrap();
            bundle.store_as(quantization).unwrap();
            for step in [61, 1 << 20] {
                let other = fetched(files, step, Some(quantization)).unwrap();
                assert_eq!(other.manifest, bundle.manifest);
                assert_eq!(other.weights.to_safetensors().unwrap(), bundle.weights.to_safetensors().unwrap());
            }
        }
    }
}

#[test]
fn shards_are_one_model_and_those_without_use_are_not_fetched() {
    let one = &cases().named("as-saved").files.clone();
    let files = in_shards(one);
    let bundle = whole(one).unwrap();
    for step in [61, 1 << 20] {
        let other = fetched(&files, step, None).unwrap();
        assert_eq!(other.fingerprint().unwrap(), bundle.fingerprint().unwrap());
    }
    let about = about(&files);
    assert_eq!(about.refused, None);
    let shards = |files: &[ListedFile]| {
        let paths = files.iter().map(|file| file.path.clone());
        paths.filter(|path| path.ends_with(".safetensors")).collect::<Vec<_>>()
    };
    assert_eq!(
        shards(&about.needed),
        ["model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"]
    );
    assert_eq!(shards(&about.others), ["model-00003-of-00003.safetensors"]);

    let refused = |change: fn(&mut Folder)| {
        let mut files = in_shards(one);
        change(&mut files);
        let (said, met) = (problem(whole(&files)), problem(fetched(&files, 500, None)));
        assert_eq!(said, met);
        said
    };
    let missing = refused(|files| drop(files.remove("model-00002-of-00003.safetensors")));
    assert!(
        missing.contains("index.json: it names model-00002-of-00003.safetensors, which does not exist"),
        "{missing}"
    );
    let outside = refused(|files| {
        let name = "model.safetensors.index.json";
        let text = String::from_utf8(files[name].clone()).unwrap();
        files.insert(name.into(), text.replace("model-00002", "../model-00002").into_bytes());
    });
    assert!(outside.contains("is not a safetensors file in the same folder"), "{outside}");
    let empty = refused(|files| {
        drop(files.insert("model.safetensors.index.json".into(), b"{\"weight_map\":{}}".into()))
    });
    assert!(empty.contains("is missing from the weights"), "{empty}");
    // The index promises what the shard does not have.
    let less = refused(|files| {
        let name = "model-00002-of-00003.safetensors";
        let weights = Weights::from_safetensors("w", &files[name]).unwrap();
        let fewer = weights.only(|name| !name.ends_with("query.weight"));
        files.insert(name.into(), fewer.to_safetensors().unwrap());
    });
    assert!(less.contains("query.weight: this tensor is missing from the weights"), "{less}");
    let twice = refused(|files| {
        let copy = files["model-00001-of-00003.safetensors"].clone();
        files.insert("model-00002-of-00003.safetensors".into(), copy);
    });
    assert!(twice.contains("contain this array twice"), "{twice}");
}

#[test]
fn what_a_model_is_stands_before_its_large_files_have_come() {
    let all = cases();
    let (mut told, mut refused) = (0, 0);
    for case in &all.cases {
        let mut files = listed(&case.files);
        let rounds = get(&case.files, &mut files, InspectedFiles::to_inspect);
        assert!(rounds <= 3, "{}: {rounds} rounds", case.name);
        let small: Vec<&str> = files.small().collect();
        assert!(
            small.iter().all(|path| !path.ends_with("tokenizer.json") && !path.contains(".safetensors")
                || path.ends_with("index.json")),
            "{small:?}"
        );
        let about = inspect(&case.name, &mut files, None);
        match (whole(&case.files), &about.refused) {
            (Ok(bundle), None) => {
                let config = &bundle.manifest.architecture;
                assert_eq!(about.dimension, Some(config.dimension()), "{}", case.name);
                assert_eq!(about.max_tokens, Some(config.max_tokens), "{}", case.name);
                assert_eq!(about.normalized, Some(config.normalize));
                assert_eq!(about.similarity.as_deref(), Some(bundle.manifest.similarity.name()));
                assert_eq!(about.query_prompt, bundle.manifest.prompts.query);
                assert_eq!(about.passage_prompt, bundle.manifest.prompts.passage);
                let segments = bundle.weights.iter().find(|(name, _)| name.contains("token_type"));
                let more: usize = segments.map_or(0, |(_, a)| (a.shape[0] - 1) * a.shape[1]);
                let none = if segments.is_none() { config.hidden } else { 0 };
                assert_eq!(
                    about.parameters,
                    Some(bundle.weights.parameters() - more as u64 + none as u64),
                    "{}",
                    case.name
                );
                told += 1;
            }
            // By files that have not come: said when they do.
            (Err(problem), None) => {
                let problem = problem.to_string();
                assert!(problem.contains("tokenizer.json") || problem.contains(".safetensors"), "{problem}");
            }
            (Err(problem), Some(said)) => {
                assert_eq!(problem.to_string(), *said, "{}", case.name);
                refused += 1;
            }
            (Ok(_), Some(said)) => panic!("{}: {said}", case.name),
        }
    }
    assert!(told >= 100 && refused >= 45, "{told} {refused}");
}

#[test]
fn memory_is_what_the_packed_weights_take() {
    let all = cases();
    for name in ["as-saved", "dense-without-bias", "roberta"] {
        let Some(case) = all.cases.iter().find(|case| case.name == name) else { continue };
        let memory = about(&case.files).memory.unwrap();
        let sizes = [
            (Quantization::Q4, memory.q4),
            (Quantization::Q8, memory.q8),
            (Quantization::F16, memory.f16),
            (Quantization::F32, memory.f32),
        ];
        for (quantization, said) in sizes {
            let mut bundle = whole(&case.files).unwrap();
            bundle.store_as(quantization).unwrap();
            let bytes = bundle.weights.to_safetensors().unwrap();
            let header = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap());
            // Kinds of segments beyond the first are in the file, and counted as one.
            let slack = 4 * 2 * bundle.manifest.architecture.hidden as u64;
            let real = bytes.len() as u64 - header;
            assert!(real.abs_diff(said) <= slack, "{name}, {quantization}: {said}, not {real}");
        }
    }
}

#[test]
fn folders_of_other_forms_are_refused_with_what_to_do() {
    let one = cases().named("as-saved").files.clone();
    let with = |path: &str| {
        let mut files = one.clone();
        files.insert(path.into(), b"bytes".to_vec());
        files
    };
    for other in ["pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5"] {
        let mut files = with(other);
        files.remove("model.safetensors");
        let said = about(&files).refused.unwrap();
        assert!(said.contains(&format!("only {other}")) && said.contains("save_pretrained"), "{said}");
        assert_eq!(problem(whole(&files)), said);
    }
    for other in ["sentencepiece.bpe.model", "vocab.txt"] {
        let mut files = with(other);
        files.remove("tokenizer.json");
        let said = about(&files).refused.unwrap();
        assert!(said.contains(&format!("only {other}")) && said.contains("AutoTokenizer"), "{said}");
    }
    // What else is there does no harm.
    let mut files = with("pytorch_model.bin");
    files.insert("vocab.txt".into(), b"x".to_vec());
    files.insert("onnx/model.onnx".into(), b"x".to_vec());
    let about = about(&files);
    assert_eq!(about.refused, None);
    let others: Vec<&str> = about.others.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(others, ["onnx/model.onnx", "pytorch_model.bin", "vocab.txt"]);
    let bytes: usize = one.values().map(Vec::len).sum();
    assert_eq!((about.bytes(), about.is_sized()), (bytes as u64, true));
}

#[test]
fn files_that_lie_are_refused_by_their_first_bytes() {
    let one = cases().named("as-saved").files.clone();
    let beginning = |files: &Folder, of: usize| {
        let mut listed = listed(files);
        get(files, &mut listed, InspectedFiles::to_inspect);
        let bytes = &files["model.safetensors"];
        inspect("model", &mut listed, Some(("model.safetensors", &bytes[..bytes.len().min(of)]))).refused
    };
    assert_eq!(beginning(&one, 16 << 10), None);
    assert_eq!(beginning(&one, 5), None);

    // A config that lies about shapes.
    let mut files = one.clone();
    let config = String::from_utf8(files["config.json"].clone()).unwrap();
    files.insert("config.json".into(), config.replace("304", "303").into_bytes());
    let said = beginning(&files, 16 << 10).unwrap();
    assert!(said.contains("word_embeddings.weight: shape [304, 32] instead of [303, 32]"), "{said}");
    assert_eq!(problem(fetched(&files, 100, None)), said);

    // A file of another length than its header says.
    let mut files = one.clone();
    let bytes = files.get_mut("model.safetensors").unwrap();
    bytes.truncate(bytes.len() - 4);
    let said = beginning(&files, 16 << 10).unwrap();
    assert!(said.contains("of its header"), "{said}");

    // A header longer than its file.
    let mut files = one.clone();
    files.get_mut("model.safetensors").unwrap()[4] = 1;
    assert!(problem(whole(&files)).contains("its header would have"));

    // A file that ends too early, and one that goes on, where nobody knew how long it is.
    let lengths = |change: fn(&mut Vec<u8>)| {
        let mut bytes = one["model.safetensors"].clone();
        change(&mut bytes);
        let mut read = |path: &str| Ok(one.get(path).cloned());
        let mut import = Import::new("model", &mut read, None).unwrap();
        import.push("model.safetensors", &bytes).and_then(|()| import.finish())
    };
    let all = one["model.safetensors"].len();
    let early = problem(lengths(|bytes| bytes.truncate(bytes.len() - 1)));
    assert!(early.contains(&format!("it is truncated after {} bytes", all - 1)), "{early}");
    let longer = problem(lengths(|bytes| bytes.push(0)));
    assert!(longer.contains("continues after the last array"), "{longer}");
    let nothing = problem(lengths(Vec::clear));
    assert!(nothing.contains("it is truncated after 0 bytes"), "{nothing}");
    lengths(|_| ()).unwrap();

    // Weights that are no numbers.
    let mut files = one.clone();
    let bytes = files.get_mut("model.safetensors").unwrap();
    bytes[all - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let said = problem(whole(&files));
    assert!(said.starts_with("model.safetensors, ") && said.contains("it contains NaN"), "{said}");
}

#[test]
fn a_small_file_that_is_large_is_not_read() {
    let one = cases().named("as-saved").files.clone();
    let mut files = InspectedFiles::of(one.keys().map(|path| ListedFile {
        path: path.clone(),
        bytes: Some(if path == "config.json" { 1 << 40 } else { 10 }),
        sha256: None,
    }));
    assert!(!files.to_inspect().contains(&"config.json".to_string()));
    get(&one, &mut files, InspectedFiles::to_inspect);
    let about = inspect("model", &mut files, None);
    assert!(about.refused.unwrap().contains("config.json: it has 1099511627776 bytes"));
}

#[test]
fn the_model_card_says_licence_and_languages() {
    let mut files = cases().named("as-saved").files.clone();
    files.insert("README.md".into(), b"---\nlicense: mit\nlanguage:\n- de\n- th\n---\n# x\n".to_vec());
    let about = about(&files);
    assert_eq!(about.licence.as_deref(), Some("mit"));
    assert_eq!(about.languages, ["de", "th"]);
    assert!(about.needed.iter().any(|file| file.path == "README.md"));
    let json = serde_json::to_string(&about).unwrap();
    assert_eq!(serde_json::from_str::<About>(&json).unwrap(), about);

    let mut read = |path: &str| Ok(files.get(path).cloned());
    let mut import = Import::new("model", &mut read, None).unwrap();
    import.describe(CardMetadata { licence: Some("mit".into()), languages: vec!["de".into()] });
    assert_eq!(import.manifest().licence, "mit");
    assert_eq!(import.manifest().languages, ["de"]);
}

/// A folder of static embeddings: one of model2vec, whose table is made of several arrays.
fn folded() -> Folder {
    let root =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/checkpoints/model2vec-folded");
    let names = ["config.json", "modules.json", "tokenizer.json", "model.safetensors"];
    names.map(|name| (name.to_string(), std::fs::read(root.join(name)).unwrap())).into()
}

/// The same with another text in the header of its weights; as long, so that it still says where arrays are.
fn with_header(from: &str, to: &str) -> Folder {
    let mut files = folded();
    let bytes = files.get_mut("model.safetensors").unwrap();
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
    let changed = header.replacen(from, to, 1);
    assert!(changed != header && changed.len() == length, "{header}");
    bytes[8..8 + length].copy_from_slice(changed.as_bytes());
    files
}

#[test]
fn the_shape_of_static_embeddings_comes_from_the_first_bytes_of_their_weights() {
    let folder = folded();
    let mut files = listed(&folder);
    get(&folder, &mut files, InspectedFiles::to_inspect);
    assert_eq!(files.to_begin(), ["model.safetensors"]);
    files.insert_beginning(
        "model.safetensors",
        folder["model.safetensors"].iter().copied().take(4096).collect(),
    );
    assert!(files.to_begin().is_empty());
    let about = inspect("model", &mut files, None);
    assert_eq!((about.refused, about.dimension, about.max_tokens), (None, Some(64), Some(50)));
    assert_eq!(about.architecture, "static embeddings");
    get(&folder, &mut files, InspectedFiles::to_import);
    let whole = whole(&folder).unwrap();
    for step in [1000, 1 << 20] {
        let mut import = Import::new("model", &mut files, None).unwrap();
        folder["model.safetensors"]
            .chunks(step)
            .for_each(|part| import.push("model.safetensors", part).unwrap());
        let bundle = import.finish().unwrap();
        assert!(bundle.weights == whole.weights && bundle.tokenizer == whole.tokenizer);
        assert_eq!(bundle.manifest.architecture, whole.manifest.architecture);
    }
    assert_eq!(whole.manifest.architecture.dropped, Some(3));
    let missing = || {
        from_hugging_face("model", &mut |path| {
            Ok(folder.get(path).filter(|_| path != "model.safetensors").cloned())
        })
    };
    assert!(problem(missing()).contains("no such file"));
}

#[test]
fn static_embeddings_that_lie_are_refused() {
    let whole = folded();
    for (files, said) in [
        (with_header("\"embeddings\"", "\"embedding!\""), "neither embedding.weight nor embeddings"),
        (with_header("\"mapping\"", "\"napping\""), "different numbers of tokens"),
        (with_header("[150,64]", "[64,150]"), "mapping of token"),
    ] {
        let why = problem(self::whole(&files));
        assert!(why.contains("model.safetensors") && why.contains(said), "{said}: {why}");
    }
    let with = |path: &str, text: String| {
        let mut files = whole.clone();
        files.insert(path.into(), text.into_bytes());
        problem(self::whole(&files))
    };
    let config = String::from_utf8(whole["config.json"].clone()).unwrap();
    let said = with("config.json", config.replace("\"normalize\": true", "\"normalize\": false"));
    assert!(said.contains("config.json, normalize: false") && said.contains("modules.json"), "{said}");
    let said = with("config.json", config.replace("\"max_length\": 50", "\"max_length\": 0"));
    assert!(said.contains("config.json, max_length"), "{said}");
    let said = with("config.json", config.replace("\"max_length\": 50", "\"window\": 50"));
    assert!(said.contains("config.json, window"), "{said}");
    // A mapping to a row that is not there: the arrays lie in the order of the header.
    let mut files = whole.clone();
    let bytes = files.get_mut("model.safetensors").unwrap();
    let first = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    bytes[first..first + 8].copy_from_slice(&i64::MAX.to_le_bytes());
    let said = problem(self::whole(&files));
    assert!(said.contains("mapping of token 0"), "{said}");
    let bytes = files.get_mut("model.safetensors").unwrap();
    bytes[..8].copy_from_slice(&(1u64 << 40).to_le_bytes());
    assert!(problem(self::whole(&files)).contains("its header is too long"));
}

/// A folder with the small files of a decoder as published, and large files that were not got.
fn decoder(config: serde_json::Value, tokenizer: serde_json::Value, pooling: &str, dense: bool) -> Folder {
    let kinds: &[&str] = match dense {
        true => &["Transformer", "Pooling", "Dense", "Dense", "Normalize"],
        false => &["Transformer", "Pooling", "Normalize"],
    };
    let module = |(i, kind): (usize, &&str)| {
        let path = if i == 0 { String::new() } else { format!("{i}_{kind}") };
        json!({"idx": i, "name": i.to_string(), "path": path, "type": format!("sentence_transformers.models.{kind}")})
    };
    let modules: Vec<serde_json::Value> = kinds.iter().enumerate().map(module).collect();
    let width = config["hidden_size"].clone();
    let mut files = vec![
        ("config.json", config),
        ("tokenizer_config.json", tokenizer),
        ("modules.json", json!(modules)),
        (
            "1_Pooling/config.json",
            json!({"word_embedding_dimension": width, pooling: true, "include_prompt": true}),
        ),
        ("tokenizer.json", json!({})),
        ("model.safetensors", json!({})),
    ];
    let activation = "torch.nn.modules.linear.Identity";
    for (path, input, output) in
        [("2_Dense", 768, 3072), ("3_Dense", 3072, 768)].into_iter().filter(|_| dense)
    {
        let file = if path == "2_Dense" { "2_Dense/config.json" } else { "3_Dense/config.json" };
        files.push((file, json!({"in_features": input, "out_features": output, "bias": false, "activation_function": activation})));
        files.push((
            if path == "2_Dense" { "2_Dense/model.safetensors" } else { "3_Dense/model.safetensors" },
            json!({}),
        ));
    }
    files.into_iter().map(|(path, value)| (path.into(), value.to_string().into_bytes())).collect()
}

fn qwen3(changed: serde_json::Value) -> Folder {
    let mut config = json!({
        "architectures": ["Qwen3ForCausalLM"], "attention_bias": false, "attention_dropout": 0.0,
        "bos_token_id": 151643, "eos_token_id": 151643, "head_dim": 128, "hidden_act": "silu", "hidden_size": 1024,
        "initializer_range": 0.02, "intermediate_size": 3072, "max_position_embeddings": 32768,
        "max_window_layers": 28, "model_type": "qwen3", "num_attention_heads": 16, "num_hidden_layers": 28,
        "num_key_value_heads": 8, "rms_norm_eps": 1e-6, "rope_scaling": null, "rope_theta": 1_000_000,
        "sliding_window": null, "tie_word_embeddings": true, "torch_dtype": "bfloat16",
        "transformers_version": "4.51.3", "use_cache": true, "use_sliding_window": false, "vocab_size": 151_669,
    });
    for (field, value) in changed.as_object().into_iter().flatten() {
        config[field] = value.clone();
    }
    let tokenizer = json!({
        "add_bos_token": false, "add_prefix_space": false, "additional_special_tokens": ["<|im_start|>"],
        "bos_token": null, "chat_template": "", "clean_up_tokenization_spaces": false, "eos_token": "<|im_end|>",
        "errors": "replace", "model_max_length": 131_072, "pad_token": "<|endoftext|>",
        "split_special_tokens": false, "tokenizer_class": "Qwen2Tokenizer", "unk_token": null,
    });
    decoder(config, tokenizer, "pooling_mode_lasttoken", false)
}

/// Configurations like those of Qwen3-Embedding-0.6B, e5-mistral-7b-instruct and embeddinggemma-300m, with the numbers
/// of weights that their dimensions give.
#[test]
fn decoders_are_known_by_their_published_configurations() {
    let gemma = json!({
        "_sliding_window_pattern": 6, "architectures": ["Gemma3TextModel"], "attention_bias": false,
        "attention_dropout": 0.0, "attn_logit_softcapping": null, "bos_token_id": 2, "dtype": "float32",
        "eos_token_id": 1, "final_logit_softcapping": null, "head_dim": 256,
        "hidden_activation": "gelu_pytorch_tanh", "hidden_size": 768, "initializer_range": 0.02,
        "intermediate_size": 1152, "max_position_embeddings": 2048, "model_type": "gemma3_text",
        "num_attention_heads": 3, "num_hidden_layers": 24, "num_key_value_heads": 1, "pad_token_id": 0,
        "query_pre_attn_scalar": 256, "rms_norm_eps": 1e-6, "rope_local_base_freq": 10_000.0, "rope_scaling": null,
        "rope_theta": 1_000_000.0, "sliding_window": 512, "use_bidirectional_attention": true, "use_cache": true,
        "vocab_size": 262_144,
    });
    let tokens = json!({
        "add_bos_token": true, "add_eos_token": true, "bos_token": "<bos>", "eos_token": "<eos>",
        "model_max_length": 2048, "pad_token": "<pad>", "sp_model_kwargs": null,
        "spaces_between_special_tokens": false, "tokenizer_class": "GemmaTokenizer", "unk_token": "<unk>",
        "use_default_system_prompt": false,
    });
    let gemma = about(&decoder(gemma, tokens, "pooling_mode_mean_tokens", true));
    let mistral = json!({
        "architectures": ["MistralModel"], "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu",
        "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14_336,
        "max_position_embeddings": 32_768, "model_type": "mistral", "num_attention_heads": 32,
        "num_hidden_layers": 32, "num_key_value_heads": 8, "pad_token_id": 2, "rms_norm_eps": 1e-5,
        "rope_theta": 10_000.0, "sliding_window": 4096, "tie_word_embeddings": false, "torch_dtype": "float16",
        "use_cache": false, "vocab_size": 32_000,
    });
    let tokens = json!({
        "add_bos_token": true, "add_eos_token": true, "bos_token": "<s>", "eos_token": "</s>", "legacy": true,
        "model_max_length": 1e30, "pad_token": "</s>", "sp_model_kwargs": {},
        "spaces_between_special_tokens": false, "tokenizer_class": "LlamaTokenizer", "unk_token": "<unk>",
        "use_default_system_prompt": false,
    });
    let mistral = about(&decoder(mistral, tokens, "pooling_mode_lasttoken", false));
    let qwen = about(&qwen3(json!({})));
    for (about, parameters, dimension, max_tokens, pooling) in [
        (qwen, 595_776_512, 1024, 32_768, "last token"),
        (mistral, 7_110_660_096, 4096, 32_768, "last token"),
        (gemma, 302_863_104 + 2 * 768 * 3072 + 3072 + 768, 768, 2048, "mean"),
    ] {
        assert_eq!(about.refused, None);
        assert_eq!(about.parameters, Some(parameters), "{}", about.architecture);
        assert_eq!((about.dimension, about.max_tokens), (Some(dimension), Some(max_tokens)));
        assert_eq!(about.pooling.as_deref(), Some(pooling));
    }
}

#[test]
fn decoders_that_are_something_else_are_refused_by_field() {
    for (changed, field) in [
        (json!({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}), "rope_scaling, rope_type: \"yarn\""),
        (
            json!({"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4}}),
            "rope_parameters, rope_type: \"llama3\"",
        ),
        (json!({"partial_rotary_factor": 0.5}), "partial_rotary_factor: 0.5"),
        (json!({"is_causal": false}), "is_causal: false"),
        (json!({"num_key_value_heads": 5}), "decoder.kv_heads"),
        (json!({"head_dim": 127}), "decoder.head_width"),
        (json!({"head_dim": 9_000_000}), "decoder.head_width"),
        (json!({"num_hidden_layers": u64::MAX}), "num_hidden_layers"),
        (
            json!({"model_type": "mistral", "sliding_window": 9, "num_hidden_layers": u64::MAX}),
            "num_hidden_layers",
        ),
        (json!({"layer_types": ["chunked_attention"]}), "layer_types"),
        (json!({"use_sliding_window": true, "sliding_window": 0, "max_window_layers": 0}), "sliding_window"),
        (json!({"hidden_act": "mish"}), "hidden_act: \"mish\""),
        (json!({"num_experts": 8}), "num_experts: 8"),
    ] {
        let said = about(&qwen3(changed)).refused.unwrap();
        assert!(said.contains(&format!("config.json, {field}")), "{said}");
    }
}
