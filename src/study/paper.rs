//! The figures printed in arXiv 2408.10536, for comparison.

use super::Figure;

/// One row of the paper's tables: start model, batches, and the figures in the order of
/// [`Figure::ALL`], if the paper prints them.
pub type PaperRow = (&'static str, &'static str, [Option<f64>; 7]);

const fn xquad(start: &'static str, batches: &'static str, v: [f64; 7]) -> PaperRow {
    (start, batches, [Some(v[0]), Some(v[1]), Some(v[2]), Some(v[3]), Some(v[4]), Some(v[5]), Some(v[6])])
}

/// For MLQA-R the paper prints mAP and rank distance.
const fn mlqa(start: &'static str, batches: &'static str, v: [f64; 4]) -> PaperRow {
    (start, batches, [Some(v[0]), Some(v[1]), Some(v[2]), None, None, None, Some(v[3])])
}

const XQUAD_R: [PaperRow; 6] = [
    xquad("XLM-R", "X-X-mono", [0.7918, 0.6737, 0.5479, 0.7035, 0.5623, 0.4785, 410.2]),
    xquad("XLM-R", "X-Y", [0.7554, 0.6997, 0.5934, 0.6554, 0.5898, 0.5155, 295.4]),
    xquad("XLM-R", "hybrid", [0.7977, 0.7053, 0.5927, 0.7086, 0.5976, 0.5169, 286.6]),
    xquad("LaBSE", "X-X-mono", [0.8083, 0.7519, 0.6517, 0.7226, 0.6536, 0.5673, 261.5]),
    xquad("LaBSE", "X-Y", [0.8008, 0.7618, 0.6791, 0.7124, 0.6654, 0.5948, 225.2]),
    xquad("LaBSE", "hybrid", [0.8167, 0.7672, 0.6817, 0.7335, 0.6728, 0.5972, 221.1]),
];

const MLQA_R: [PaperRow; 6] = [
    mlqa("XLM-R", "X-X-mono", [0.6475, 0.5843, 0.4731, 287.5]),
    mlqa("XLM-R", "X-Y", [0.6256, 0.6200, 0.5076, 226.7]),
    mlqa("XLM-R", "hybrid", [0.6481, 0.6234, 0.5121, 227.1]),
    mlqa("LaBSE", "X-X-mono", [0.6807, 0.6561, 0.5504, 225.3]),
    mlqa("LaBSE", "X-Y", [0.6710, 0.6767, 0.5755, 198.3]),
    mlqa("LaBSE", "hybrid", [0.6864, 0.6811, 0.5785, 195.0]),
];

/// The paper's rows for a data set, if any.
pub fn rows(dataset: &str) -> &'static [PaperRow] {
    match dataset {
        "xquad-r" => &XQUAD_R,
        "mlqa-r" => &MLQA_R,
        _ => &[],
    }
}

/// The range by which hybrid batches lower the rank distance compared with monolingual ones, according to the paper.
pub const LOWERED: [f64; 2] = [0.13, 0.30];

/// A value beside its figure.
pub fn value(row: &PaperRow, figure: Figure) -> Option<f64> {
    Figure::ALL.iter().zip(row.2).find(|(f, _)| **f == figure).and_then(|(_, value)| value)
}
