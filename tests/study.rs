//! A whole study with a small model: two arms and the sweeps, interrupted and resumed.

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use interlingua::{
    Error, Result,
    encoder::EncoderDevice,
    study::{Figure, Study, StudyEvent, StudyReport, run},
};
use serde_json::Value;

const LANGUAGES: [&str; 3] = ["en", "de", "es"];
const WORDS: [&str; 10] =
    ["river", "stone", "bird", "winter", "bread", "music", "letter", "garden", "ship", "night"];

fn text(lang: &str, i: usize) -> String {
    let word = WORDS[i % WORDS.len()];
    match lang {
        "en" => format!("The {word} number {i} is old and quiet."),
        "de" => format!("Das Ding {word} Nummer {i} ist alt und still."),
        _ => format!("La cosa {word} numero {i} es vieja y tranquila."),
    }
}

/// Training data, a data set of ten questions in three languages, a recipe, and a study of two steps.
fn write_all(folder: &Path, seeds: &str) -> PathBuf {
    let translations =
        |texts: &dyn Fn(&str) -> String| LANGUAGES.map(|l| format!("\"{l}\":\"{}\"", texts(l))).join(",");
    let parallel: String = (0..40)
        .map(|i| format!("{{\"id\":\"tiny:{i}\",\"t\":{{{}}}}}\n", translations(&|l| text(l, i))))
        .collect();
    fs::write(folder.join("parallel.tiny.jsonl"), parallel).unwrap();
    for lang in LANGUAGES {
        let line = |i: usize| {
            format!(
                "{{\"id\":\"docqa/tiny:{i}\",\"lang\":\"{lang}\",\"question\":\"{}?\",\"context\":\"{} {}\",\"answer\":null,\"answer_sentence\":null,\"source\":\"docqa/tiny\"}}\n",
                WORDS[i],
                text(lang, i),
                text(lang, i + 10)
            )
        };
        fs::write(folder.join(format!("qa.{lang}.jsonl")), (0..10).map(line).collect::<String>()).unwrap();
    }
    let asked: String = (0..10)
        .map(|i| {
            format!(
                "{{\"id\":\"{i}\",\"topic\":\"T\",\"passage\":{{{}}},\"question\":{{{}}},\"answer\":{{{}}}}}\n",
                translations(&|l| text(l, i + 20)),
                translations(&|l| format!("{} {l} {i}?", WORDS[i])),
                translations(&|_| WORDS[i].to_string())
            )
        })
        .collect();
    fs::write(folder.join("passages.jsonl"), asked).unwrap();
    let recipe = format!(
        r#"
        name = "tiny"
        output = "unused"
        languages = ["en", "de", "es"]
        checkpoint_every = 1
        [start]
        model = "{}"
        # Once, for all runs: a second time there would be nothing to leave out.
        trim = 400
        [data]
        folder = "."
        [[stage]]
        name = "retrieval"
        objective = {{ kind = "contrastive", strategy = "hybrid", distillation = 0.5 }}
        steps = 100
        batch = 5
        learning_rate = 1e-3
        warmup = 2
        max_tokens = 24
        "#,
        common::checkpoint("plain").display()
    );
    fs::write(folder.join("recipe.toml"), recipe).unwrap();
    let study = format!(
        r#"
        name = "tiny study"
        output = "out"
        train = "recipe.toml"
        seeds = {seeds}
        alphas = [0.5, 1]
        steps = 2
        samples = 100
        permutations = 100
        [[evaluate]]
        dataset = "sample"
        data = "passages.jsonl"
        [sweep]
        batch = [3, 5]
        layers = [1, 2]
        width = [32, 64]
        quantization = ["f32", "q8", "q4"]
        "#
    );
    let path = folder.join("study.toml");
    fs::write(&path, study).unwrap();
    path
}

/// What a session did: training steps, and evaluations, each counted when all its questions are encoded.
#[derive(Debug, Default, PartialEq)]
struct Done {
    steps: usize,
    evaluations: usize,
}

/// Runs the study, and stops after this many training steps.
fn go(file: &Path, resume: bool, stop_after: usize) -> (Result<StudyReport>, Done) {
    let (study, recipe) = Study::read(file).unwrap();
    let stop = AtomicBool::new(false);
    let mut done = Done::default();
    let report = run(&study, &recipe, &EncoderDevice::cpu(), resume, &stop, &mut |event| match event {
        StudyEvent::Step(_) => {
            done.steps += 1;
            if done.steps == stop_after {
                stop.store(true, Ordering::Relaxed);
            }
        }
        StudyEvent::Encode("questions", n, all) if n == all => done.evaluations += 1,
        _ => {}
    });
    (report, done)
}

/// Every evaluation's bytes, by path.
fn evaluations(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let runs = fs::read_dir(folder.join("out/runs")).unwrap();
    let files = runs.flat_map(|run| fs::read_dir(run.unwrap().path()).unwrap().map(|f| f.unwrap().path()));
    files
        .filter(|p| p.to_string_lossy().ends_with("32.json"))
        .map(|p| (p.clone(), fs::read(p).unwrap()))
        .collect()
}

#[test]
fn an_interrupted_study_goes_on_and_does_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = write_all(folder, "[1, 2]");
    // Runs: two arms with two seeds; batch 3, layers 1 and width 32 add three (batch 5, layers 2 and width 64
    // are the hybrid arm itself). Evaluations: the start, these seven, and q8 and q4.
    let (result, first) = go(&file, false, 5);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    // The fifth step is the first of the third run.
    assert_eq!(first, Done { steps: 5, evaluations: 3 });
    let before = evaluations(folder);
    assert_eq!(before.len(), 3);

    let error = go(&file, false, 0).0.unwrap_err().to_string();
    assert!(error.contains("--resume"), "{error}");

    let (report, second) = go(&file, true, 0);
    let report = report.unwrap();
    assert_eq!(second, Done { steps: 7 * 2 - 5, evaluations: 10 - 3 });
    let after = evaluations(folder);
    assert!(before.iter().all(|(path, bytes)| after[path] == *bytes), "an evaluation was made again");
    assert_eq!(report.runs.len(), 10);

    let (again, third) = go(&file, true, 0);
    assert_eq!(third, Done::default());
    assert_eq!(again.unwrap().markdown(), report.markdown());

    // Only timings are measured again if their file is missing.
    let timings = folder.join("out/timings.json");
    fs::remove_file(&timings).unwrap();
    assert_eq!(go(&file, true, 0).1, Done::default());
    assert!(timings.is_file());

    // With the program, twice with the same result.
    let output = Command::new(env!("CARGO_BIN_EXE_interlingua"))
        .args(["study", file.to_str().unwrap(), "--resume", "--device", "cpu", "--json"])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !stderr.contains("step 1 of"), "{stderr}");
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept: Value = serde_json::from_slice(&fs::read(folder.join("out/report.json")).unwrap()).unwrap();
    assert_eq!(json, kept);
    the_report_has_its_figures(&json, &report, folder);

    // A deleted model is only missed when it is to be timed.
    let mut runs = fs::read_dir(folder.join("out/runs")).unwrap().map(|run| run.unwrap().path());
    let narrow = runs.find(|run| run.to_string_lossy().contains("-width-32-")).unwrap();
    fs::remove_dir_all(narrow.join("bundle")).unwrap();
    assert!(go(&file, true, 0).0.is_ok());
    fs::remove_file(&timings).unwrap();
    let problem = go(&file, true, 0).0.unwrap_err().to_string();
    assert!(problem.contains("-width-32-") && problem.contains("delete the run's folder too"), "{problem}");
}

fn the_report_has_its_figures(json: &Value, report: &StudyReport, folder: &Path) {
    let found = &report.findings[0];
    assert_eq!(found.size, [3, 30, 10, 30]);
    assert_eq!((found.baseline.len(), found.arms.len()), (7, 2));
    for arm in &found.arms {
        let mono = &arm.figures[&Figure::MonoMap];
        assert_eq!((mono.seeds.len(), arm.seeds.as_slice()), (2, &[1, 2][..]));
        assert!(mono.mean > 0.0 && mono.mean <= 1.0 && mono.sd.is_some() && mono.interval.is_some());
        assert_ne!(arm.figures[&Figure::MultiMap].seeds, found.baseline[&Figure::MultiMap].seeds);
    }
    // Only hybrid minus monolingual: there is no cross-lingual arm.
    assert_eq!((found.contrasts.len(), found.claims.len()), (4, 1));
    for pointer in [
        "/study/seeds/1",
        "/recipe/stage/0/learning_rate",
        "/start/sha256",
        "/data/0/sha256",
        "/datasets/sample",
        "/findings/0/arms/0/figures/mono_recall@1/mean",
        "/findings/0/contrasts/0/p_adjusted",
        "/findings/0/claims/0/verdict",
        "/runs/0/evaluation",
        "/version",
        "/machine",
    ] {
        assert!(json.pointer(pointer).is_some(), "{pointer} is missing in {json:#}");
    }
    let sweep = |name: &str| report.sweeps.iter().find(|s| s.name == name).unwrap();
    let bytes: Vec<u64> = sweep("quantization").variants.iter().map(|v| v.bytes).collect();
    assert!(bytes[0] > bytes[1] && bytes[1] > bytes[2], "{bytes:?}");
    let layers = &sweep("layers").variants;
    assert!(layers[0].bytes < layers[1].bytes && layers[0].latency_ms > 0.0);
    let widths = &sweep("width").variants;
    assert!(widths[0].bytes < widths[1].bytes && widths[0].latency_ms > 0.0);
    // The same run gives the same figure.
    let hybrid = found.arms.iter().find(|arm| arm.alpha == 0.5).unwrap().figures[&Figure::MultiMap].seeds[0];
    for (name, i) in [("batch", 1), ("layers", 1), ("width", 1), ("quantization", 0)] {
        assert_eq!(sweep(name).variants[i].figures[&Figure::MultiMap].seeds, [hybrid], "{name}");
        assert_eq!(sweep(name).variants[i].latency_ms, layers[1].latency_ms, "{name}");
    }
    for sweep in &report.sweeps {
        assert!(sweep.variants.iter().any(|v| v.front["latency"]), "{}", sweep.name);
    }

    let text = fs::read_to_string(folder.join("out/report.md")).unwrap();
    for words in ["[baseline]", "monolingual", "hybrid 0.5", "2 seeds", "Sweep: layers", "rank distance"] {
        assert!(text.contains(words), "{words} is missing in\n{text}");
    }
    let links: Vec<&str> = text.split("](").skip(1).filter_map(|t| t.split(')').next()).collect();
    assert_eq!(links.len(), 6, "{links:?}");
    for link in links {
        let svg = fs::read_to_string(folder.join("out").join(link)).unwrap();
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n") && !svg.contains("NaN"), "{link}");
    }
    // What a finished run no longer needs is deleted; its model is kept.
    let run = folder.join("out/runs").join(&report.runs[1].folder);
    assert!(run.join("bundle/manifest.json").is_file() && !run.join("checkpoints").exists());
}

#[test]
fn a_changed_configuration_is_another_run_and_a_lost_file_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = write_all(folder, "[1]");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.split("[sweep]").next().unwrap().replace("alphas = [0.5, 1]", "alphas = [1]");
    fs::write(&file, &text).unwrap();
    let (result, done) = go(&file, false, 0);
    assert_eq!((result.unwrap().notes.len(), done), (1, Done { steps: 2, evaluations: 2 }));

    // Measured again, but not trained again.
    let run = fs::read_dir(folder.join("out/runs")).unwrap().map(|f| f.unwrap().path());
    let run = run.into_iter().find(|p| p.join("trained.json").is_file()).unwrap();
    fs::write(run.join("sample.f32.ranks.safetensors"), b"damaged").unwrap();
    assert_eq!(go(&file, true, 0).1, Done { steps: 0, evaluations: 1 });

    fs::write(&file, text.replace("steps = 2", "steps = 3")).unwrap();
    assert_eq!(go(&file, true, 0).1, Done { steps: 3, evaluations: 1 });
    // Earlier runs are kept.
    fs::write(&file, &text).unwrap();
    assert_eq!(go(&file, true, 0).1, Done::default());
}

#[test]
fn what_is_wrong_is_said_before_anything_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let file = write_all(folder.path(), "[1]");
    let text = fs::read_to_string(&file).unwrap();
    for (right, wrong, named) in [
        ("data = \"passages.jsonl\"", "data = \"nothing.jsonl\"", "nothing.jsonl"),
        ("dataset = \"sample\"", "dataset = \"sampel\"", "sampel"),
        ("layers = [1, 2]", "layers = [3]", "2 layers"),
    ] {
        fs::write(&file, text.replace(right, wrong)).unwrap();
        let (result, done) = go(&file, false, 0);
        let error = result.unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
        assert_eq!(done, Done::default());
    }
}

#[test]
fn the_recipe_compares_what_the_paper_compares() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes/study.toml");
    let (study, _) = Study::read(&path).unwrap();
    assert!(study.seeds.len() >= 3);
    for alpha in [0.0, 0.5, 1.0] {
        assert!(study.arms.iter().any(|arm| arm.alpha == alpha), "{alpha}");
    }
    assert_eq!(study.evaluate[0].dataset, "xquad-r");
}
