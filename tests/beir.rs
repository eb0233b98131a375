//! Data sets in BEIR's format with the oddities of published ones: what is searched, judged and left out, and
//! every query's measures, as in BEIR and trec_eval.
//!
//! Reference values of the random sets are written by `tests/reference/beir_sets.py`, which also says how to
//! compare our own run files with trec_eval.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use interlingua::datasets::{CollectionOptions, Corpus, beir};
use interlingua::evaluation::{
    EvalReport, Facts, Measure, MeasureOptions, Ranks, Rules, Scores, SettingMeans, Task, export, rank, trec,
};
use interlingua::retrieval::Index;
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    measures: Vec<Measure>,
    sets: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    level: u32,
    keep_identical: bool,
    only_answerable: bool,
    folders: Vec<Folder>,
}

#[derive(Deserialize)]
struct Folder {
    lang: String,
    /// Text, and how it is written: `b`, byte order mark; `c`, Windows line ends; `z`, gzip.
    files: BTreeMap<String, [String; 2]>,
    /// Vectors of what is searched, and of the queries that have a text.
    docs: BTreeMap<String, [f32; 2]>,
    queries: BTreeMap<String, [f32; 2]>,
    /// trec_eval's values, in the order of the measures.
    mono: BTreeMap<String, Vec<f64>>,
    multi: Option<BTreeMap<String, Vec<f64>>>,
}

fn write(dir: &Path, files: &BTreeMap<String, [String; 2]>) {
    for (name, [text, how]) in files {
        let text = if how.contains('c') { text.replace('\n', "\r\n") } else { text.clone() };
        let mut bytes = text.into_bytes();
        if how.contains('b') {
            bytes.splice(0..0, *b"\xef\xbb\xbf");
        }
        let mut path = dir.join(name);
        if how.contains('z') {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(&bytes).unwrap();
            bytes = packed.finish().unwrap();
            path.as_mut_os_string().push(".gz");
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn read(dir: &Path, languages: &[&str]) -> Corpus {
    let languages = languages.iter().map(|lang| lang.to_string()).collect();
    beir::read(dir, &CollectionOptions { languages, ..CollectionOptions::default() }).unwrap()
}

/// Ranks by vectors looked up by language and id.
fn ranked(
    task: &Task,
    corpus: &Corpus,
    d: usize,
    vectors: impl Fn(bool, &str, &str) -> Vec<f32>,
) -> (Index, Vec<f32>, Vec<Ranks>) {
    let passage = |p: usize| &corpus.passages[p];
    let rows = task.documents.iter().map(|d| passage(d.passage));
    let rows: Vec<f32> = rows.flat_map(|p| vectors(true, &p.lang, p.id.split_once(':').unwrap().1)).collect();
    let questions = task.queries.iter().map(|q| &corpus.questions[q.question]);
    let queries: Vec<f32> = questions.flat_map(|q| vectors(false, &q.lang, &q.id)).collect();
    let index = Index::from_rows(d, &rows).unwrap();
    let ranks = rank(task, &index, &queries).unwrap();
    (index, queries, ranks)
}

fn values(text: &str) -> BTreeMap<String, f64> {
    let mut lines = text.lines();
    let names = lines.next().unwrap().split(',').map(str::to_string);
    names.zip(lines.next().unwrap().split(',').map(|value| value.parse().unwrap_or(0.0))).collect()
}

#[test]
fn every_query_of_random_sets_is_measured_as_trec_eval_does() {
    let packed = &include_bytes!("reference/beir_sets.json.gz")[..];
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    let reference: Reference = serde_json::from_str(&text).unwrap();
    assert!(reference.sets.len() >= 300);
    let kept = std::env::var_os("INTERLINGUA_RUNS");
    let (mut compared, mut positive, mut worst, mut tally) = (0, 0, 0.0f64, [0; 8]);
    for (number, set) in reference.sets.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let corpus = match set.folders.as_slice() {
            [one] => {
                write(dir.path(), &one.files);
                read(dir.path(), &["de"])
            }
            several => {
                several.iter().for_each(|f| write(&dir.path().join(format!("set-{}", f.lang)), &f.files));
                read(dir.path(), &[])
            }
        };
        let of = |lang: &str| set.folders.iter().find(|f| f.lang == lang).unwrap();
        let rules = Rules {
            wanted: MeasureOptions::new(set.level, &reference.measures).unwrap(),
            only_answerable: set.only_answerable,
            keep_identical_ids: set.keep_identical,
        };
        let task = match Task::with(&corpus, rules.clone()) {
            Ok(task) => task,
            Err(problem) => {
                let none = set
                    .folders
                    .iter()
                    .all(|f| f.mono.is_empty() && f.multi.as_ref().is_none_or(BTreeMap::is_empty));
                assert!(
                    none && problem.to_string().contains("nothing to measure"),
                    "set {number}: {problem}"
                );
                continue;
            }
        };
        for (place, n) in [
            task.tally.none_relevant,
            task.tally.none_found,
            task.tally.without_text,
            task.tally.missing,
            task.tally.identical,
            task.unanswered.len(),
        ]
        .into_iter()
        .enumerate()
        {
            tally[place] += n;
        }
        let searched: usize = set.folders.iter().map(|f| f.docs.len()).sum();
        assert_eq!(task.documents.len(), searched, "set {number}");
        let (index, queries, ranks) = ranked(&task, &corpus, 2, |passage, lang, id| {
            let known = if passage { of(lang).docs.get(id) } else { of(lang).queries.get(id) };
            // A query without a text has no vector in the reference; any vector given here must have no
            // effect.
            known.map_or_else(|| vec![1.0, 1.0], |v| v.to_vec())
        });
        let scores = Scores::of(&task, &ranks);

        // The queries of every cell, with our own measures.
        type Values<Id> = BTreeMap<Id, Vec<f64>>;
        let mut cells: Vec<(String, Values<&str>, &Values<String>)> = Vec::new();
        let id = |query: usize| corpus.questions[task.queries[query].question].id.as_str();
        for (from, lang) in task.languages.iter().enumerate() {
            for (to, cell) in scores.pairs[from].iter().enumerate() {
                let cell: Values<&str> = cell.iter().map(|(q, m)| (id(*q), m.values())).collect();
                match from == to {
                    true => cells.push((format!("mono.{lang}"), cell, &of(lang).mono)),
                    false => assert!(cell.is_empty(), "set {number}"),
                }
            }
            let multi =
                task.queries.iter().zip(&scores.multi).enumerate().filter(|(_, (q, _))| q.lang == from);
            let multi = multi.map(|(q, (_, m))| (id(q), m.values())).collect();
            cells.push(("multi".into(), multi, of(lang).multi.as_ref().unwrap_or(&of(lang).mono)));
        }
        for (cell, ours, theirs) in &cells {
            assert!(
                ours.keys().eq(theirs.keys()),
                "set {number}, {cell}: {:?} {:?}",
                ours.keys(),
                theirs.keys()
            );
            for (query, expected) in *theirs {
                for ((measure, got), expected) in
                    reference.measures.iter().zip(&ours[query.as_str()]).zip(expected)
                {
                    let difference = (got - expected).abs();
                    assert!(
                        difference < 1e-9,
                        "set {number}, {cell}, query {query:?}, {measure}: {got}, trec_eval {expected}"
                    );
                    worst = worst.max(difference);
                    positive += usize::from(*expected > 0.0);
                    compared += 1;
                }
            }
        }

        // The same from the files that we write.
        let runs = match &kept {
            Some(folder) => Path::new(folder).join(format!("{number:03}")),
            None => dir.path().join("runs"),
        };
        trec::write(&runs, &task, &index, &queries, "m", trec::Depth { main: 0, cross: 0 }).unwrap();
        fs::write(runs.join("level"), set.level.to_string()).unwrap();
        fs::write(runs.join("queries.csv"), export::per_query(&task, &scores)).unwrap();
        let run = fs::read_to_string(runs.join("multi.run")).unwrap();
        if run.is_empty() {
            continue;
        }
        let run = trec::parse_run("multi.run", run.as_bytes()).unwrap();
        let qrels = trec::read_qrels(&runs.join("multi.qrels")).unwrap();
        let measured = trec::measure(&run, &qrels, trec::Missing::Zero, &rules.wanted, false);
        assert_eq!(measured.queries.len(), task.queries.len(), "set {number}");
        for (query, of) in task.queries.iter().zip(&scores.multi) {
            assert_eq!(&measured.queries[trec::id(&query.id).as_ref()], of, "set {number}, {}", query.id);
        }
    }
    println!("{compared} values, {positive} above 0, largest difference {worst:e}; {tally:?}");
    assert!(compared > 20_000 && positive > 5_000, "{compared} {positive}");
    assert!(tally[..6].iter().all(|n| *n > 20), "something odd is rare: {tally:?}");
}

/// A measured data set with the given lines and TSV judgements, and given rankings of passages for each
/// query.
struct Case {
    task: Task,
    scores: Scores,
    report: EvalReport,
}

fn case(files: &[(&str, &str)], rankings: &[(&str, &[&str])], rules: Rules) -> Case {
    let dir = tempfile::tempdir().unwrap();
    let files = files.iter().map(|(name, text)| (name.to_string(), [text.to_string(), String::new()]));
    write(dir.path(), &files.collect());
    let corpus = read(dir.path(), &["en"]);
    let task = Task::with(&corpus, rules).unwrap();
    let n = task.documents.len();
    let (_, _, ranks) = ranked(&task, &corpus, n, |passage, _, id| {
        let mut vector = vec![0.0; n];
        for (place, document) in task.documents.iter().enumerate() {
            let own = document.id.split_once(':').unwrap().1;
            if passage {
                vector[place] = f32::from(u8::from(own == id));
            } else if let Some((_, ranking)) = rankings.iter().find(|(query, _)| *query == id) {
                let rank = ranking.iter().position(|other| *other == own);
                vector[place] = rank.map_or(0.0, |rank| (100 - rank) as f32);
            }
        }
        vector
    });
    let scores = Scores::of(&task, &ranks);
    let facts = Facts { model: "m".into(), dataset: "d".into(), ..Facts::default() };
    let report = EvalReport::new(facts, &task, &SettingMeans::of(&task, &scores));
    Case { task, scores, report }
}

impl Case {
    fn mean(&self, measure: &str) -> f64 {
        let mono = self.report.mono.as_ref().unwrap();
        assert_eq!(Some(mono), self.report.multi.as_ref());
        mono.value(mono.place(measure).unwrap())
    }

    fn notes(&self) -> String {
        self.report.notes.join("\n")
    }
}

const PASSAGES: &str = "{\"_id\": \"d1\", \"title\": \"Bees\", \"text\": \"Bees keep honey in combs.\"}\n\
    {\"_id\": \"d2\", \"title\": \"Cats\", \"text\": \"Cats like to sleep.\"}\n\
    {\"_id\": \"d3\", \"title\": \"Bread\", \"text\": \"Bread is baked from flour.\"}\n";

#[test]
fn a_passage_with_the_querys_own_id_is_left_out() {
    let corpus = format!("{PASSAGES}{{\"_id\": \"q1\", \"title\": \"\", \"text\": \"Honey?\"}}\n");
    let files = [
        ("corpus.jsonl", corpus.as_str()),
        ("queries.jsonl", "{\"_id\": \"q1\", \"text\": \"Honey?\"}\n"),
        ("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n"),
    ];
    let rankings: &[(&str, &[&str])] = &[("q1", &["q1", "d1", "d2"])];
    let right = case(&files, rankings, Rules::default());
    assert_eq!([right.mean("map"), right.mean("mrr"), right.mean("ndcg@10")], [1.0; 3]);
    assert_eq!(right.report.identical_ids.as_deref(), Some("left out"));
    assert_eq!(right.report.counts.identical_ids, 1);
    assert!(right.notes().contains("own id was left out of 1 ranking"), "{}", right.notes());
    let kept = case(&files, rankings, Rules { keep_identical_ids: true, ..Rules::default() });
    assert_eq!((kept.mean("map"), kept.report.identical_ids.as_deref()), (0.5, Some("ranked")));
    assert!(kept.report.table().contains("which BEIR leaves out"), "{}", kept.report.table());
}

#[test]
fn titles_are_searched_and_passages_that_are_not_there_count() {
    // D02: a passage that consists of a title only.
    let corpus = format!("{PASSAGES}{{\"_id\": \"t1\", \"title\": \"How bees survive\", \"text\": \"\"}}\n");
    let queries = "{\"_id\": \"q1\", \"text\": \"Bees?\"}\n{\"_id\": \"q2\", \"text\": \"Cats?\"}\n";
    let found = case(
        &[
            ("corpus.jsonl", &corpus),
            ("queries.jsonl", queries),
            ("qrels/test.tsv", "q1\tt1\t2\nq1\td1\t1\nq2\td3\t1\n"),
        ],
        &[("q1", &["t1", "d1"]), ("q2", &["d2", "d3"])],
        Rules::default(),
    );
    assert_eq!((found.mean("map"), found.mean("mrr")), (0.75, 0.75));
    assert!((found.mean("ndcg@10") - 0.8155).abs() < 1e-4);

    // D03: they count in R, and a query without others counts 0.
    let files = [
        ("corpus.jsonl", PASSAGES),
        ("queries.jsonl", queries),
        ("qrels/test.tsv", "q1\td1\t1\nq1\tgone-1\t1\nq2\tgone-2\t1\nq2\td1\t0\n"),
    ];
    let rankings: &[(&str, &[&str])] = &[("q1", &["d1"]), ("q2", &["d2", "d1"])];
    let right = case(&files, rankings, Rules::default());
    assert_eq!((right.mean("map"), right.mean("mrr")), (0.25, 0.5));
    assert!((right.mean("ndcg@10") - 0.3066).abs() < 1e-4);
    let counts = &right.report.counts;
    assert_eq!(
        (counts.none_found, counts.none_relevant, counts.missing_passages, counts.unanswered),
        (1, 0, 2, 0)
    );
    for said in [
        "1 judged query has relevant passages, none of which is searched, and counts 0 in every mean: en:q2.",
        "2 queries have relevant passages that are not searched; they count as not found: en:q1, en:q2.",
        "2 judged passages do not exist",
    ] {
        assert!(right.notes().contains(said), "{said} is not in {}", right.notes());
    }
    let only = case(&files, rankings, Rules { only_answerable: true, ..Rules::default() });
    assert_eq!((only.mean("map"), only.mean("mrr"), only.scores.multi.len()), (0.5, 1.0, 1));
    assert_eq!((only.report.only_answerable, only.report.counts.unanswered), (true, 1));
    assert!(only.notes().contains("Only answerable queries were measured"), "{}", only.notes());
    assert!(only.report.table().contains("1 questions were left out: no passage answers them"));
}

#[test]
fn queries_without_relevant_passages_or_text_count_0() {
    // D07: all grades 0 or below. D10: no text. One query has judgements but does not exist.
    let right = case(
        &[
            ("corpus.jsonl", PASSAGES),
            (
                "queries.jsonl",
                "{\"_id\": \"q1\", \"text\": \"Bees?\"}\n{\"_id\": \"q2\", \"text\": \"Moon?\"}\n{\"_id\": \"q3\", \"text\": \"\"}\n",
            ),
            ("qrels/test.tsv", "q1\td1\t1\nq2\td2\t0\nq2\td3\t-1\nq3\td2\t1\nq4\td2\t1\n"),
        ],
        &[("q1", &["d1"]), ("q2", &["d2"]), ("q3", &["d2"]), ("q4", &["d2"])],
        Rules::default(),
    );
    assert_eq!((right.mean("map"), right.mean("ndcg@10")), (0.25, 0.25));
    let counts = &right.report.counts;
    assert_eq!((counts.queries, counts.none_relevant, counts.without_text, counts.none_found), (4, 1, 2, 0));
    for said in [
        "1 judged query has no relevant passage and counts 0",
        "2 judged queries have no text",
        "queries.jsonl:3",
    ] {
        assert!(right.notes().contains(said), "{said} is not in {}", right.notes());
    }
    let json = serde_json::to_value(&right.report).unwrap();
    assert_eq!(json["counts"]["none_relevant"], 1);
    assert_eq!(json["identical_ids"], "left out");
}

#[test]
fn own_measures_and_the_level_of_relevance_are_in_every_report() {
    // E18 as a set, with trec_eval -l 2.
    let measures = ["ndcg@20", "mrr@1", "p@2"].map(|name| name.parse().unwrap());
    let rules = |level| Rules { wanted: MeasureOptions::new(level, &measures).unwrap(), ..Rules::default() };
    let files = [
        (
            "corpus.jsonl",
            "{\"_id\":1,\"text\":\"a\"}\n{\"_id\":2,\"text\":\"b\"}\n{\"_id\":3,\"text\":\"c\"}\n{\"_id\":9,\"text\":\"d\"}\n",
        ),
        ("queries.jsonl", "{\"_id\":1,\"text\":\"a\"}\n{\"_id\":7,\"text\":\"q\"}\n"),
        (
            "qrels/test.jsonl",
            "{\"query-id\":7,\"corpus-id\":1,\"score\":1.0}\n{\"query-id\":7,\"corpus-id\":2,\"score\":2}\n{\"query-id\":7,\"corpus-id\":3,\"score\":3}\n",
        ),
    ];
    let rankings: &[(&str, &[&str])] = &[("7", &["1", "2", "9", "3"])];
    let (one, two) = (case(&files, rankings, rules(1)), case(&files, rankings, rules(2)));
    assert!((one.mean("map") - 0.9166666666666666).abs() < 1e-12);
    assert_eq!((two.mean("map"), two.mean("mrr@1"), two.mean("p@2")), (0.5, 0.0, 0.5));
    assert_eq!(one.mean("ndcg@20"), two.mean("ndcg@20"));
    let json = serde_json::to_value(&two.report).unwrap();
    assert_eq!((&json["relevance"], &json["multi"]["p@2"]), (&2.into(), &0.5.into()));
    assert_eq!(json["pairs"]["en"]["en"]["mrr@1"], 0.0);
    let table = two.report.table();
    assert!(table.contains("ndcg@20") && table.contains("trec_eval -l 2"), "{table}");
    assert!(export::csv(&two.report).contains("\nmulti,,,p@2,0.5,,,1\n"));
    assert!(export::latex(&two.report).contains("& nDCG@20 & MRR@1 & P@2 "));
    let row = values(&export::per_query(&two.task, &two.scores));
    assert_eq!((row["map"], row["mrr@1"], row["p@2"]), (0.5, 0.0, 0.5));
}

#[test]
fn runs_and_qrels_may_be_packed_and_begin_with_a_mark() {
    // E07 and E12, with trec_eval's values.
    let qrels = "q1 0 d1 1\nq1 0 d2 0\nq2 0 d1 1\nq2 0 d3 2\n";
    let run = "q1 Q0 d2 1 0.9 t\nq1 Q0 d1 2 0.8 t\nq2 Q0 d3 1 0.7 t\nq2 Q0 d2 2 0.6 t\nq2 Q0 d1 3 0.5 t\n";
    let dir = tempfile::tempdir().unwrap();
    for how in ["", "b", "c", "z", "bz"] {
        let text = |text: &str| [text.to_string(), how.to_string()];
        write(dir.path(), &BTreeMap::from([("q".into(), text(qrels)), ("r".into(), text(run))]));
        let file =
            |name: &str| dir.path().join(if how.contains('z') { format!("{name}.gz") } else { name.into() });
        let run = trec::read_run(&file("r")).unwrap();
        let qrels = trec::read_qrels(&file("q")).unwrap();
        assert_eq!(run.note.is_some(), how.contains(['b', 'z']), "{how}: {:?}", run.note);
        assert_eq!(run.sha256, interlingua::sha256(&fs::read(file("r")).unwrap()));
        let measured = trec::measure(&run, &qrels, trec::Missing::Zero, &MeasureOptions::default(), false);
        let (one, two) = (&measured.queries["q1"], &measured.queries["q2"]);
        assert_eq!((one.map, one.mrr, one.precision_10, one.recall_1), (0.5, 0.5, 0.1, 0.0));
        assert!((one.ndcg_10 - 0.6309297535714575).abs() < 1e-12);
        assert!(
            (two.map - 0.8333333333333333).abs() < 1e-12 && (two.ndcg_10 - 0.9502344167898356).abs() < 1e-12
        );
        assert_eq!((two.recall_1, two.recall_10, two.precision_10), (0.5, 1.0, 0.2));
    }
}
