//! Models by their name on a hub, by the library and by the program: a small hub on this machine gives them, or does
//! not.

mod common;
#[path = "common/hub.rs"]
mod hub;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use common::checkpoint;
use hub::{COMMIT, Faults, Hub};
use interlingua::{
    Result,
    bundle::{Bundle, Weights},
    hub::HubName,
    models::{self, ModelEvent},
};
use tempfile::TempDir;

fn e5() -> Hub {
    Hub::of(&checkpoint("e5"))
}

/// Who asks, with a cache of its own.
struct Asker {
    cache: TempDir,
    said: Vec<String>,
    bytes: Vec<(u64, u64)>,
}

impl Asker {
    fn new() -> Self {
        Self { cache: tempfile::tempdir().unwrap(), said: Vec::new(), bytes: Vec::new() }
    }

    fn get(&mut self, endpoint: &str, name: &str) -> Result<PathBuf> {
        self.get_as(endpoint, name, None, false)
    }

    fn get_as(&mut self, endpoint: &str, name: &str, token: Option<&str>, offline: bool) -> Result<PathBuf> {
        let hub = models::Hub::new(endpoint, self.cache.path(), token.map(Into::into), offline)?;
        let name: HubName = name.parse()?;
        hub.get(&name, &mut |event| match event {
            ModelEvent::Note(said) => self.said.push(said.into()),
            ModelEvent::Bytes(done, all) => self.bytes.push((done, all)),
        })
    }

    fn problem(&mut self, endpoint: &str, name: &str) -> String {
        match self.get(endpoint, name) {
            Ok(folder) => panic!("{} was opened", folder.display()),
            Err(problem) => {
                println!("{problem}");
                problem.to_string()
            }
        }
    }
}

fn same(folder: &Path) {
    let (a, b) = (Bundle::open(folder).unwrap(), Bundle::open(&checkpoint("e5")).unwrap());
    assert_eq!(a.fingerprint().unwrap(), b.fingerprint().unwrap());
    assert_eq!(a.manifest.name, "owner/small");
}

#[test]
fn a_model_is_downloaded_once_and_kept_as_hugging_face_keeps_it() {
    let hub = e5();
    let mut asker = Asker::new();
    let folder = asker.get(&hub.endpoint, "owner/small").unwrap();
    same(&folder);
    assert_eq!(folder, asker.cache.path().join("models--owner--small/snapshots").join(COMMIT));
    let model = asker.cache.path().join("models--owner--small");
    assert_eq!(fs::read_to_string(model.join("refs/main")).unwrap(), COMMIT);
    // Small files first, the weights last; each once, and all of one commit.
    let asked: Vec<String> = hub.asked().into_iter().map(|(path, _)| path).collect();
    assert_eq!(asked[0], "/api/models/owner/small/revision/main?blobs=true");
    assert!(
        asked[1..].iter().all(|path| path.contains(COMMIT) || path.starts_with("/elsewhere/")),
        "{asked:?}"
    );
    let mut once = asked.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), asked.len(), "{asked:?}");
    assert_eq!(asked.iter().filter(|path| path.ends_with("model.safetensors")).count(), 2, "{asked:?}");
    // What it is was said before.
    let said = &asker.said[0];
    for words in
        ["owner/small at 0123456: xlm-roberta", "licence mit", "languages de th", "files from http://127"]
    {
        assert!(said.contains(words), "{said}");
    }
    let all: usize = hub.files.values().map(Vec::len).sum();
    assert_eq!(asker.bytes.last(), Some(&(all as u64, all as u64)));
    assert!(asker.bytes.is_sorted_by_key(|(done, _)| *done), "{:?}", asker.bytes);

    // Again: one question, whether it is still the same. By its commit none.
    same(&asker.get(&hub.endpoint, "owner/small").unwrap());
    assert_eq!(hub.asked().len(), 1);
    same(&asker.get(&hub.endpoint, &format!("owner/small@{COMMIT}")).unwrap());
    assert_eq!(hub.asked().len(), 0);
    // A tag of the same commit costs no more.
    same(&asker.get(&hub.endpoint, "owner/small@v1").unwrap());
    assert_eq!(hub.asked().len(), 1);
    assert_eq!(models::card(&folder).unwrap().licence.as_deref(), Some("mit"));
    assert_eq!(models::card(&checkpoint("e5")), None);

    // Offline, and with nobody there.
    same(&asker.get_as(&hub.endpoint, "owner/small", None, true).unwrap());
    assert_eq!(hub.asked().len(), 0);
    asker.said.clear();
    same(&asker.get("http://127.0.0.1:1", "owner/small").unwrap());
    assert!(asker.said[0].contains("refuses the connection. Using the cached copy"), "{:?}", asker.said);
}

#[test]
fn a_copy_that_is_not_whole_is_not_used() {
    let hub = e5();
    let mut asker = Asker::new();
    let offline = |asker: &mut Asker, name: &str| {
        asker.get_as(&hub.endpoint, name, None, true).map_err(|e| e.to_string())
    };
    let said = offline(&mut asker, "owner/small").unwrap_err();
    assert!(said.contains("not in the cache") && said.contains("HF_HUB_OFFLINE is set"), "{said}");
    let folder = asker.get(&hub.endpoint, "owner/small").unwrap();
    hub.asked();
    let said = offline(&mut asker, "owner/small@v1").unwrap_err();
    assert!(said.contains("of another revision"), "{said}");
    // One file was cut off, another is gone.
    let blob = fs::canonicalize(folder.join("tokenizer.json")).unwrap();
    let whole = fs::read(&blob).unwrap();
    fs::write(&blob, &whole[..100]).unwrap();
    assert!(offline(&mut asker, "owner/small").is_err());
    same(&asker.get(&hub.endpoint, "owner/small").unwrap());
    assert_eq!(fs::read(&blob).unwrap(), whole);
    let again: Vec<String> = hub.asked().into_iter().map(|(path, _)| path).collect();
    assert!(again.len() == 2 && again[1].ends_with("tokenizer.json"), "{again:?}");
    fs::remove_file(fs::canonicalize(folder.join("model.safetensors")).unwrap()).unwrap();
    assert!(offline(&mut asker, "owner/small").is_err());
    same(&asker.get(&hub.endpoint, "owner/small").unwrap());
    // What another program left there may lack what this one needs.
    let record = asker.cache.path().join("models--owner--small/interlingua");
    fs::remove_dir_all(record).unwrap();
    let said = offline(&mut asker, "owner/small").unwrap_err();
    assert!(said.contains("not downloaded completely by this program"), "{said}");
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let hub = e5();
    let size = hub.files["model.safetensors"].len();
    let mut asker = Asker::new();
    hub.set(Faults { breaks: Some(size / 3), ..Faults::default() });
    same(&asker.get(&hub.endpoint, "owner/small").unwrap());
    let from: Vec<u64> = hub
        .asked()
        .into_iter()
        .filter(|(path, _)| path.starts_with("/elsewhere/"))
        .map(|(_, from)| from)
        .collect();
    let third = (size / 3) as u64;
    assert_eq!(from, [0, third, 2 * third, 3 * third][..from.len()]);
    assert!(from.len() >= 3, "{from:?}");
    assert!(
        asker.said.iter().any(|said| said.contains("broke off after") && said.contains("retrying")),
        "{:?}",
        asker.said
    );

    // A part from an earlier run goes on, too; one that is of something else is fetched anew.
    for (altered, note) in [(false, None), (true, Some("downloading it again"))] {
        let mut asker = Asker::new();
        hub.set(Faults { weights_refusal: Some((418, "")), ..Faults::default() });
        asker.problem(&hub.endpoint, "owner/small");
        let blobs = asker.cache.path().join("models--owner--small/blobs");
        let parts = fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap().path());
        let part =
            parts.into_iter().find(|path| path.extension().is_some_and(|e| e == "incomplete")).unwrap();
        let mut begun = hub.files["model.safetensors"][..1000].to_vec();
        begun[999] ^= u8::from(altered);
        fs::write(&part, &begun).unwrap();
        hub.set(Faults::default());
        hub.asked();
        same(&asker.get(&hub.endpoint, "owner/small").unwrap());
        let weights = hub.asked().into_iter().filter(|(path, _)| path.starts_with("/elsewhere/"));
        let from: Vec<u64> = weights.map(|(_, from)| from).collect();
        assert_eq!(from, if altered { vec![1000, 0] } else { vec![1000] });
        assert_eq!(asker.said.iter().any(|said| note.is_some_and(|note| said.contains(note))), altered);
        assert!(!part.exists());
    }

    // Without ranges it begins anew, and ends.
    let mut asker = Asker::new();
    hub.set(Faults { breaks: Some(size / 3), no_ranges: true, ..Faults::default() });
    let said = asker.problem(&hub.endpoint, "owner/small");
    assert!(said.contains(&format!("broke off after {third} of {size} bytes")), "{said}");
    hub.set(Faults { no_ranges: true, ..Faults::default() });
    same(&asker.get(&hub.endpoint, "owner/small").unwrap());
}

#[test]
fn each_refusal_is_a_sentence_with_what_to_do() {
    let hub = e5();
    let mut asker = Asker::new();
    let page = format!("{}/owner/small", hub.endpoint);
    let small = || Faults::default();
    let cases: [(Faults, &str, &[&str]); 10] = [
        (
            Faults { refusal: Some((401, "GatedRepo")), ..small() },
            "owner/small",
            &["accept its terms at", &page, "HF_TOKEN"],
        ),
        (
            Faults { weights_refusal: Some((403, "GatedRepo")), ..small() },
            "owner/small",
            &["accept its terms at", "model.safetensors"],
        ),
        (
            small(),
            "owner/other",
            &["there is no such model", "is http://127", "owner/other right?", "HF_TOKEN"],
        ),
        (small(), "owner/small@v2", &["no revision `v2`", "/commits"]),
        (
            Faults { missing: Some("tokenizer.json"), ..small() },
            "owner/small",
            &["tokenizer.json", "no such file", "/tree/main"],
        ),
        (Faults { refusal: Some((418, "")), ..small() }, "owner/small", &["refuses it (status 418)"]),
        (Faults { nonsense: true, ..small() }, "owner/small", &["not a hub's response"]),
        (Faults { altered: true, ..small() }, "owner/small", &["its SHA-256 is", "was discarded; try again"]),
        (
            Faults { redirect: Some("file:///etc/passwd".into()), ..small() },
            "owner/small",
            &["`file:///etc/passwd`, which is not followed"],
        ),
        (
            Faults { redirect: Some("ftp://127.0.0.1/x".into()), ..small() },
            "owner/small",
            &["which is not followed", "HF_ENDPOINT"],
        ),
    ];
    for (faults, name, words) in cases {
        let mut asker = Asker::new();
        hub.set(faults.clone());
        let said = asker.problem(&hub.endpoint, name);
        assert!(words.iter().all(|word| said.contains(word)), "{faults:?}: {said}");
        assert_eq!(said.lines().count(), 1);
        assert!(
            asker.get_as(&hub.endpoint, name, None, true).is_err(),
            "{faults:?}: something half is taken for whole"
        );
    }
    // Round in circles.
    hub.set(Faults {
        redirect: Some("/owner/small/resolve/".to_string() + COMMIT + "/model.safetensors"),
        ..small()
    });
    assert!(asker.problem(&hub.endpoint, "owner/small").contains("more than 10 times"));
    // Nobody there, and no network.
    let said = Asker::new().problem("http://127.0.0.1:1", "owner/small");
    assert!(said.contains("refuses the connection"), "{said}");
    // Then all is well, with what had come.
    hub.set(small());
    same(&asker.get(&hub.endpoint, "owner/small").unwrap());
}

#[test]
fn a_token_opens_what_is_gated_and_goes_nowhere_else() {
    let (hub, other) = (e5(), e5());
    let mut asker = Asker::new();
    let elsewhere = format!("{}/elsewhere/model.safetensors", other.endpoint);
    hub.set(Faults { token: Some("hf_right"), redirect: Some(elsewhere), ..Faults::default() });
    let said = asker.problem(&hub.endpoint, "owner/small");
    assert!(said.contains("accept its terms at") && said.contains("set HF_TOKEN"), "{said}");
    let said = asker.get_as(&hub.endpoint, "owner/small", Some("hf_wrong"), false).unwrap_err().to_string();
    assert!(said.contains("the token has not accepted"), "{said}");
    // The other server answers 400 to whoever brings a token.
    same(&asker.get_as(&hub.endpoint, "owner/small", Some("hf_right"), false).unwrap());
    assert_eq!(other.asked().len(), 1);
    let odd = models::Hub::new(&hub.endpoint, asker.cache.path(), Some("a b".into()), false);
    assert!(odd.err().unwrap().to_string().contains("HF_TOKEN"));
}

#[test]
fn what_is_not_supported_is_refused_before_its_weights_come() {
    let refused = |change: fn(&mut std::collections::BTreeMap<String, Vec<u8>>)| {
        let mut files = hub::files(&checkpoint("e5"));
        change(&mut files);
        let hub = Hub::with(files);
        let said = Asker::new().problem(&hub.endpoint, "owner/small");
        assert!(said.starts_with("owner/small: not supported: "), "{said}");
        let asked = hub.asked();
        assert!(
            asked.iter().all(|(path, _)| !path.contains("safetensors") && !path.ends_with("tokenizer.json")),
            "{asked:?}"
        );
        said
    };
    let said = refused(|files| {
        let config = String::from_utf8(files["config.json"].clone()).unwrap().replace("xlm-roberta", "t5");
        files.insert("config.json".into(), config.into_bytes());
    });
    assert!(said.contains("config.json, model_type: t5"), "{said}");
    let said = refused(|files| {
        let weights = files.remove("model.safetensors").unwrap();
        files.insert("pytorch_model.bin".into(), weights);
    });
    assert!(said.contains("only pytorch_model.bin") && said.contains("save_pretrained"), "{said}");
    let said = refused(|files| {
        let tokenizer = files.remove("tokenizer.json").unwrap();
        files.insert("sentencepiece.bpe.model".into(), tokenizer);
    });
    assert!(said.contains("only sentencepiece.bpe.model"), "{said}");
}

#[test]
fn shards_come_all_and_what_is_not_needed_does_not() {
    let mut files = hub::files(&checkpoint("e5"));
    let weights = Weights::from_safetensors("w", &files.remove("model.safetensors").unwrap()).unwrap();
    let shard = |name: &str| match name.contains("embeddings") {
        true => "model-00001-of-00002.safetensors",
        false => "model-00002-of-00002.safetensors",
    };
    let map: serde_json::Map<_, _> =
        weights.iter().map(|(name, _)| (name.into(), shard(name).into())).collect();
    for file in ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"] {
        files.insert(file.into(), weights.only(|name| shard(name) == file).to_safetensors().unwrap());
    }
    let index = serde_json::json!({ "weight_map": map });
    files.insert("model.safetensors.index.json".into(), index.to_string().into_bytes());
    files.insert("onnx/model.onnx".into(), vec![0; 5000]);
    let hub = Hub::with(files);
    let folder = Asker::new();
    let mut asker = folder;
    same(&asker.get(&hub.endpoint, "owner/small").unwrap());
    assert!(hub.asked().iter().all(|(path, _)| !path.contains("onnx")));
}

#[test]
fn two_at_once_do_not_hinder_each_other() {
    let hub = e5();
    let size = hub.files["model.safetensors"].len();
    hub.set(Faults { breaks: Some(size / 4), ..Faults::default() });
    let cache = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let client = models::Hub::new(&hub.endpoint, cache.path(), None, false).unwrap();
                let name: HubName = "owner/small".parse().unwrap();
                same(&client.get(&name, &mut |_| {}).unwrap());
            });
        }
    });
}

/// The program, with a hub and a cache by the environment.
fn run(hub: &str, cache: &Path, offline: bool, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interlingua"));
    command.args(args).env("HF_ENDPOINT", hub).env("HF_HOME", cache);
    for variable in ["HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE"] {
        command.env_remove(variable);
    }
    if offline {
        command.env("HF_HUB_OFFLINE", "1");
    }
    command.output().unwrap()
}

#[test]
fn the_program_takes_a_name_wherever_it_takes_a_model() {
    let hub = e5();
    let (cache, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lines = work.path().join("lines.txt");
    fs::write(&lines, "Bienen lagern Honig.\nThe harbour freezes.\n").unwrap();
    let path = |name: &str| work.path().join(name).to_str().unwrap().to_string();
    let good = |offline: bool, args: &[&str]| {
        let output = run(&hub.endpoint, cache.path(), offline, args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{args:?}: {stderr}");
        (String::from_utf8(output.stdout).unwrap(), stderr)
    };
    let encode = |model: &str, output: &str, more: &[&str]| {
        let args = [
            "encode",
            "--model",
            model,
            "--input",
            &path("lines.txt"),
            "--kind",
            "passage",
            "--device",
            "cpu",
        ];
        let output = path(output);
        [&args[..], &["--output", &output], more].concat().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let refs = |args: &[String]| args.iter().map(|arg| arg.to_string()).collect::<Vec<_>>();
    let encoded = |offline: bool, model: &str, output: &str, more: &[&str]| {
        let args = refs(&encode(model, output, more));
        good(offline, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let (_, said) = encoded(false, "owner/small", "a.npy", &[]);
    assert!(said.contains("owner/small at 0123456") && said.contains("licence mit"), "{said}");
    let folder = checkpoint("e5");
    encoded(false, folder.to_str().unwrap(), "b.npy", &[]);
    assert_eq!(fs::read(path("a.npy")).unwrap(), fs::read(path("b.npy")).unwrap());
    // Offline, by its revision, by its address.
    let (_, said) = encoded(true, "owner/small", "c.npy", &[]);
    assert!(!said.contains("Downloading"), "{said}");
    encoded(false, "owner/small", "d.npy", &["--revision", "v1"]);
    encoded(true, "owner/small@v1", "e.npy", &[]);
    encoded(true, &format!("{}/owner/small", hub.endpoint), "f.npy", &[]);
    for name in ["c.npy", "d.npy", "e.npy", "f.npy"] {
        assert_eq!(fs::read(path(name)).unwrap(), fs::read(path("a.npy")).unwrap(), "{name}");
    }

    // A bundle of it has the name, the licence and the languages that the hub says.
    good(true, &["import", "owner/small", "--output", &path("bundle")]);
    let made = Bundle::open(Path::new(&path("bundle"))).unwrap().manifest;
    assert_eq!((made.name.as_str(), made.licence.as_str()), ("owner/small", "mit"));
    assert_eq!(made.languages, ["de", "th"]);

    // A path that exists wins.
    fs::create_dir_all(work.path().join("owner")).unwrap();
    let model = work.path().join("owner/small");
    fs::rename(path("bundle"), &model).unwrap();
    hub.asked();
    let output = Command::new(env!("CARGO_BIN_EXE_interlingua"))
        .args(["search", "--model", "owner/small", "--corpus", "lines.txt", "--device", "cpu", "honey"])
        .current_dir(work.path())
        .env("HF_ENDPOINT", &hub.endpoint)
        .env("HF_HOME", cache.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(hub.asked().is_empty());
}

#[test]
fn what_is_neither_a_folder_nor_a_name_is_said_to_be_neither() {
    let hub = e5();
    let cache = tempfile::tempdir().unwrap();
    let bad = |offline: bool, model: &str, more: &[&str]| {
        let args = [&["bench", "--device", "cpu", "--model", model], more].concat();
        let output = run(&hub.endpoint, cache.path(), offline, &args);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("interlingua: ") && said.lines().count() == 1, "{said}");
        said
    };
    let said = bad(false, "../nowhere/model", &[]);
    assert!(said.contains("no such folder") && said.contains("not a hub name"), "{said}");
    assert!(hub.asked().is_empty());
    let said = bad(false, "owner/nothing", &[]);
    assert!(said.contains("there is no such folder") && said.contains("there is no such model"), "{said}");
    let said = bad(true, "owner/nothing", &[]);
    assert!(said.contains("not in the cache"), "{said}");
    let folder = checkpoint("e5");
    let said = bad(false, folder.to_str().unwrap(), &["--revision", "main"]);
    assert!(said.contains("has no revision"), "{said}");
    let output = run("localhost:8000", cache.path(), false, &["bench", "--model", "owner/small"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("HF_ENDPOINT is `localhost:8000`"));
}
