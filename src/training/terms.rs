//! Combines the loss terms of a contrastive batch over its vectors.
//!
//! Not here: the terms themselves ([`loss`]), the sampling of texts (`super::sampler`), and how vectors are computed.

use serde::Serialize;

use super::{
    config::{Anchor, Contrastive},
    loss::{self, Relation},
};

/// The layout of a batch's vectors. Its rows are the queries, their passages, hard negatives, queries in other
/// languages, and English passages, in this order.
pub struct BatchRows {
    /// Dimension of a vector.
    pub d: usize,
    /// Items of the batch.
    pub items: usize,
    /// Hard negatives.
    pub negatives: usize,
    /// The roles of passages, followed by hard negatives, for queries.
    pub relations: Vec<Relation>,
    /// The item of each query in another language.
    pub parallel: Vec<usize>,
    /// The item of each English passage; items whose passage is English have none.
    pub english: Vec<usize>,
    /// The teacher's vectors of the passages' English counterparts, and which of them count; empty without
    /// distillation.
    pub taught: (Vec<f32>, Vec<f32>),
}

/// The value of each term, unweighted; 0 if its weight is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Terms {
    /// Query to passage.
    pub contrastive: f32,
    /// Passages to the teacher's English.
    #[serde(skip_serializing_if = "is_zero")]
    pub distillation: f32,
    /// Rankings by parallel queries.
    #[serde(skip_serializing_if = "is_zero")]
    pub agreement: f32,
    /// Passage to query.
    #[serde(skip_serializing_if = "is_zero")]
    pub reversed: f32,
    /// Rankings by passages to those by English ones.
    #[serde(skip_serializing_if = "is_zero")]
    pub anchored: f32,
}

// serde passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(term: &f32) -> bool {
    *term == 0.0
}

impl BatchRows {
    /// The weighted sum of the terms, its gradients with respect to `vectors`, and the terms.
    pub fn loss(&self, vectors: &[f32], objective: &Contrastive, temperature: f32) -> (f32, Vec<f32>, Terms) {
        let (d, n) = (self.d, self.items);
        let (own, parallel) = (n..2 * n, 2 * n + self.negatives);
        let queries = &vectors[..n * d];
        let passages = &vectors[n * d..parallel * d];
        let mut terms = Terms::default();
        let mut grads = Vec::with_capacity(vectors.len());
        let (value, by_queries, by_passages) =
            loss::contrastive(queries, passages, d, &self.relations, temperature);
        terms.contrastive = value;
        grads.extend(by_queries);
        grads.extend(by_passages);
        grads.resize(vectors.len(), 0.0);
        let mut add = |weight: f32, rows: &mut dyn Iterator<Item = usize>, by: &[f32]| {
            for (row, by) in rows.zip(by.chunks(d)) {
                grads[row * d..][..d].iter_mut().zip(by).for_each(|(g, by)| *g += weight * by);
            }
        };
        let gather = |rows: &[usize]| -> Vec<f32> {
            rows.iter().flat_map(|&row| &vectors[row * d..][..d]).copied().collect()
        };
        let (target, counted) = &self.taught;
        if !target.is_empty() {
            let (value, by) = loss::distance(&passages[..n * d], target, d, counted);
            terms.distillation = value;
            add(objective.distillation, &mut own.clone(), &by);
        }
        if objective.agreement > 0.0 && !self.parallel.is_empty() {
            let others: Vec<usize> = (parallel..parallel + self.parallel.len()).collect();
            let (value, [by_one, by_other, by_passages]) =
                loss::agreement(&gather(&self.parallel), &gather(&others), passages, d, temperature, n);
            terms.agreement = value;
            add(objective.agreement, &mut self.parallel.iter().copied(), &by_one);
            add(objective.agreement, &mut others.iter().copied(), &by_other);
            add(objective.agreement, &mut (n..parallel), &by_passages);
        }
        let english = parallel + self.parallel.len();
        if objective.reversed > 0.0 {
            let mut anchors: Vec<usize> = own.clone().collect();
            if objective.reversed_from == Anchor::English {
                self.english.iter().zip(english..).for_each(|(&item, row)| anchors[item] = row);
            }
            let (value, by_anchors, by_queries) =
                loss::contrastive(&gather(&anchors), queries, d, &self.reversed(), temperature);
            terms.reversed = value;
            add(objective.reversed, &mut anchors.iter().copied(), &by_anchors);
            add(objective.reversed, &mut (0..n), &by_queries);
        }
        if objective.anchored > 0.0 && !self.english.is_empty() {
            let targets: Vec<usize> = (english..english + self.english.len()).collect();
            let rows: Vec<usize> = self.english.iter().map(|item| n + item).collect();
            let (value, [by_passages, by_queries]) =
                loss::anchored(&gather(&targets), &gather(&rows), queries, d, temperature, n);
            terms.anchored = value;
            add(objective.anchored, &mut rows.iter().copied(), &by_passages);
            add(objective.anchored, &mut (0..n), &by_queries);
        }
        let value = terms.contrastive
            + objective.distillation * terms.distillation
            + objective.agreement * terms.agreement
            + objective.reversed * terms.reversed
            + objective.anchored * terms.anchored;
        (value, grads, terms)
    }

    /// The roles of queries for the items' passages, `[i * items + j]` for query `j` and passage `i`.
    fn reversed(&self) -> Vec<Relation> {
        let width = self.items + self.negatives;
        let of = |i: usize| (0..self.items).map(move |j| self.relations[j * width + i]);
        (0..self.items).flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::StrategyName;

    fn objective() -> Contrastive {
        Contrastive {
            strategy: StrategyName::CrossLingual,
            alpha: 0.5,
            distillation: 0.3,
            hard_negatives: true,
            agreement: 0.7,
            reversed: 0.4,
            reversed_from: Anchor::English,
            anchored: 0.6,
        }
    }

    /// Three items, two hard negatives, queries in other languages for the first and last, an English passage for
    /// the second.
    fn rows() -> (BatchRows, Vec<f32>) {
        let d = 4;
        let number = |at: usize| ((at * 37 + 11) % 29) as f32 / 14.0 - 1.0;
        let mut vectors: Vec<f32> = (0..(3 + 3 + 2 + 2 + 1) * d).map(number).collect();
        for row in vectors.chunks_mut(d) {
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            row.iter_mut().for_each(|x| *x /= length);
        }
        let mut relations = vec![Relation::Negative; 3 * 5];
        (0..3).for_each(|i| relations[i * 5 + i] = Relation::Positive);
        relations[1] = Relation::Neither;
        relations[2 * 5 + 4] = Relation::Neither;
        let taught = (vectors[..3 * d].to_vec(), vec![1.0, 0.0, 1.0]);
        let rows = BatchRows {
            d,
            items: 3,
            negatives: 2,
            relations,
            parallel: vec![0, 2],
            english: vec![1],
            taught,
        };
        (rows, vectors)
    }

    #[test]
    fn all_terms_together_know_their_slopes() {
        let (rows, vectors) = rows();
        for from in [Anchor::English, Anchor::Passage] {
            let objective = Contrastive { reversed_from: from, ..objective() };
            let (value, grads, terms) = rows.loss(&vectors, &objective, 0.5);
            assert_eq!(grads.len(), vectors.len());
            for term in
                [terms.contrastive, terms.distillation, terms.agreement, terms.reversed, terms.anchored]
            {
                assert!(term > 1e-3, "{terms:?}");
            }
            // The English ranking is a target: the vectors it is made from get no gradient.
            let anchored = |moved: &[f32]| {
                let queries = |v: &[f32]| v[..3 * rows.d].to_vec();
                let row = |v: &[f32], at: usize| v[at * rows.d..][..rows.d].to_vec();
                let shares = |row: Vec<f32>, queries: Vec<f32>| {
                    let powers: Vec<f64> = queries
                        .chunks(rows.d)
                        .map(|q| (q.iter().zip(&row).map(|(a, b)| f64::from(a * b)).sum::<f64>() / 0.5).exp())
                        .collect();
                    let sum: f64 = powers.iter().sum();
                    powers.into_iter().map(|p| p / sum).collect::<Vec<f64>>()
                };
                let target = shares(row(&vectors, 10), queries(&vectors));
                let own = shares(row(moved, 4), queries(moved));
                target.iter().zip(own).map(|(t, o)| t * (t / o).ln()).sum::<f64>() / 3.0
            };
            assert!((f64::from(terms.anchored) - anchored(&vectors)).abs() < 1e-5);
            for at in 0..vectors.len() {
                let of = |step: f32| {
                    let mut moved = vectors.clone();
                    moved[at] += step;
                    let (value, _, terms) = rows.loss(&moved, &objective, 0.5);
                    f64::from(value - objective.anchored * terms.anchored)
                        + f64::from(objective.anchored) * anchored(&moved)
                };
                let slope = (of(5e-3) - of(-5e-3)) / 1e-2;
                let got = f64::from(grads[at]);
                assert!((slope - got).abs() < 2e-3, "{from:?} row {}: {slope} {got}", at / rows.d);
            }
            assert!(value.is_finite());
        }
    }

    #[test]
    fn a_term_without_weight_changes_nothing() {
        let (rows, vectors) = rows();
        let none =
            Contrastive { distillation: 0.0, agreement: 0.0, reversed: 0.0, anchored: 0.0, ..objective() };
        let plain = BatchRows { taught: (Vec::new(), Vec::new()), ..rows };
        let (value, grads, terms) = plain.loss(&vectors, &none, 0.5);
        assert_eq!(terms, Terms { contrastive: value, ..Terms::default() });
        // Nor do rows that only those terms use get a gradient.
        assert!(grads[8 * plain.d..].iter().all(|g| *g == 0.0));
        assert_eq!(serde_json::to_value(terms).unwrap().as_object().unwrap().len(), 1);
    }
}
