//! XQuAD-R and MLQA-R (LAReQA, arXiv 2004.05484): SQuAD JSON with sentence boundaries.
//!
//! `{"data":[{"title","paragraphs":[{"context","qas":[{"id","question","answers":[{"answer_start",
//! "text"}]}],"sentence_breaks":[[start,end],…]}]}]}`, one file per language. All offsets count Unicode
//! code points, ranges are half-open. Every entry of `sentence_breaks` is a candidate; the one that
//! satisfies `start <= answer_start < end` answers the question. Text is sliced as in the file, without
//! normalization.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::json::{self, Node};
use super::{CodePoints, Corpus, Passage, Question};
use crate::text;
use crate::{Error, Problem, Result};

/// A data set in this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dataset {
    /// Its name in commands.
    pub name: &'static str,
    /// Its languages; each is a file `<lang>.json`.
    pub languages: &'static [&'static str],
    /// Numbers of questions and candidates published by LAReQA's authors for each language.
    pub published: &'static [(usize, usize)],
    /// Where the original is published.
    pub origin: &'static str,
}

/// 1,190 questions in each of 11 languages, all parallel; 13,014 candidates.
pub const XQUAD_R: Dataset = Dataset {
    name: "xquad-r",
    languages: &["ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"],
    published: &[
        (1190, 1222),
        (1190, 1276),
        (1190, 1234),
        (1190, 1180),
        (1190, 1215),
        (1190, 1244),
        (1190, 1219),
        (1190, 852),
        (1190, 1167),
        (1190, 1209),
        (1190, 1196),
    ],
    origin: "https://github.com/google-research-datasets/lareqa, folder xquad-r",
};

/// 7 languages; a question's id is shared by 2 to 4 of them.
pub const MLQA_R: Dataset = Dataset {
    name: "mlqa-r",
    languages: &["ar", "de", "en", "es", "hi", "vi", "zh"],
    published: &[(517, 2545), (512, 2362), (1148, 6264), (500, 1787), (507, 2426), (511, 2828), (504, 2322)],
    origin: "https://github.com/google-research-datasets/lareqa, folder mlqa-r of commit 354d67d \
             (its authors removed it later)",
};

impl Dataset {
    /// The data set with this name.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for any other name.
    pub fn by_name(name: &str) -> Result<Self> {
        [XQUAD_R, MLQA_R].into_iter().find(|d| d.name == name).ok_or_else(|| Error::Unsupported {
            what: format!("the data set {name}"),
            hint: format!("choose {} or {}", XQUAD_R.name, MLQA_R.name),
        })
    }

    /// Reads the files of `languages` (all of the data set's when empty) from the folder `dir`.
    ///
    /// # Errors
    /// A missing file (with where to get it), a language that the data set lacks, or a malformed
    /// file. Counts that differ from the published ones are a note.
    pub fn read(&self, dir: &Path, languages: &[String]) -> Result<Corpus> {
        if let Some(unknown) = languages.iter().find(|l| !self.languages.contains(&l.as_str())) {
            return Err(Error::Input(format!(
                "{} has no language {unknown}; it has {}",
                self.name,
                self.languages.join(", ")
            )));
        }
        let mut corpus = Corpus { name: self.name.into(), ..Corpus::default() };
        for (lang, published) in self.languages.iter().zip(self.published) {
            if !languages.is_empty() && !languages.iter().any(|l| l == lang) {
                continue;
            }
            let path = dir.join(format!("{lang}.json"));
            let bytes = std::fs::read(&path).map_err(|e| {
                Error::file(&path, Problem::of(format!("{e}. Get {} from {}.", self.name, self.origin), e))
            })?;
            let part = parse(&path.display().to_string(), &bytes)?;
            corpus.notes.extend(self.departure(lang, *published, &part));
            corpus.append(part)?;
        }
        Ok(corpus)
    }

    /// How one language's counts differ from the published ones.
    fn departure(&self, lang: &str, published: (usize, usize), part: &Corpus) -> Option<String> {
        let found = (part.questions.len(), part.passages.len());
        (found != published).then(|| {
            format!(
                "{lang}.json has {} questions and {} candidates; {} was published with {} and {}: \
                 its scores are not comparable with published ones.",
                found.0, found.1, self.name, published.0, published.1
            )
        })
    }
}

/// Reads one file. Its language is taken from its name (`de.json`), else detected.
///
/// # Errors
/// [`Error::Format`] with the file and the JSON path of the fault.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Corpus> {
    json::parse(name, bytes, from_value)
}

/// As [`parse`], from JSON already read.
///
/// # Errors
/// As [`parse`].
pub fn from_value(name: &str, value: &Value) -> Result<Corpus> {
    let mut notes = Vec::new();
    let lang = match language_of(name) {
        Some(lang) => lang,
        None => {
            let lang = first_context(value).and_then(text::detect).unwrap_or(super::UNDETERMINED);
            notes.push(format!(
                "{name}: the name does not say the language (as in de.json); taken for {lang}."
            ));
            lang.to_string()
        }
    };
    let mut reader = XquadReader { file: name, lang, corpus: Corpus::default(), seen: HashSet::new() };
    for article in Node::root(name, value).field("data")?.items()? {
        let title = match article.value.get("title") {
            Some(_) => article.field("title")?.text()?,
            None => "",
        };
        for paragraph in article.field("paragraphs")?.items()? {
            reader.paragraph(title, &paragraph)?;
        }
    }
    let mut corpus = reader.corpus;
    if corpus.passages.is_empty() {
        return Err(Error::format(name, "$.data has no paragraph with sentence_breaks"));
    }
    corpus.name = name.to_string();
    corpus.notes = notes;
    Ok(corpus)
}

/// Whether this document is in this form, rather than in SQuAD's: some paragraph says where its sentences end.
pub(super) fn is_xquad(value: &Value) -> bool {
    let Some(articles) = value.get("data").and_then(Value::as_array) else { return false };
    let paragraphs = articles.iter().filter_map(|a| a.get("paragraphs")?.as_array()).flatten();
    let mut paragraphs = paragraphs.peekable();
    paragraphs.peek().is_none() || paragraphs.any(|p| p.get("sentence_breaks").is_some())
}

/// `de` of `de.json`, `mlqa-r-de.json`, `set-deu_Latn` or `some/folder/de.json`.
pub(super) fn language_of(name: &str) -> Option<String> {
    let base = name.rsplit(['/', '\\']).next()?;
    let stem = base.split_once('.').map_or(base, |(stem, _)| stem).to_ascii_lowercase();
    let mut parts = stem.rsplit(['-', '_']);
    let last = parts.next()?;
    let known = |word: &str| {
        let code = text::code(word).filter(|_| text::is_code(word))?;
        text::language(&code).map(|l| l.code.to_string())
    };
    // A script or a region follows: `deu_Latn`, `zh-TW`.
    let behind = || {
        let before = parts.next()?;
        let with = format!("{before}-{last}");
        let is_one = match last.len() {
            4 => text::is_code(&with),
            2 => known(before).is_some(),
            _ => false,
        };
        text::code(&with).filter(|_| is_one)
    };
    known(last).or_else(behind)
}

fn first_context(value: &Value) -> Option<&str> {
    value.get("data")?.get(0)?.get("paragraphs")?.get(0)?.get("context")?.as_str()
}

struct XquadReader<'a> {
    file: &'a str,
    lang: String,
    corpus: Corpus,
    /// Question ids so far.
    seen: HashSet<String>,
}

impl XquadReader<'_> {
    fn paragraph(&mut self, title: &str, paragraph: &Node) -> Result<()> {
        let context = CodePoints::new(paragraph.field("context")?.text()?);
        let number = self.paragraph_number();
        let first = self.corpus.passages.len();
        let mut breaks: Vec<(usize, usize)> = Vec::new();
        for (s, node) in paragraph.field("sentence_breaks")?.items()?.iter().enumerate() {
            let (start, end) = node.pair()?;
            if breaks.last().is_some_and(|&(_, before)| start < before) || start >= end {
                return Err(node.wrong(format!(
                    "[{start}, {end}] is empty or begins before the previous sentence ends"
                )));
            }
            let text = context.slice(start..end).ok_or_else(|| {
                node.wrong(format!("[{start}, {end}] exceeds the context's {} code points", context.len()))
            })?;
            breaks.push((start, end));
            let id = format!("{}:{number}:{s}", self.lang);
            self.corpus.passages.push(Passage {
                group: id.clone(),
                id,
                lang: self.lang.clone(),
                text: text.to_string(),
                source: title.to_string(),
                answer: None,
            });
        }
        for question in paragraph.field("qas")?.items()? {
            self.question(&question, &context, &breaks, first)?;
        }
        Ok(())
    }

    /// Paragraphs are numbered from 0 through the file, the same in parallel files.
    fn paragraph_number(&self) -> usize {
        let last = self.corpus.passages.last().and_then(|p| p.id.split(':').nth(1));
        last.and_then(|n| n.parse::<usize>().ok()).map_or(0, |n| n + 1)
    }

    fn question(
        &mut self,
        question: &Node,
        context: &CodePoints,
        breaks: &[(usize, usize)],
        first: usize,
    ) -> Result<()> {
        let id = question.field("id")?.text()?.to_string();
        if !self.seen.insert(id.clone()) {
            return Err(question.wrong(format!("the id {id} occurs twice in {}", self.file)));
        }
        let answers = question.field("answers")?;
        let list = answers.items()?;
        let [answer] = list.as_slice() else {
            return Err(answers.wrong(format!("{} answers; exactly one is expected", list.len())));
        };
        let start_node = answer.field("answer_start")?;
        let start = start_node.number()?;
        let words = answer.field("text")?.text()?;
        let end = start + words.chars().count();
        if context.slice(start..end) != Some(words) {
            return Err(
                start_node.wrong(format!("the answer's text is not in the context at code point {start}"))
            );
        }
        let sentence = breaks.iter().position(|&(from, to)| from <= start && start < to);
        let sentence = sentence.ok_or_else(|| {
            start_node.wrong(format!("code point {start} is in none of the sentence_breaks"))
        })?;
        let index = first + sentence;
        // Sentences that answer the same question are parallel: their common id is that of the first
        // question in the order of ids, which does not depend on the language.
        if let Some(passage) = self.corpus.passages.get_mut(index)
            && (passage.group == passage.id || id < passage.group)
        {
            passage.group = id.clone();
        }
        self.corpus.questions.push(Question {
            group: id.clone(),
            id,
            lang: self.lang.clone(),
            text: question.field("question")?.text()?.to_string(),
            relevant: vec![index.into()],
            ..Question::default()
        });
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// The small set in this format in tests/fixtures.
    pub fn made_up() -> Corpus {
        let dataset =
            Dataset { languages: &["en", "hi", "zh"], published: &[(8, 9), (8, 10), (8, 8)], ..XQUAD_R };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/xquad-r");
        let corpus = dataset.read(&folder, &[]).unwrap();
        assert!(corpus.notes.is_empty(), "{:?}", corpus.notes);
        corpus
    }

    fn small() -> Value {
        json!({"data": [{"title": "T", "paragraphs": [{
            "context": "你好。再见！ok",
            "qas": [
                {"id": "b", "question": "?", "answers": [{"answer_start": 3, "text": "再见"}]},
                {"id": "a", "question": "?", "answers": [{"answer_start": 3, "text": "再"}]},
            ],
            "sentence_breaks": [[0, 3], [3, 6], [6, 8]],
        }]}]})
    }

    #[test]
    fn code_points_and_the_half_open_end() {
        let corpus = from_value("zh.json", &small()).unwrap();
        let texts: Vec<&str> = corpus.passages.iter().map(|p| p.text.as_str()).collect();
        assert_eq!(texts, ["你好。", "再见！", "ok"]);
        // 3 is the end of the first sentence and the start of the second: it is in the second.
        assert_eq!(corpus.questions[0].relevant, [1.into()]);
        assert_eq!(corpus.passages[1].group, "a");
        assert_eq!(corpus.passages[1].id, "zh:0:1");
        assert_eq!(corpus.passages[0].group, "zh:0:0");
    }

    #[test]
    fn the_name_says_the_language() {
        assert_eq!(language_of("x/de.json").as_deref(), Some("de"));
        assert_eq!(language_of("MLQA-R-vi.json").as_deref(), Some("vi"));
        assert_eq!(language_of("questions.json"), None);
        assert_eq!(language_of("set-deu_Latn").as_deref(), Some("de"));
        assert_eq!(language_of("docs.zho_Hant.jsonl"), None);
        assert_eq!(language_of("zho_Hant.json").as_deref(), Some("zh-Hant"));
        assert_eq!(language_of("zh-TW.json").as_deref(), Some("zh-Hant"));
        let corpus = from_value("questions.json", &small()).unwrap();
        assert_eq!(corpus.passages[0].lang, "zh");
        assert!(corpus.notes[0].contains("zh"));
    }

    #[test]
    fn departures_are_named_with_file_and_path() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 9] = [
            (|v| v["data"] = json!({}), "$.data"),
            (|v| v["data"][0]["paragraphs"][0]["context"] = json!(1), "$.data[0].paragraphs[0].context"),
            (
                |v| v["data"][0]["paragraphs"][0]["sentence_breaks"][1] = json!([3]),
                "paragraphs[0].sentence_breaks[1]",
            ),
            (|v| v["data"][0]["paragraphs"][0]["sentence_breaks"][2] = json!([6, 9]), "sentence_breaks[2]"),
            (|v| v["data"][0]["paragraphs"][0]["sentence_breaks"][2] = json!([5, 7]), "sentence_breaks[2]"),
            (
                |v| v["data"][0]["paragraphs"][0]["qas"][0]["answers"][0]["answer_start"] = json!(2),
                "qas[0].answers[0].answer_start",
            ),
            (|v| v["data"][0]["paragraphs"][0]["qas"][1]["id"] = json!("b"), "qas[1]"),
            (|v| v["data"][0]["paragraphs"][0]["qas"][1]["answers"] = json!([]), "qas[1].answers"),
            (
                |v| v["data"][0]["paragraphs"][0]["sentence_breaks"][1] = json!([4, 6]),
                "qas[0].answers[0].answer_start",
            ),
        ];
        for (change, path) in cases {
            let mut value = small();
            change(&mut value);
            let problem = from_value("zh.json", &value).unwrap_err().to_string();
            assert!(problem.starts_with("zh.json: $"), "{problem}");
            assert!(problem.contains(path), "{problem} should name {path}");
        }
    }

    #[test]
    fn counts_that_differ_from_the_published_are_noted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("zh.json"), small().to_string()).unwrap();
        let corpus = MLQA_R.read(folder.path(), &["zh".to_string()]).unwrap();
        assert!(corpus.notes[0].contains("2 questions") && corpus.notes[0].contains("504"));
        let right = Dataset { published: &[(2, 3)], languages: &["zh"], ..MLQA_R };
        let right = right.read(folder.path(), &[]).unwrap();
        assert!(right.notes.is_empty(), "{:?}", right.notes);
        for dataset in [XQUAD_R, MLQA_R] {
            assert_eq!(dataset.published.len(), dataset.languages.len());
        }
    }

    /// Which sentence answers each question, by hand: paragraph and sentence, in English, Hindi and Chinese.
    #[test]
    fn every_oddity_of_the_form_by_hand() {
        let corpus = made_up();
        assert_eq!(corpus.languages(), [("hi", 10), ("en", 9), ("zh", 8)].map(|(l, n)| (l.to_string(), n)));
        let expected = [
            // The answer ends where the sentence ends.
            ("b1", ["en:0:0", "hi:0:0", "zh:0:0"]),
            ("b0", ["en:0:0", "hi:0:0", "zh:0:0"]),
            // After code points beyond 16 bits and before a combining mark; in Hindi and Chinese one begins
            // where the previous sentence ends.
            ("b3", ["en:0:1", "hi:0:2", "zh:0:1"]),
            ("b2", ["en:0:1", "hi:0:1", "zh:0:1"]),
            ("b4", ["en:0:2", "hi:0:3", "zh:0:1"]),
            // The English answer continues into the next sentence.
            ("c1", ["en:1:0", "hi:1:0", "zh:1:0"]),
            ("c2", ["en:1:2", "hi:1:2", "zh:1:2"]),
            ("a1", ["en:2:1", "hi:2:1", "zh:2:1"]),
        ];
        let found: Vec<(&str, &str, &str)> = corpus
            .questions
            .iter()
            .map(|q| {
                let [one] = q.relevant.as_slice() else { panic!("{:?}", q.relevant) };
                (&q.id[q.id.len() - 2..], q.lang.as_str(), corpus.passages[one.passage].id.as_str())
            })
            .collect();
        for (l, lang) in ["en", "hi", "zh"].into_iter().enumerate() {
            let expected: Vec<_> = expected.iter().map(|(id, passages)| (*id, lang, passages[l])).collect();
            assert_eq!(found[8 * l..8 * l + 8], expected);
        }
        let passage = |id: &str| corpus.passages.iter().find(|p| p.id == id).unwrap();
        for (id, text) in [
            ("en:0:1", "Its keeper Runa Dahl saw 𝟟 ships 🚢 a day and wrote them into a cafe\u{301} ledger."),
            // The space before the first sentence, and what follows the last, are in none.
            ("hi:0:0", "ओर्विक का प्रकाशस्तंभ 1871 में जलाया गया।"),
            // One letter in the file, two in NFC.
            ("hi:0:2", "उन्हें वह का\u{95a}ज़ की बही में लिखती थी।"),
            ("hi:0:4", "आज वहाँ कोई नहीं रहता।"),
            // `sentences` has more here than `sentence_breaks`, which counts.
            ("hi:1:0", "टैलो का बाज़ार सूरज निकलने से पहले खुलता है।"),
            ("zh:0:1", "看守人𠮷野每天看到7艘船🚢，并把它们记在咖啡馆的账本里；灯一直用海豹油，直到1902年。"),
            ("zh:1:2", "钟慢九分钟。"),
        ] {
            assert_eq!(passage(id).text, text, "{id}");
        }
        // The first id of those that a sentence answers, in the order of ids; its own where it answers none.
        for (id, group) in
            [("en:0:0", "b0"), ("en:0:2", "b4"), ("hi:0:2", "b3"), ("zh:0:1", "b2"), ("zh:0:2", "zh:0:2")]
        {
            assert!(passage(id).group.ends_with(group), "{id}: {}", passage(id).group);
        }
        assert_eq!(passage("zh:2:0").source, "Selm");
    }

    /// The counts of the LAReQA files themselves.
    #[test]
    #[ignore = "needs XQuAD-R: run scripts/fetch-xquad-r"]
    fn the_real_xquad_r_has_its_published_counts() {
        let corpus = XQUAD_R.read(&crate::fetched::xquad_r(), &[]).unwrap();
        let expected = [1222, 1276, 1234, 1180, 1215, 1244, 1219, 852, 1167, 1209, 1196];
        for (lang, candidates) in XQUAD_R.languages.iter().zip(expected) {
            assert_eq!(corpus.passages.iter().filter(|p| p.lang == *lang).count(), candidates);
            assert_eq!(corpus.questions.iter().filter(|q| q.lang == *lang).count(), 1190);
        }
        assert!(corpus.notes.is_empty(), "{:?}", corpus.notes);
        assert_eq!(corpus.passages.len(), 13_014);
        let ids: HashSet<&str> = corpus.questions.iter().map(|q| q.id.as_str()).collect();
        assert_eq!(ids.len(), 1190);
    }
}
