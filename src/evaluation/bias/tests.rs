//! Every measure computed by hand where possible, and against a slow implementation of its definition.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::Query;
use super::super::Scores;
use super::super::oracle::{OracleDocument, OracleQuery, World, average, middle, worlds};
use super::*;

fn bias(task: &Task, ranks: &[Ranks]) -> Option<Bias> {
    Bias::of(task, ranks, &SettingMeans::of(task, &Scores::of(task, ranks)))
}

type ByLanguage = BTreeMap<String, f64>;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-11
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => close(a, b),
        (a, b) => a == b,
    }
}

fn alike(a: &ByLanguage, b: &ByLanguage) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && close(*a.1, *b.1))
}

/// Two languages and two questions, de asked about de:0 and en:0 (q0) or de:1 and en:1 (q1), in ascending or
/// descending order of their coordinate.
#[test]
fn two_languages_by_hand() {
    let line = |id: usize| {
        format!(
            r#"{{"id":"{id}","topic":"T","passage":{{"de":"Rot {id}.","en":"Red {id}."}},"question":{{"de":"Was?","en":"What?"}},"answer":{{"de":"Rot","en":"Red"}}}}"#
        )
    };
    let corpus = crate::datasets::sample::parse("p", &format!("{}\n{}", line(0), line(1))).unwrap();
    let task = Task::new(&corpus).unwrap();
    // Rankings: de0 de1 en0 en1 for both questions in German, en1 en0 de1 de0 for those in English.
    let place = |d: &super::super::Document| match (task.languages[d.lang].as_str(), d.id.contains('1')) {
        ("de", false) => 4.0,
        ("de", true) => 3.0,
        (_, false) => 2.0,
        (_, true) => 1.0,
    };
    let rows: Vec<f32> = task.documents.iter().map(place).collect();
    let sign = |q: &Query| if task.languages[q.lang] == "de" { 1.0 } else { -1.0 };
    let asked: Vec<f32> = task.queries.iter().map(sign).collect();
    let index = crate::retrieval::Index::from_rows(1, &rows).unwrap();
    let bias = bias(&task, &super::super::rank(&task, &index, &asked).unwrap()).unwrap();

    assert_eq!(bias.same_language_first, Some(Rate { rate: 1.0, chance: 0.5 }));
    // 3 and 4 in both languages.
    assert_eq!(bias.last_answer, Some(MeanMedian { mean: 3.5, median: 3.5 }));
    assert_eq!(bias.complete["10"], 1.0);
    assert_eq!(bias.agreement, Some(-1.0));
    // The whole pool is in the first ten ranks.
    assert_eq!((bias.shares.k, bias.shares.entropy, bias.shares.distance), (4, 1.0, 0.0));
    assert_eq!((bias.hubness.largest, bias.hubness.skewness, bias.hubness.never), (4, 0.0, 0.0));
    // χ² = 2 with one degree of freedom, twice.
    let peer = bias.peer.unwrap();
    assert!((peer.p - 0.157_299_207_050_285_13).abs() < 1e-12, "{peer:?}");
    assert_eq!((peer.w, peer.questions), (1.0, 2));
    // German: de0 de1 en1 and de1 en0 de0 without the other language's answer, and so on.
    let row = |own: f64, other: f64| BTreeMap::from([("de".to_string(), own), ("en".to_string(), other)]);
    assert!(alike(&bias.single_target["de"], &row(0.75, (0.5 + 1.0 / 3.0) / 2.0)), "{bias:?}");
    assert!(alike(&bias.single_target["en"], &row((0.5 + 1.0 / 3.0) / 2.0, 0.75)), "{bias:?}");
    // mAP multi: (1 + 2/3)/2 and (1/2 + 2/4)/2, over mono: 1 and 1/2.
    assert!(close(bias.multi_to_mono.unwrap(), (5.0 / 6.0 + 0.5) / 2.0 / 0.75));
}

/// The ranks, from 1, of a query's answers, with their passages.
fn answers<'a>(world: &'a World, ask: &OracleQuery) -> Vec<(usize, &'a OracleDocument)> {
    (1..).zip(world.ranking(ask)).filter(|(_, doc)| world.answers(ask, doc)).collect()
}

fn first_ten<'a>(world: &'a World, ask: &OracleQuery) -> Vec<&'a OracleDocument> {
    world.ranking(ask).into_iter().take(10).collect()
}

/// Observed and expected values of the queries in `lang`, or in any language.
fn slow_same_language_first(world: &World, lang: Option<&str>) -> Option<(f64, f64)> {
    let (mut observed, mut expected) = (Vec::new(), Vec::new());
    for ask in world.asks().into_iter().filter(|ask| lang.is_none_or(|lang| ask.lang == lang)) {
        let answers = answers(world, ask);
        let own = answers.iter().filter(|(_, doc)| doc.lang == ask.lang).count();
        let others = answers.iter().filter(|(_, doc)| doc.lang != ask.lang).count();
        if own >= 1 && others >= 1 {
            observed.push(if answers[0].1.lang == ask.lang { 1.0 } else { 0.0 });
            expected.push(own as f64 / (own + others) as f64);
        }
    }
    average(&observed).zip(average(&expected))
}

/// The share of each passage language in a list.
fn slow_shares(world: &World, docs: &[&OracleDocument]) -> ByLanguage {
    let languages: BTreeSet<&String> = world.docs.iter().map(|d| &d.lang).collect();
    let share = |lang: &String| docs.iter().filter(|d| d.lang == *lang).count() as f64 / docs.len() as f64;
    languages.into_iter().map(|lang| (lang.clone(), share(lang))).collect()
}

fn mean_of_maps(maps: &[ByLanguage]) -> ByLanguage {
    let keys = maps[0].keys();
    keys.map(|k| (k.clone(), average(&maps.iter().map(|m| m[k]).collect::<Vec<_>>()).unwrap())).collect()
}

fn slow_entropy(p: &ByLanguage) -> f64 {
    -p.values().filter(|p| **p > 0.0).map(|p| p * p.ln() / 2f64.ln()).sum::<f64>()
}

/// The divergence as the entropy of the mixture minus the mean of the entropies.
fn slow_divergence(p: &ByLanguage, q: &ByLanguage) -> f64 {
    let mixture = mean_of_maps(&[p.clone(), q.clone()]);
    slow_entropy(&mixture) - (slow_entropy(p) + slow_entropy(q)) / 2.0
}

fn slow_last_answers(world: &World) -> Vec<f64> {
    let mut last = Vec::new();
    for ask in world.asks() {
        let answers = answers(world, ask);
        let languages: BTreeSet<&str> = answers.iter().map(|(_, doc)| doc.lang.as_str()).collect();
        if languages.len() >= 2 {
            last.push(answers.last().unwrap().0 as f64);
        }
    }
    last
}

/// Ascending ranks of values, with ties averaged.
fn tied_ranks(values: &[usize]) -> Vec<f64> {
    let below = |v: usize| values.iter().filter(|w| **w < v).count() as f64;
    let equal = |v: usize| values.iter().filter(|w| **w == v).count() as f64;
    values.iter().map(|&v| below(v) + (equal(v) + 1.0) / 2.0).collect()
}

fn slow_pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let (mean_a, mean_b) = (average(a)?, average(b)?);
    let sum = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
    };
    let spread = sum(a, mean_a, a, mean_a).sqrt() * sum(b, mean_b, b, mean_b).sqrt();
    if spread == 0.0 { None } else { Some(sum(a, mean_a, b, mean_b) / spread) }
}

fn slow_agreement(world: &World) -> Option<f64> {
    let groups: BTreeSet<&String> = world.asks.iter().map(|a| &a.group).collect();
    let mut means = Vec::new();
    for group in groups {
        let asks: Vec<&OracleQuery> = world.asks().into_iter().filter(|a| a.group == *group).collect();
        let mut values = Vec::new();
        for a in &asks {
            // Each pair once, ordered by language.
            for b in asks.iter().filter(|b| a.lang < b.lang) {
                let lists = [first_ten(world, a), first_ten(world, b)];
                let union: BTreeSet<&String> = lists.iter().flatten().map(|d| &d.id).collect();
                let ranks = lists.each_ref().map(|list| {
                    let rank = |id: &&String| list.iter().position(|d| d.id == **id).map_or(11, |i| i + 1);
                    tied_ranks(&union.iter().map(rank).collect::<Vec<_>>())
                });
                values.extend(slow_pearson(&ranks[0], &ranks[1]));
            }
        }
        means.extend(average(&values));
    }
    average(&means)
}

/// p, W and the number of questions; χ² by Friedman's own formula.
fn slow_peer(world: &World) -> Option<(f64, f64, usize)> {
    let languages: Vec<String> = slow_shares(world, &[&world.docs[0]]).into_keys().collect();
    let l = languages.len() as f64;
    let complete: Vec<&OracleQuery> = world
        .asks()
        .into_iter()
        .filter(|ask| {
            let answers = answers(world, ask);
            languages.iter().all(|lang| answers.iter().filter(|(_, d)| d.lang == *lang).count() == 1)
        })
        .collect();
    let (mut p, mut w) = (Vec::new(), Vec::new());
    for from in world.languages() {
        let blocks: Vec<_> = complete.iter().filter(|a| a.lang == from).map(|a| answers(world, a)).collect();
        if blocks.len() < 2 || languages.len() < 2 {
            continue;
        }
        let n = blocks.len() as f64;
        let sum = |lang: &String| -> f64 {
            blocks.iter().map(|b| 1.0 + b.iter().position(|(_, d)| d.lang == *lang).unwrap() as f64).sum()
        };
        let squares: f64 = languages.iter().map(|lang| sum(lang).powi(2)).sum();
        let chi = 12.0 / (n * l * (l + 1.0)) * squares - 3.0 * n * (l + 1.0);
        p.push(chi_square::upper_tail(chi, languages.len() - 1));
        w.push(chi / (n * (l - 1.0)));
    }
    let groups: BTreeSet<&String> = complete.iter().map(|a| &a.group).collect();
    Some((average(&p)?, average(&w)?, groups.len()))
}

fn slow_hubness(world: &World) -> (f64, usize, String, f64) {
    let times = |doc: &OracleDocument| {
        world.asks().into_iter().filter(|ask| first_ten(world, ask).iter().any(|d| d.id == doc.id)).count()
    };
    let times: Vec<(usize, String)> = world.docs.iter().map(|doc| (times(doc), doc.id.clone())).collect();
    let values: Vec<f64> = times.iter().map(|t| t.0 as f64).collect();
    let mean = average(&values).unwrap();
    let moment = |n: i32| average(&values.iter().map(|v| (v - mean).powi(n)).collect::<Vec<_>>()).unwrap();
    let deviation = moment(2).sqrt();
    let skewness = if deviation < 1e-9 { 0.0 } else { moment(3) / deviation.powi(3) };
    let mut largest = times[0].clone();
    for t in &times {
        if t.0 > largest.0 {
            largest = t.clone();
        }
    }
    let never = times.iter().filter(|t| t.0 == 0).count() as f64 / times.len() as f64;
    (skewness, largest.0, largest.1, never)
}

fn slow_single_target(world: &World, from: &str, to: &str) -> Option<f64> {
    let mut values = Vec::new();
    for ask in world.asks().into_iter().filter(|a| a.lang == from) {
        let mut ranking = world.ranking(ask);
        ranking.retain(|doc| doc.lang == to || !world.answers(ask, doc));
        if ranking.iter().any(|doc| world.answers(ask, doc)) {
            values.push(world.measures(ask, &ranking).map);
        }
    }
    average(&values)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn same_language_first_as_defined(world in worlds()) {
        let Some((task, ranks)) = world.ranked() else { return Ok(()) };
        let Some(bias) = bias(&task, &ranks) else { return Ok(()) };
        let same = |rate: Option<Rate>, slow: Option<(f64, f64)>| {
            near(rate.map(|r| r.rate), slow.map(|s| s.0)) && near(rate.map(|r| r.chance), slow.map(|s| s.1))
        };
        prop_assert!(same(bias.same_language_first, slow_same_language_first(&world, None)));
        for lang in world.languages() {
            let rate = bias.same_language_first_by.get(lang).copied();
            prop_assert!(same(rate, slow_same_language_first(&world, Some(lang))), "{}", lang);
        }
    }

    #[test]
    fn shares_as_defined(world in worlds()) {
        let Some((task, ranks)) = world.ranked() else { return Ok(()) };
        let Some(Bias { shares, .. }) = bias(&task, &ranks) else { return Ok(()) };
        let of = |ask: &&OracleQuery| slow_shares(&world, &first_ten(&world, ask));
        let pool = slow_shares(&world, &world.docs.iter().collect::<Vec<_>>());
        let top = mean_of_maps(&world.asks().iter().map(of).collect::<Vec<_>>());
        prop_assert_eq!(shares.k, first_ten(&world, world.asks()[0]).len());
        prop_assert!(alike(&shares.pool, &pool) && alike(&shares.top, &top), "{:?}", shares);
        prop_assert!(close(shares.entropy, slow_entropy(&top)));
        prop_assert!(close(shares.pool_entropy, slow_entropy(&pool)));
        let mut distances = Vec::new();
        for lang in world.languages() {
            let asks: Vec<_> = world.asks().iter().filter(|a| a.lang == lang).map(of).collect();
            prop_assert_eq!(shares.by_query.contains_key(lang), !asks.is_empty());
            if !asks.is_empty() {
                let row = mean_of_maps(&asks);
                prop_assert!(alike(&shares.by_query[lang], &row));
                distances.push(slow_divergence(&row, &pool).max(0.0).sqrt());
            }
        }
        // The square root of the rounding error (1e-16) is 1e-8.
        prop_assert!((shares.distance - average(&distances).unwrap()).abs() < 1e-7);
    }

    #[test]
    fn last_answer_and_complete_as_defined(world in worlds()) {
        let Some((task, ranks)) = world.ranked() else { return Ok(()) };
        let Some(bias) = bias(&task, &ranks) else { return Ok(()) };
        let last = slow_last_answers(&world);
        prop_assert!(near(bias.last_answer.map(|l| l.mean), average(&last)));
        prop_assert!(near(bias.last_answer.map(|l| l.median), middle(&last)));
        for k in [10, 20, 100] {
            let within: Vec<f64> = last.iter().map(|&l| if l <= f64::from(k) { 1.0 } else { 0.0 }).collect();
            prop_assert!(near(bias.complete.get(&k.to_string()).copied(), average(&within)));
        }
    }

    #[test]
    fn agreement_as_defined(world in worlds()) {
        let Some((task, ranks)) = world.ranked() else { return Ok(()) };
        let Some(bias) = bias(&task, &ranks) else { return Ok(()) };
        let slow = slow_agreement(&world);
        prop_assert!(near(bias.agreement, slow), "{:?} {:?}", bias.agreement, slow);
    }

    #[test]
    fn peer_as_defined(world in worlds()) {
        let Some((task, ranks)) = world.ranked() else { return Ok(()) };
        let Some(bias) = bias(&task, &ranks) else { return Ok(()) };
        let slow = slow_peer(&world);
        prop_assert!(near(bias.peer.map(|p| p.p), slow.map(|s| s.0)), "{:?} {:?}", bias.peer, slow);
        prop_assert!(near(bias.peer.map(|p| p.w), slow.map(|s| s.1)), "{:?} {:?}", bias.peer, slow);
        prop_assert_eq!(bias.peer.map(|p| p.questions), slow.map(|s| s.2));
    }

    #[test]
    fn hubness_as_defined(world in worlds()) {
        let Some((task, ranks)) = world.ranked() else { return Ok(()) };
        let Some(Bias { hubness, .. }) = bias(&task, &ranks) else { return Ok(()) };
        let (skewness, largest, hub, never) = slow_hubness(&world);
        prop_assert!(close(hubness.skewness, skewness) && close(hubness.never, never), "{:?}", hubness);
        prop_assert_eq!((hubness.largest, hubness.hub), (largest, hub));
        prop_assert_eq!(hubness.k, world.docs.len().min(10));
    }

    #[test]
    fn multi_to_mono_and_single_target_as_defined(world in worlds()) {
        let Some((task, ranks)) = world.ranked() else { return Ok(()) };
        let Some(bias) = bias(&task, &ranks) else { return Ok(()) };
        let (mut monos, mut multi) = (Vec::new(), Vec::new());
        for from in world.languages() {
            let mut mono = Vec::new();
            for ask in world.asks().into_iter().filter(|a| a.lang == from) {
                multi.push(world.measures(ask, &world.ranking(ask)).map);
                let mut own = world.ranking(ask);
                own.retain(|doc| doc.lang == from);
                if own.iter().any(|doc| world.answers(ask, doc)) {
                    mono.push(world.measures(ask, &own).map);
                }
            }
            monos.extend(average(&mono));
            for to in world.languages() {
                let cell = bias.single_target.get(from).and_then(|row| row.get(to)).copied();
                prop_assert!(near(cell, slow_single_target(&world, from, to)), "{} {}", from, to);
            }
        }
        let ratio = average(&monos).map(|mono| average(&multi).unwrap() / mono);
        prop_assert!(near(bias.multi_to_mono, ratio));
        prop_assert!(bias.single_target.values().all(|row| !row.is_empty()));
    }

    #[test]
    fn json_gives_it_back(world in worlds()) {
        let Some((task, ranks)) = world.ranked() else { return Ok(()) };
        prop_assert_eq!(bias(&task, &ranks).is_none(), world.languages().len() < 2);
        if let Some(bias) = bias(&task, &ranks) {
            let json = serde_json::to_string(&bias).unwrap();
            let back: Bias = serde_json::from_str(&json).unwrap();
            prop_assert!(near(back.agreement, bias.agreement) && back.shares.top.len() == bias.shares.top.len());
        }
    }
}
