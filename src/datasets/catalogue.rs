//! The list of data sets: name, source, licence and size of each, and its reader.
//!
//! A data set is an entry of [`CATALOGUE`] and a file that reads its format.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::{
    CollectionOptions, Corpus, PassagePool, beir, dev, drop, flores, miracl, own, sample, tydiqa, xquad,
};
use crate::{Error, Result, text};

/// A data set as `interlingua data` lists it.
#[derive(Debug, Clone, Serialize)]
pub struct DatasetEntry {
    /// Its name in commands.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Language codes; empty if they depend on the folder.
    pub languages: &'static [&'static str],
    /// Where its authors offer it.
    pub origin: &'static str,
    /// Its licence, according to its authors.
    pub licence: &'static str,
    /// Its size, in words.
    pub size: &'static str,
    /// The citation.
    pub citation: &'static str,
    /// The base address of the files, if they can be downloaded automatically.
    pub base: Option<&'static str>,
    /// Otherwise, why not and what to do.
    pub by_hand: &'static str,
    /// Its files, if they are offered individually.
    pub files: &'static [Download],
    /// Its reader.
    #[serde(skip)]
    pub reader: DatasetReader,
}

/// The reader of a data set.
#[derive(Debug, Clone, Copy)]
pub struct DatasetReader {
    /// The options it takes besides languages.
    takes: &'static [Extra],
    /// Reads it from its folder or, if it is one file, from that.
    read: fn(&Path, &CollectionOptions) -> Result<Corpus>,
    /// How one of its files is recognized among files from the user, and read alone.
    document: Option<JsonDocument>,
}

/// Those of [`CollectionOptions`] that not every data set takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    Pool,
    Split,
    Columns,
}

/// A format that is one JSON document.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonDocument {
    /// Whether JSON is in this format; at most one data set's format matches.
    pub is: fn(&Value) -> bool,
    /// Reads JSON in this format; the name is the file's.
    pub read: fn(&str, &Value) -> Result<Corpus>,
}

/// A file of a data set.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Download {
    /// Relative to the base address, and to the folder.
    pub path: &'static str,
    /// SHA-256 in hexadecimal. Without one, the file's hash is printed, not verified.
    pub sha256: Option<&'static str>,
}

const fn checked(path: &'static str, sha256: &'static str) -> Download {
    Download { path, sha256: Some(sha256) }
}

/// Why docqa and dev-qa cannot be downloaded.
const HELD_OUT: &str = "it is compiled from several sources; docs/data.md names them";

/// All data sets.
pub static CATALOGUE: [DatasetEntry; 11] = [
    DatasetEntry {
        name: "xquad-r",
        about: "Answers to the same 1,190 questions in eleven languages, all parallel; candidates are sentences.",
        languages: xquad::XQUAD_R.languages,
        origin: "https://github.com/google-research-datasets/lareqa",
        licence: "CC BY-SA 4.0",
        size: "18 MB, 13,090 questions, 13,014 candidates",
        citation: "Roy et al. 2020, LAReQA, arXiv 2004.05484; Artetxe et al. 2020, XQuAD, arXiv 1910.11856",
        base: Some(
            "https://raw.githubusercontent.com/google-research-datasets/lareqa/9bc8c7fb6dd8d01d72a05a93c2cb96882b0d299c/xquad-r",
        ),
        by_hand: "",
        files: &[
            checked("ar.json", "c52922d3b8ac1ae03ed5ac38647ad59870dca3dda2beefe18ecdc30729acb69d"),
            checked("de.json", "16fb0f4bf4916154b585a20c24c66074591c9718a1affe764ff4697572328949"),
            checked("el.json", "163fd43ee785a30eb534ae2061e9eaa766a7ee4e8ffce5e4b422480c150f64b6"),
            checked("en.json", "7b0954f39297c27a31fef610f0883337dd2907fa8699151dc922afdd0fa12ffe"),
            checked("es.json", "f8e836b2d91009c4363e04315f7ede363eedbbb49c67dda60de6c4aa782f58de"),
            checked("hi.json", "ea45ba8ae4513d1533b222bebdc02a90bc319c055d3aeea68584a053d2e92872"),
            checked("ru.json", "7f4dff853538b9a5fcc28c070b8bb983a5c5d190ac747b8e005a1ada9cab18f1"),
            checked("th.json", "c3a041864c3a9fb0b4dd91cfdf99cf36b411b3e704c58a303c97bc6dc786cfe4"),
            checked("tr.json", "f3e8c13002bbce154a4578f535f7533cb70f3da08840e6b62735935baec7bd94"),
            checked("vi.json", "e35926bf5cc6fc6ecbdfca49467aabeb454f08d152d7818143a906bd31dde995"),
            checked("zh.json", "80c2cde7b9c2fb134c303cbb52f2ba396ead9eb0014aec43993543d2ba9e93ed"),
        ],
        reader: DatasetReader {
            takes: &[],
            read: |dir, options| xquad::XQUAD_R.read(dir, &options.languages),
            document: Some(JsonDocument { is: xquad::is_xquad, read: xquad::from_value }),
        },
    },
    DatasetEntry {
        name: "mlqa-r",
        about: "The same from MLQA's dev questions in seven languages; a question is in two to four of them.",
        languages: xquad::MLQA_R.languages,
        origin: "https://github.com/google-research-datasets/lareqa, folder mlqa-r of commit 354d67d",
        licence: "CC BY-NC 4.0 as its folder says; MLQA itself is CC BY-SA 3.0",
        size: "14 MB, 4,199 questions, 20,534 candidates",
        citation: "Roy et al. 2020, LAReQA, arXiv 2004.05484; Lewis et al. 2020, MLQA, arXiv 1910.07475",
        base: None,
        by_hand: "its authors removed it from their repository in April 2020, so whether to use it is your decision; \
                  the history still has it at commit 354d67d, or give the address of a copy with --base",
        files: &[
            checked("ar.json", "2132fbc03208535c0fe01f2e2c5121d06f9c2aa799af93b0a719dbc105bdf137"),
            checked("de.json", "ce9454dc5aa6f2d85c23cd6e49cb367fbb7c4c6e62d7f71e355c6b5dae4d0886"),
            checked("en.json", "fedd9a5cc0848dda80caf84aa36f482adaae230526a3f6e9e86926a93ef3b1e4"),
            checked("es.json", "70ecba276b8c96a692b120693a595d076ce94ad21d4b28311538a9fcbfe0f9d7"),
            checked("hi.json", "4dd0fb3c06f737a5481d705bc1dcac7876712a5815c9265908fbb3a0696cb654"),
            checked("vi.json", "9d3baff6ba03e6793b25594217265ea59a136b9733833dca8a9582a84a78ff85"),
            checked("zh.json", "57f01d2fff50cf3392805635b01445339f225ad5bf28ba8443b12f8dbd1e69dc"),
        ],
        reader: DatasetReader {
            takes: &[],
            read: |dir, options| xquad::MLQA_R.read(dir, &options.languages),
            // As xquad-r's.
            document: None,
        },
    },
    DatasetEntry {
        name: "miracl",
        about: "Questions asked and judged by native speakers over Wikipedia in each language.",
        languages: &[
            "ar", "bn", "de", "en", "es", "fa", "fi", "fr", "hi", "id", "ja", "ko", "ru", "sw", "te", "th",
            "yo", "zh",
        ],
        origin: "https://project-miracl.github.io; files at https://huggingface.co/datasets/miracl",
        licence: "Apache 2.0; the passages are Wikipedia's, CC BY-SA",
        size: "from some 50,000 to 33 million passages per language",
        citation: "Zhang et al. 2023, MIRACL, TACL 11, arXiv 2210.09984",
        base: None,
        by_hand: "its questions require a login; download the folders miracl-v1.0-<lang> and \
                  miracl-corpus-v1.0-<lang>",
        files: &[],
        reader: DatasetReader { takes: &[Extra::Pool, Extra::Split], read: miracl::read, document: None },
    },
    DatasetEntry {
        name: "beir",
        about: "Any folder in BEIR format: NQ, SciFact and others.",
        languages: &[],
        origin: "https://github.com/beir-cellar/beir",
        licence: "each set's own; NQ is CC BY-SA 3.0",
        size: "NQ: 2,681,468 passages, 3,452 questions",
        citation: "Thakur et al. 2021, BEIR, arXiv 2104.08663; Kwiatkowski et al. 2019, Natural Questions, TACL 7",
        base: None,
        by_hand: "its sets are offered as archives; download one and unpack it",
        files: &[],
        reader: DatasetReader { takes: &[Extra::Pool, Extra::Split], read: beir::read, document: None },
    },
    DatasetEntry {
        name: "tydiqa",
        about: "TyDi QA's gold passages, converted to sentence retrieval by us.",
        languages: &["ar", "bn", "en", "fi", "id", "ko", "ru", "sw", "te"],
        origin: "https://github.com/google-research-datasets/tydiqa",
        licence: "Apache 2.0; the passages are Wikipedia's, CC BY-SA",
        size: "5,077 questions in the dev file",
        citation: "Clark et al. 2020, TyDi QA, TACL 8, arXiv 2003.05002",
        base: Some("https://storage.googleapis.com/tydiqa/v1.1"),
        by_hand: "",
        files: &[Download { path: "tydiqa-goldp-v1.1-dev.json", sha256: None }],
        reader: DatasetReader {
            takes: &[],
            read: tydiqa::read,
            document: Some(JsonDocument { is: tydiqa::is_tydiqa, read: tydiqa::from_value }),
        },
    },
    DatasetEntry {
        name: "drop",
        about: "DROP's questions with spans of the passage as answers, converted to sentence retrieval by us.",
        languages: &["en"],
        origin: "https://allenai.org/data/drop",
        licence: "CC BY-SA 4.0",
        size: "some 9,500 questions in the dev file, before numbers and dates are left out",
        citation: "Dua et al. 2019, DROP, NAACL, arXiv 1903.00161",
        base: None,
        by_hand: "it is offered as an archive; download it and unpack drop_dataset_dev.json",
        files: &[],
        reader: DatasetReader {
            takes: &[],
            read: drop::read,
            document: Some(JsonDocument { is: drop::is_drop, read: drop::from_value }),
        },
    },
    DatasetEntry {
        name: "docqa",
        about: "Headings and questions of documentation with their sections, the same in every language: for model \
                selection.",
        languages: xquad::XQUAD_R.languages,
        origin: "files qa.<lang>.jsonl.gz of your own; docs/data.md has the format and the sources",
        licence: "each source's own, all open",
        size: "2,654 questions of 302 groups, 2,682 sections",
        citation: "",
        base: None,
        by_hand: HELD_OUT,
        files: &[],
        reader: DatasetReader {
            takes: &[],
            read: |dir, options| dev::sections(dir, &options.languages),
            document: None,
        },
    },
    DatasetEntry {
        name: "dev-qa",
        about: "Native questions in each language, answered by one of the sentences: for model selection.",
        languages: &["ar", "th", "tr", "zh"],
        origin: "the same files as docqa's",
        licence: "each source's own, all open",
        size: "4,425 questions, 8,577 candidates",
        citation: "Mozannar et al. 2019, ARCD, arXiv 1906.05394; Viriyayudhakorn and Polpanumas 2021, iapp_wiki_qa_squad; \
                   Cui et al. 2019, CMRC 2018, arXiv 1810.07366; docs/data.md has all",
        base: None,
        by_hand: HELD_OUT,
        files: &[],
        reader: DatasetReader {
            takes: &[],
            read: |dir, options| dev::answers(dir, &options.languages),
            document: None,
        },
    },
    DatasetEntry {
        name: "flores",
        about: "Each sentence is a query for its translations in all other languages at once: for model selection, \
                never for training.",
        languages: &[],
        origin: "FLORES-200's devtest (https://github.com/facebookresearch/flores) as a table with one column per \
                 language; docs/data.md says how to make it",
        licence: "CC BY-SA 4.0",
        size: "1,012 sentences of Wikinews, Wikibooks and Wikivoyage in each language",
        citation: "NLLB Team et al. 2022, No Language Left Behind, arXiv 2207.04672; Goyal et al. 2022, FLORES-101, \
                   TACL 10, arXiv 2106.03193",
        base: None,
        by_hand: "it is offered as an archive with one file per language; docs/data.md says how to make the table",
        files: &[],
        reader: DatasetReader {
            takes: &[],
            read: |path, options| flores::read(path, &options.languages),
            document: None,
        },
    },
    DatasetEntry {
        name: "sample",
        about: "The passages that the page ships with.",
        languages: xquad::XQUAD_R.languages,
        origin: "this repository, static/sample/passages.jsonl",
        licence: "CC0 1.0",
        size: "1 MB, 1,375 questions, 1,375 passages",
        citation: "this repository",
        base: None,
        by_hand: "it is in this repository: static/sample",
        files: &[],
        reader: DatasetReader { takes: &[Extra::Split], read: sample::read, document: None },
    },
    DatasetEntry {
        name: "own",
        about: "Your own passages and questions, as JSON lines.",
        languages: &[],
        origin: "your files; docs/data.md has the format",
        licence: "yours",
        size: "yours",
        citation: "",
        base: None,
        by_hand: "it is your own; docs/data.md has the format",
        files: &[],
        reader: DatasetReader { takes: &[Extra::Columns], read: own::read, document: None },
    },
];

/// The data set with this name.
///
/// # Errors
/// [`Error::Unsupported`] with the valid names.
pub fn by_name(name: &str) -> Result<&'static DatasetEntry> {
    CATALOGUE.iter().find(|entry| entry.name == name).ok_or_else(|| {
        let names: Vec<&str> = CATALOGUE.iter().map(|entry| entry.name).collect();
        Error::Unsupported {
            what: format!("the data set {name}"),
            hint: format!("choose one of {}", names.join(", ")),
        }
    })
}

/// Reads the data set called `name` from its folder `dir`; for tydiqa, drop, flores, sample and own, `dir`
/// may also be the file itself.
///
/// # Errors
/// An unknown name, an option that the data set does not take, a file that is missing or malformed.
pub fn load(name: &str, dir: &Path, options: &CollectionOptions) -> Result<Corpus> {
    let entry = by_name(name)?;
    for (extra, asked, option, instead) in [
        (Extra::Pool, options.pool != PassagePool::All, "--pool", "is read whole"),
        (Extra::Split, options.split.is_some(), "--split", "is read whole"),
        (Extra::Columns, !options.columns.is_empty(), "--columns", "has fixed columns"),
    ] {
        if asked && !entry.reader.takes.contains(&extra) {
            let takers: Vec<&str> =
                CATALOGUE.iter().filter(|e| e.reader.takes.contains(&extra)).map(|e| e.name).collect();
            return Err(Error::Input(format!("{option} is for {}; {name} {instead}", takers.join(", "))));
        }
    }
    let languages = options.languages.iter().map(|given| text::code(given).unwrap_or_else(|| given.clone()));
    (entry.reader.read)(dir, &CollectionOptions { languages: languages.collect(), ..options.clone() })
}

/// The format of this JSON document, if a data set has it.
pub(super) fn form_of(value: &Value) -> Option<JsonDocument> {
    CATALOGUE.iter().filter_map(|entry| entry.reader.document).find(|document| (document.is)(value))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    fn sample_dir() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("static/sample")
    }

    #[test]
    fn every_entry_says_where_it_is_had() {
        for entry in &CATALOGUE {
            assert_eq!(by_name(entry.name).unwrap().name, entry.name);
            assert_eq!(entry.base.is_some(), entry.by_hand.is_empty(), "{}", entry.name);
            assert!(entry.base.is_none() || !entry.files.is_empty(), "{}", entry.name);
            assert!(
                entry.files.iter().filter_map(|f| f.sha256).all(|hash| hash.len() == 64),
                "{}",
                entry.name
            );
        }
        for (entry, dataset) in [(&CATALOGUE[0], xquad::XQUAD_R), (&CATALOGUE[1], xquad::MLQA_R)] {
            let files: Vec<String> = entry.files.iter().map(|f| f.path.replace(".json", "")).collect();
            assert_eq!(files, dataset.languages);
        }
        assert!(by_name("squad").unwrap_err().to_string().contains("xquad-r, mlqa-r, miracl"));
    }

    /// The hashes are those of the files used in the tests.
    #[test]
    #[ignore = "needs XQuAD-R: run scripts/fetch-xquad-r"]
    fn the_real_xquad_r_has_the_hashes_listed() {
        let folder = crate::fetched::xquad_r();
        for file in CATALOGUE[0].files {
            let bytes = fs::read(folder.join(file.path)).unwrap();
            assert_eq!(Some(crate::sha256(&bytes).as_str()), file.sha256, "{}", file.path);
        }
    }

    #[test]
    fn names_lead_to_readers_and_languages_are_chosen() {
        let two =
            CollectionOptions { languages: vec!["de".into(), "th".into()], ..CollectionOptions::default() };
        let all = load("sample", &sample_dir(), &CollectionOptions::default()).unwrap();
        let some = load("sample", &sample_dir().join("passages.jsonl"), &two).unwrap();
        assert_eq!(some.languages().len(), 2);
        assert_eq!(some.passages.len() * 11, all.passages.len() * 2);
        assert_eq!(some.questions.len() * 11, all.questions.len() * 2);
        for question in &some.questions {
            let passage = &some.passages[question.relevant[0].passage];
            assert_eq!((&passage.group, &passage.lang), (&question.group, &question.lang));
        }
        let part =
            |split: &str| CollectionOptions { split: Some(split.into()), ..CollectionOptions::default() };
        let [train, test] =
            ["train", "test"].map(|split| load("sample", &sample_dir(), &part(split)).unwrap());
        assert_eq!(
            [train.passages.len(), test.passages.len(), train.questions.len(), test.questions.len()],
            [1100, 275, 1100, 275]
        );
        assert_eq!(test.notes, ["the split test has 25 of 125 records"]);
        for question in &test.questions {
            let passage = &test.passages[question.relevant[0].passage];
            assert_eq!((&passage.group, &passage.lang), (&question.group, &question.lang));
            assert!(train.passages.iter().all(|p| p.group != question.group));
        }
        let problem = load("sample", &sample_dir(), &part("dev")).unwrap_err().to_string();
        assert!(problem.contains("train") && problem.contains("test"), "{problem}");
        let missing = CollectionOptions { languages: vec!["xx".into()], ..CollectionOptions::default() };
        let problem = load("sample", &sample_dir(), &missing).unwrap_err().to_string();
        assert!(problem.contains("no passage in xx"), "{problem}");
        let pool = CollectionOptions { pool: PassagePool::Judged, ..CollectionOptions::default() };
        let problem = load("sample", &sample_dir(), &pool).unwrap_err().to_string();
        assert_eq!(problem, "--pool is for miracl, beir; sample is read whole");

        let folder = tempfile::tempdir().unwrap();
        let problem = load("own", folder.path(), &CollectionOptions::default()).unwrap_err().to_string();
        assert!(problem.contains("no file with the extension .jsonl"), "{problem}");
        fs::write(folder.path().join("p.jsonl"), "{\"id\":1,\"lang\":\"en\",\"text\":\"a\"}\n").unwrap();
        let problem = load("own", folder.path(), &CollectionOptions::default()).unwrap_err().to_string();
        assert!(problem.contains("no questions"), "{problem}");
        let query = "{\"query_id\":1,\"lang\":\"en\",\"text\":\"a?\",\"relevant\":[1]}";
        fs::write(folder.path().join("q.jsonl"), query).unwrap();
        let own = load("own", folder.path(), &CollectionOptions::default()).unwrap();
        assert_eq!((own.name.as_str(), own.questions[0].relevant[0].passage), ("own", 0));
        for name in ["xquad-r", "mlqa-r", "miracl", "beir", "drop", "tydiqa", "docqa", "dev-qa", "flores"] {
            assert!(load(name, folder.path(), &CollectionOptions::default()).is_err(), "{name}");
        }
    }
}
