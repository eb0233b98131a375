//! Writing runs and qrels.
//!
//! Each setting has a pair of files: `multi.run` and `multi.qrels`, `mono.<lang>.run` and `.qrels`,
//! `cross.<question lang>.<passage lang>.run` and `.qrels`.
//!
//! Runs are truncated at a depth: all of XQuAD-R's would have some 340 million lines. A measure over the full
//! ranking that trec_eval computes from a truncated run is slightly below ours, which uses all of it.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::evaluation::{Query, Task, ranks};
use crate::retrieval::Index;
use crate::{Error, Result};

/// How many documents a run has per query; 0 for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// In `multi.run` and `mono.*.run`.
    pub main: usize,
    /// In `cross.*.*.run`, of which there are many.
    pub cross: usize,
}

impl Default for Depth {
    fn default() -> Self {
        Self { main: 1000, cross: 100 }
    }
}

/// Writes all files into the folder `dir`, which is created if missing. `index` and `queries` are as in
/// [`rank`](crate::evaluation::rank); `tag` names the run.
///
/// # Errors
/// [`Error::File`] for a file that cannot be written, [`Error::Input`] when vectors and task do not match.
pub fn write(dir: &Path, task: &Task, index: &Index, queries: &[f32], tag: &str, depth: Depth) -> Result<()> {
    ranks::check(task, index, queries)?;
    std::fs::create_dir_all(dir).map_err(|e| Error::file(dir, e))?;
    let tag: String = tag.split_whitespace().collect::<Vec<_>>().join("-");
    let languages = 0..task.languages.len();
    let whole = 0..task.documents.len();
    let depth_of = |depth: usize| if depth == 0 { usize::MAX } else { depth };

    let mut multi = SettingFiles::create(dir, "multi", &tag)?;
    let d = index.dimension();
    for from in languages.clone() {
        let first = task.queries.partition_point(|q| q.lang < from);
        let last = task.queries.partition_point(|q| q.lang <= from);
        if first == last {
            continue;
        }
        // The best of each pool for one language's queries, which is all that is in memory at a time.
        let pools: Vec<(Range<usize>, usize)> = [(whole.clone(), depth_of(depth.main))]
            .into_iter()
            .chain(languages.clone().map(|to| {
                let depth = if from == to { depth.main } else { depth.cross };
                (task.range(to), depth_of(depth))
            }))
            .collect();
        let asked = &task.queries[first..last];
        let best = index.map_scores(&queries[first * d..last * d], |i, scores| {
            let ranked = pools.iter().map(|(range, depth)| {
                let top = task.top(&asked[i], scores, range.clone(), *depth);
                top.into_iter().map(|i| (i, scores[i])).collect::<Vec<_>>()
            });
            ranked.collect::<Vec<_>>()
        })?;
        for (query, best) in asked.iter().zip(&best) {
            multi.add(task, query, &best[0], None)?;
        }
        for to in languages.clone() {
            let name = if from == to {
                format!("mono.{}", task.languages[from])
            } else {
                format!("cross.{}.{}", task.languages[from], task.languages[to])
            };
            let mut setting = SettingFiles::create(dir, &name, &tag)?;
            for (query, best) in asked.iter().zip(&best).filter(|(q, _)| task.counts(q, Some(to))) {
                setting.add(task, query, &best[1 + to], Some(to))?;
            }
            setting.finish()?;
        }
    }
    multi.finish()
}

/// Appends a query's ranking to `out`, a run line for each document of `ranked` (index into
/// [`Task::documents`], score), best first. `tag` names the run and must not contain spaces.
pub fn run_lines(task: &Task, query: &Query, ranked: &[(usize, f32)], tag: &str, out: &mut String) {
    let query = id(&query.id);
    for (rank, (document, score)) in ranked.iter().enumerate() {
        let id = id(&task.documents[*document].id);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{query} Q0 {id} {} {score} {tag}", rank + 1);
    }
}

/// Appends what was judged for a query, in one language's documents or in all, to `out`: a qrels line for
/// each document, whether it is ranked or not.
pub fn qrels_lines(task: &Task, query: &Query, lang: Option<usize>, out: &mut String) {
    let languages = lang.map_or(0..task.languages.len(), |lang| lang..lang + 1);
    let known = languages.flat_map(|lang| task.relevant(query, lang));
    let known = known.map(|judged| (&task.documents[judged.document].id, i64::from(judged.grade)));
    let others = task.others(query, lang).map(|other| (&other.passage, other.grade));
    for (document, grade) in known.chain(others) {
        let _ = writeln!(out, "{} 0 {} {grade}", id(&query.id), id(document));
    }
}

/// An id as written in a file whose columns are separated by spaces, and as compared in ties: spaces and
/// control characters are percent-encoded, as are a byte order mark, which would be lost at the file's start,
/// and a `%` that could be taken for the beginning of such a code. Ids stay distinct, and most are unchanged.
pub fn id(id: &str) -> Cow<'_, str> {
    let bytes = id.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let escaped = |at: usize, c: char| {
        c.is_whitespace() || c.is_control() || c == '\u{feff}' || c == '%' && hex(at + 1) && hex(at + 2)
    };
    if !id.char_indices().any(|(at, c)| escaped(at, c)) {
        return Cow::Borrowed(id);
    }
    let mut out = String::with_capacity(id.len() + 8);
    for (at, c) in id.char_indices() {
        if escaped(at, c) {
            let mut buffer = [0; 4];
            c.encode_utf8(&mut buffer).bytes().for_each(|byte| {
                let _ = write!(out, "%{byte:02X}");
            });
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// One setting's two files; they are renamed into place when complete.
struct SettingFiles<'a> {
    run: OutputFile,
    qrels: OutputFile,
    tag: &'a str,
}

impl<'a> SettingFiles<'a> {
    fn create(dir: &Path, name: &str, tag: &'a str) -> Result<Self> {
        let run = OutputFile::create(dir.join(format!("{name}.run")))?;
        Ok(Self { run, qrels: OutputFile::create(dir.join(format!("{name}.qrels")))?, tag })
    }

    fn add(
        &mut self,
        task: &Task,
        query: &Query,
        ranked: &[(usize, f32)],
        lang: Option<usize>,
    ) -> Result<()> {
        let (mut run, mut qrels) = (String::new(), String::new());
        run_lines(task, query, ranked, self.tag, &mut run);
        qrels_lines(task, query, lang, &mut qrels);
        self.run.add(&run)?;
        self.qrels.add(&qrels)
    }

    fn finish(self) -> Result<()> {
        self.run.finish()?;
        self.qrels.finish()
    }
}

struct OutputFile {
    file: BufWriter<File>,
    part: PathBuf,
    path: PathBuf,
}

impl OutputFile {
    fn create(path: PathBuf) -> Result<Self> {
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).map_err(|e| Error::file(&part, e))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 16, file), part, path })
    }

    fn add(&mut self, text: &str) -> Result<()> {
        self.file.write_all(text.as_bytes()).map_err(|e| Error::file(&self.part, e))
    }

    fn finish(mut self) -> Result<()> {
        self.file.flush().map_err(|e| Error::file(&self.part, e))?;
        drop(self.file);
        std::fs::rename(&self.part, &self.path).map_err(|e| Error::file(&self.path, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::sample;

    #[test]
    fn files_of_every_setting() {
        let line = |id: &str| {
            format!(
                r#"{{"id":"{id}","topic":"T","passage":{{"en":"It is red.","de":"Es ist rot."}},"question":{{"en":"Colour?","de":"Farbe?"}},"answer":{{"en":"red","de":"rot"}}}}"#
            )
        };
        let text = format!("{}\n{}", line("a"), line("b"));
        let task = Task::new(&sample::parse("p", &text).unwrap()).unwrap();
        // Documents de:a, de:b, en:a, en:b; the first two tie.
        let index = Index::from_rows(1, &[0.5, 0.5, 0.25, 0.125]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let depth = Depth { main: 3, cross: 1 };
        write(dir.path(), &task, &index, &[1.0; 4], "my model", depth).unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        let run = read("multi.run");
        let expected = "de:a Q0 de:b 1 0.5 my-model\nde:a Q0 de:a 2 0.5 my-model\n\
                        de:a Q0 en:a 3 0.25 my-model\n";
        assert!(run.starts_with(expected), "{run}");
        assert_eq!(run.lines().count(), 12);
        assert_eq!(read("multi.qrels").lines().count(), 8);
        assert_eq!(read("cross.de.en.run"), "de:a Q0 en:a 1 0.25 my-model\nde:b Q0 en:a 1 0.25 my-model\n");
        assert_eq!(read("cross.de.en.qrels"), "de:a 0 en:a 1\nde:b 0 en:b 1\n");
        assert_eq!(read("mono.en.qrels"), "en:a 0 en:a 1\nen:b 0 en:b 1\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2 * 5);
    }
}
