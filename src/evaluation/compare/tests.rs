use std::fs;
use std::path::Path;

use super::super::trec::{self, Missing};
use super::*;
use crate::datasets::sample;
use crate::evaluation::{Comparison, EvalReport, Facts, Ranks, Scores, SettingMeans, Task, rank};
use crate::retrieval::Index;

/// Thirty questions in two languages.
fn task() -> Task {
    let line = |id: usize| {
        format!(
            r#"{{"id":"{id:02}","topic":"T","passage":{{"en":"It is red.","de":"Es ist rot."}},"question":{{"en":"Colour?","de":"Farbe?"}},"answer":{{"en":"red","de":"rot"}}}}"#
        )
    };
    let text: Vec<String> = (0..30).map(line).collect();
    Task::new(&sample::parse("p", &text.join("\n")).unwrap()).unwrap()
}

/// A model whose vectors are at the angle of the question's number, shifted by `off`.
fn model(task: &Task, off: f32) -> (Index, Vec<f32>, Vec<Ranks>, Scores) {
    let row = |(i, id): (usize, &str)| {
        let number: f32 = id.rsplit(':').next().unwrap().parse().unwrap();
        let angle = number / 5.0 + off * ((i * 37 % 11) as f32 - 5.0);
        [angle.cos(), angle.sin()]
    };
    let rows: Vec<f32> = task.documents.iter().map(|d| d.id.as_str()).enumerate().flat_map(row).collect();
    let queries: Vec<f32> = task.queries.iter().map(|q| q.id.as_str()).enumerate().flat_map(row).collect();
    let index = Index::from_rows(2, &rows).unwrap();
    let ranks = rank(task, &index, &queries).unwrap();
    let scores = Scores::of(task, &ranks);
    (index, queries, ranks, scores)
}

fn read(path: &Path) -> CompareSource {
    CompareSource::read(path, None, &CompareOptions::default()).unwrap()
}

fn names(measures: &[&str]) -> Vec<Measure> {
    measures.iter().map(|name| name.parse().unwrap()).collect()
}

#[test]
fn folders_of_runs_compare_as_their_models_do() {
    let task = task();
    let (a, b) = (model(&task, 0.3), model(&task, 0.01));
    let dir = tempfile::tempdir().unwrap();
    let depth = trec::Depth { main: 0, cross: 0 };
    let mut sources = Vec::new();
    for (name, model) in [("a", &a), ("b", &b)] {
        let folder = dir.path().join(name);
        trec::write(&folder, &task, &model.0, &model.1, name, depth).unwrap();
        sources.push(read(&folder));
    }
    let facts = Facts { model: "b".into(), ..Facts::default() };
    let report = EvalReport::new(facts, &task, &SettingMeans::of(&task, &b.3));
    let file = dir.path().join("b.json");
    fs::write(&file, serde_json::to_string(&report).unwrap()).unwrap();
    sources.push(read(&file));

    let runs = RunComparison::of(&sources, &names(&["map", "ndcg@10"]), 400, 5).unwrap();
    assert_eq!((runs.unit.as_str(), runs.units), ("question ids", 30));
    assert_eq!((runs.settings.len(), runs.pairs.len()), (6, 8));
    let models = [(a.2.as_slice(), &a.3), (b.2.as_slice(), &b.3)];
    let ours = Comparison::of(["a".into(), "b".into()], &task, models, "map", 400, 5).unwrap();
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    for table in runs.settings.iter().chain(&runs.pairs).filter(|t| t.measure == "map") {
        let expected = if table.from.is_empty() {
            ours.settings[&table.setting]
        } else {
            ours.pairs[&table.from][&table.to]
        };
        // The report is not part of any test.
        let [test] = table.tests.as_slice() else { panic!("{table:?}") };
        close(test.difference.difference, expected.difference);
        close(test.difference.interval[0], expected.interval[0]);
        assert_eq!(test.difference.p, expected.p);
        let [of_a, of_b, of_report] = table.rows.as_slice() else { panic!("{table:?}") };
        close(of_a.value, expected.a);
        close(of_b.value, of_report.value);
        let [low, high] = of_a.interval.unwrap();
        assert!(low <= of_a.value && of_a.value <= high && of_report.interval.is_none());
        assert_eq!(of_b.above.contains(&"a".to_string()), test.difference.significant);
    }
    let cross = &runs.settings[1];
    assert!(cross.setting == "cross" && cross.rows[1].above == ["a"], "{cross:?}");

    let text = runs.table();
    for part in
        ["cross map\n", " *\n", "(means only)", "30 question ids, 400 samples, seed 5", "map of b minus a"]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert!(text.contains("b: SHA-256 ") && text.contains("at most 60 documents a query"), "{text}");
    let csv = runs.csv();
    assert!(csv.lines().filter(|l| !l.starts_with('#')).all(|l| l.split(',').count() == 13), "{csv}");
    assert!(runs.latex().contains("$^{a}$"), "{}", runs.latex());
    assert!(serde_json::to_string(&runs).unwrap().contains("\"p_adjusted\""));

    // A folder without one of the languages is a different task.
    fs::remove_file(dir.path().join("b/mono.de.run")).unwrap();
    sources[1] = read(&dir.path().join("b"));
    let problem = RunComparison::of(&sources, &names(&["map"]), 400, 5).unwrap_err().to_string();
    assert!(problem.contains("different tasks") && problem.contains("mono"), "{problem}");
    assert!(RunComparison::of(&sources[..1], &names(&["mrr@7"]), 400, 5).is_err());
    assert!(RunComparison::of(&sources[..1], &names(&["map"]), 9, 5).is_err());
}

#[test]
fn packed_runs_and_reports_are_read_as_plain_ones() {
    let task = task();
    let model = model(&task, 0.3);
    let dir = tempfile::tempdir().unwrap();
    let (folder, file) = (dir.path().join("a"), dir.path().join("a.json"));
    trec::write(&folder, &task, &model.0, &model.1, "a", trec::Depth { main: 0, cross: 0 }).unwrap();
    let report = EvalReport::new(Facts::default(), &task, &SettingMeans::of(&task, &model.3));
    fs::write(&file, serde_json::to_string(&report).unwrap()).unwrap();
    let values = |sources: &[CompareSource]| -> Vec<Vec<f64>> {
        let runs = RunComparison::of(sources, &names(&["map"]), 200, 1).unwrap();
        runs.settings.iter().map(|table| table.rows.iter().map(|row| row.value).collect()).collect()
    };
    let plain = values(&[read(&folder), read(&file)]);
    assert_eq!((plain.len(), plain[0].len()), (3, 2));

    let pack = |path: &Path| {
        let packed = fs::File::create(format!("{}.gz", path.display())).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(packed, flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, &fs::read(path).unwrap()).unwrap();
        encoder.finish().unwrap();
        fs::remove_file(path).unwrap();
    };
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.iter().for_each(|path| pack(path));
    pack(&file);
    let mut sources = [read(&folder), read(&dir.path().join("a.json.gz"))];
    assert_eq!(values(&sources), plain);
    assert!(sources[0].files.contains_key("mono.de.run.gz"), "{:?}", sources[0].files);
    assert!(!sources[0].notes.iter().any(|note| note.contains("unpacked")), "{:?}", sources[0].notes);

    // An uncompressed file next to it takes precedence.
    fs::write(folder.join("multi.run"), "de:00 Q0 de:00 1 1 t\n").unwrap();
    sources[0] = read(&folder);
    let said = "has multi.run, which was read, and multi.run.gz, not".to_string();
    assert!(sources[0].notes.contains(&said), "{:?}", sources[0].notes);
    assert!(values(&sources)[2][0] < plain[2][0]);
}

#[test]
fn single_runs_with_queries_missing() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let qrels = trec::read_qrels(&write("q.qrels", "1 0 x 1\n2 0 x 1\nen:3 0 x 1\n")).unwrap();
    let a = write("a.run", "1 Q0 x 1 2 t\n2 Q0 x 1 2 t\n2 Q0 y 1 3 t\n");
    let b = write("b.run", "1 Q0 y 1 2 t\n1 Q0 x 2 1 t\n2 Q0 x 1 2 t\nen:3 Q0 x 1 2 t\n9 Q0 x 1 1 t\n");
    let compare = |missing| {
        let sources = [&a, &b].map(|path| {
            CompareSource::read(path, Some(&qrels), &CompareOptions { missing, ..CompareOptions::default() })
                .unwrap()
        });
        RunComparison::of(&sources, &names(&["map"]), 200, 1).unwrap()
    };
    let zero = compare(Missing::Zero);
    assert_eq!((zero.unit.as_str(), zero.units), ("query ids", 3));
    let values =
        |runs: &RunComparison| runs.settings[0].rows.iter().map(|r| (r.value, r.queries)).collect::<Vec<_>>();
    assert_eq!(values(&zero), [(0.5, Some(3)), (2.5 / 3.0, Some(3))]);
    let skip = compare(Missing::Skip);
    assert_eq!(values(&skip), [(0.75, Some(2)), (2.5 / 3.0, Some(3))]);
    // The test covers the two queries that both runs have.
    assert_eq!(skip.settings[0].tests[0].difference.difference, 0.0);
    let text = zero.table();
    assert!(
        text.contains("all: 1 judged queries are not in the run; they count as 0 (trec_eval -c)"),
        "{text}"
    );
    assert!(text.contains("1 queries of the run have no judgements"), "{text}");
    let problem = CompareSource::read(&a, None, &CompareOptions::default()).unwrap_err().to_string();
    assert!(problem.contains("--qrels"), "{problem}");
    assert!(CompareSource::read(dir.path(), None, &CompareOptions::default()).is_err());
    let other = write("c.run", "7 Q0 x 1 2 t\n");
    let problem =
        CompareSource::read(&other, Some(&qrels), &CompareOptions::default()).unwrap_err().to_string();
    assert!(problem.contains("no judged query"), "{problem}");
}
