//! Exact search times by number of passages: `cargo bench --bench search`.
//!
//! Vectors of 384 uniformly random numbers in 8 bits; one query, the 10 best, on all cores, with a filter
//! that admits everything. Medians of 15 calls after two untimed ones.

use std::time::Instant;

use interlingua::retrieval::{PackedIndex, vectors::StoredVectors};

const DIMENSION: usize = 384;
const CALLS: usize = 15;

fn main() {
    println!("{:>9} {:>9} {:>16} {:>9}", "vectors", "ms", "ns per vector", "MB");
    for n in [1_000, 10_000, 100_000, 1_000_000] {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 56) as u8 as i8
        };
        let values = (0..n * DIMENSION).map(|_| next()).collect();
        let query: Vec<f32> = (0..DIMENSION).map(|_| f32::from(next())).collect();
        let vectors = StoredVectors {
            dimension: DIMENSION,
            values,
            scales: vec![1.0; n],
            about: Default::default(),
            windows: None,
        };
        let index = PackedIndex::from_vectors(vectors);
        let mut times = Vec::new();
        for call in 0..CALLS + 2 {
            let start = Instant::now();
            let best = index.search(&query, 10, |_| true).expect("a query of the right dimension");
            assert_eq!(best.len(), 10);
            if call >= 2 {
                times.push(start.elapsed().as_secs_f64());
            }
        }
        times.sort_by(f64::total_cmp);
        let median = times[CALLS / 2];
        let bytes = n * (DIMENSION + size_of::<f32>());
        println!(
            "{n:>9} {:>9.2} {:>16.1} {:>9.1}",
            median * 1e3,
            median * 1e9 / n as f64,
            bytes as f64 / 1e6
        );
    }
}
