//! Our measures against trec_eval's own code, per query, on runs full of ties.
//!
//! The reference values are written by `tests/reference/trec_eval.py`.

use std::collections::BTreeMap;

use interlingua::evaluation::{Hit, Measures, Order, measures};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    documents: Vec<String>,
    queries: Vec<Query>,
}

#[derive(Deserialize)]
struct Query {
    /// Document and score in quarters.
    run: Vec<(usize, i32)>,
    /// Document and relevance.
    qrels: Vec<(usize, u8)>,
    expected: BTreeMap<String, f64>,
}

#[test]
fn every_query_is_measured_as_trec_eval_does() {
    let text = include_str!("reference/trec_eval.json");
    let reference: Reference = serde_json::from_str(text).expect("the reference file is JSON");
    assert!(reference.queries.len() >= 200);
    let mut compared = 0;
    let mut worst = 0.0f64;
    let mut positive = 0;
    for (number, query) in reference.queries.iter().enumerate() {
        let ids: Vec<&str> = query.run.iter().map(|&(d, _)| reference.documents[d].as_str()).collect();
        let scores: Vec<f32> = query.run.iter().map(|&(_, s)| s as f32 / 4.0).collect();
        let relevant: Vec<usize> = query.qrels.iter().filter(|(_, r)| *r > 0).map(|&(d, _)| d).collect();
        let retrieved: Vec<usize> =
            (0..query.run.len()).filter(|&i| relevant.contains(&query.run[i].0)).collect();
        let order = Order::new(&ids);
        let ranks = order.ranks(&scores, &retrieved, 0..scores.len());
        let hits: Vec<Hit> = ranks.iter().map(|&rank| Hit { rank, grade: 1 }).collect();
        let ours = Measures::of(&hits, &vec![1; relevant.len()]);
        for (name, &expected) in &query.expected {
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
                "P_10" => measures::precision_at(&ranks, 10),
                other => panic!("the reference has {other}, which is not compared"),
            };
            let difference = (got - expected).abs();
            assert!(difference < 1e-9, "query {number}, {name}: {got}, trec_eval {expected}");
            worst = worst.max(difference);
            positive += usize::from(expected > 0.0);
            compared += 1;
        }
    }
    assert_eq!(compared, reference.queries.len() * 10);
    assert!(positive * 2 > compared, "only {positive} of {compared} values are above 0");
    println!("{compared} values, largest difference {worst:e}");
}
