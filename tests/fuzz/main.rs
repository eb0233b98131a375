//! Runs every reader of foreign bytes on each file of its corpus and on a few thousand edited versions of
//! them, the same ones each time. `fuzz/` runs the same targets for as long as desired, guided by coverage;
//! CONTRIBUTING.md says how, and what to do with findings.

mod memory;
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use targets::{TARGETS, check};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// Number of edited inputs for each target; `INTERLINGUA_FUZZ_CASES` overrides it.
const CASES: u32 = if cfg!(debug_assertions) { 300 } else { 4000 };

/// What edits insert into an input: numbers at the limits of their types, and separators of file formats.
const TOKENS: [&str; 26] = [
    "0",
    "-1",
    "1e39",
    "1e308",
    "NaN",
    "65536",
    "4294967296",
    "1152921504606846976",
    "18446744073709551615",
    "0.5",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"",
    "\\u0000",
    ",",
    ":",
    "\t",
    "\r",
    "\n",
    "\u{feff}",
    "\u{301}",
    "\0",
    "\n=== a.csv\n",
];

/// An edit of an input: what kind, where, and how much or from where.
type Edit = (u8, u32, u32);

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// The number, word or string at a position of an input, delimited by other characters.
fn word_at(bytes: &[u8], at: usize) -> std::ops::Range<usize> {
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'.' || *byte >= 0x80;
    let from = at + bytes[at..].iter().position(inner).unwrap_or(bytes.len() - at);
    from..from + bytes[from..].iter().position(|byte| !inner(byte)).unwrap_or(bytes.len() - from)
}

fn edited(mut bytes: Vec<u8>, edits: &[Edit], all: &[(PathBuf, Vec<u8>)]) -> Vec<u8> {
    for &(kind, place, much) in edits {
        let (at, much) = (place as usize % (bytes.len() + 1), much as usize);
        let end = (at + 1 + much % 24).min(bytes.len());
        match kind {
            0 if at < bytes.len() => bytes[at] ^= 1 << (much % 8),
            1 if at < bytes.len() => bytes[at] = much as u8,
            2 => drop(bytes.drain(at..end)),
            3 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            4 => drop(bytes.splice(at..at, TOKENS[much % TOKENS.len()].bytes())),
            5 => {
                let word = word_at(&bytes, at);
                bytes.splice(word, TOKENS[much % TOKENS.len()].bytes());
            }
            6 => {
                let (from, to) = (word_at(&bytes, much % (bytes.len() + 1)), word_at(&bytes, at));
                let word = bytes[from].to_vec();
                bytes.splice(to, word);
            }
            7 => {
                let other = &all[much % all.len()].1;
                let part = much / all.len() % (other.len() + 1);
                bytes.splice(at..at, other[part..(part + 40).min(other.len())].iter().copied());
            }
            8 => bytes.truncate(at),
            _ => {
                let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
                if let n @ 1.. = lines.len() {
                    lines.swap(place as usize % n, much % n);
                }
                bytes = lines.concat();
            }
        }
    }
    bytes
}

fn try_all(name: &str) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let all = corpus(name);
    for (path, bytes) in &all {
        println!("{}", path.display());
        check(target, bytes);
    }
    let cases = std::env::var("INTERLINGUA_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok());
    let config = Config {
        cases: cases.unwrap_or(CASES),
        failure_persistence: None,
        max_shrink_iters: 4000,
        ..Config::default()
    };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let edits = proptest::collection::vec((0u8..10, any::<u32>(), any::<u32>()), 1..6);
    let outcome = TestRunner::new_with_rng(config, random).run(&(0..all.len(), edits), |(which, edits)| {
        check(target, &edited(all[which].1.clone(), &edits, &all));
        Ok(())
    });
    if let Err(TestError::Fail(reason, (which, edits))) = outcome {
        let bytes = edited(all[which].1.clone(), &edits, &all);
        let path = std::env::temp_dir().join(format!("interlingua-fuzz-{name}"));
        fs::write(&path, &bytes).unwrap();
        panic!(
            "{reason}\n{} with {edits:?} is in {}; once it is mended, that belongs in tests/fuzz/corpus/{name}:\n{}",
            all[which].0.display(),
            path.display(),
            String::from_utf8_lossy(&bytes)
        );
    }
    outcome.unwrap();
}

macro_rules! tests {
    ($($(#[$feature:meta])? $test:ident: $name:literal,)*) => {
        $($(#[$feature])? #[test] fn $test() { try_all($name); })*

        #[test]
        fn every_target_is_run() {
            let names: &[&str] = &[$($(#[$feature])? $name,)*];
            assert!(TARGETS.iter().map(|target| &target.name).eq(names));
        }
    };
}

tests! {
    files_that_a_person_opens: "open",
    folders_of_data_sets: "folder",
    runs_and_judgements: "trec",
    numpy_files: "npy",
    vectors_beside_the_sample: "vectors",
    reports: "report",
    words_that_a_person_types: "words",
    hubs: "hub",
    #[cfg(feature = "engine")] manifests: "manifest",
    #[cfg(feature = "engine")] weights: "weights",
    #[cfg(feature = "engine")] tokenizers: "tokenizer",
    #[cfg(feature = "engine")] model_folders: "hugging-face",
    #[cfg(feature = "native")] recipes_and_studies: "recipe",
    #[cfg(feature = "native")] training_data: "training",
}

/// A model that is mostly its embedding table arrives in parts: memory holds the packed model and little more.
#[test]
#[cfg(feature = "engine")]
fn an_import_holds_the_packed_model_and_little_of_its_input() {
    use interlingua::bundle::{Import, Quantization};

    let (rows, width) = (60_000, 64);
    let (config, weights) = targets::engine::large_table(rows, width);
    let tokenizer = include_bytes!("corpus/small/tokenizer.json");
    for (quantization, packed) in [(Quantization::Q4, 36), (Quantization::Q8, 68), (Quantization::F16, 128)] {
        let mut made = None;
        let most = memory::most(|| {
            let mut import = Import::new(
                "large",
                &mut |path: &str| {
                    Ok(match path {
                        "config.json" => Some(config.clone().into_bytes()),
                        "tokenizer.json" => Some(tokenizer.to_vec()),
                        // Whether it is there is asked, and nothing else.
                        "model.safetensors" => Some(Vec::new()),
                        _ => None,
                    })
                },
                Some(quantization),
            )
            .unwrap();
            import.expect("model.safetensors", weights.len() as u64);
            for part in weights.chunks(100_000) {
                import.push("model.safetensors", part).unwrap();
            }
            made = Some(import.finish().unwrap());
        });
        let table = rows * packed;
        assert!(
            most > table && most < table + (1 << 20),
            "{quantization}: {most} bytes for a table of {table}"
        );
        let bundle = made.unwrap();
        assert_eq!(bundle.weights.get("embeddings.word_embeddings.weight").unwrap().shape, [rows, width]);
    }
}
