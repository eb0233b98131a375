//! TREC run and qrels files: ours, written for trec_eval, and anyone's, read to be measured.
//!
//! A run line is `<query> Q0 <document> <rank> <score> <tag>`, a qrels line `<query> 0 <document> <grade>`.
//! In our own files query ids are `<lang>:<question id>`, spaces in ids are written as `%20` ([`id`]), and
//! scores are written so that reading them as f32 gives the same number. Our qrels hold every judgement of
//! every query that counts, so trec_eval with `-c` gives our means.

mod read;
mod write;

pub use read::{Missing, Qrels, Run, RunMeasures, measure, parse_qrels, parse_run, read_qrels, read_run};
pub use write::{Depth, id, qrels_lines, run_lines, write};
