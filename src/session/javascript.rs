//! The encoder for other people's pages: what `worker.js` exports when it is imported as an ES module.
//!
//! Everything happens on the thread that imports it; a page that must stay responsive imports it in a
//! worker of its own. The types below are what TypeScript sees.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
};

use interlingua::{
    Error, Result,
    bundle::Quantization,
    datasets::{Corpus, Passage, UNDETERMINED},
    hub::{ENDPOINT, HubName},
    patience::either,
    protocol::{DeviceChoice, Event, Hit, Id, ModelSource, PrecisionChoice, Scope},
    session::{Asked, Near, Query, Session},
    text::{Cut, Kind, code, detect},
};
use js_sys::{Array, Float32Array, Function, Reflect};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortSignal;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** How far a call is. */
export interface Progress {
  stage: "download" | "cache" | "check" | "keep" | "prepare" | "self-test" | "measure" | "encode";
  /** Bytes for download, cache and check; items otherwise. */
  done: number;
  total: number;
  /** Not known at first. */
  seconds_left?: number;
}

/** What the model's window left out of texts. */
export interface Cut {
  /** The model's longest sequence, in tokens. */
  window: number;
  /** Texts that were looked at; of these, the longer ones. */
  texts: number;
  longer: number;
  /** Tokens of the longer ones; of these, the tokens that were not read. */
  tokens: number;
  unread: number;
  /** Whether beginnings were left out rather than ends. */
  at_start?: boolean;
  /** Overlapping windows that the longer ones were split into, where they were: then all was read. */
  windows?: number;
}

/** Is told where a text is longer than the model's window, also in a sentence; without it, the console is. */
export interface CutOptions {
  onCut?: (cut: Cut, sentence: string) => void;
}

/** Where a model is looked up by its name. */
export interface HubOptions {
  /** A branch, a tag or a commit. */
  revision?: string;
  /** `https://huggingface.co` where not given. */
  hub?: string;
  /** By which the hub knows you: for models that not everyone may read. It is sent to the hub alone, and not kept. */
  token?: string;
  /** Stops the call. */
  signal?: AbortSignal;
}

/** A file of a model. */
export interface ListedFile {
  path: string;
  bytes?: number;
  sha256?: string;
}

/** What a model is, before it comes. */
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
  /** The files that have to come, and the others. */
  needed: ListedFile[];
  others: ListedFile[];
  /** Bytes of the weights, by how they are packed. */
  memory?: { q4: number; q8: number; f16: number; f32: number };
  notes: string[];
}

/** `onCut` is told of passages that were indexed before another model is loaded, which encodes them anew. */
export interface LoadOptions extends CutOptions, HubOptions {
  /** How the weights of a hub's model are packed: "q8" where not given. */
  quantization?: "q4" | "q8" | "f16" | "f32";
  /** "auto", the default, starts on the CPU and moves to WebGPU should that prove faster. */
  device?: "auto" | "cpu" | "webgpu";
  /**
   * On the CPU, "fast", the default, multiplies packed weights in integers; "exact" computes in f32, and
   * vectors agree on all devices to 1e-4.
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
  /** Numbers in a vector. */
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

/** Where a model runs, and how one knows that it runs right. */
export interface DeviceReport {
  kind: "cpu" | "webgpu";
  adapter: string;
  precision: string;
  /** Largest difference from the model's reference vectors, which are the CPU's in f32, and what it may be. */
  self_test_difference: number;
  /** The lowest cosine to one of them. */
  self_test_cosine: number;
  self_test_tolerance: number;
  /** Anything to know, for instance why a device was passed over. */
  notes: string[];
  /** Milliseconds for one short query by device, where measured. */
  measured: [string, number][];
}

export interface EncodeOptions extends CutOptions {
  /** Models may treat questions and passages differently. "query" where not given. */
  kind?: "query" | "passage";
  onProgress?: (progress: Progress) => void;
}

export interface Passage {
  text: string;
  /** Comes back with a hit; its place in the list, from 0, where not given. */
  id?: string;
  /** Its language's code; detected where not given. */
  lang?: string;
}

export interface IndexOptions extends CutOptions {
  /** Split passages that are longer than the model's window into overlapping windows; the best counts. */
  windows?: boolean;
  onProgress?: (progress: Progress) => void;
}

export interface SearchOptions extends CutOptions {
  /** How many hits to return; 10 where not given. */
  top?: number;
  /** Passage languages to keep; all where not given. */
  languages?: string[];
  /** The query's language; detected where not given. Only needed with a scope. */
  language?: string;
  /** Passages in the query's language, in others, or in all. */
  scope?: "one" | "another" | "all";
}

export interface Hit {
  /** From 1. */
  rank: number;
  /** Cosine of query and passage, or what the model compares by: larger is nearer. */
  score: number;
  id: string;
  lang: string;
  text: string;
  /** Where `text` is a window of a longer passage: start, end and the passage's length, in UTF-8 bytes. */
  part?: [number, number, number];
}

/**
 * Loads a model: the bundle in the folder at an address, seen from the page (`./model/`, with a slash at its end or
 * its beginning, or `https://…`), or a hub's model by its name (`owner/name`, `owner/name@revision`), whose weights are
 * packed here while they come. Files are kept in the browser's cache and checked by their hashes; a model that is kept
 * needs no network.
 */
export function load(model: string, options?: LoadOptions): Promise<ModelInfo>;

/** What a hub's model is, by its small files: nothing large is fetched. */
export function inspect(name: string, options?: HubOptions): Promise<About>;

/** A vector of length 1 for each text. */
export function encode(texts: string[], options?: EncodeOptions): Promise<Float32Array[]>;

/** Encodes the passages that `search` looks at, in place of earlier ones. How many there are. */
export function index(passages: (string | Passage)[], options?: IndexOptions): Promise<number>;

/** The indexed passages that are nearest in meaning to `query`, best first. */
export function search(query: string, options?: SearchOptions): Promise<Hit[]>;

/**
 * Opens vectors that were made before, without their texts: the bytes of a file that
 * `interlingua encode --output FILE.safetensors` wrote, 8 bits a number. How many there are. `onCut` is told what
 * the file says of texts that were cut.
 */
export function openVectors(file: Uint8Array, options?: CutOptions): number;

export interface Neighbour {
  /** Which of the vectors, or of the texts where these were split, from 0. */
  index: number;
  /** Cosine of query and vector. */
  score: number;
  /** Of a text that was split (`interlingua encode --windows`), the best window's start and end, in UTF-8 bytes. */
  window?: [number, number];
}

/** The open vectors nearest to a query in words or to its vector, best first; 10 where `top` is not given. */
export function nearest(query: string | Float32Array, options?: { top?: number } & CutOptions): Promise<Neighbour[]>;

/** Where the model runs now; `undefined` before one is loaded. */
export function device(): DeviceReport | undefined;
"#;

thread_local! {
    static SESSION: Session = Session::new(hear);
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
    }
    let Options { device, precision, quantization } =
        read::<Option<Options>>(&options, "options")?.unwrap_or_default();
    let (choice, precision) = (device.unwrap_or_default(), precision.unwrap_or_default());
    let at_hub = read::<Option<AtHub>>(&options, "options")?.unwrap_or_default();
    let url = match is_name(&model) {
        true => at_hub.address(&model, quantization).map_err(thrown)?,
        false if quantization.is_some() => {
            let why =
                "quantization: a bundle is packed already; it is for models by their names, as owner/name";
            return Err(JsError::new(why).into());
        }
        false => model,
    };
    let call = Call::new(&options);
    let session = session();
    session.set_token(at_hub.token);
    let load = session.load(call.id, &url, choice, precision);
    let (model, _) = unless_aborted(&options, load).await?;
    let cut = session.opened().and_then(|info| info.cut);
    cut.iter().for_each(|cut| tell_cut(&options, cut, "passage", "passages"));
    if choice == DeviceChoice::Auto {
        // The model serves already; `device()` tells how this ends.
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

/// Where a hub's model is.
#[derive(Default, Deserialize)]
struct AtHub {
    revision: Option<String>,
    hub: Option<String>,
    token: Option<String>,
}

impl AtHub {
    /// The model's address, as a session takes it.
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

/// `work`, unless the options' `signal` says to stop: then what it says is thrown.
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
        // A signal that cannot be listened to says nothing.
        let _ = signal.add_event_listener_with_callback("abort", &reject);
    });
    let stopped = async {
        // What the browser hands over is the event; the reason is the signal's.
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
    let passages: Vec<Given> = read_list(&passages, "passages", "strings or objects with a text")?;
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
    let query = Query {
        text: query,
        language,
        scope: scope.unwrap_or_default(),
        languages: languages.unwrap_or_default(),
        top: top.unwrap_or(10),
    };
    let results = session().search(query).await.map_err(thrown)?;
    results.cut.iter().for_each(|cut| tell_cut(&options, cut, "query", "queries"));
    write(&results.hits.into_iter().map(Found::from).collect::<Vec<_>>())
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
    #[derive(Serialize)]
    struct Neighbour {
        index: usize,
        score: f32,
        #[serde(skip_serializing_if = "Option::is_none")]
        window: Option<(usize, usize)>,
    }
    let top = read::<Option<Options>>(&options, "options")?.unwrap_or_default().top.unwrap_or(10);
    let asked = match (query.as_string(), query.dyn_ref::<Float32Array>()) {
        (Some(text), _) => Asked::Text(text),
        (None, Some(vector)) => Asked::Vector(vector.to_vec()),
        (None, None) => return Err(JsError::new("query: a string or a Float32Array is expected")),
    };
    let (found, cut) = session().nearest(asked, top).await.map_err(thrown)?;
    cut.iter().for_each(|cut| tell_cut(&options, cut, "query", "queries"));
    let neighbour = |Near { index, score, window }| Neighbour { index, score, window };
    write(&found.into_iter().map(neighbour).collect::<Vec<_>>())
}

/// `device()`.
#[wasm_bindgen(skip_typescript)]
pub fn device() -> std::result::Result<JsValue, JsError> {
    match session().running() {
        Some((_, device)) => write(&device),
        None => Ok(JsValue::UNDEFINED),
    }
}

/// A passage as it may be given.
#[derive(Deserialize)]
#[serde(untagged)]
enum Given {
    Text(String),
    Passage { text: String, id: Option<String>, lang: Option<String> },
}

#[derive(Serialize)]
struct Found {
    rank: usize,
    score: f32,
    id: String,
    lang: String,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<(usize, usize, usize)>,
}

impl From<Hit> for Found {
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

fn corpus(passages: Vec<Given>) -> Result<Corpus> {
    if passages.is_empty() {
        return Err(Error::Input("There are no passages to index".into()));
    }
    let passages = passages.into_iter().enumerate().map(|(n, given)| {
        let (text, id, lang) = match given {
            Given::Text(text) => (text, None, None),
            Given::Passage { text, id, lang } => (text, id, lang),
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

/// Tells the options' `onCut`, or the console, what the model's window left out.
fn tell_cut(options: &JsValue, cut: &Cut, one: &str, more: &str) {
    let Some(sentence) = cut.sentence(one, more) else { return };
    let listener = Reflect::get(options, &"onCut".into()).ok().and_then(|f| f.dyn_into::<Function>().ok());
    match (listener, write(cut)) {
        (Some(listener), Ok(cut)) => {
            // What a listener throws is its own affair.
            let _ = listener.call2(&JsValue::UNDEFINED, &cut, &sentence.into());
        }
        _ => web_sys::console::warn_1(&sentence.into()),
    }
}

fn session() -> Session {
    SESSION.with(Session::clone)
}

/// A call under way; its listener hears of progress as long as it lasts.
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

fn hear(event: Event) {
    #[derive(Serialize)]
    struct Told {
        stage: interlingua::protocol::Stage,
        done: f64,
        total: f64,
        seconds_left: Option<f64>,
    }
    if let Event::Progress { id, stage, done, total, seconds_left } = event
        && let Some(listener) = LISTENERS.with_borrow(|all| all.get(&id).cloned())
        && let Ok(told) = write(&Told { stage, done, total, seconds_left })
    {
        // What a listener throws is its own affair.
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
