//! The page's words, by key: whoever wants the page in another language translates this file. `{name}` stands for
//! what [`fill`] puts there; numbers are written as the visitor's browser writes them.
//!
//! Not here: what the worker says (errors and notes), which the terminal says too.

// What a key says, it says itself.
#![allow(missing_docs)]

/// A text of the catalogue with its places filled.
pub(super) fn fill(text: &str, places: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        let value = places.iter().find(|(place, _)| *place == name).map(|(_, value)| *value);
        debug_assert!(value.is_some(), "{name} in {text:?}");
        out.push_str(value.unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    out
}

pub(super) mod language {
    /// In place of the code for a language that is not known.
    pub const UNKNOWN: &str = "unknown language";
}

/// Around numbers, which the visitor's browser writes.
pub(super) mod number {
    pub const PERCENT: &str = "{n}%";
}

/// What is around the views.
pub(super) mod shell {
    pub const TITLE: &str = "{view} · interlingua";
    pub const LINE: &str = "Ask in one language, find in all. ";
    pub const IN_BROWSER: &str = "The search runs in your browser.";
    pub const VIEWS: &str = "Views";
    pub const DISMISS: &str = "Dismiss";
    pub const ABOUT: &str = "interlingua is a multilingual text encoder written in Rust: a question lies near its answer in whatever language the answer is. It runs on your device, on the GPU through WebGPU or on the CPU. Your text never leaves this page.";
    pub const LICENCE: &str = "Licence: MIT or Apache-2.0; the sample passages are in the public domain. The project’s README says how the figures are made. ";
    pub const IN_YOUR_PAGE: &str = "The encoder in your own page";

    // The line at the foot, and what it opens to.
    pub const MACHINE: &str = "Model and progress";
    pub const DEVICE: &str = "Device";
    pub const BEGINS_WITH_MODEL: &str = "starts when the model is ready";
    pub const BEGINS: &str = "starting";
    pub const LOAD_MODEL: &str = "Load model";
    pub const WORKER_DEAD: &str = "Nothing can be computed: the worker has stopped";
    pub const MODEL_LOADING: &str = "Model loading";
    pub const MODEL_LOADING_EXAMPLES: &str = "Model loading; the examples already work";
    pub const STARTING: &str = "Starting";
    pub const PROGRAM_LOADING: &str = "Loading the search program: {bytes}";
    pub const BITS: &str = "{bits}-bit";
    pub const FAST_BITS: &str = "{bits}, fast";
    pub const SELF_TEST_PASSED: &str = "self-test passed";
    pub const SELF_TEST_FAILED: &str = "self-test failed";
    pub const ONE_THREAD: &str = "One thread computes on the CPU. After a reload this page can use more. ";
    pub const RELOAD: &str = "Reload the page";
    pub const THREADS_UNABLE: &str =
        "One thread computes on the CPU. A newer version of this browser may use more.";
    pub const NO_THREADS: &str = "One thread computes on the CPU. For more, the browser has to start a service worker, and did not: {why}.";
    pub const NO_SERVICE_WORKERS: &str = "this browser starts no service workers here";
    pub const OFFLINE_STORING: &str = "This page is being stored in this browser, to work without a network.";
    pub const OFFLINE_WORKS: &str =
        "This page works without a network: its program and the sample are stored in this browser.";
    pub const OFFLINE_NOT: &str = "This page does not work without a network: {why}.";
    pub const NEW_VERSION: &str = "A new version is available.";
    pub const NEW_VERSION_BLOCKED: &str = "To start the new version, close {tabs} of this page first.";
    pub const OTHER_TAB: &str = "other tab";
    pub const LATER: &str = "Later";
    pub const LOAD_AGAIN: &str = "Load the model again";
    pub const REMOVE: &str = "Remove from this browser’s storage";
    pub const HAS_WEBGPU: &str = "This browser offers WebGPU.";
    pub const NO_WEBGPU: &str = "This browser offers no WebGPU here, so the CPU is used.";
    pub const LOOKING: &str = "Checking what this device offers.";
    pub const WORKER_STOPPED: &str = "The worker has stopped.";
    pub const AUTOMATIC: &str = "automatic: the faster one, measured";
    pub const CPU: &str = "CPU";
    pub const GPU: &str = "GPU (WebGPU)";
    pub const CHOOSE_DEVICE: &str = "Device ";
    pub const PRECISION: &str = "Precision on the CPU ";
    pub const FAST: &str = "fast: integers";
    pub const EXACT: &str = "exact: f32, the same vectors on every device";
    pub const CANCEL: &str = "Cancel";

    // The model in detail.
    pub const MODEL: &str = "Model";
    pub const ADDRESS: &str = "Address";
    pub const MODEL_LICENCE: &str = "Licence";
    pub const LANGUAGES: &str = "Languages";
    pub const SHAPE: &str = "Shape";
    pub const SHAPE_IS: &str =
        "{layers} layers, {dimensions} dimensions, a vocabulary of {vocabulary}, {parameters} parameters";
    pub const WEIGHTS: &str = "Weights";
    pub const LOADED: &str = "Loaded";
    pub const FROM_STORAGE: &str = "from this browser’s storage, checked by hash, in {ms}";
    pub const FROM_NETWORK: &str = "from the network, in {ms}";
    pub const HASH: &str = "Hash";
    pub const HASH_IS: &str = "SHA-256 of the manifest: {hash}";
    pub const RUNS_ON: &str = "Runs on";
    pub const COMPUTES_IN: &str = "Computes in";
    pub const SELF_TEST: &str = "Self-test";
    pub const PASSED_BY: &str =
        "passed: the largest difference from the reference vectors is {difference}, the limit is {allowed}";
    pub const FAILED_BY: &str =
        "failed: the largest difference from the reference vectors is {difference}, the limit is {allowed}";
    pub const MEASURED: &str = "Measured";
    pub const MEASURED_IS: &str = "{times} for a short query";
}

/// How far work is.
pub(super) mod progress {
    pub const DOWNLOAD: &str = "Downloading";
    pub const CACHE: &str = "Reading from this browser’s storage";
    pub const CHECK: &str = "Checking";
    pub const KEEP: &str = "Storing";
    pub const PREPARE: &str = "Preparing";
    pub const SELF_TEST: &str = "Self-test";
    pub const MEASURE: &str = "Comparing devices";
    pub const ENCODE: &str = "Encoding";
    pub const ENCODE_QUERIES: &str = "Encoding questions";
    pub const SCORE: &str = "Ranking and scoring";
    pub const BENCHMARK: &str = "call";
    pub const OF_PASSAGES: &str = "{done} of {total} passages";
    pub const OF_QUESTIONS: &str = "{done} of {total} questions";
    pub const OF: &str = "{done} of {total}";
    pub const RATE: &str = "{rate} per second";
    pub const NEARLY: &str = "almost done";
    pub const SECONDS: &str = "{n} s left";
    pub const MINUTES: &str = "{n} min left";
    pub const RUNNING: &str = "Running; progress is at the bottom.";
}

/// Problems and notices, with what still works.
pub(super) mod message {
    pub const SOMETHING: &str = "Something went wrong, without a message.";
    pub const TRY_AGAIN: &str = "Try again";
    pub const LOAD_FROM_THERE: &str = "Load it from there";
    pub const SEE_WHAT_IT_IS: &str = "See what it is";
    pub const OPEN_AGAIN: &str = "Open it again";
    pub const START_AGAIN: &str = "Start again";
    pub const SCREEN_STAYS: &str = "What is on the screen stays.";
    pub const ENCODING_TEXT: &str = "a text is being encoded";
    pub const LOADING_MODEL: &str = "a model is being loaded";
    pub const FILE_STOPPED: &str = "nothing more came for {seconds} s after {done} of {total} bytes; if it is in a cloud or on another machine, copy it to this one first";
    pub const FILE_SHRANK: &str = "it became shorter while it was read";
    pub const WORKER_REFUSED: &str = "the browser refused to start a worker: {why}";
    pub const NOT_SENT: &str = "a request could not be sent to it: {why}";
    pub const NOT_UNDERSTOOD: &str = "it said something this page does not understand ({why})";
    pub const NO_SCRIPT: &str = "its script could not be loaded";
    pub const NO_WORKER: &str = "the part of the page that computes is not running";
    pub const SLOW_WORKER: &str = "the part of the page that computes has not started in {seconds} s";
    pub const SLOW_WORKER_STILL: &str = "It may still be on its way over a slow connection. Start it again if nothing moves, or reload the page.";
    pub const NO_MODEL_FILES: &str = "There were no model files in this browser’s storage.";
    pub const REMOVED_MODEL: &str =
        "Removed {files} from this browser’s storage. The model in use stays until the page is closed.";
    pub const MODEL_FILE: &str = "model file";
    pub const SEARCH_GOES_ON: &str = "Search goes on as before.";
    pub const STOPPED_AGAIN: &str = "the part of the page that computes stopped again: {why}";
    pub const NOT_STARTED: &str = "the part of the page that computes could not be started: {why}";
    pub const DEAD_STILL: &str =
        "What is on the screen stays. Start it again, or reload the page; a current browser may help.";
    pub const RESTARTED: &str = "It was started again, on the CPU. What you typed and opened is kept.";
    pub const OPEN_TEXT_AGAIN: &str = " The text that was being encoded has to be opened again.";
    pub const STOPPED: &str = "the part of the page that computes stopped: {why}";
    pub const TOO_LARGE: &str = "These files are {size} together; a page can take {most}";
    pub const TOO_LARGE_STILL: &str = "What was open stays open. Choose fewer or smaller files.";
    pub const UNREADABLE: &str = "{name} could not be read: {why}";
    pub const UNREADABLE_STILL: &str = "What was open stays open. Choose the file again.";
    pub const NOT_SAVED: &str = "{name} could not be saved: {why}";
    pub const UNKNOWN_IN_LINK: &str =
        "The link asks for something this page does not know, which is left out: {what}.";
    pub const NOT_COPIED: &str = "The browser did not copy it ({why}). It is: {text}";
    pub const SECURE_ONLY: &str = "it offers that on secure pages only";
    pub const BAD_ADDRESS: &str = "`{address}` is not an address a model can be loaded from";
    pub const NAME_FOLDER: &str =
        "Name the folder of a model bundle, for instance `model/` for this page’s own.";
    pub const WAIT_OR_CANCEL: &str = "Wait until it is done, or cancel it at the bottom of the window.";
    pub const TIMES_DISTURBED: &str = "{work}, and its times would mean nothing beside this";
    pub const SLOWS: &str = "{work}, and both at once would slow each other down";
}

/// The roles of columns in the user's files.
pub(super) mod field {
    pub const TEXT: &str = "Text";
    pub const LANGUAGE: &str = "Language";
    pub const TITLE: &str = "Title";
    pub const ID: &str = "ID";
    pub const QUESTION: &str = "Question";
    pub const NONE: &str = "none";
    pub const SUMMARY: &str = "Columns of {file}";
    pub const CHOOSE_FILES: &str = "Choose files";
}

/// The Evaluate view.
pub(super) mod evaluate {
    pub const LABEL: &str = "Evaluate";
    pub const SKIP: &str = "Skip to the report";
    pub const DROP: &str = "Drop files to evaluate on them. They stay on this device.";
    pub const AGAIN: &str = "Evaluate again";
    pub const TITLE: &str = "Evaluate a model’s search quality";
    pub const HINT: &str = "Everything is computed in this browser, by trec_eval’s definitions. Finished vectors are kept here, so an interrupted evaluation continues where it stopped.";
    pub const GO: &str = "Evaluate";
    pub const CONTINUE: &str = "Continue";
    pub const OFFER: &str =
        "This link shows a report, which is computed on this device: that takes about a minute per model. ";
    pub const OFFER_SIZE: &str = "This link shows a report, which is computed on this device: at most {size} to download, and about a minute per model. ";
    pub const OFFER_GO: &str = "Compute the report";
    pub const STOPPED_AT: &str = "Stopped at {done} of {total} texts; finished ones are kept.";
    pub const DATA: &str = "Data";
    pub const SAMPLE_IS: &str =
        "Comes with this page: 1,375 passages in 11 languages, one question each. The quickest.";
    pub const XQUAD_IS: &str =
        "13,014 sentences and 13,090 questions in 11 languages. About 16 MB, CC BY-SA 4.0.";
    pub const MLQA_IS: &str =
        "20,534 sentences and 4,199 questions in 7 languages. About 33 MB, CC BY-SA 4.0.";
    pub const OWN_IS: &str =
        "Passages and questions in a table or as JSON lines, or your XQuAD-R and MLQA-R files.";
    pub const SAMPLE: &str = "Sample";
    pub const OWN: &str = "Your own files";
    pub const DOWNLOADS: &str = "“Evaluate” downloads the files from the folder below: this page’s only request to another server. They are from ";
    pub const ON_GITHUB: &str = " on GitHub; what you evaluate stays here.";
    pub const FOLDER: &str = "Folder to download from";
    pub const OR_FILES: &str = "Or choose the files, if you have them";
    pub const OWN_FORM: &str = "A table (.csv, .tsv) of passages, each with the question it answers; or one line per passage and per question, in one file or several:";
    pub const OWN_EXAMPLE: &str = "{\"id\": \"p1\", \"lang\": \"en\", \"text\": \"It opens at nine.\"}\n{\"query_id\": \"q1\", \"lang\": \"de\", \"text\": \"Wann?\", \"relevant\": [\"p1\"]}";
    pub const NO_FILES: &str = "None chosen yet. You can also drop files on the page. They stay on this device; a link cannot contain them, so whoever opens it chooses them again.";
    pub const ONE_FILE: &str = "Chosen: {name}. It stays on this device; a link cannot contain it.";
    pub const FILES: &str = "Chosen: {names}. They stay on this device; a link cannot contain them.";
    pub const AND: &str = "{first} and {last}";
    pub const AND_MORE: &str = "{first} and {n} more";
    pub const LANGUAGES: &str = "Languages of questions and passages";
    pub const MODEL: &str = "Model";
    pub const SECOND_MODEL: &str = "Compare with";
    pub const LIR: &str = "Remove each language’s leading directions (LIR)";
    pub const LIR_HINT: &str = "Takes out of the vectors what sets a language apart as a whole. One model is evaluated without and with it.";
    pub const HOW_MANY: &str = "How many";
    pub const MORE_MEASURES: &str = "More measures (optional)";
    pub const RELEVANT_FROM: &str = "Relevant from grade";
    pub const MEASURES_HINT: &str = "Measures with your own cut-offs, such as ";
    pub const MEASURES_EXAMPLE: &str = "ndcg@20, mrr@10, recall@1000, map@100, p@5";
    pub const GRADES_HINT: &str = ". Where judgements have grades, a passage counts as relevant from this whole number on, like trec_eval’s ";
    pub const GRADES_END: &str = "; nDCG uses all grades.";
    pub const DEVICE: &str = "Device";

    // What goes on.
    pub const NO_MEASURE: &str = "there is no measure {names}";
    pub const NAME_MEASURES: &str = "Name map, mrr, ndcg, recall or p with a cut-off from 1 on, for instance ndcg@20. The others you typed are computed.";
    pub const NOTHING_CHOSEN: &str = "No files are chosen to evaluate on";
    pub const CHOOSE_THEM: &str = "Choose them above, or use other data.";
    pub const BAD_DATA_ADDRESS: &str = "`{address}` is not an address data can be downloaded from";
    pub const NAME_DATA: &str = "Name the folder with the data set’s files, or choose the files themselves.";
    pub const OPENING_SAMPLE: &str = "Opening the sample";
    pub const OPENING_FILES: &str = "Opening your files";
    pub const OPENING: &str = "Opening {name}";
    pub const MEASURING: &str = "Evaluating {model}";
    pub const MEASURING_LIR: &str = "Evaluating {model} with {directions} removed";
    pub const DIRECTION: &str = "direction";
    pub const CANNOT_WRITE: &str =
        "the part of the page that evaluated was restarted, so it cannot write files";
    pub const AGAIN_TO_WRITE: &str = "Evaluate again: the vectors are kept in this browser’s storage.";
    pub const NO_VECTORS: &str = "There were no vectors in this browser’s storage.";
    pub const REMOVED_VECTORS: &str =
        "Removed {files} from this browser’s storage. The report stays until the page is closed.";
    pub const VECTOR_FILE: &str = "vector file";
    pub const FAILED_FIRST: &str = "Your choices stay, and so do finished vectors.";
    pub const FAILED_LATER: &str = "The earlier report stays.";
    pub const TABLES_STAY: &str = "The tables stay.";
    pub const LIST_STAYS: &str = "The list of questions stays.";
    pub const BOTH_STAY: &str = "Both models’ figures stay.";
    pub const DIED: &str = "The evaluation stopped; finished vectors are kept: evaluate again to continue.";
    pub const AT_WORK: &str = "a model is being evaluated";
    pub const LAST: &str = "Last evaluated: {name} on {device} · self-test passed";
    pub const MODEL_COMES: &str = "The model is loaded when you evaluate";
    pub const WITH_LIR: &str = "{model}, {directions} removed";

    // The report.
    pub const REPORT: &str = "Report";
    pub const NOTHING: &str = "The report will appear here: how well the model finds passages in the question’s own language (mono), in one other language (cross) and among all languages (multi), for each language pair and each question, and whether it favours passages for their language.";
    pub const ON: &str = "{models} on {data}";
    pub const SCORES: &str = "Measures by setting";
    pub const MEANINGS: &str = "What the settings and measures mean";
    pub const RANK_DISTANCE: &str = "rank distance";
    pub const RANK_DISTANCE_IS: &str = "In the ranking of all languages: the worst minus the best rank among a question’s answers; smallest where no language is preferred. The normalised form is 0 for the least possible and 1 for the most.";
    pub const MONO_IS: &str = "Passages in the question’s own language only: mean over languages.";
    pub const CROSS_IS: &str = "Passages in one other language only: mean over ordered pairs of languages.";
    pub const MULTI_IS: &str = "Passages of all languages in one ranking, where answers in every language count: mean over questions.";
    pub const QUESTION: &str = "question";
    pub const PASSAGE: &str = "passage";
    pub const LANGUAGE: &str = "language";
    pub const MONO_SETTING: &str = "mono setting";
    pub const CROSS_SETTING: &str = "cross setting";
    pub const WITH_TRANSLATIONS: &str = "{questions} ({n} with their translations)";
    pub const COUNTS: &str = "{questions} and {passages} in {languages}; {mono} and {cross}.";
    pub const LEFT_OUT: &str = " {questions} left out because {why}.";
    pub const NO_PASSAGE_ANSWERS: &str = "no passage answers them";
    pub const NOT_JUDGED: &str = "nothing is judged for them";
    pub const INTERVALS: &str = "Below each figure is its {level} confidence interval: percentile bootstrap over questions, {n} resamples, seed {seed}. A question’s translations are drawn together because they are not independent.";
    pub const TO: &str = " to ";
    pub const DISTANCE: &str =
        "mean {mean}{mean_in}, median {median}{median_in}, normalised {normalised}{normalised_in}";

    // What each measure is.
    pub const MAP_IS: &str = "Average precision over the whole ranking, mean over questions";
    pub const MRR_IS: &str = "One over the rank of the first answer";
    pub const R1_IS: &str = "Share of the answers that are ranked first";
    pub const R10_IS: &str = "Share of the answers in the first 10 ranks";
    pub const R100_IS: &str = "Share of the answers in the first 100 ranks";
    pub const NDCG_IS: &str =
        "Gain of the first 10 ranks, discounted by the logarithm of the rank, over the most possible";
    pub const P10_IS: &str = "Share of the first 10 ranks that answer";
    pub const MAP20_IS: &str = "Average precision that looks at the first 20 ranks only";

    // Two models.
    pub const A_AND_B: &str = "A is {a}, B is {b}.";
    pub const COMPARING: &str = "Comparing the two.";
    pub const DIFFERENCE: &str = "Difference between the models";
    pub const B_MINUS_A: &str = "B − A";
    pub const INTERVAL: &str = "interval";
    pub const P: &str = "p";
    pub const P_HOLM: &str = "Corrected for the number of tests in this table (Holm)";
    pub const P_CORRECTED: &str = "p corrected";
    pub const IN_WORDS: &str = "in words";
    pub const HOW_TESTED: &str = "Paired randomisation test and bootstrap over questions, {n} samples, seed {seed}. Significant: the p value, corrected by Holm’s method, is below 0.05.";
    pub const THE_DIFFERENCE: &str = "The difference between the two";
    pub const LESS_IS_BETTER: &str = "{name} (less is better)";
    pub const NOT_SIGNIFICANT: &str = "not significant";
    pub const B_BETTER: &str = "B is better";
    pub const A_BETTER: &str = "A is better";
    pub const RANGE: &str = "{low} to {high}";

    // The map.
    pub const BY_PAIR: &str = "{measure} by language pair";
    pub const BY_PAIR_DIFFERENCE: &str = "{measure} by language pair: B minus A";
    pub const DIFFERENCE_SHOWN: &str = "B minus A";
    pub const CORNER_QUESTION: &str = "question";
    pub const CORNER_PASSAGE: &str = "passage";
    pub const MEASURE: &str = "Measure ";
    pub const SINGLE_TARGET_IS: &str = "Passages of all languages compete; the answers in one language count, those in others are removed. Where a column is light, its passages are passed over.";
    pub const PAIRS_ARE: &str =
        "Each question language against the passages of one language. A cell opens its questions.";
    pub const NO_ANSWER_HERE: &str = "No question has an answer here";
    pub const CELL: &str = "{from} to {to}, {value}";
    pub const CELL_SIGNIFICANT: &str = "{from} to {to}, {value}, significant";
    pub const PAIR: &str = "{from} questions, {to} passages";
    pub const PAIR_COUNT: &str = ": {questions}";
    pub const PAIR_INTERVAL: &str = "; {level} interval {low} to {high}";
    pub const LEGEND_DIFFERENCE: &str =
        "* and bold: significant after correction for all pairs. Blue: B is better; orange: A is.";
    pub const LEGEND: &str = "Arrow keys move from cell to cell, Enter opens one.";

    // Single questions.
    pub const STALE: &str = "The evaluating part was restarted. Evaluate again to look at single questions: finished vectors are kept.";
    pub const NONE_ANSWERED: &str = "No question has an answer {place}.";
    pub const IN_ORDER: &str = "{questions}, {place}, {order}.";
    pub const WORST_FIRST: &str = "worst first";
    pub const ORDER: &str = "Order ";
    pub const A_WORST: &str = "worst of A first";
    pub const B_WORST: &str = "worst of B first";
    pub const MOST_APART: &str = "largest difference first";
    pub const B_AHEAD: &str = "most improved by B first";
    pub const A_AHEAD: &str = "most worsened by B first";
    pub const QUESTIONS_COMING: &str = "Loading the questions.";
    pub const SINGLE: &str = "Single questions";
    pub const QUESTIONS: &str = "Questions";
    pub const SHOW_MORE: &str = "Show more";
    pub const SAVE_RUN: &str = "Save these rankings (TREC run)";
    pub const SAVE_QRELS: &str = "Save these answers (TREC qrels)";
    pub const ASKED_IN: &str = "asked in {language}, ";
    pub const AMONG_ALL: &str = "among the passages of all languages";
    pub const AMONG_OWN: &str = "among passages of the same language";
    pub const AMONG: &str = "among {language} passages";
    pub const AMONG_OTHERS: &str = "among the passages of each other language in turn";
    pub const SETTING: &str = "Setting ";
    pub const MULTI: &str = "multi: all languages";
    pub const MONO: &str = "mono: own language";
    pub const CROSS: &str = "cross: other languages";
    pub const QUESTIONS_IN: &str = "Questions in ";
    pub const ALL: &str = "all";
    pub const PASSAGES_IN: &str = "Passages in ";
    pub const EACH_OTHER: &str = "each other";
    pub const QUERY: &str = "AP {ap} · {ranks}";
    pub const NO_RANK: &str = "no answer was ranked";
    pub const ONE_RANK: &str = "answer at rank {rank}";
    pub const MANY_RANKS: &str = "answers at ranks {ranks} and {n} more";
    pub const RANKS: &str = "answers at ranks {ranks} and {last}";
    pub const RANKING_COMING: &str = "Loading the ranking.";
    pub const RANKING: &str = "Ranking";
    pub const GAP: &str = "{passages} between, none of which answers";
    pub const ABOVE_ANSWER: &str = "wrongly above an answer";
    pub const NOT_ANSWER: &str = "does not answer";
    pub const ANSWERS: &str = "answers the question";
    pub const ANSWERS_GRADE: &str = "answers the question, grade {grade}";
    pub const RANK: &str = "Rank ";
    pub const SCORE_HINT: &str = "Score of question and passage: with most models their cosine";

    // Files and facts.
    pub const EXPORT: &str = "Export";
    pub const SAVE_JSON: &str = "Save report (JSON)";
    pub const SAVE_CSV: &str = "Save figures (CSV)";
    pub const SAVE_LATEX: &str = "Save table (LaTeX)";
    pub const SAVE_DIFFERENCE: &str = "Save difference (JSON)";
    pub const FILES_ABOUT: &str =
        "The first three are about the model shown in the map; where it shows the difference, about A.";
    pub const FACTS: &str = "Where these figures come from";
    pub const REMOVE_VECTORS: &str = "Remove vectors from this browser’s storage";
    pub const FACT_ADDRESS: &str = "Address";
    pub const FACT_DATE: &str = "Date";
    pub const NO_DATE: &str = "not recorded";
    pub const VERSION: &str = "Version";
    pub const HASH: &str = "SHA-256, {name}";
    pub const IN_TERMINAL: &str = "The same in a terminal, once the model and the data are in folders there:";

    // Language bias.
    pub const NOT_MEASURED: &str = "Not measured: it takes passages in at least two languages.";
    pub const BIAS: &str = "Language bias";
    pub const BIAS_IS: &str = "Whether passages are ranked by what they say or by the language they say it in. Everything here is read from the ranking of all languages.";
    pub const MEASURED: &str = "measured";
    pub const BIAS_FIGURES: &str = "Figures of language bias";
    pub const UNBIASED: &str = "without bias";
    pub const OWN_FIRST: &str = "Own language first";
    pub const OWN_FIRST_IS: &str = "How often the best ranked answer is the one in the question’s language. Without bias: as often as expected by chance.";
    pub const TOP_DISTANCE: &str = "Distance of the first {k} from the pool";
    pub const TOP_DISTANCE_IS: &str = "How far the languages of the first ranks are from those of all passages, for each question language (Jensen–Shannon distance; 1: nothing in common).";
    pub const MIX: &str = "Mix of the first {k}";
    pub const BITS: &str = "{n} bits";
    pub const MIX_IS: &str = "Entropy of the languages in the first ranks, all questions together. Without bias: that of the pool.";
    pub const SPREAD: &str = "Rank distance, mean (median)";
    pub const OR_LITTLE_MORE: &str = "{n} or little more";
    pub const SPREAD_IS: &str = "Ranks between the best and the worst answer to one question; with an answer in each language at least their number minus one.";
    pub const LAST_ANSWER: &str = "Reading to the last answer, mean (median)";
    pub const LAST_ANSWER_IS: &str = "How many ranks must be read to see every answer (Max@R).";
    pub const COMPLETE: &str = "Complete in the first {k}";
    pub const COMPLETE_IS: &str =
        "Questions whose answers in all languages are in the first ranks (Complete@k).";
    pub const AGREEMENT: &str = "Agreement of translations";
    pub const AGREEMENT_IS: &str = "Whether a question gives the same ranking in every language it is asked in (mean rank correlation of the first 10; near −1: nothing in common).";
    pub const SAME_ORDER: &str = "Same order of languages (W)";
    pub const SAME_ORDER_IS: &str = "Kendall’s W over the ranks of a question’s answers: 0, no language is preferred; 1, always the same order.";
    pub const FRIEDMAN: &str = "Friedman’s test, p";
    pub const ABOVE: &str = "above 0.05";
    pub const FRIEDMAN_IS: &str =
        "How likely such an order of languages is when none is preferred: mean over question languages.";
    pub const HUBNESS: &str = "Hubness, skewness";
    pub const NEAR_ZERO: &str = "near 0";
    pub const HUBNESS_IS: &str =
        "Whether a few passages are near to everything: skewness of how often each is in the first 10 ranks.";
    pub const HUB: &str = "Passage returned most often";
    pub const FEW: &str = "few";
    pub const HUB_IS: &str = "For how many questions that passage is in the first 10 ranks.";
    pub const NEVER: &str = "Passages never returned";
    pub const NEVER_IS: &str = "Passages in no question’s first 10 ranks.";
    pub const MULTI_OVER_MONO: &str = "multi over mono";
    pub const MULTI_OVER_MONO_IS: &str =
        "mAP among all languages over mAP within one: what is lost where languages compete.";
    pub const POOL: &str = "pool";
    pub const TOP: &str = "top {k}";
    pub const TOP_HEARD: &str = "first {k}, all questions";
    pub const TOP_HEARD_OF: &str = "first {k}, {language} questions";
    pub const ASKED: &str = "asked in {code}";
    pub const SHARES: &str = "Languages of the first {k} ranks compared with the pool";
    pub const SHARES_OF: &str = "{name}: languages of the first {k} ranks compared with the pool";
    pub const SHARES_ARE: &str = "Without bias every bar looks like the pool’s. On the right: how often the answer in the question’s own language comes first, and in brackets how often is expected by chance.";
    pub const RATE: &str = "{rate} ({chance})";
    pub const BAR: &str = "Languages, {name}: {parts}";
}

/// The Benchmark view.
pub(super) mod benchmark {
    pub const LABEL: &str = "Benchmark";
    pub const SKIP: &str = "Skip to the times";
    pub const TITLE: &str = "Speed on this device";
    pub const HINT: &str = "Everything is computed in this browser. For steady figures leave this tab in front and close what else keeps the machine busy.";
    pub const GO: &str = "Run";
    pub const COPY: &str = "Copy link";
    pub const MODEL: &str = "Model";
    pub const CALLS: &str = "Timed calls";
    pub const WARMUPS: &str = "Warm-up calls";
    pub const NO_WEBGPU: &str = "This browser offers no WebGPU here.";
    pub const DEVICES: &str = "Devices";
    pub const IN_WASM: &str = "In WebAssembly.";
    pub const LEFT_OUT: &str = "A device that takes more than 20 s for a call is left out.";
    pub const PRECISION: &str = "Precision on the CPU";
    pub const EXACT: &str = "exact";
    pub const EXACT_IS: &str = "In f32: the same vectors on every device.";
    pub const FAST: &str = "fast";
    pub const FAST_IS: &str = "In integers, for quantized weights.";
    pub const TEXTS_IN: &str = "Language of the texts";
    pub const SIZES: &str = "Sizes: texts per call x tokens per text";
    pub const SIZES_HINT: &str = "Texts are cut or joined to exactly that many tokens.";

    // What goes on.
    pub const RUNNING: &str = "Benchmark";
    pub const RUNNING_NOW: &str = "Benchmark, {cell} on {way}";
    pub const CHOOSE_CPU: &str = "Choose the CPU to time it.";
    pub const NO_WEBGPU_HERE: &str = "this browser offers no WebGPU here";
    pub const NAME_MODEL: &str = "Name the folder of a model bundle, or choose one from the list.";
    pub const COPIED: &str = "The link is copied. Whoever opens it finds these choices, ready to run.";
    pub const STAYS: &str = "Your choices stay, and so does what was timed before.";
    pub const DIED: &str = "The benchmark stopped; what was timed stays.";
    pub const AT_WORK: &str = "a benchmark is running";
    pub const MODEL_COMES: &str = "The model is loaded when you run the benchmark";

    // The times.
    pub const NOTHING: &str = "The times will appear here: a chart that grows while sizes are timed, and a table of the same figures with all that belongs to them.";
    pub const REPORT: &str = "Benchmark";
    pub const EXPORT: &str = "Export";
    pub const SAVE_JSON: &str = "Save times (JSON)";
    pub const SAVE_CSV: &str = "Save times (CSV)";
    pub const FIGURE: &str = "figure";
    pub const CALL: &str = "call";
    pub const NOTHING_TIMED: &str = "Nothing was timed; the reason is below the chart.";
    pub const DONE: &str = "Done: {figures}, each the median of {calls}.";
    pub const STOPPED: &str = "Stopped: {figures} so far. Run it again for all of them.";
    pub const IMITATED: &str =
        "This GPU is imitated in software: only the ratios of its times mean anything.";
    pub const TIMING: &str = "timing";
    pub const WAITS: &str = "waits";
    pub const NOT_TIMED: &str = "not timed";
    pub const CHART_IS: &str = "Milliseconds per call: the mark is the median, the band the quartiles, the line the fastest to the slowest. Each step of the scale is the same ratio.";
    pub const CHART: &str = "Chart of the times; the table below has the same figures";
    pub const SIZE: &str = "{texts} × {tokens}";
    pub const TEXT: &str = "text";
    pub const TOKEN: &str = "token";
    pub const RESULTS: &str = "Benchmark results";
    pub const COLUMN_SIZE: &str = "texts × tokens";
    pub const COLUMN_DEVICE: &str = "device";
    pub const COLUMNS_ARE: &str = "What the columns mean";
    pub const MEDIAN: &str = "median, ms";
    pub const MEDIAN_IS: &str = "Milliseconds from token ids to vectors back from the device";
    pub const FASTEST: &str = "fastest";
    pub const FASTEST_IS: &str = "The fastest call, in milliseconds";
    pub const QUARTILES: &str = "quartiles";
    pub const QUARTILES_IS: &str =
        "A quarter of the calls are faster than the first, a quarter slower than the second";
    pub const TEXTS_S: &str = "texts/s";
    pub const TEXTS_S_IS: &str = "Texts encoded per second, by the median";
    pub const TOKENS_S: &str = "tokens/s";
    pub const TOKENS_S_IS: &str = "Tokens encoded per second, by the median";
    pub const TOKENIZATION: &str = "tokenization, ms";
    pub const TOKENIZATION_IS: &str =
        "Milliseconds to make token ids of the same texts, on the CPU, before the call";
    pub const COSINE: &str = "worst agreement with CPU f32 (cosine)";
    pub const COSINE_IS: &str = "The lowest cosine between a text’s vector and the same by the CPU in f32";
    pub const CALLS_MADE: &str = "calls";
    pub const CALLS_MADE_IS: &str = "How many were timed";
    pub const FACTS: &str = "What was timed, and on what";
    pub const ADDRESS: &str = "Address";
    pub const HASH: &str = "Hash";
    pub const MANIFEST_HASH: &str = "SHA-256 of the manifest: {hash}";
    pub const MACHINE_IS: &str = "{adapter}; computes in {precision}; self-test passed";
    pub const TEXTS: &str = "Texts";
    pub const CALLS_ROW: &str = "Calls";
    pub const CALLS_ARE: &str = "{calls} timed, after {warmups}";
    pub const WARMUP: &str = "warm-up";
    pub const BROWSER: &str = "Browser";
    pub const MACHINE: &str = "Machine";
    pub const ISOLATED: &str = "{processors}; the page is cross-origin isolated";
    pub const NOT_ISOLATED: &str = "{processors}; the page is not cross-origin isolated";
    pub const PROCESSORS_UNKNOWN: &str = "an unknown number of processors";
    pub const PROCESSOR: &str = "logical processor";
    pub const DATE: &str = "Date";
    pub const VERSION: &str = "Version";
}

/// Opening text.
pub(super) mod corpus {
    pub const OPENING_SAMPLE: &str = "Opening the sample";
    pub const ENCODING: &str = "Encoding {what}";
    pub const FILE: &str = "file";
    pub const PASTED: &str = "pasted text";
    pub const NOTHING_PASTED: &str = "There is no text to search yet";
    pub const PASTE_FIRST: &str = "Paste one passage per line, then try again.";
    pub const STOPPED: &str = "opening was stopped";
    pub const STAYS_OPEN: &str = "What was open stays open: {name}.";
    pub const STAYS_ON_SCREEN: &str =
        "{name} stays on the screen, but cannot be searched before it is opened again.";
    pub const OPEN_AGAIN: &str = "You can open the sample again, or your own text.";
    pub const OPENING_STORED: &str = "Opening your text";
    pub const FORGOTTEN: &str = "Your text and its vectors were removed from this device.";
}

/// The dialog for a model that is not listed, and links that name one.
pub(super) mod model_dialog {
    pub const TITLE: &str = "Other model";
    pub const CLOSE: &str = "Close";
    pub const FIELD: &str = "Name on the hub, or URL of a bundle’s folder";
    pub const EXAMPLE: &str = "intfloat/multilingual-e5-small";
    pub const LOOK: &str = "Look up";
    pub const SENT: &str = "A name is looked up on {host}; nothing else is sent there. Nothing large is downloaded before you confirm.";
    pub const FOLDER: &str = "Or a model’s folder on this device; it stays here";
    pub const DROP: &str = "You can also drop it anywhere on the page.";
    pub const CANCEL: &str = "Cancel";
    pub const LOOKING: &str = "Looking at {name}";
    pub const LOOKING_AT_FOLDER: &str = "Looking at the folder";

    // What is wrong with a name.
    pub const TYPE_NAME: &str =
        "Type a model’s name, such as intfloat/multilingual-e5-small, or the URL of a bundle’s folder";
    pub const SCHEME: &str = "URLs that begin with {scheme}: are not opened; use https:";
    pub const LINK_NAMES: &str =
        "the link names the model {name} on {host}, which is not stored in this browser";
    pub const NOTHING_ASKED: &str =
        "That server has not been contacted. The examples can be searched without it.";
    pub const LINK_NAMES_FOLDER: &str =
        "the link names {name}, a folder on someone’s device, which is not stored in this browser";
    pub const CHOOSE_FOLDER: &str =
        "Choose the folder under Model, or remove `model=` from the page’s address.";

    // What a model is.
    pub const SUPPORTED: &str = "Supported: in f32, vectors match those of sentence-transformers to 1e-5.";
    pub const REFUSED: &str = "This model cannot be loaded. ";
    pub const GATED: &str = "Gated: only people who accepted its terms on the hub can download it. Download its folder \
                             there and choose it above.";
    pub const FEWER: &str = "Shorter vectors";
    pub const DIMENSION: &str = "Dimensions to keep";
    pub const FEWER_IS: &str =
        "The first ones are kept: for models trained for it (Matryoshka). Others lose much.";
    pub const NO_DIMENSION: &str =
        "Its vectors have {all} dimensions: type a number from 1 to {all}, or nothing.";
    pub const LOAD: &str = "Load";
    pub const DOWNLOADS: &str = "downloads {size}";
    pub const DOWNLOADS_AT_LEAST: &str = "downloads at least {size}";
    pub const READS: &str = "reads {size} from this device";
    pub const READS_AT_LEAST: &str = "reads at least {size} from this device";
    pub const ARCHITECTURE: &str = "Architecture";
    pub const LICENCE: &str = "Licence";
    pub const LANGUAGES: &str = "Languages";
    pub const NOT_IN_CARD: &str = "not stated in its model card";
    pub const MORE: &str = "{names} and {n} more";
    pub const SHAPE: &str = "Shape";
    pub const DIMENSIONS: &str = "{n} dimensions";
    pub const LAYERS: &str = "{n} layers";
    pub const VOCABULARY: &str = "a vocabulary of {n} tokens";
    pub const PARAMETERS: &str = "{n} parameters";
    pub const LONGEST: &str = "Maximum length";
    pub const TOKENS: &str = "{n} tokens; longer texts are truncated or split into windows";
    pub const VECTORS: &str = "Vectors";
    pub const MEAN: &str = "mean over the tokens";
    pub const FIRST: &str = "first token";
    pub const LARGEST: &str = "maximum over the tokens";
    pub const NORMALIZED: &str = ", scaled to length 1";
    pub const COMPARED: &str = ", compared by {by}";
    pub const PROMPTS: &str = "Prompts";
    pub const QUERY_PROMPT: &str = "“{prompt}” before a query";
    pub const PASSAGE_PROMPT: &str = "“{prompt}” before a passage";
    pub const NO_QUERY_PROMPT: &str = "none before a query";
    pub const NO_PASSAGE_PROMPT: &str = "none before a passage";
    pub const PROMPT: &str = "“{prompt}”";
    pub const NO_PROMPT: &str = "nothing";
    pub const VERSION: &str = "Version";

    // Its files, and what it needs.
    pub const FILES: &str = "{files}, {size}";
    pub const FILES_AND_OTHERS: &str = "{files}, {size}; {others} not needed";
    pub const FILE: &str = "file";
    pub const OTHER: &str = "other";
    pub const SIZE_UNKNOWN: &str = "size unknown";
    pub const NOT_NEEDED: &str = "Not needed:";
    pub const QUANTIZATION: &str = "Precision: size in memory and in the browser’s storage";
    pub const QUANTIZATION_SIZE: &str = "{bits}, {size}";
    pub const IS_STORED: &str = " (stored in this browser)";
    pub const Q8: &str = "8 bits per weight; vectors close to the original";
    pub const Q4: &str = "4 bits for the embedding table, 8 for the rest; smallest";
    pub const F16: &str = "16 bits per weight; closest to the original, slower";
    pub const STORED: &str = "Stored in this browser: nothing has to be downloaded.";
    pub const CAN_STORE: &str =
        "Will be stored in this browser, so your next visit needs no network; {free} are free.";
    pub const CANNOT_STORE: &str =
        "Too large for this browser’s storage ({free} free): it will be downloaded at each visit.";
    pub const MAYBE_STORE: &str = "This browser does not say whether it can store the model.";

    // Those that are there.
    pub const KEPT: &str = "Stored in this browser";
    pub const STORED_LIST: &str = "Stored models";
    pub const NONE_STORED: &str = "None yet.";
    pub const LAST_USED: &str = "last used {date}";
    pub const REMOVE: &str = "Remove";
    pub const LOAD_OF: &str = "Load {name}";
    pub const REMOVE_OF: &str = "Remove {name}";
}

/// A model's name, the choice among models, and loading them.
pub(super) mod model {
    pub const NAME_SIZE: &str = "{name} ({size})";
    pub const NAME_MORE: &str = "{name} ({size} more)";
    pub const NONE: &str = "none";
    pub const OTHER: &str = "Other model (name, URL or folder) …";
    pub const ABOUT: &str = "About this model";
    /// What a link to a view says aloud.
    pub const WORDS_OF: &str = "{words}: {name}";
    pub const THIS_PAGES: &str = "This page’s model";
    pub const OF_HUB: &str = "From {host}.";
    pub const OF_FOLDER: &str = "From a folder of this device.";
    pub const OF_SERVER: &str = "From the server {host}.";
    pub const OF_PAGE: &str = "From this page’s server.";
    pub const NO_LIST: &str = "The list of models could not be read ({list}: {problem}). “Other model” still takes a name, a URL or a folder.";

    pub const LOADING: &str = "Loading the model";
    pub const NO_ADDRESS: &str =
        "The examples can be searched. Remove `model=` from the page’s address for the default model.";
    pub const FOREIGN: &str = "the model that this address names is on another server, {host}";
    pub const FOREIGN_STILL: &str =
        "That server has not been contacted. The examples can be searched without it.";
    pub const STILL_ANSWERS: &str = "The model that ran before goes on answering.";
    pub const STILL_EXAMPLES: &str = "The examples can be searched: their vectors come with the page.";
}

/// The Model view.
pub(super) mod card {
    pub const LABEL: &str = "Model";
    pub const SKIP: &str = "Skip to what the model is";
    pub const MODEL: &str = "Model";
    pub const SEARCH: &str = "Search with it";
    pub const EVALUATE: &str = "Evaluate it";
    pub const BENCHMARK: &str = "Benchmark it";
    pub const NOT_LOADED: &str = "No model is loaded";

    // Where nothing is known of it.
    pub const NOT_HERE: &str = "This model is not stored in this browser. What it is can be looked up on {host}; nothing large is downloaded before you confirm.";
    pub const ELSEWHERE: &str = "This model is on another server, {host}, which has not been contacted.";
    pub const ASK_THERE: &str = "Load its description from there";
    pub const DIED: &str = "The part of the page that reads it stopped.";

    // What it is.
    pub const WHAT_IT_IS: &str = "A text encoder for search. It turns a question or a passage into {n} numbers, its vector, so that a question lies near the passages that answer it.";
    pub const NOT_RECORDED: &str = "not recorded";
    pub const LANGUAGES: &str = "Languages";
    pub const LICENCE: &str = "Licence";
    pub const SIZE: &str = "Size";
    pub const SIZE_IS: &str = "{size}, {bits} weights";
    pub const SHAPE: &str = "Shape";
    pub const SHAPE_IS: &str =
        "{layers} layers, {dimensions} dimensions, a vocabulary of {vocabulary} tokens";
    pub const LONGEST: &str = "Longest text";
    pub const LONGEST_IS: &str =
        "{n} tokens (words and pieces of words); longer texts are truncated or split into windows";
    pub const PROMPTS: &str = "Prompts";
    pub const PROMPTS_ARE: &str = "before a question: {query}; before a passage: {passage}";

    // Scores.
    pub const SCORES: &str = "Scores";
    pub const NOT_MEASURED: &str = "Its bundle has no scores. “Evaluate it” measures it on this device.";
    pub const MEASURED_ON: &str = "On {data}: {questions} and {passages} in {languages}; {date}, computed on {device}. All figures are from 0 to 1.";
    pub const INTERVALS: &str = " Below each figure is its {level} confidence interval.";
    pub const INTERVAL: &str = "{low}–{high}";
    pub const BY_SETTING: &str = "{data}: scores by setting";
    pub const BY_PAIR: &str = "{data}: mAP by language pair";
    pub const PAIRS_ARE: &str =
        "Questions in the language of the row, passages in the language of the column.";
    pub const SAME: &str = "“Evaluate it” computes such figures on this device, with all measures explained.";
    pub const OTHER_RESULT: &str = "result";
    pub const OTHER_RESULTS: &str = "Not shown: {results} in a form that this page does not read.";

    // How it was made.
    pub const HISTORY: &str = "How it was made";
    pub const NO_HISTORY: &str = "How it was made is not recorded in its bundle.";
    pub const MADE: &str = "{name} was made here.{kept}";
    pub const MADE_FROM: &str = "{name} was made from {from}.{kept}";
    pub const AVERAGED: &str = "{name} has the mean of the weights of models trained from one start: {names}. The first of them is described above.";
    pub const AVERAGED_BY_SHARES: &str = "{name} has the weighted mean of the weights of models trained from one start: {names}. The first of them is described above.";
    pub const SHARE: &str = "{name} ({percent})";
    pub const KEPT_BLOCKS: &str = " It has {kept} of its {all} layers.";
    pub const KEPT_TOKENS: &str = " Its vocabulary has {kept} of its {all} tokens: those of its languages.";
    pub const TRAINED: &str = "It was trained with {steps} batches of {size} pairs of texts{batches}{blocks}, texts cut to {tokens} tokens.";
    pub const HYBRID: &str = ", each batch in one language or across languages at random (“hybrid”)";
    pub const MONOLINGUAL: &str = ", each batch in one language";
    pub const CROSS_LINGUAL: &str = ", question and passage always in different languages";
    pub const LAST_BLOCKS: &str = ", which changed its last {n} layers";
    pub const ERASED: &str = "What sets languages apart was removed from its vectors, as estimated from up to {n} texts that exist in each language.";
    pub const WHITENED: &str = "Its vectors were scaled so that no direction dominates, as estimated from up to {n} pairs of each language.";
    pub const CHECKED: &str = "Before training, {texts} texts were searched for texts of {sets}, on which it is scored: any with {letters} letters in a row in common were left out. Removed: {removed}.";
    pub const SOURCES: &str = "{sources} of training texts, {records} records";
    pub const SOURCE: &str = "source";
    pub const SOURCE_TABLE: &str = "Sources of training texts";
    pub const RECORDS: &str = "Records";

    // On this device.
    pub const HERE: &str = "On this device";
    pub const STORED: &str = "Stored in this browser: {size}{date}.";
    pub const LAST_USED: &str = ", last used {date}";
    pub const NOT_STORED: &str = "Not stored in this browser.";
    pub const NOT_RUNNING: &str = "It does not run now. “Search with it” loads it and checks it.";
    pub const PARAMETERS: &str = "Parameters";
    pub const TEXT: &str = "text";
    pub const PASSED: &str = "passed with {texts}: the worst agreement with the CPU in f32 is a cosine of {cosine}; the largest difference in any dimension is {difference}, the limit is {allowed}";
    pub const FAILED: &str = "failed with {texts}: the worst agreement with the CPU in f32 is a cosine of {cosine}; the largest difference in any dimension is {difference}, the limit is {allowed}";

    // Elsewhere.
    pub const FILES: &str = "Files";
    pub const FILE_TABLE: &str = "Files and hashes";
    pub const SHA256: &str = "SHA-256";
    pub const MANIFEST_HASH: &str = "SHA-256 of manifest.json";
    pub const WEIGHTS_HASH: &str = "SHA-256 of the weights as one file";
    pub const OWN_PAGE: &str = "In your own page";
    pub const OWN_PAGE_IS: &str = "Put worker.js and its two .wasm files next to your page. If this server does not let your page read the model, copy its folder too.";
    pub const SNIPPET: &str = "Code for your page";
    pub const COPY: &str = "Copy the code";
    pub const COPIED: &str = "The code is copied.";
    pub const LINKS: &str = "Read on";
    pub const HUB_PAGE: &str = "Its page on the hub";
    pub const MODEL_CARD: &str = "Model card, with its limits";
    pub const MANIFEST: &str = "Manifest, with everything recorded about it";
    pub const PAPER: &str = "The paper on hybrid batches";
}

pub(super) mod search {
    pub const SIDE: &str = "Languages and models: ";
    pub const BOX: &str = "Search passages";
    pub const PLACEHOLDER: &str = "Type a question";
    pub const BOX_HINT: &str = "Press / to come here from anywhere on the page";
    pub const SUBMIT: &str = "Search";

    // What is searched.
    pub const SAMPLE_IS: &str =
        "{passages} about nature, science, daily life, the world and how things are made, in {languages}";
    pub const SAMPLE_PASSAGE: &str = "sample passage";
    pub const OWN_IS: &str = "{name}: {passages} in {languages}";
    pub const OPENING_SAMPLE: &str = "Opening the sample passages";
    pub const NOTHING_OPEN: &str = "No text is open.";
    pub const NOT_OF_MODEL: &str =
        "Not among the model’s languages: {languages}. Expect poorer results there.";
    pub const OWN_TEXT: &str = "Your own text";
    pub const LANGUAGE: &str = "language";
    pub const ABOUT_TEXT: &str = "About the text that is searched";
    pub const CAN_SPLIT: &str = "“Your own text” can split long passages, so that they are read to the end.";
    pub const OWN_IS_READ_HERE: &str = "Your text is read and encoded in this browser. ";
    pub const NOTHING_LEAVES: &str = "Nothing leaves this device.";
    pub const OPEN_UNTIL_READY: &str = " What is open now stays searchable until the new text is ready.";
    pub const PASTE: &str = "Paste passages, one per line";
    pub const SEARCH_THIS: &str = "Search this text";
    pub const CHOOSE_FILES: &str = "Or choose files";
    pub const FILES_ARE: &str = "A table (.csv, .tsv), JSON lines (.jsonl), one passage per line (.txt) or XQuAD-R (.json), \
                                 also compressed (.gz, .zst). Which column is what is shown and can be changed. You can \
                                 also drop files anywhere on the page.";
    pub const SPLIT: &str = "Split long passages into overlapping windows, so that they are read to the end";
    pub const IS_STORED: &str = "Text and vectors are kept on this device for your next visit. ";
    pub const OTHER_STORED: &str = "{name} is kept on this device. ";
    pub const OPEN_STORED: &str = "Open it";
    pub const FORGET: &str = "Forget it";
    pub const TO_SAMPLE: &str = "Back to the sample";
    pub const OPEN_SAMPLE: &str = "Open the sample";

    // The question's language.
    pub const QUESTION_IN: &str = "Question in";
    pub const DETECTED: &str = "detected: {language}";
    pub const OF_EXAMPLE: &str = "{language} (the example’s)";
    pub const NOT_RECOGNISED: &str = "not recognised";
    pub const DETECT: &str = "detect";
    pub const KNOWN_LANGUAGES: &str = "The model’s languages";
    pub const OTHER_LANGUAGES: &str = "Others, which it was not trained for";
    pub const QUESTION_NOT_OF_MODEL: &str =
        "{language} is not among the model’s languages. Expect poor results.";

    // Waiting.
    pub const WAITS_FOR_TEXT: &str = "Your question will be searched as soon as the text is open.";
    pub const WAITS_FOR_MODEL: &str = "Your question will be searched as soon as the model is ready.";
    pub const NEEDS_MODEL: &str = "Your question needs the model. ";
    pub const LOAD_MODEL: &str = "Load model";

    // Examples.
    pub const EXAMPLES: &str = "Example questions";
    pub const OTHER_EXAMPLES: &str = "Other examples";
    pub const HARDER_EXAMPLES: &str = "Harder examples";
    pub const HARDER: &str = "Harder: the answer is not the first result";

    // Results.
    pub const RESULTS: &str = "Results";
    pub const BEST_OF_SAMPLE: &str = "Best matches among {passages} for ";
    pub const PASSAGE: &str = "passage";
    pub const MORE: &str = "Show {n} more";
    pub const ANSWER: &str = "answer, rank {rank}";
    pub const ANSWER_BELOW: &str = "NamedModel answer at rank {rank}";
    pub const READ_IN: &str = "Read in {language}";
    pub const HIDE_READING: &str = "Hide {language}";
    pub const NEAREST_READING: &str = "The nearest passage in {language}, not a translation:";
    pub const ASK_NOW: &str = "Type a question to search this text.";
    pub const NO_READING: &str = "There is no passage in that language.";
    pub const OF_RESULT: &str = " (result {rank})";
    pub const SCORE: &str = " ({language}), score ";
    pub const SCORE_HINT: &str =
        "How near passage and question are: with most models their cosine, where 1 is the same direction";
    pub const NOTHING_LEFT: &str = "No passage is in the languages you chose. ";
    pub const SEARCH_ALL: &str = "Search in all languages";

    // The view.
    pub const LABEL: &str = "Search";
    pub const SKIP: &str = "Skip to the results";
    pub const DROP: &str = "Drop files to search them. They stay on this device.";
    pub const ABOUT_ANSWERED: &str = "What is on the screen answers the previous question.";
    pub const SECOND_AT_WORK: &str = "the comparison model is still at work";
    pub const NO_MODEL: &str = "No model is loaded; the examples work";
    pub const LAST: &str = " · last search {ms}";
    pub const LAST_PRECOMPUTED: &str = " · last search {ms}, precomputed";
    pub const LAST_DETAILS: &str = "Last search: {encode} to encode, {rank} to score and rank.";
    pub const NOT_ASKED_AGAIN: &str = "The question it stopped at twice is not asked again by itself.";
    pub const NOTHING_TO_SEARCH: &str = "no text is open to search";

    // Which passages.
    pub const SEARCH_IN: &str = "Search in";
    pub const ONE: &str = "Same language";
    pub const ONE_IS: &str = "Only passages in the question’s language.";
    pub const ANOTHER: &str = "Other languages";
    pub const ANOTHER_IS: &str = "Only passages in other languages than the question’s.";
    pub const ALL: &str = "All languages";
    pub const ALL_IS: &str = "All passages in one ranking, whatever their language.";
    pub const PASSAGE_LANGUAGES: &str = "Passage languages ";
    pub const NONE_CHOSEN: &str = "(none chosen: all)";
    pub const CLEAR: &str = "Clear";
    pub const CHOSEN: &str = "{scope}, {n} chosen";
    pub const LANGUAGE_COUNT: &str = "{language}: {passages}";

    // The mix of languages.
    pub const TOP: &str = "top 10";
    pub const POOL: &str = "all ranked";
    pub const BARS_NONE: &str = "Languages, {name}: none yet";
    pub const BARS: &str = "Languages, {name}: {parts}";
    pub const ONE_LANGUAGE: &str = "All that is ranked is in {language}.";
    pub const OWN: &str = "the question’s language";
    pub const MOST: &str = "the most frequent";
    pub const EVENNESS: &str =
        "{language}, {whose}: {n} of {shown}, {chance} expected by chance · {here} of {all} languages";

    // Two models.
    pub const MODELS: &str = "Models";
    pub const MODEL: &str = "Model";
    pub const WITH: &str = "Compare with";
    pub const RESULTS_OF: &str = "Results of {name}";
    pub const NOT_TOUCHED: &str = " The other column is not affected.";
    pub const TRY_AGAIN: &str = "Try again";
    pub const STOP_COMPARING: &str = "Stop comparing";
    pub const SECOND_LOADING: &str = "Loading; progress is at the bottom.";
    pub const SECOND_WAITS: &str = "Starts when the first model has answered.";
    pub const PLACE: &str = "rank {rank} here";
    pub const PLACE_BOTH: &str = "rank {rank} here, ";
    pub const PLACE_THERE: &str = "{rank} there";
    pub const PLACE_BEYOND: &str = "rank {rank} here, beyond {shown} there";
    pub const PLACE_WITH: &str = " with {name}";
    pub const SECOND_ADDRESS: &str = "`{address}` is not an address a model can be loaded from.";
    pub const SECOND_FOREIGN: &str = "The model to compare with is on another server, {host}. Nothing was asked of it yet: “Try again” loads it from there.";
    pub const SECOND_SLOW: &str =
        "The part of the page that computes for it has not started in {seconds} s. It is waited for.";
    pub const LOADING: &str = "Loading {name}";
    pub const ENCODING_WITH: &str = "Encoding the passages with {name}";
    pub const SECOND_STOPPED: &str = "The part of the page that computes for it stopped: {why}.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_braces_of_values_stay() {
        assert_eq!(fill("{a} and {b}", &[("b", "2"), ("a", "{b}")]), "{b} and 2");
        assert_eq!(fill("no place { here", &[]), "no place { here");
    }
}
