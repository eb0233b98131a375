//! Our measures compared with trec_eval's own code, per query, using run and qrels files full of ties.
//!
//! Reference values are written by `tests/reference/trec_eval.py`.

use std::fmt::Write;
use std::fs;

use interlingua::evaluation::{MeasureOptions, Measures, measures, trec};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    documents: Vec<String>,
    measures: Vec<String>,
    queries: Vec<Query>,
}

/// The run's documents, their scores in quarters, whether odd ones have a billionth more; the judged
/// documents, their grades; trec_eval's values.
#[derive(Deserialize)]
struct Query(Vec<usize>, Vec<i32>, u8, Vec<usize>, Vec<i64>, Vec<f64>);

#[test]
fn every_query_is_measured_as_trec_eval_does() {
    let text = include_str!("reference/trec_eval.json");
    let reference: Reference = serde_json::from_str(text).expect("the reference file is JSON");
    assert!(reference.queries.len() >= 1000 && reference.measures.len() == 10);
    let (mut run, mut qrels) = (String::new(), String::new());
    for (number, Query(documents, scores, near, judged, grades, _)) in reference.queries.iter().enumerate() {
        for (document, score) in documents.iter().zip(scores) {
            let more = if *near == 1 && document % 2 == 1 { 1e-9 } else { 0.0 };
            let (id, score) = (&reference.documents[*document], f64::from(*score) / 4.0 + more);
            writeln!(run, "{number} Q0 {id} 0 {score} t").unwrap();
        }
        for (document, grade) in judged.iter().zip(grades) {
            writeln!(qrels, "{number}\t0\t{}\t{grade}\r", reference.documents[*document]).unwrap();
        }
    }
    let dir = tempfile::tempdir().expect("a folder");
    let [run_file, qrels_file] = ["a.run", "a.qrels"].map(|name| dir.path().join(name));
    fs::write(&run_file, run).unwrap();
    fs::write(&qrels_file, qrels).unwrap();
    let run = trec::read_run(&run_file).expect("a run");
    let qrels = trec::read_qrels(&qrels_file).expect("qrels");
    let measured = trec::measure(&run, &qrels, trec::Missing::Zero, &MeasureOptions::default(), false);
    assert_eq!((measured.queries.len(), measured.missing), (reference.queries.len(), 0));
    assert!(measured.close > 100, "{} queries have scores that 32 bits make equal", measured.close);
    assert!(measured.unanswerable > 0);

    let (mut compared, mut worst, mut positive) = (0, 0.0f64, 0);
    for (query, judged) in qrels.queries() {
        let ours: &Measures = &measured.queries[query];
        let ranks: Vec<usize> = run.hits(query, judged).iter().map(|hit| hit.rank).collect();
        let number: usize = query.parse().unwrap();
        for (name, expected) in reference.measures.iter().zip(&reference.queries[number].5) {
            let got = match name.as_str() {
                "map" => ours.map,
                "recip_rank" => ours.mrr,
                "map_cut_20" => ours.map_20,
                "recall_1" => ours.recall_1,
                "recall_10" => ours.recall_10,
                "recall_100" => ours.recall_100,
                "ndcg_cut_10" => ours.ndcg_10,
                "P_1" => measures::precision_at(&ranks, 1),
                "P_5" => measures::precision_at(&ranks, 5),
                "P_10" => ours.precision_10,
                other => panic!("the reference has {other}, which is not compared"),
            };
            let difference = (got - expected).abs();
            assert!(difference < 1e-9, "query {query}, {name}: {got}, trec_eval {expected}");
            worst = worst.max(difference);
            positive += usize::from(*expected > 0.0);
            compared += 1;
        }
    }
    assert_eq!(compared, reference.queries.len() * 10);
    assert!(positive * 2 > compared, "only {positive} of {compared} values are above 0");
    println!("{compared} values, largest difference {worst:e}");
}
