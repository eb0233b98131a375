//! Compared with numpy, scipy and statsmodels (`tests/reference/significance.py`), and with plain sums.

use proptest::prelude::*;
use serde_json::Value;

use super::random::Random;
use super::*;
use crate::datasets::{Corpus, Passage, Question};
use crate::evaluation::{SettingMeans, rank};
use crate::retrieval::Index;

fn reference() -> Value {
    serde_json::from_str(include_str!("../../../tests/reference/significance.json")).unwrap()
}

fn numbers<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12, "{a} {b}");
}

#[test]
fn random_numbers_are_splitmix() {
    let reference = &reference()["splitmix"];
    let mut random = Random::new(numbers(&reference["seed"]));
    for expected in numbers::<Vec<String>>(&reference["numbers"]) {
        assert_eq!(random.next().to_string(), expected);
    }
    let mut seen = [0; 7];
    (0..70_000).for_each(|_| seen[random.below(7)] += 1);
    assert!(seen.iter().all(|n| (9_500..10_500).contains(n)), "{seen:?}");
}

#[test]
fn the_bootstrap_is_numpys() {
    let reference = &reference()["bootstrap"];
    let cells: Vec<Vec<(usize, f64)>> = numbers(&reference["cells"]);
    let cells = cells.into_iter().map(|cell| cell.into_iter().map(|(g, v)| (g, [v])).collect());
    let cells: Vec<Grouped> = cells.map(Grouped::with_median).collect();
    let all = vec![(0..cells.len()).collect()];
    let [groups, samples] = ["groups", "samples"].map(|name| numbers::<usize>(&reference[name]));
    let mut slices = Resamples::new(groups, cells, all, samples, numbers(&reference["seed"]));
    let whole = slices.clone().finish();
    assert_eq!((slices.step(1), slices.step(50)), (202, 152));
    assert_eq!(slices.finish(), whole);
    for (name, interval) in ["mean", "median"].into_iter().zip(&whole[0]) {
        let expected: Interval = numbers(&reference[name]);
        (0..2).for_each(|end| close(interval.unwrap()[end], expected[end]));
    }
}

#[test]
fn the_randomisation_test_nears_all_permutations() {
    let reference = &reference()["randomisation"];
    let [a, b] = ["a", "b"].map(|name| numbers::<Vec<f64>>(&reference[name]));
    let exact: f64 = numbers(&reference["p"]);
    let cell = a.iter().zip(&b).enumerate().map(|(group, (a, b))| (group, [*a, *b])).collect();
    let samples = 100_000;
    let test = &Paired::new(10, &[cell], vec![vec![0]], samples, 3).finish()[0];
    // Four standard errors.
    let error = 4.0 * (exact * (1.0 - exact) / samples as f64).sqrt();
    assert!((test.p - exact).abs() < error, "{} and exactly {exact}", test.p);
    close(test.difference, (b.iter().sum::<f64>() - a.iter().sum::<f64>()) / 10.0);
    assert!(test.interval[0] < test.difference && test.difference < test.interval[1]);
}

#[test]
fn holms_correction_is_statsmodels() {
    let reference = &reference()["holm"];
    let test = |p| Difference {
        a: 0.0,
        b: 0.0,
        difference: 0.0,
        interval: [0.0; 2],
        p,
        p_adjusted: p,
        significant: false,
    };
    let mut tests: Vec<Difference> = numbers::<Vec<f64>>(&reference["p"]).into_iter().map(test).collect();
    correct(&mut tests);
    let adjusted = numbers::<Vec<f64>>(&reference["adjusted"]);
    tests.iter().zip(adjusted).for_each(|(test, expected)| close(test.p_adjusted, expected));
    let significant: Vec<bool> = tests.iter().map(|t| t.significant).collect();
    assert_eq!(significant, numbers::<Vec<bool>>(&reference["significant"]));
}

/// `n` questions in each language, each answered in the languages given by `known`.
fn task(languages: &[&str], n: usize, known: impl Fn(usize, usize) -> bool) -> Task {
    let mut corpus = Corpus { name: "c".into(), ..Corpus::default() };
    for (l, lang) in languages.iter().enumerate() {
        for i in 0..n {
            corpus.passages.push(Passage {
                id: format!("{lang}:{i}"),
                group: i.to_string(),
                lang: lang.to_string(),
                text: String::new(),
                source: String::new(),
                answer: None,
            });
            if known(l, i) {
                corpus.questions.push(Question {
                    id: i.to_string(),
                    group: i.to_string(),
                    lang: lang.to_string(),
                    text: "?".into(),
                    relevant: vec![(l * n + i).into()],
                    ..Question::default()
                });
            }
        }
    }
    Task::new(&corpus).unwrap()
}

/// Ranks from vectors of two random coordinates; the larger `good`, the better the model.
fn model(task: &Task, seed: u64, good: f32) -> (Vec<Ranks>, Scores) {
    let mut random = Random::new(seed);
    let mut rows = |ids: Vec<&str>| -> Vec<f32> {
        let row = ids.into_iter().flat_map(|id| {
            let angle = id.rsplit(':').next().unwrap().parse::<f32>().unwrap();
            let noise = random.below(1000) as f32 / 1000.0;
            [(angle + noise / good).cos(), (angle + noise / good).sin()]
        });
        row.collect()
    };
    let index = Index::from_rows(2, &rows(task.documents.iter().map(|d| d.id.as_str()).collect())).unwrap();
    let queries = rows(task.queries.iter().map(|q| q.id.as_str()).collect());
    let ranks = rank(task, &index, &queries).unwrap();
    let scores = Scores::of(task, &ranks);
    (ranks, scores)
}

#[test]
fn intervals_surround_the_figures_of_the_report() {
    let task = task(&["de", "en", "vi"], 40, |l, i| l != 2 || i % 3 == 0);
    let (_, scores) = model(&task, 1, 1.0);
    let settings = SettingMeans::of(&task, &scores);
    let observed = Bootstrap::new(&task, &scores, 0, 1).resamples.observed();
    let figures = [&settings.mono, &settings.cross, &settings.multi].map(|m| m.as_ref().unwrap().values());
    let RankDistance { mean, median, normalised } = settings.rank_distance.unwrap();
    for (expected, got) in figures.iter().chain([&vec![mean, normalised, median]]).zip(&observed) {
        assert_eq!(expected.len(), got.len());
        expected.iter().zip(got).for_each(|(a, b)| close(*a, *b));
    }
    let intervals = Intervals::of(&task, &scores, 300, 1);
    let inside =
        |low: f64, x: f64, high: f64| assert!(low <= x && x <= high && low < high, "{low} {x} {high}");
    inside(
        intervals.mono.as_ref().unwrap().low.map,
        figures[0][0],
        intervals.mono.as_ref().unwrap().high.map,
    );
    inside(
        intervals.cross.as_ref().unwrap().low.mrr,
        figures[1][1],
        intervals.cross.as_ref().unwrap().high.mrr,
    );
    inside(
        intervals.multi.as_ref().unwrap().low.ndcg_10,
        figures[2][5],
        intervals.multi.as_ref().unwrap().high.ndcg_10,
    );
    let [low, high] = intervals.rank_distance.unwrap();
    inside(low.mean, mean, high.mean);
    inside(low.median, median, high.median);
    inside(low.normalised, normalised, high.normalised);
    for (f, from) in task.languages.iter().enumerate() {
        for (t, to) in task.languages.iter().enumerate() {
            let [low, high] = intervals.pairs[from][to];
            inside(low, settings.pairs[f][t].as_ref().unwrap().map, high);
        }
    }
    assert_eq!(intervals, Intervals::of(&task, &scores, 300, 1));
    assert_ne!(intervals, Intervals::of(&task, &scores, 300, 2));
}

#[test]
fn a_better_model_is_told_from_a_worse_one_and_from_itself() {
    let task = task(&["de", "en"], 60, |_, _| true);
    let (worse, better) = (model(&task, 1, 4.0), model(&task, 2, 40.0));
    let names = || ["m".to_string(), "n".to_string()];
    let compare = |b: &(Vec<Ranks>, Scores)| {
        let models = [(worse.0.as_slice(), &worse.1), (b.0.as_slice(), &b.1)];
        Comparison::of(names(), &task, models, "map", 500, 1).unwrap()
    };
    let comparison = compare(&better);
    let figures = |m: &(Vec<Ranks>, Scores)| SettingMeans::of(&task, &m.1);
    let [a, b] = [&worse, &better].map(figures);
    let cross = comparison.settings["cross"];
    close(cross.difference, b.cross.as_ref().unwrap().map - a.cross.as_ref().unwrap().map);
    close(comparison.pairs["de"]["en"].b, b.pairs[0][1].as_ref().unwrap().map);
    close(comparison.pairs["en"]["en"].a, a.pairs[1][1].as_ref().unwrap().map);
    close(comparison.settings["rank_distance"].a, a.rank_distance.unwrap().mean);
    assert!(cross.significant && cross.interval[0] > 0.0 && comparison.settings["rank_distance"].b < 60.0);
    assert_eq!(comparison.settings.len(), 4);
    assert_eq!((cross.p * 501.0).round(), 1.0);
    let same = compare(&worse);
    assert!(same.settings.values().all(|d| d.p == 1.0 && d.interval == [0.0; 2] && !d.significant));

    let fewer = self::task(&["de", "en"], 59, |_, _| true);
    let other = model(&fewer, 1, 4.0);
    let models = [(worse.0.as_slice(), &worse.1), (other.0.as_slice(), &other.1)];
    let problem = Comparison::of(names(), &task, models, "map", 500, 1).unwrap_err().to_string();
    assert!(problem.contains("different tasks") && problem.contains("n has"), "{problem}");
    let models = [(worse.0.as_slice(), &worse.1); 2];
    assert!(
        Comparison::of(names(), &task, models, "mapp", 500, 1).unwrap_err().to_string().contains("map@20")
    );
    assert!(Comparison::of(names(), &task, models, "map", 5, 1).is_err());
}

/// `cargo test --release --no-default-features --features data --lib -- --ignored --nocapture xquad_r_in_samples`
#[test]
#[ignore = "it prints times, it checks nothing"]
fn xquad_r_in_samples() {
    let names = ["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"];
    let task = task(&names, 1190, |_, _| true);
    let (a, b) = (model(&task, 1, 300.0), model(&task, 2, 400.0));
    let start = std::time::Instant::now();
    let intervals = Intervals::of(&task, &a.1, 1000, 1);
    println!("1,000 resamples in {:.2?}, {:?}", start.elapsed(), intervals.rank_distance);
    let start = std::time::Instant::now();
    let models = [(a.0.as_slice(), &a.1), (b.0.as_slice(), &b.1)];
    let comparison = Comparison::of(names_of(), &task, models, "map", 10_000, 1).unwrap();
    println!("10,000 permutations and resamples in {:.2?}, {:?}", start.elapsed(), comparison.settings);
}

fn names_of() -> [String; 2] {
    ["a".to_string(), "b".to_string()]
}

proptest! {
    /// A resample's figure, compared with a list that contains every query as often as it was drawn.
    #[test]
    fn resamples_are_lists_with_repeats(
        cells in proptest::collection::vec(proptest::collection::vec((0usize..6, 0u8..20), 1..9), 1..4),
        seed in any::<u64>(),
    ) {
        let value = |v: u8| f64::from(v) / 8.0;
        let grouped = cells.iter().map(|cell| {
            Grouped::with_median(cell.iter().map(|&(g, v)| (g, [value(v), -value(v)])).collect())
        });
        let all: Vec<usize> = (0..cells.len()).collect();
        // One resample: both bounds of its interval are its figure.
        let got = Resamples::new(6, grouped.collect(), vec![all], 1, seed).finish();
        let mut random = Random::new(seed);
        let drawn: Vec<usize> = (0..6).map(|_| random.below(6)).collect();
        let (mut means, mut medians) = (Vec::new(), Vec::new());
        for cell in &cells {
            let mut list: Vec<f64> = drawn.iter().flat_map(|g| {
                cell.iter().filter(move |(group, _)| group == g).map(|(_, v)| value(*v))
            }).collect();
            list.sort_by(f64::total_cmp);
            if !list.is_empty() {
                means.push(list.iter().sum::<f64>() / list.len() as f64);
                medians.push((list[(list.len() - 1) / 2] + list[list.len() / 2]) / 2.0);
            }
        }
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        for (figure, expected) in [(0, mean(&means)), (1, -mean(&means)), (2, mean(&medians))] {
            match got[0][figure] {
                Some([low, high]) => prop_assert!((low - expected).abs() < 1e-12 && low == high),
                None => prop_assert!(means.is_empty()),
            }
        }
    }
}
