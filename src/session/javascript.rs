//! The module for other pages: what `worker.js` exports when it is imported as an ES module.
//!
//! Everything runs on the thread that imports it; a page that has to stay responsive imports it in a worker of its
//! own. The types below are for TypeScript.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use interlingua::{
    Error, Result,
    bundle::Quantization,
    choice::at_dimension,
    datasets::{Corpus, Passage, UNDETERMINED},
    hub::{ENDPOINT, HubName},
    protocol::{DeviceChoice, Event, Hit, Id, ModelSource, PrecisionChoice, Scope},
    session::{SearchQuery, Session, VectorQuery},
    text::{Cut, Kind, code, detect},
    timeouts::either,
};
use js_sys::{Array, Float32Array, Function, Reflect};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortSignal;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Progress of a call. */
export interface Progress {
  stage: "download" | "cache" | "check" | "keep" | "prepare" | "self-test" | "measure" | "encode";
  /** Bytes for download, cache and check; items otherwise. */
  done: number;
  total: number;
  /** If it can be estimated. */
  seconds_left?: number;
}

/** What the model's window truncated. */
export interface Cut {
  /** Maximum sequence length of the model, in tokens. */
  window: number;
  /** Number of texts; of these, the number of longer ones. */
  texts: number;
  longer: number;
  /** Tokens of the longer ones; of these, tokens that were not read. */
  tokens: number;
  unread: number;
  /** Whether texts were truncated at their start rather than their end. */
  at_start?: boolean;
  /** Number of overlapping windows that the longer ones were split into, if they were: then everything was read. */
  windows?: number;
}

/** Called if a text is longer than the model's window, also with a sentence; without it, the console is used. */
export interface CutOptions {
  onCut?: (cut: Cut, sentence: string) => void;
}

/** How a model is found by its name. */
export interface HubOptions {
  /** A branch, a tag or a commit. */
  revision?: string;
  /** Default: `https://huggingface.co`. */
  hub?: string;
  /** Access token, for models that are not public. It is sent to the hub alone, and not stored. */
  token?: string;
  /** Aborts the call. */
  signal?: AbortSignal;
}

/** A file of a model. */
export interface ListedFile {
  path: string;
  bytes?: number;
  sha256?: string;
}

/** What is known about a model before it is downloaded. */
export interface About {
  name: string;
  /** `model_type` of its `config.json`. */
  architecture: string;
  /** Why it cannot be loaded: file and field, and what to do. */
  refused?: string;
  licence?: string;
  languages: string[];
  dimension?: number;
  layers?: number;
  vocabulary?: number;
  parameters?: number;
  pooling?: string;
  normalized?: boolean;
  similarity?: string;
  prompts: Record<string, string>;
  query_prompt: string;
  passage_prompt: string;
  max_tokens?: number;
  /** The files to download, and the others. */
  needed: ListedFile[];
  others: ListedFile[];
  /** Bytes of the weights, by quantization. */
  memory?: { q4: number; q8: number; f16: number; f32: number };
  notes: string[];
}

/** `onCut` is called for passages that were indexed before another model is loaded, which encodes them again. */
export interface LoadOptions extends CutOptions, HubOptions {
  /** How the weights of a hub's model are quantized; default "q8". */
  quantization?: "q4" | "q8" | "f16" | "f32";
  /**
    * Keep only the first dimensions of vectors, for models trained for it (Matryoshka); unit vectors are scaled to length 1
    * again. Default: all.
   */
  dimension?: number;
  /** "auto", the default, starts on the CPU and moves to WebGPU if that is faster. */
  device?: "auto" | "cpu" | "webgpu";
  /**
      * On the CPU, "fast", the default, multiplies quantized weights in integers; "exact" computes in f32, with vectors
      * that agree on all devices to 1e-4.
   */
  precision?: "exact" | "fast";
  onProgress?: (progress: Progress) => void;
}

/** A loaded model. */
export interface ModelInfo {
  name: string;
  url: string;
  licence: string;
  languages: string[];
  /** Dimensions of a vector. */
  dimension: number;
  layers: number;
  vocabulary: number;
  parameters: number;
  quantization: "f32" | "f16" | "q8" | "q4";
  bytes: number;
  /** Whether every file came from this browser's cache. */
  from_cache: boolean;
  /** SHA-256 of the manifest. */
  hash: string;
  /** The training recipe and results, as JSON. */
  recipe: string;
  load_ms: number;
}

/** The device that a model runs on, and the result of its self-test. */
export interface DeviceReport {
  kind: "cpu" | "webgpu";
  adapter: string;
  precision: string;
  /** Largest difference from the model's reference vectors, which are the CPU's in f32, and what it may be. */
  self_test_difference: number;
  /** The lowest cosine to one of them. */
  self_test_cosine: number;
  self_test_tolerance: number;
  /** For instance why a device was not used. */
  notes: string[];
  /** Milliseconds for one short query by device, if measured. */
  measured: [string, number][];
}

export interface EncodeOptions extends CutOptions {
  /** Models may encode queries and passages differently; default "query". */
  kind?: "query" | "passage";
  onProgress?: (progress: Progress) => void;
}

export interface Passage {
  text: string;
  /** Returned with a hit; default: its index in the list. */
  id?: string;
  /** Its language's code; detected by default. */
  lang?: string;
}

export interface IndexOptions extends CutOptions {
  /** Split passages longer than the model's window into overlapping windows; the best one counts. */
  windows?: boolean;
  onProgress?: (progress: Progress) => void;
}

export interface SearchOptions extends CutOptions {
  /** Number of hits to return; default 10. */
  top?: number;
  /** Passage languages to include; default all. */
  languages?: string[];
  /** The query's language; detected by default. Only needed with a scope. */
  language?: string;
  /** Passages in the query's language, in others, or in all. */
  scope?: "one" | "another" | "all";
}

export interface Hit {
  /** From 1. */
  rank: number;
  /** Cosine of query and passage, or the model's own similarity: larger is nearer. */
  score: number;
  id: string;
  lang: string;
  text: string;
  /** If `text` is a window of a longer passage: start, end and the passage's length, in UTF-8 bytes. */
  part?: [number, number, number];
}

/**
  * Loads a model: the bundle in a folder, by its URL relative to the page (`./model/`, starting with a dot or a slash or
  * ending with a slash, or `https://…`), or a hub's model by its name (`owner/name`, `owner/name@revision`), whose weights
  * are quantized while they arrive. Files are stored in the browser's cache and verified by their hashes; a stored model
  * needs no network.
 */
export function load(model: string, options?: LoadOptions): Promise<ModelInfo>;

/** Describes a hub's model from its small files: nothing large is downloaded. */
export function inspect(name: string, options?: HubOptions): Promise<About>;

/** A vector of length 1 for each text. */
export function encode(texts: string[], options?: EncodeOptions): Promise<Float32Array[]>;

/** Encodes the passages for `search`, in place of earlier ones; returns their number. */
export function index(passages: (string | Passage)[], options?: IndexOptions): Promise<number>;

/** The indexed passages that are nearest in meaning to `query`, best first. */
export function search(query: string, options?: SearchOptions): Promise<Hit[]>;

/**
  * Opens precomputed vectors, without their texts: the bytes of a file by `interlingua encode --output FILE.safetensors`,
  * in 8 bits. Returns their number. `onCut` is called with what the file says about truncated texts.
 */
export function openVectors(file: Uint8Array, options?: CutOptions): number;

export interface Neighbour {
  /** Index of the vector, or of the text if texts were split. */
  index: number;
  /** Cosine of query and vector. */
  score: number;
  /** If texts were split (`interlingua encode --windows`), the best window's start and end, in UTF-8 bytes. */
  window?: [number, number];
}

/** The open vectors nearest to a query, given as text or as its vector, best first; `top` is 10 by default. */
export function nearest(query: string | Float32Array, options?: { top?: number } & CutOptions): Promise<Neighbour[]>;

/** The model's current device; `undefined` before one is loaded. */
export function device(): DeviceReport | undefined;
"#;

thread_local! {
    static SESSION: Session = Session::new(on_event);
    static LISTENERS: RefCell<HashMap<Id, Function>> = RefCell::default();
    static LAST: Cell<Id> = const { Cell::new(0) };
}

/// `load(model, options?)`.
#[wasm_bindgen(skip_typescript)]
pub async fn load(model: String, options: JsValue) -> std::result::Result<JsValue, JsValue> {
    #[derive(Default, Deserialize)]
    struct Options {
        device: Option<DeviceChoice>,
        precision: Option<PrecisionChoice>,
        quantization: Option<Quantization>,
        dimension: Option<usize>,
    }
    let Options { device, precision, quantization, dimension } =
        read::<Option<Options>>(&options, "options")?.unwrap_or_default();
    let (choice, precision) = (device.unwrap_or_default(), precision.unwrap_or_default());
    let at_hub = read::<Option<AtHub>>(&options, "options")?.unwrap_or_default();
    let url = match is_name(&model) {
        true => at_hub.address(&model, quantization).map_err(thrown)?,
        false if quantization.is_some() => {
            let why = "quantization: a bundle is already quantized; this is for models by their names, as owner/name";
            return Err(JsError::new(why).into());
        }
        false => model,
    };
    let url = dimension.map_or(url.clone(), |n| at_dimension(&url, n));
    let call = Call::new(&options);
    let session = session();
    session.set_token(at_hub.token);
    let load = session.load(call.id, &url, choice, precision);
    let (model, _) = unless_aborted(&options, load).await?;
    let cut = session.opened().and_then(|info| info.cut);
    cut.iter().for_each(|cut| tell_cut(&options, cut, "passage", "passages"));
    if choice == DeviceChoice::Auto {
        // The model can already be used; `device()` reports the result.
        spawn_local(async move {
            let _ = session.compare(call.id).await;
        });
    }
    Ok(write(&model)?)
}

/// `inspect(name, options?)`.
#[wasm_bindgen(skip_typescript)]
pub async fn inspect(name: String, options: JsValue) -> std::result::Result<JsValue, JsValue> {
    let at_hub = read::<Option<AtHub>>(&options, "options")?.unwrap_or_default();
    let url = at_hub.address(&name, None).map_err(thrown)?;
    let session = session();
    session.set_token(at_hub.token);
    let offer = unless_aborted(&options, session.offer(ModelSource::Hub { url })).await?;
    Ok(write(&offer.about)?)
}

/// Options for finding a model on a hub.
#[derive(Default, Deserialize)]
struct AtHub {
    revision: Option<String>,
    hub: Option<String>,
    token: Option<String>,
}

impl AtHub {
    /// The model's address, in the form that a session takes.
    fn address(&self, name: &str, quantization: Option<Quantization>) -> Result<String> {
        let hub = self.hub.as_deref().unwrap_or(ENDPOINT);
        let mut name = HubName::parse(name, hub)?;
        if let Some(revision) = &self.revision {
            name = name.at(revision)?;
        }
        let packed = quantization.map(|quantization| format!(":{quantization}")).unwrap_or_default();
        Ok(format!("hub:{name}{packed}#{hub}"))
    }
}

/// Whether it is a model's name rather than an address.
fn is_name(model: &str) -> bool {
    let is_address = model.contains(':') || model.starts_with(['.', '/']) || model.ends_with('/');
    !is_address && model.contains('/')
}

/// `work`, unless the options' `signal` aborts it: then its reason is thrown.
async fn unless_aborted<T>(
    options: &JsValue,
    work: impl Future<Output = Result<T>>,
) -> std::result::Result<T, JsValue> {
    let signal = Reflect::get(options, &"signal".into()).ok().and_then(|s| s.dyn_into::<AbortSignal>().ok());
    let Some(signal) = signal else { return Ok(work.await.map_err(thrown)?) };
    let aborted = js_sys::Promise::new(&mut |_, reject| {
        if signal.aborted() {
            let _ = reject.call1(&JsValue::UNDEFINED, &signal.reason());
        }
        // A signal that cannot be listened to never aborts.
        let _ = signal.add_event_listener_with_callback("abort", &reject);
    });
    let stopped = async {
        // The promise is rejected with the event; the reason is in the signal.
        let _ = wasm_bindgen_futures::JsFuture::from(aborted).await;
        Err(signal.reason())
    };
    either(stopped, async { work.await.map_err(|e| thrown(e).into()) }).await
}

/// `encode(texts, options?)`.
#[wasm_bindgen(skip_typescript)]
pub async fn encode(texts: JsValue, options: JsValue) -> std::result::Result<Array, JsError> {
    #[derive(Deserialize)]
    struct Options {
        kind: Option<Kind>,
    }
    let texts: Vec<String> = read_list(&texts, "texts", "strings")?;
    let kind = read::<Option<Options>>(&options, "options")?.and_then(|o| o.kind).unwrap_or(Kind::Query);
    let call = Call::new(&options);
    let (dimension, values, cut) = session().vectors(call.id, &texts, kind).await.map_err(thrown)?;
    tell_cut(&options, &cut, "text", "texts");
    Ok(values.chunks(dimension.max(1)).map(|row| JsValue::from(Float32Array::from(row))).collect())
}

/// `index(passages, options?)`.
#[wasm_bindgen(skip_typescript)]
pub async fn index(passages: JsValue, options: JsValue) -> std::result::Result<usize, JsError> {
    #[derive(Default, Deserialize)]
    struct Options {
        windows: Option<bool>,
    }
    let Options { windows } = read::<Option<Options>>(&options, "options")?.unwrap_or_default();
    let passages: Vec<PassageInput> = read_list(&passages, "passages", "strings or objects with a text")?;
    let corpus = corpus(passages).map_err(thrown)?;
    if session().running().is_none() {
        return Err(JsError::new("No model is loaded: await load(url) first"));
    }
    let call = Call::new(&options);
    let info = session().open_passages(call.id, corpus, windows.unwrap_or_default()).await.map_err(thrown)?;
    info.cut.iter().for_each(|cut| tell_cut(&options, cut, "passage", "passages"));
    Ok(info.passages)
}

/// `search(query, options?)`.
#[wasm_bindgen(skip_typescript)]
pub async fn search(query: String, options: JsValue) -> std::result::Result<JsValue, JsError> {
    #[derive(Default, Deserialize)]
    struct Options {
        top: Option<usize>,
        languages: Option<Vec<String>>,
        language: Option<String>,
        scope: Option<Scope>,
    }
    let Options { top, languages, language, scope } =
        read::<Option<Options>>(&options, "options")?.unwrap_or_default();
    let query = SearchQuery {
        text: query,
        language,
        scope: scope.unwrap_or_default(),
        languages: languages.unwrap_or_default(),
        top: top.unwrap_or(10),
    };
    let results = session().search(query).await.map_err(thrown)?;
    results.cut.iter().for_each(|cut| tell_cut(&options, cut, "query", "queries"));
    write(&results.hits.into_iter().map(JsHit::from).collect::<Vec<_>>())
}

/// `openVectors(file, options?)`.
#[wasm_bindgen(skip_typescript, js_name = openVectors)]
pub fn open_vectors(file: Vec<u8>, options: JsValue) -> std::result::Result<usize, JsError> {
    let (count, cut) = session().open_vectors(file).map_err(thrown)?;
    cut.iter().for_each(|cut| tell_cut(&options, cut, "text", "texts"));
    Ok(count)
}

/// `nearest(query, options?)`.
#[wasm_bindgen(skip_typescript)]
pub async fn nearest(query: JsValue, options: JsValue) -> std::result::Result<JsValue, JsError> {
    #[derive(Default, Deserialize)]
    struct Options {
        top: Option<usize>,
    }
    let top = read::<Option<Options>>(&options, "options")?.unwrap_or_default().top.unwrap_or(10);
    let query = match (query.as_string(), query.dyn_ref::<Float32Array>()) {
        (Some(text), _) => VectorQuery::Text(text),
        (None, Some(vector)) => VectorQuery::Vector(vector.to_vec()),
        (None, None) => return Err(JsError::new("query: a string or a Float32Array is expected")),
    };
    let (found, cut) = session().nearest(query, top).await.map_err(thrown)?;
    cut.iter().for_each(|cut| tell_cut(&options, cut, "query", "queries"));
    write(&found)
}

/// `device()`.
#[wasm_bindgen(skip_typescript)]
pub fn device() -> std::result::Result<JsValue, JsError> {
    match session().running() {
        Some((_, device)) => write(&device),
        None => Ok(JsValue::UNDEFINED),
    }
}

/// A passage in one of its allowed forms.
#[derive(Deserialize)]
#[serde(untagged)]
enum PassageInput {
    Text(String),
    Passage { text: String, id: Option<String>, lang: Option<String> },
}

#[derive(Serialize)]
struct JsHit {
    rank: usize,
    score: f32,
    id: String,
    lang: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<(usize, usize, usize)>,
}

impl From<Hit> for JsHit {
    fn from(hit: Hit) -> Self {
        Self {
            rank: hit.rank,
            score: hit.score,
            id: hit.id,
            lang: hit.language,
            text: hit.text,
            part: hit.part,
        }
    }
}

fn corpus(passages: Vec<PassageInput>) -> Result<Corpus> {
    if passages.is_empty() {
        return Err(Error::Input("There are no passages to index".into()));
    }
    let passages = passages.into_iter().enumerate().map(|(n, passage)| {
        let (text, id, lang) = match passage {
            PassageInput::Text(text) => (text, None, None),
            PassageInput::Passage { text, id, lang } => (text, id, lang),
        };
        Passage {
            id: n.to_string(),
            group: id.unwrap_or_else(|| n.to_string()),
            lang: match lang {
                Some(lang) => code(&lang).unwrap_or(lang),
                None => detect(&text).unwrap_or(UNDETERMINED).into(),
            },
            text,
            source: String::new(),
            answer: None,
        }
    });
    Ok(Corpus { name: "passages".into(), passages: passages.collect(), ..Corpus::default() })
}

/// Reports what the model's window truncated to the options' `onCut`, or to the console.
fn tell_cut(options: &JsValue, cut: &Cut, one: &str, more: &str) {
    let Some(sentence) = cut.sentence(one, more) else { return };
    let listener = Reflect::get(options, &"onCut".into()).ok().and_then(|f| f.dyn_into::<Function>().ok());
    match (listener, write(cut)) {
        (Some(listener), Ok(cut)) => {
            // Exceptions of a listener are ignored.
            let _ = listener.call2(&JsValue::UNDEFINED, &cut, &sentence.into());
        }
        _ => web_sys::console::warn_1(&sentence.into()),
    }
}

fn session() -> Session {
    SESSION.with(Session::clone)
}

/// A call in progress; its listener receives its progress until it ends.
struct Call {
    id: Id,
}

impl Call {
    fn new(options: &JsValue) -> Self {
        let id = LAST.with(|last| {
            last.set(last.get().wrapping_add(1));
            last.get()
        });
        // `undefined` has no properties.
        let listener = Reflect::get(options, &"onProgress".into()).ok();
        if let Some(listener) = listener.and_then(|f| f.dyn_into::<Function>().ok()) {
            LISTENERS.with_borrow_mut(|all| all.insert(id, listener));
        }
        Self { id }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        LISTENERS.with_borrow_mut(|all| all.remove(&self.id));
    }
}

fn on_event(event: Event) {
    #[derive(Serialize)]
    struct JsProgress {
        stage: interlingua::protocol::ProgressStage,
        done: f64,
        total: f64,
        seconds_left: Option<f64>,
    }
    if let Event::Progress { id, stage, done, total, seconds_left } = event
        && let Some(listener) = LISTENERS.with_borrow(|all| all.get(&id).cloned())
        && let Ok(told) = write(&JsProgress { stage, done, total, seconds_left })
    {
        // Exceptions of a listener are ignored.
        let _ = listener.call1(&JsValue::UNDEFINED, &told);
    }
}

fn read<T: DeserializeOwned>(value: &JsValue, name: &str) -> std::result::Result<T, JsError> {
    serde_wasm_bindgen::from_value(value.clone()).map_err(|e| JsError::new(&format!("{name}: {e}")))
}

fn read_list<T: DeserializeOwned>(
    value: &JsValue,
    name: &str,
    items: &str,
) -> std::result::Result<Vec<T>, JsError> {
    let wrong = || JsError::new(&format!("{name}: an array of {items} is expected."));
    let list = value.dyn_ref::<Array>().ok_or_else(wrong)?;
    serde_wasm_bindgen::from_value(list.into()).map_err(|_| wrong())
}

fn write(value: &impl Serialize) -> std::result::Result<JsValue, JsError> {
    let value = value.serialize(&serde_wasm_bindgen::Serializer::new());
    value.map_err(|e| JsError::new(&e.to_string()))
}

fn thrown(error: Error) -> JsError {
    JsError::new(&error.to_string())
}
