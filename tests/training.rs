//! Whole training runs with a small model: resuming, damaged files, every strategy.

mod common;

use std::{collections::BTreeMap, fs, path::Path, sync::atomic::AtomicBool};

use common::tiny::{config, losses_are_near, run, run_on, write_data};
use interlingua::{
    Error,
    bundle::{Bundle, Quantization},
    encoder::{Encoder, EncoderDevice},
    study::Study,
    text::Kind,
    training::{Anchor, Objective, TrainConfig, TrainableWeights, TrainingProgress, Whitening, train},
};
use serde_json::{Value, json};

#[test]
fn a_resumed_run_gives_the_weights_of_an_uninterrupted_one() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let whole = config(folder.path(), "whole", "hybrid");
    let (result, seen, _) = run(&whole, false, None);
    result.unwrap();
    assert_eq!(seen.iter().map(|p| p.step).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
    assert!(seen.iter().all(|p| p.loss.is_finite() && p.pairs_per_second > 0.0));

    let broken = config(folder.path(), "broken", "hybrid");
    let (result, seen, _) = run(&broken, false, Some(5));
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
    assert_eq!(seen.len(), 5);
    let (result, seen, _) = run(&broken, true, None);
    result.unwrap();
    assert_eq!(seen.iter().map(|p| p.step).collect::<Vec<_>>(), [6, 7]);

    let weights = |c: &TrainConfig| Bundle::open(&c.output.join("bundle")).unwrap().weights;
    assert!(weights(&whole) == weights(&broken), "the weights differ");
    let start = Bundle::open(&whole.output.join("start")).unwrap().weights;
    assert!(weights(&whole) != start, "training changed nothing");
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let config = config(folder.path(), "out", "cross-lingual");
    assert!(run(&config, false, Some(5)).0.is_err());
    let newest = config.output.join("checkpoints/step-000005/rows.safetensors");
    let bytes = fs::read(&newest).unwrap();
    fs::write(&newest, &bytes[..bytes.len() / 2]).unwrap();
    // Left behind by an interruption in the middle of writing.
    fs::create_dir_all(config.output.join("checkpoints/unfinished")).unwrap();
    let (result, seen, notes) = run(&config, true, None);
    result.unwrap();
    assert_eq!(seen.first().map(|p| p.step), Some(5));
    assert!(notes.iter().any(|n| n.contains("step-000005") && n.contains("damaged")), "{notes:?}");
}

#[test]
fn another_configuration_does_not_go_on_from_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    assert!(run(&config(folder.path(), "out", "monolingual"), false, Some(4)).0.is_err());
    let mut other = config(folder.path(), "out", "monolingual");
    other.stage[1].learning_rate = 2e-3;
    let error = run(&other, true, None).0.unwrap_err().to_string();
    assert!(error.contains("another configuration"), "{error}");
    // A checkpoint of a version that did not record its configuration.
    let state = other.output.join("checkpoints/step-000004/state.json");
    let mut written: Value = serde_json::from_slice(&fs::read(&state).unwrap()).unwrap();
    assert!(written.as_object_mut().unwrap().remove("revision").is_some());
    fs::write(&state, written.to_string()).unwrap();
    let error = run(&other, true, None).0.unwrap_err().to_string();
    assert!(error.contains("another version of this program"), "{error}");
}

#[test]
fn a_loss_that_is_no_number_stops_with_step_and_stage() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let mut config = config(folder.path(), "out", "hybrid");
    // Scores divided by next to nothing overflow, as those of diverged weights do.
    config.stage[1].temperature = f32::MIN_POSITIVE / 1e6;
    let (result, _, _) = run(&config, false, None);
    let error = result.unwrap_err().to_string();
    assert!(error.contains("step 3") && error.contains("retrieval"), "{error}");
    assert!(error.contains("5 texts, such as ") && error.contains("tiny:"), "{error}");
    assert!(config.output.join("checkpoints/step-000002/state.json").exists());
}

/// Values of all weights, with their names.
fn weights(config: &TrainConfig) -> Vec<(String, Vec<f32>)> {
    let bundle = Bundle::open(&config.output.join("bundle")).unwrap();
    bundle.weights.iter().map(|(name, array)| (name.to_string(), array.to_f32())).collect()
}

/// The largest difference of any weight, relative to how far the largest moved from its start.
fn difference(a: &TrainConfig, b: &TrainConfig) -> f32 {
    let start = Bundle::open(&a.output.join("start")).unwrap().weights;
    let (mut apart, mut went) = (0.0f32, 0.0f32);
    for ((name, a), (other, b)) in weights(a).iter().zip(&weights(b)) {
        assert_eq!(name, other);
        let start = start.need(name).unwrap().to_f32();
        for ((a, b), start) in a.iter().zip(b).zip(start) {
            apart = apart.max((a - b).abs());
            went = went.max((a - start).abs());
        }
    }
    assert!(went > 1e-3, "training changed next to nothing: {went}");
    apart / went
}

/// Adam divides by a gradient's magnitude, so the sign of a near-zero one is chance: losses are compared,
/// which such weights do not affect.
#[test]
fn our_kernels_and_burns_learn_the_same() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let (_, own, _) = run(&config(folder.path(), "own", "hybrid"), false, None);
    let (result, burn, _) =
        run_on(EncoderDevice::flex(), &config(folder.path(), "burn", "hybrid"), false, None);
    result.unwrap();
    losses_are_near(&own, &burn, 1e-3);
    assert!(own[6].loss != own[3].loss);
}

#[test]
fn two_devices_learn_what_one_does() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let one = config(folder.path(), "one", "cross-lingual");
    let (_, alone, _) = run_on(EncoderDevice::flex(), &one, false, None);
    let two = config(folder.path(), "two", "cross-lingual");
    let both = EncoderDevice::joined(vec![EncoderDevice::flex(), EncoderDevice::flex()]).unwrap();
    let (result, together, _) = run_on(both, &two, false, None);
    result.unwrap();
    losses_are_near(&alone, &together, 1e-3);
    let error = EncoderDevice::joined(vec![EncoderDevice::cpu()]).unwrap_err().to_string();
    assert!(error.contains("cpu"), "{error}");
}

/// AdamW's first update of a weight is as large as the learning rate, however often others were updated
/// before.
#[test]
fn blocks_that_join_later_start_at_their_own_pace() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    for (machine, output) in [(EncoderDevice::cpu(), "own"), (EncoderDevice::flex(), "burns")] {
        let mut config = config(folder.path(), output, "hybrid");
        (config.stage[0].train, config.stage[0].steps) = (TrainableWeights::Last(1), 40);
        (config.stage[1].warmup, config.stage[1].steps) = (0, 1);
        run_on(machine, &config, false, None).0.unwrap();
        let start = Bundle::open(&config.output.join("start")).unwrap().weights;
        let name = "encoder.layer.0.output.dense.bias";
        let end = Bundle::open(&config.output.join("bundle")).unwrap().weights.need(name).unwrap().to_f32();
        let before = start.need(name).unwrap().to_f32();
        let went = end.iter().zip(&before).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!((went - 1e-3).abs() < 1e-5, "{output}: {went}");
    }
}

#[test]
fn what_does_not_fit_the_models_is_refused_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let refused = |change: &dyn Fn(&mut TrainConfig)| {
        let mut config = config(folder.path(), "out", "hybrid");
        change(&mut config);
        let (result, steps, _) = run(&config, false, None);
        assert!(steps.is_empty());
        result.unwrap_err().to_string()
    };
    let error = refused(&|config| config.stage[1].train = TrainableWeights::Last(3));
    assert!(error.contains("stage[1].train") && error.contains("3 blocks of a model that has 2"), "{error}");
    let labse = common::checkpoint("labse");
    let error = refused(&|config| config.start.teacher = Some(labse.clone()));
    assert!(
        error.contains("stage[0] distils vectors of 64 dimensions") && error.contains("have 48"),
        "{error}"
    );
}

#[test]
fn a_checkpoint_is_not_gone_on_from_by_the_other_implementation() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    for (first, second, named) in [
        (EncoderDevice::cpu(), EncoderDevice::flex(), "--device cpu;"),
        (EncoderDevice::flex(), EncoderDevice::cpu(), "--device flex;"),
    ] {
        let config = config(folder.path(), named.trim_matches(';').trim_start_matches("--device "), "hybrid");
        assert!(run_on(first, &config, false, Some(2)).0.is_err());
        let error = run_on(second, &config, true, None).0.unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

/// Only the last of two blocks is trained, with the same result on both devices; earlier weights are
/// bit-identical.
#[test]
fn the_last_blocks_alone_can_learn() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let last = |output| {
        let mut config = config(folder.path(), output, "hybrid");
        config.stage.iter_mut().for_each(|stage| stage.train = TrainableWeights::Last(1));
        config
    };
    let mut losses = Vec::new();
    for (machine, output) in [(EncoderDevice::cpu(), "own"), (EncoderDevice::flex(), "burns")] {
        let config = last(output);
        let (result, steps, _) = run_on(machine, &config, false, None);
        result.unwrap();
        losses.push(steps.iter().map(|step| step.loss).collect::<Vec<_>>());
        let start = Bundle::open(&config.output.join("start")).unwrap().weights;
        for (name, values) in weights(&config) {
            let stays = name.starts_with("embeddings.") || name.starts_with("encoder.layer.0.");
            let mut before = start.need(&name).unwrap().to_f32();
            if name.contains("position") {
                // In a trained bundle the embedding of token type 0 is added to the positions.
                let kind = start.need("embeddings.token_type_embeddings.weight").unwrap().to_f32();
                before.chunks_mut(64).flat_map(|row| row.iter_mut().zip(&kind)).for_each(|(p, k)| *p += k);
            }
            assert_eq!(values == before, stays, "{output} {name}");
        }
    }
    assert_eq!(losses[0].len(), 7);
    for (step, (own, burns)) in losses[0].iter().zip(&losses[1]).enumerate() {
        assert!((own - burns).abs() < 1e-3 * own, "step {step}: {own} {burns}");
    }
}

/// Without a stage, only the new layer differs from the start; a second time it is multiplied into the first.
#[test]
fn vectors_are_whitened_within_pairs() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let mut whitened = config(folder.path(), "whitened", "hybrid");
    whitened.stage.clear();
    whitened.whitening = Some(Whitening::default());
    let (result, steps, notes) = run(&whitened, false, None);
    result.unwrap();
    assert!(steps.is_empty());
    // Ten questions in each language.
    assert!(notes.iter().any(|note| note == "vectors whitened within 30 pairs in 3 languages"), "{notes:?}");
    let mut again = config(folder.path(), "again", "hybrid");
    again.stage.clear();
    again.whitening = Some(Whitening { ridge: 0.5, ..Whitening::default() });
    again.start.model = whitened.output.join("bundle");
    run(&again, false, None).0.unwrap();

    let open = |folder: &Path| Bundle::open(folder).unwrap();
    let start = open(&whitened.output.join("start"));
    let bundles = [start, open(&whitened.output.join("bundle")), open(&again.output.join("bundle"))];
    for bundle in &bundles[1..] {
        let dense = &bundle.manifest.architecture.dense;
        assert_eq!((dense.len(), dense[0].input, dense[0].output), (1, 64, 64));
        for (name, values) in bundles[0].weights.iter() {
            // In a trained bundle the embedding of token type 0 is added to the positions.
            if !name.contains("position") && !name.contains("token_type") {
                assert!(values.to_f32() == bundle.weights.need(name).unwrap().to_f32(), "{name}");
            }
        }
    }
    // The distance between the two sides of pairs, relative to the distance between texts in general.
    let texts: Vec<Vec<String>> = ["qa.en.jsonl", "qa.de.jsonl", "qa.es.jsonl"]
        .iter()
        .flat_map(|file| {
            fs::read_to_string(folder.path().join(file))
                .unwrap()
                .lines()
                .map(String::from)
                .collect::<Vec<_>>()
        })
        .map(|line| {
            let line: Value = serde_json::from_str(&line).unwrap();
            ["question", "context"].map(|side| line[side].as_str().unwrap().to_string()).to_vec()
        })
        .collect();
    let side = |i: usize| texts.iter().map(|pair| pair[i].as_str()).collect::<Vec<_>>();
    let apart = bundles.each_ref().map(|bundle| {
        let encoder = Encoder::new(bundle, EncoderDevice::cpu()).unwrap();
        let queries = encoder.encode_all(&side(0), Kind::Query, &mut |_, _| {}).unwrap();
        let passages = encoder.encode_all(&side(1), Kind::Passage, &mut |_, _| {}).unwrap();
        let squared = |shift: usize| -> f32 {
            let others = passages.iter().cycle().skip(shift * 64);
            queries.iter().zip(others).map(|(q, p)| (q - p).powi(2)).sum()
        };
        squared(0) / (1..texts.len()).map(squared).sum::<f32>() * (texts.len() - 1) as f32
    });
    assert!(apart[1] < apart[0] && apart[2] < apart[1], "{apart:?}");
}

#[test]
fn a_batch_in_chunks_gives_the_weights_of_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let whole = config(folder.path(), "whole", "hybrid");
    let mut parts = config(folder.path(), "parts", "hybrid");
    parts.stage.iter_mut().for_each(|stage| stage.chunk = 2);
    let (_, at_once, _) = run(&whole, false, None);
    let (result, in_parts, _) = run(&parts, false, None);
    result.unwrap();
    losses_are_near(&at_once, &in_parts, 1e-4);
    let apart = difference(&whole, &parts);
    assert!(apart < 0.05, "{apart}");
}

/// A contrastive batch with all possible terms.
fn all_terms(folder: &Path, name: &str, from: Anchor) -> TrainConfig {
    let mut config = config(folder, name, "cross-lingual");
    config.sampling.same_language_negatives = 1.0;
    config.sampling.batch_languages = 2;
    for stage in &mut config.stage {
        if let Objective::Contrastive(terms) = &mut stage.objective {
            terms.hard_negatives = true;
            (terms.agreement, terms.reversed, terms.anchored) = (0.7, 0.4, 0.6);
            terms.reversed_from = from;
        }
    }
    config
}

#[test]
fn terms_against_language_bias_are_the_same_in_chunks_and_on_both_trainers() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let whole = all_terms(folder.path(), "whole", Anchor::English);
    let mut parts = all_terms(folder.path(), "parts", Anchor::English);
    parts.stage.iter_mut().for_each(|stage| stage.chunk = 2);
    let (result, at_once, _) = run(&whole, false, None);
    result.unwrap();
    let (result, in_parts, _) = run(&parts, false, None);
    result.unwrap();
    losses_are_near(&at_once, &in_parts, 1e-4);
    let apart = difference(&whole, &parts);
    assert!(apart < 0.05, "{apart}");
    let burn = all_terms(folder.path(), "burn", Anchor::English);
    let (result, by_burn, _) = run_on(EncoderDevice::flex(), &burn, false, None);
    result.unwrap();
    losses_are_near(&at_once, &by_burn, 1e-3);
    // The log has the contents of batches and each term.
    let log = fs::read_to_string(whole.output.join("log.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines[0].get("batches").is_none(), "distillation");
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for line in &lines[3..] {
        let batch = &line["batches"][0];
        assert_eq!((&batch["batch"], &batch["items"]), (&json!("cross-lingual"), &json!(5)));
        for field in ["hard_negatives", "same_language_negatives", "parallel_queries", "english_passages"] {
            *sums.entry(field).or_default() += batch[field].as_f64().unwrap_or(0.0);
        }
        for (name, term) in batch["terms"].as_object().unwrap() {
            *sums.entry(name).or_default() += term.as_f64().unwrap();
        }
    }
    for name in ["same_language_negatives", "parallel_queries", "english_passages", "agreement", "reversed"] {
        assert!(sums[name] > 0.0, "{name}: {sums:?}");
    }
    assert!(sums["anchored"] > 0.0 && sums["contrastive"] > 0.0, "{sums:?}");
    let passage = all_terms(folder.path(), "passage", Anchor::Passage);
    run(&passage, false, None).0.unwrap();
    assert!(weights(&whole) != weights(&passage), "the anchor changes nothing");
}

#[test]
fn batches_are_accumulated_and_resume_alike() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let several = |name: &str| {
        let mut config = config(folder.path(), name, "hybrid");
        config.stage.iter_mut().for_each(|stage| stage.accumulate = 3);
        config
    };
    let (whole, broken) = (several("whole"), several("broken"));
    run(&whole, false, None).0.unwrap();
    assert!(run(&broken, false, Some(3)).0.is_err());
    run(&broken, true, None).0.unwrap();
    assert!(weights(&whole) == weights(&broken), "the weights differ");
    let single = config(folder.path(), "single", "hybrid");
    run(&single, false, None).0.unwrap();
    assert!(weights(&whole) != weights(&single), "three batches gave what one gives");
}

#[test]
fn training_for_packed_weights_resumes_and_says_where_it_cannot() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let aware = |name: &str| {
        let mut config = config(folder.path(), name, "hybrid");
        (config.quantization, config.quantization_aware) = (Quantization::Q8, true);
        config
    };
    let (whole, broken) = (aware("whole"), aware("broken"));
    let (result, seen, _) = run(&whole, false, None);
    result.unwrap();
    let (_, plain, _) = run(&config(folder.path(), "plain", "hybrid"), false, None);
    assert!(seen[0].loss != plain[0].loss, "packing changed nothing");
    assert!(
        (seen[0].loss - plain[0].loss).abs() < 0.02 * plain[0].loss,
        "{} {}",
        seen[0].loss,
        plain[0].loss
    );
    assert!(run(&broken, false, Some(4)).0.is_err());
    run(&broken, true, None).0.unwrap();
    assert!(weights(&whole) == weights(&broken), "the weights differ");
    let error = run_on(EncoderDevice::flex(), &aware("burn"), false, None).0.unwrap_err().to_string();
    assert!(error.contains("quantization-aware"), "{error}");
}

#[test]
fn training_ends_when_held_out_questions_fare_no_better() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let held_out = folder.path().join("held-out");
    fs::create_dir(&held_out).unwrap();
    for lang in ["en", "de", "es"] {
        let name = format!("qa.{lang}.jsonl");
        fs::copy(folder.path().join(&name), held_out.join(&name)).unwrap();
    }
    let watched = |name: &str, rate: f64| {
        let mut config = config(folder.path(), name, "hybrid");
        let text = format!(
            "dataset = \"docqa\"\ndata = {held_out:?}\nlanguages = [\"de\", \"en\", \"es\"]\nevery = 1\npatience = 2"
        );
        config.validation = Some(toml::from_str(&text).unwrap());
        config.stage.iter_mut().for_each(|stage| stage.learning_rate = rate);
        config
    };
    // Steps too small to change a ranking.
    let still = watched("still", 1e-12);
    let (result, seen, notes) = run(&still, false, None);
    result.unwrap();
    assert_eq!(seen.iter().map(|p| p.step).collect::<Vec<_>>(), [1, 2, 3]);
    let maps: Vec<_> = seen.iter().map(|p| p.validation.unwrap().multi.unwrap()).collect();
    assert!(maps[0] > 0.0 && maps.iter().all(|m| *m == maps[0]), "{maps:?}");
    assert!(notes.iter().any(|n| n.contains("no improvement since step 1")), "{notes:?}");
    let best = Bundle::open(&still.output.join("best")).unwrap();
    assert!(Bundle::open(&still.output.join("bundle")).unwrap().weights == best.weights);
    // A finished run stays finished.
    assert!(run(&still, true, None).1.is_empty());

    // An interrupted run remembers its best result.
    let (whole, broken) = (watched("whole", 1e-3), watched("broken", 1e-3));
    let (_, all, _) = run(&whole, false, None);
    assert!(run(&broken, false, Some(2)).0.is_err());
    let (result, rest, _) = run(&broken, true, None);
    result.unwrap();
    assert_eq!(all.len(), 2 + rest.len());
    assert!(weights(&whole) == weights(&broken), "the weights differ");
}

/// Resident memory of this process in bytes.
#[cfg(target_os = "linux")]
fn held() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_over_ten_thousand_steps() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    let mut config = config(folder.path(), "long", "hybrid");
    config.checkpoint_every = 100_000;
    config.stage.iter_mut().for_each(|stage| (stage.steps, stage.learning_rate) = (5_000, 1e-5));
    let mut sizes = Vec::new();
    let stop = AtomicBool::new(false);
    let mut seen = |p: &TrainingProgress| {
        if p.step.is_multiple_of(1_000) {
            sizes.push(held());
        }
    };
    train(&config, &EncoderDevice::cpu(), false, &stop, &mut seen, &mut |_| {}).unwrap();
    assert_eq!(sizes.len(), 10);
    // Other tests in the same process hold a few small models for a moment.
    let grown = sizes[9].saturating_sub(sizes[1]);
    assert!(grown < 64 << 20, "{grown} bytes more after 10,000 steps than after 2,000: {sizes:?}");
}

#[test]
fn questions_alone_are_enough_for_retrieval() {
    let folder = tempfile::tempdir().unwrap();
    write_data(folder.path());
    fs::remove_file(folder.path().join("parallel.tiny.jsonl")).unwrap();
    let mut config = config(folder.path(), "out", "hybrid");
    let error = run(&config, false, None).0.unwrap_err().to_string();
    assert!(error.contains("no parallel segment"), "{error}");
    config.stage.remove(0);
    let (result, seen, _) = run(&config, false, None);
    result.unwrap();
    assert_eq!(seen.len(), 4);
}

/// Paths that anyone with a clone can have: `data` and `models` are their own, `out` is written by recipes.
#[test]
fn every_recipe_is_read_and_names_paths_within_the_clone() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let mut recipes = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "toml") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        match text.contains("[[evaluate]]") {
            true => drop(Study::read(&path).unwrap()),
            false => drop(TrainConfig::read(&path).unwrap()),
        }
        for named in text.split('"').filter(|part| part.starts_with("../")) {
            let known = ["../data/", "../models/", "../out/", "../static/"];
            assert!(known.iter().any(|start| named.starts_with(start)), "{}: {named}", path.display());
        }
        recipes += 1;
    }
    assert!(recipes >= 4, "{recipes}");
}
