//! TREC run and qrels files, both ways: ours for trec_eval to check, and anyone's to be measured.
//!
//! A run line is `<query> Q0 <document> <rank> <score> <tag>`, a qrels line `<query> 0 <document>
//! <grade>`. In our own files query ids are `<lang>:<question id>`, and scores are written so that
//! reading them as f32 gives the same number.

mod read;
mod write;

pub use read::{Measured, Missing, Qrels, Run, measure, parse_qrels, parse_run, read_qrels, read_run};
pub use write::{Depth, qrels_lines, run_lines, write};
