//! Training on very little data, for tests.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use interlingua::{
    encoder::EncoderDevice,
    training::{TrainConfig, TrainingProgress, train},
};

/// Ten multi-way questions and forty parallel segments in three languages.
pub fn write_data(folder: &Path) {
    let words = ["river", "stone", "bird", "winter", "bread", "music", "letter", "garden", "ship", "night"];
    let text = |lang: &str, i: usize| {
        let word = words[i % words.len()];
        match lang {
            "en" => format!("The {word} number {i} is old and quiet."),
            "de" => format!("Das Ding {word} Nummer {i} ist alt und still."),
            _ => format!("La cosa {word} numero {i} es vieja y tranquila."),
        }
    };
    let mut parallel = String::new();
    for i in 0..40 {
        let t = ["en", "de", "es"].map(|l| format!("\"{l}\":\"{}\"", text(l, i))).join(",");
        parallel += &format!("{{\"id\":\"tiny:{i}\",\"t\":{{{t}}}}}\n");
    }
    fs::write(folder.join("parallel.tiny.jsonl"), parallel).unwrap();
    for lang in ["en", "de", "es"] {
        let lines: String = (0..10)
            .map(|i| {
                format!(
                    "{{\"id\":\"docqa/tiny:{i}\",\"lang\":\"{lang}\",\"question\":\"{}?\",\"context\":\"{} {}\",\"answer\":null,\"answer_sentence\":null,\"source\":\"docqa/tiny\"}}\n",
                    words[i],
                    text(lang, i),
                    text(lang, i + 10)
                )
            })
            .collect();
        fs::write(folder.join(format!("qa.{lang}.jsonl")), lines).unwrap();
    }
}

/// Seven steps from the small checkpoint `plain`, in the folder `output` next to the data.
pub fn config(folder: &Path, output: &str, strategy: &str) -> TrainConfig {
    let model = super::checkpoint("plain");
    let text = format!(
        r#"
        name = "tiny"
        output = "{output}"
        languages = ["en", "de", "es"]
        seed = 3
        checkpoint_every = 2
        quantization = "f32"
        [start]
        model = "{}"
        [data]
        folder = "."
        [[stage]]
        name = "distil"
        objective = {{ kind = "distillation" }}
        steps = 3
        batch = 6
        learning_rate = 1e-3
        max_tokens = 24
        [[stage]]
        name = "retrieval"
        objective = {{ kind = "contrastive", strategy = "{strategy}", distillation = 0.5 }}
        steps = 4
        batch = 5
        learning_rate = 1e-3
        warmup = 2
        max_tokens = 24
        "#,
        model.display()
    );
    let path = folder.join(format!("{output}.toml"));
    fs::write(&path, text).unwrap();
    TrainConfig::read(&path).unwrap()
}

/// A run on the CPU, stopped after this many steps if given: its result, its progress, its notes.
pub fn run(
    config: &TrainConfig,
    resume: bool,
    stop_after: Option<u64>,
) -> (interlingua::Result<()>, Vec<TrainingProgress>, Vec<String>) {
    run_on(EncoderDevice::cpu(), config, resume, stop_after)
}

/// The same on any device.
pub fn run_on(
    machine: EncoderDevice,
    config: &TrainConfig,
    resume: bool,
    stop_after: Option<u64>,
) -> (interlingua::Result<()>, Vec<TrainingProgress>, Vec<String>) {
    let stop = AtomicBool::new(false);
    let (mut seen, mut notes) = (Vec::new(), Vec::new());
    let result = train(
        config,
        &machine,
        resume,
        &stop,
        &mut |p| {
            seen.push(p.clone());
            if Some(p.step) == stop_after {
                stop.store(true, Ordering::Relaxed);
            }
        },
        &mut |note| notes.push(note.to_string()),
    );
    (result.map(|_| ()), seen, notes)
}

/// Asserts that the losses of all seven steps agree within `part` of their size.
pub fn losses_are_near(one: &[TrainingProgress], other: &[TrainingProgress], part: f32) {
    assert_eq!((one.len(), other.len()), (7, 7));
    for (a, b) in one.iter().zip(other) {
        assert!((a.loss - b.loss).abs() < part * a.loss, "step {}: {} {}", a.step, a.loss, b.loss);
    }
}
