//! Unusable lines: a few are left out and noted, a file with mostly such lines is refused.

use std::fmt::Display;

use crate::{Error, Result};

/// How many are named individually.
const NAMED: usize = 8;
/// How many are named when the file is refused.
const REFUSED_FOR: usize = 3;
/// After so many at the start of a file, the rest is not read.
const PATIENCE: usize = 1000;

/// Counts one file's good and bad lines, or entries.
#[derive(Debug, Clone)]
pub(super) struct Faults {
    name: String,
    good: usize,
    bad: usize,
    first: Vec<String>,
}

impl Faults {
    /// For the file `name`, with nothing read yet.
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), good: 0, bad: 0, first: Vec::new() }
    }

    /// A line was used.
    pub fn good(&mut self) {
        self.good += 1;
    }

    /// The line at `place` is left out because of `problem`.
    pub fn bad(&mut self, place: impl Display, problem: impl Display) {
        self.bad += 1;
        if self.first.len() < NAMED {
            self.first.push(format!("{}:{place} was left out: {problem}", self.name));
        }
    }

    /// Whether to stop reading: everything so far was bad.
    pub fn is_unusable(&self) -> bool {
        self.good == 0 && self.bad >= PATIENCE
    }

    /// The number of lines left out.
    pub fn left_out(&self) -> usize {
        self.bad
    }

    /// What was left out: a sentence for each of the first.
    ///
    /// # Errors
    /// [`Error::Input`] with the first places if more lines are bad than good.
    pub fn finish(self) -> Result<Vec<String>> {
        let Self { name, good, bad, mut first } = self;
        if bad <= good {
            first.iter_mut().for_each(|note| note.push('.'));
            if bad > first.len() {
                first.push(format!(
                    "{name}: {} more lines were left out for similar reasons.",
                    bad - first.len()
                ));
            }
            return Ok(first);
        }
        first.truncate(REFUSED_FOR);
        let why = first.join(". ").replace(" was left out:", ":");
        Err(Error::Input(match (good, bad) {
            (0, 1) => why,
            (0, _) => format!("{name}: none of its lines can be used. {why}."),
            _ => {
                format!("{name}: {bad} of its {} lines cannot be used, so it is refused. {why}.", good + bad)
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(good: usize, bad: usize) -> Result<Vec<String>> {
        let mut faults = Faults::new("a.jsonl");
        (0..good).for_each(|_| faults.good());
        (1..=bad).for_each(|line| faults.bad(line, "it has no text"));
        faults.finish()
    }

    #[test]
    fn one_bad_line_is_noted_and_a_file_of_them_refused() {
        assert!(account(3, 0).unwrap().is_empty());
        assert_eq!(account(3, 1).unwrap(), ["a.jsonl:1 was left out: it has no text."]);
        let many = account(60, 50).unwrap();
        assert_eq!(
            (many.len(), many[8].as_str()),
            (9, "a.jsonl: 42 more lines were left out for similar reasons.")
        );
        assert_eq!(account(0, 1).unwrap_err().to_string(), "a.jsonl:1: it has no text");
        let refused = account(3, 5).unwrap_err().to_string();
        assert!(
            refused.starts_with("a.jsonl: 5 of its 8 lines cannot be used") && refused.contains("a.jsonl:3")
        );
        assert!(!refused.contains("a.jsonl:4"), "{refused}");
        assert!(account(0, 5).unwrap_err().to_string().contains("none of its lines"));
    }
}
