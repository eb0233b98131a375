//! The programs in `examples` do what they claim. `cargo test` builds them before running this.

use std::{
    env::current_exe,
    path::{Path, PathBuf},
    process::Command,
};

/// The output of an example.
fn run(name: &str, args: &[&Path]) -> String {
    let program = current_exe().expect("a path");
    let folder = program.ancestors().nth(2).expect("tests are in target/*/deps");
    let program = folder.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.is_file(), "{} is not built: run `cargo build --examples` first", program.display());
    let output = Command::new(program).args(args).output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("static/model")
}

#[test]
fn search_finds_the_answer_in_each_language() {
    let text = run("search", &[]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 6, "{text}");
    let bees = |line: &&str| ["honey", "Bienen", "Arılar"].iter().any(|word| line.contains(word));
    assert!(lines[1..4].iter().all(bees), "{text}");
}

#[test]
fn evaluate_measures_all_settings() {
    let text = run("evaluate", &[&model(), Path::new("de"), Path::new("th")]);
    assert!(text.contains("on 250 questions"), "{text}");
    let map = |setting: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(setting)).expect("the setting is there");
        line.split_whitespace().nth(2).expect("a value").parse().expect("a number")
    };
    assert!(map("mono") > 0.75 && map("cross") > 0.6 && map("multi") > 0.6, "{text}");
    assert!(map("mono") < 1.0 && map("cross") < map("mono"), "{text}");
}

#[test]
fn train_writes_a_bundle_that_encodes() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = run("train", &[folder.path(), Path::new("2")]);
    assert!(text.contains("step 2 of 2: loss"), "{text}");
    let last = text.lines().last().expect("a line");
    let cosines: Vec<f32> = last
        .rsplit([' ', ','])
        .filter_map(|word| word.parse().ok())
        .filter(|x: &f32| x.abs() <= 1.0)
        .collect();
    assert!(matches!(cosines[..], [other, same] if same > other), "{text}");
}
