//! Every format, in small files as published.

use std::fs;
use std::path::Path;

use super::*;

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn set(format: SetFormat, path: &Path, language: &str) -> TrainingSet {
    TrainingSet { format, path: path.into(), language: Some(language.into()) }
}

fn languages() -> Vec<String> {
    ["ar", "de", "en", "sw"].map(String::from).to_vec()
}

/// Ids, questions, passages and negatives.
fn told(questions: &[QaPair]) -> Vec<(&str, &str, &str, Vec<&str>)> {
    questions
        .iter()
        .map(|q| {
            let negatives = q.negatives.iter().map(String::as_str).collect();
            (q.id.as_str(), q.question.as_str(), q.context.as_str(), negatives)
        })
        .collect()
}

fn says(notes: &[String], sentences: &[&str]) {
    let notes = notes.join("\n");
    for sentence in sentences {
        assert!(notes.contains(sentence), "{sentence} is not in\n{notes}");
    }
    assert_eq!(notes.lines().count(), sentences.len(), "{notes}");
}

fn mmarco() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let collection = "0\tAlpha ist eins.\n1\tBeta ist zwei.\n2\tGamma ist drei.\n3\t\nno tab\n\
                      0\tnochmal\n5\tWas ist Delta\n6\tBeta ist zwei.\n9\tniemand\n";
    write(
        folder.path(),
        &[
            ("google/collections/german_collection.tsv", collection),
            (
                "google/collections/english_collection.tsv",
                "0\tAlpha is one.\n1\tBeta is two.\n2\tGamma is three.\n",
            ),
            (
                "google/queries/train/german_queries.train.tsv",
                "10\tWas ist Alpha\n11\tWas ist Beta\n12\tnie gefragt\n13\tWas ist Delta\n14\t \n11\tdoppelt\n",
            ),
            (
                "google/queries/train/english_queries.train.tsv",
                "10\twhat is alpha\n11\twhat is beta\n13\twhat is delta\n14\twhat is epsilon\n15\twhat is zeta\n",
            ),
            (
                "triples.train.ids.small.tsv",
                "10\t0\t1\n10\t0\t2\n10\t0\t404\n11\t1\t0\n11\t6\t0\nbad line\n13\t5\t1\n14\t0\t1\n15\t0\t1\n16\t404\t1\n",
            ),
        ],
    );
    folder
}

#[test]
fn mmarco_pairs_have_the_same_id_in_every_language() {
    let folder = mmarco();
    let google = folder.path().join("google");
    let german = set(SetFormat::Mmarco, &google, "de");
    let (questions, notes) = read(std::slice::from_ref(&german), &languages()).unwrap();
    assert_eq!(
        told(&questions),
        [
            ("mmarco:10:0", "Was ist Alpha", "Alpha ist eins.", vec!["Beta ist zwei.", "Gamma ist drei."]),
            ("mmarco:11:1", "Was ist Beta", "Beta ist zwei.", vec!["Alpha ist eins."]),
        ]
    );
    assert!(questions.iter().all(|q| q.lang == "de" && q.source == "mmarco" && q.is_multiway()));
    says(
        &notes,
        &[
            "2 lines or entries are malformed and are left out; the first is ",
            "2 lines repeat ids, of which the first count; the first is ",
            "1 text is empty and is left out: ",
            "3 judged questions have no text and are left out; the first is ",
            "2 judged passages have no text in the collection; the first is ",
            "1 question has no judgement and is left out: ",
            "1 question equals its passage and is left out: ",
            "1 pair of question and passage is a duplicate and is left out: ",
        ],
    );
    let notes = notes.join("\n");
    for place in [
        "triples.train.ids.small.tsv:6.",
        "german_queries.train.tsv:6.",
        "german_queries.train.tsv:5.",
        "triples.train.ids.small.tsv: question 14.",
        "triples.train.ids.small.tsv: question 10, passage 404.",
        "german_queries.train.tsv:3.",
        "triples.train.ids.small.tsv: question 13, passage 5.",
        "triples.train.ids.small.tsv: question 11, passage 6.",
    ] {
        assert!(notes.contains(place), "{place} is not in\n{notes}");
    }
    // The whole folder, judgements within, gives the same; another language has the same ids.
    let (same, _) = read(&[set(SetFormat::Mmarco, folder.path(), "de")], &languages()).unwrap();
    assert_eq!(same, questions);
    let both = [german, set(SetFormat::Mmarco, &google, "en")];
    let (both, _) = read(&both, &languages()).unwrap();
    let english: Vec<&str> = both.iter().filter(|q| q.lang == "en").map(|q| q.id.as_str()).collect();
    assert_eq!(english, ["mmarco:10:0", "mmarco:11:1", "mmarco:14:0", "mmarco:15:0"]);
}

#[test]
fn mmarco_with_ms_marcos_judgements() {
    let folder = mmarco();
    fs::remove_file(folder.path().join("triples.train.ids.small.tsv")).unwrap();
    let refused =
        |folder: &Path| read(&[set(SetFormat::Mmarco, folder, "en")], &languages()).unwrap_err().to_string();
    let problem = refused(folder.path());
    assert!(problem.contains("neither qrels.train.tsv nor triples.train.ids.small.tsv"), "{problem}");
    write(folder.path(), &[("qrels.train.tsv", "11\t0\t1\t1\n10\t0\t0\t1\n10\t0\t2\t1\n10\t0\t2\t1\n")]);
    let (questions, notes) = read(&[set(SetFormat::Mmarco, folder.path(), "en")], &languages()).unwrap();
    let ids: Vec<&str> = questions.iter().map(|q| q.id.as_str()).collect();
    assert_eq!(ids, ["mmarco:11:1", "mmarco:10:0", "mmarco:10:2"]);
    says(&notes, &["1 pair of question and passage is a duplicate", "3 questions have no judgements"]);
    // Both translations: which one is meant is for the person to say.
    write(folder.path(), &[("helsinki/collections/english_collection.tsv", "0\tAlpha.\n")]);
    let problem = refused(folder.path());
    assert!(problem.contains("google") && problem.contains("helsinki"), "{problem}");
}

#[test]
fn many_negatives_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = || 0..NEGATIVES + 3;
    let collection: String = numbers().map(|i| format!("{i}\tpassage {i}\n")).collect();
    let triples: String = numbers().skip(1).map(|i| format!("q\t0\t{i}\n")).collect();
    write(
        folder.path(),
        &[
            ("english_collection.tsv", collection.as_str()),
            ("english_queries.train.tsv", "q\twhich\n"),
            ("triples.train.ids.small.tsv", triples.as_str()),
        ],
    );
    let (questions, notes) = read(&[set(SetFormat::Mmarco, folder.path(), "en")], &languages()).unwrap();
    let expected: Vec<String> = (1..=NEGATIVES).map(|i| format!("passage {i}")).collect();
    assert_eq!(questions[0].negatives, expected);
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn mr_tydi_in_its_folder_or_the_one_above() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("mrtydi-v1.1-arabic/topic.train.tsv", "1\tما هي المسألة الشرقية ؟\n2\tمتى؟\n3\tأين؟\n"),
            ("mrtydi-v1.1-arabic/topic.tsv", "1\tanother split\n"),
            ("mrtydi-v1.1-arabic/qrels.train.txt", "1\tQ0\t7#0\t1\n2 Q0 7#1 1\n2 Q0 8#0 1\n3 Q0 9#9 1\n"),
            (
                "mrtydi-v1.1-arabic/collection/docs.jsonl",
                "{\"id\": \"7#0\", \"contents\": \"المسألة\\n\\nنص أول\"}\n\
                 {\"id\": \"7#1\", \"contents\": \"بلا عنوان\"}\nbroken {\n\
                 {\"docid\": \"8#0\", \"title\": \"عنوان\", \"text\": \"نص\"}\n\
                 {\"id\": \"10#0\", \"contents\": \"nobody asked\"}\n",
            ),
            ("mrtydi-v1.1-swahili/topic.train.tsv", "1\tLini?\n"),
        ],
    );
    let (questions, notes) = read(&[set(SetFormat::MrTydi, folder.path(), "ar")], &languages()).unwrap();
    assert_eq!(
        told(&questions),
        [
            ("mr-tydi:ar:1:7#0", "ما هي المسألة الشرقية ؟", "المسألة نص أول", vec![]),
            ("mr-tydi:ar:2:7#1", "متى؟", "بلا عنوان", vec![]),
            ("mr-tydi:ar:2:8#0", "متى؟", "عنوان نص", vec![]),
        ]
    );
    assert!(questions.iter().all(|q| !q.is_multiway()));
    says(
        &notes,
        &[
            "1 line or entry is malformed",
            "1 judged passage has no text in the collection",
            "1 question has no passage that answers it",
        ],
    );
    let arabic = folder.path().join("mrtydi-v1.1-arabic");
    assert_eq!(read(&[set(SetFormat::MrTydi, &arabic, "ar")], &languages()).unwrap().0, questions);
    let refused = |lang: &str| {
        read(&[set(SetFormat::MrTydi, folder.path(), lang)], &languages()).unwrap_err().to_string()
    };
    assert!(refused("sw").contains("mrtydi-v1.1-swahili: qrels.train.txt is missing"), "{}", refused("sw"));
    assert!(refused("en").contains("the folder mrtydi-v1.1-english"), "{}", refused("en"));
}

#[test]
fn miracl_takes_what_was_judged_0_as_negatives() {
    let folder = tempfile::tempdir().unwrap();
    let document =
        |id: &str| format!("{{\"docid\": \"{id}\", \"title\": \"T\", \"text\": \"text of {id}\"}}\n");
    write(
        folder.path(),
        &[
            ("miracl-v1.0-sw/topics/topics.miracl-v1.0-sw-train.tsv", "7\tKwanza?\n8\tPili?\n"),
            ("miracl-v1.0-sw/topics/topics.miracl-v1.0-sw-dev.tsv", "9\tnot for training?\n"),
            (
                "miracl-v1.0-sw/qrels/qrels.miracl-v1.0-sw-train.tsv",
                "7 Q0 1#0 1\n7 Q0 1#1 0\n7 Q0 2#0 0\n7 Q0 4#0 0\n8\tQ0\t1#1\t1\n8 Q0 1#1 1\n8 Q0 1#0\n8 Q0 1#0 x\n",
            ),
            ("miracl-corpus-v1.0-sw/docs-0.jsonl", &["1#0", "1#1", "3#0"].map(document).concat()),
            (
                "miracl-corpus-v1.0-sw/docs-1.jsonl",
                "{\"docid\": \"4#0\", \"title\": \"T\", \"text\": \" \"}\n",
            ),
            ("miracl-corpus-v1.0-sw/docs-10.jsonl", &document("2#0")),
            ("miracl-corpus-v1.0-de/docs-0.jsonl", &document("1#0").replace("text", "Text")),
        ],
    );
    let (questions, notes) = read(&[set(SetFormat::Miracl, folder.path(), "sw")], &languages()).unwrap();
    assert_eq!(
        told(&questions),
        [
            ("miracl:sw:7:1#0", "Kwanza?", "T text of 1#0", vec!["T text of 1#1", "T text of 2#0"]),
            ("miracl:sw:8:1#1", "Pili?", "T text of 1#1", vec![]),
        ]
    );
    says(
        &notes,
        &[
            "2 lines or entries are malformed",
            "1 pair of question and passage is a duplicate",
            "1 text is empty",
            "1 judged passage has no text in the collection",
        ],
    );
    // A line that is not UTF-8, and a file in another encoding.
    let file = |name: &str| folder.path().join(name);
    let first = file("miracl-corpus-v1.0-sw/docs-0.jsonl");
    let lines = [
        fs::read(&first).unwrap(),
        "{\"docid\": \"ä\"}\n{\"docid\": \"ö\"}\n{\"docid\": \"".into(),
        b"\xff\xfe\"}\n".into(),
    ];
    fs::write(&first, lines.concat()).unwrap();
    let topics: Vec<u8> = "7\tWas heißt „größer“ für Köln?\n"
        .chars()
        .map(|c| match c {
            '„' => 0x84,
            '“' => 0x93,
            c => c as u8,
        })
        .collect();
    fs::write(file("miracl-v1.0-sw/topics/topics.miracl-v1.0-sw-train.tsv"), topics).unwrap();
    let (questions, notes) = read(&[set(SetFormat::Miracl, folder.path(), "sw")], &languages()).unwrap();
    assert_eq!(questions[0].question, "Was heißt „größer“ für Köln?");
    let notes = notes.join("\n");
    assert!(notes.contains("5 lines or entries are malformed"), "{notes}");
    assert!(notes.contains("sw-train.tsv: read as windows-1252, a guess from its bytes"), "{notes}");
    let refused = |lang: &str| {
        read(&[set(SetFormat::Miracl, folder.path(), lang)], &languages()).unwrap_err().to_string()
    };
    assert!(refused("de").contains("qrels.miracl-v1.0-de-train.tsv is missing"), "{}", refused("de"));
    fs::remove_dir_all(folder.path().join("miracl-corpus-v1.0-sw")).unwrap();
    assert!(refused("sw").contains("miracl-corpus-v1.0-sw/docs-0.jsonl.gz is missing"), "{}", refused("sw"));
}

const NQ: &str = r#"[
    {"dataset": "nq_train_psgs_w100", "question": "big little lies season 2 how many episodes",
     "answers": ["seven"],
     "positive_ctxs": [
        {"title": "Big Little Lies", "text": "series garnered several accolades.", "score": 1000,
         "title_score": 1, "passage_id": "18768923"},
        {"title": "Other", "text": "seven of them.", "score": 14.3, "title_score": 0, "passage_id": "5"}],
     "negative_ctxs": [{"title": "Cormac", "text": "random.", "score": 0, "title_score": 0, "passage_id": "1"}],
     "hard_negative_ctxs": [
        {"title": "Little People", "text": "eight episodes.", "score": 13.9, "title_score": 0, "passage_id": "2"},
        {"title": "Empty", "text": " ", "score": 1, "title_score": 0, "passage_id": "3"}]},
    {"question": "no answer", "answers": [], "positive_ctxs": [], "negative_ctxs": [], "hard_negative_ctxs": []},
    {"question": "big little lies season 2 how many episodes", "answers": [],
     "positive_ctxs": [{"title": "Big Little Lies", "text": "series garnered several accolades."}],
     "negative_ctxs": [], "hard_negative_ctxs": []},
    {"question": 5, "positive_ctxs": []},
    {"question": "same", "answers": [], "positive_ctxs": [{"title": "", "text": "same"}],
     "negative_ctxs": [], "hard_negative_ctxs": []},
    {"question": " ", "answers": [], "positive_ctxs": [{"title": "T", "text": "t"}],
     "negative_ctxs": [], "hard_negative_ctxs": []},
    {"question": "who", "answers": ["x"], "positive_ctxs": [{"title": "W", "text": "it was x."}],
     "negative_ctxs": [], "hard_negative_ctxs": [{"title": "W", "text": "it was x."}]}
]"#;

#[test]
fn nq_in_dprs_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("biencoder-nq-train.json");
    fs::write(&path, NQ).unwrap();
    let nq = set(SetFormat::Dpr, &path, "en");
    let (questions, notes) = read(std::slice::from_ref(&nq), &languages()).unwrap();
    assert_eq!(
        told(&questions),
        [
            (
                "biencoder-nq-train:0",
                "big little lies season 2 how many episodes",
                "Big Little Lies series garnered several accolades.",
                vec!["Little People eight episodes."],
            ),
            ("biencoder-nq-train:6", "who", "W it was x.", vec![]),
        ]
    );
    says(
        &notes,
        &[
            "1 line or entry is malformed",
            "1 pair of question and passage is a duplicate",
            "1 question equals its passage",
            "1 question has no passage that answers it",
            "1 text is empty",
        ],
    );
    for (number, note) in
        [(1, "no passage"), (2, "is a duplicate"), (3, "malformed"), (4, "equals"), (5, "empty")]
    {
        let place = format!("biencoder-nq-train.json: $[{number}].");
        assert!(notes.iter().any(|n| n.contains(note) && n.ends_with(&place)), "{place} {notes:?}");
    }
    // The same again is all duplicates, and that is an error: nothing would be read.
    let problem = read(&[nq.clone(), nq.clone()], &languages()).unwrap_err().to_string();
    assert!(problem.contains("no question with its passage is left"), "{problem}");
    for (text, said) in [(&NQ[..NQ.len() - 3], "one whole JSON list"), ("{}", "a list of questions")] {
        fs::write(&path, text).unwrap();
        let problem = read(std::slice::from_ref(&nq), &languages()).unwrap_err().to_string();
        assert!(problem.contains("biencoder-nq-train.json: ") && problem.contains(said), "{problem}");
    }
}

#[test]
fn a_set_says_format_path_and_a_language_that_is_known() {
    let refused = |lang: &str| {
        read(&[set(SetFormat::Mmarco, Path::new("x"), lang)], &languages()).unwrap_err().to_string()
    };
    let problem = refused("german");
    assert!(
        problem.contains("data.sets[0].language: \"german\"") && problem.contains("de (German)"),
        "{problem}"
    );
    let problem = refused("fr");
    assert!(problem.contains("fr is not among the configured languages (ar, de, en, sw)"), "{problem}");
    let parsed: TrainingSet =
        serde_json::from_str(r#"{"format": "mr-tydi", "path": "mrtydi", "language": "th"}"#).unwrap();
    assert_eq!(parsed, set(SetFormat::MrTydi, Path::new("mrtydi"), "th"));
    let wrong = |json: &str| serde_json::from_str::<TrainingSet>(json).unwrap_err().to_string();
    let problem = wrong(r#"{"format": "squad", "path": "p", "language": "th"}"#);
    assert!(problem.contains("squad") && problem.contains("mmarco"), "{problem}");
    let problem = wrong(r#"{"format": "dpr", "path": "p", "lang": "th"}"#);
    assert!(problem.contains("lang") && problem.contains("language"), "{problem}");
}

#[test]
fn own_questions_meet_their_passages_in_each_language() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        r#"{"id":"7","lang":"de","text":"Das ist rot.","title":"Farben"}"#,
        r#"{"id":"7","lang":"en","text":"It is red."}"#,
        r#"{"id":"8","lang":"en","text":"It is crimson."}"#,
        r#"{"id":"9","lang":"ar","text":"أحمر"}"#,
        r#"{"query_id":"q1","lang":"en","text":"What is red?","relevant":["7","8"]}"#,
        r#"{"query_id":"q1","lang":"de","text":"Was ist rot?","relevant":["7"]}"#,
        r#"{"query_id":"q2","lang":"en","text":"And in Arabic?","relevant":["9"]}"#,
        r#"{"query_id":"q1","lang":"fr","text":"Quoi ?","relevant":["7"]}"#,
        r#"{"query_id":"q3","lang":"de","text":"Was?","relevant":["404"]}"#,
    ];
    let path = folder.path().join("colours.jsonl");
    fs::write(&path, lines.join("\n")).unwrap();
    let own = |language: Option<&str>| TrainingSet {
        format: SetFormat::Own,
        path: path.clone(),
        language: language.map(String::from),
    };
    let (questions, notes) = read(&[own(None)], &languages()).unwrap();
    assert_eq!(
        told(&questions),
        [
            ("own/colours:q1:7", "What is red?", "It is red.", vec![]),
            ("own/colours:q1:8", "What is red?", "It is crimson.", vec![]),
            ("own/colours:q1:7", "Was ist rot?", "Das ist rot.", vec![]),
        ]
    );
    assert!(questions.iter().all(|q| q.source == "own/colours" && q.is_multiway()));
    let told = notes.join("\n");
    for part in [
        "1 relevant id does not exist",
        "1 passage answers a question that its language lacks and is left out: ",
        "colours.jsonl: question q2 (ar).",
        "1 question is in a language that the recipe does not name and is left out: ",
        "2 questions have no passage that answers them and are left out; the first is ",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert_eq!(read(&[own(Some("de"))], &languages()).unwrap().0.len(), 1);
    let problem = read(&[own(Some("sw"))], &languages()).unwrap_err().to_string();
    assert!(problem.contains("no question with its passage is left to read"), "{problem}");
    let unnamed = TrainingSet { language: None, ..set(SetFormat::Miracl, &path, "de") };
    let problem = read(&[unnamed], &languages()).unwrap_err().to_string();
    assert!(problem.contains("data.sets[0].language is missing: miracl is read"), "{problem}");
}

#[test]
fn the_sample_is_read_in_the_languages_trained_for() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("static/sample");
    let set = TrainingSet { format: SetFormat::Sample, path, language: None };
    let (questions, notes) = read(&[set], &["en", "th"].map(String::from)).unwrap();
    assert_eq!(questions.len(), 250);
    assert!(questions.iter().all(|q| q.source == "sample" && q.is_multiway()));
    assert_eq!(
        (questions[0].id.as_str(), questions[1].id.as_str()),
        ("sample:octopus-nerves", "sample:octopus-nerves")
    );
    assert!(questions.iter().all(|q| q.context.contains(q.answer.as_deref().unwrap())));
    says(&notes, &["1125 questions are in languages that the recipe does not name"]);
}
