//! Tokenization with the model's own `tokenizer.json`.

use serde::Deserialize;
use serde_json::Value;
use tokenizers::{Encoding, TruncationDirection};

use super::{Cut, Length};
use crate::{Error, Result};

/// The file's name in errors.
const FILE: &str = "tokenizer.json";

/// Longest query accepted, in characters: far beyond any model's window, short enough to tokenize instantly.
const QUERY_CHARS: usize = 10_000;

/// A model's tokenizer; adds special tokens and truncates to the model's maximum length.
#[derive(Clone)]
pub struct Tokenizer {
    /// Without truncation: the library stops early when it truncates, so a text's full length would be
    /// unknown.
    inner: tokenizers::Tokenizer,
    max_tokens: usize,
    /// Whether long texts are truncated at the start.
    at_start: bool,
    /// The largest id among the tokens added to each text; it need not be in the vocabulary.
    around: Option<u32>,
    /// A token that is left out of truncated texts.
    dropped: Option<u32>,
}

impl Tokenizer {
    /// Reads a `tokenizer.json`. Texts are truncated to `max_tokens` ids, special tokens included, at the
    /// end, or at the start if the file's `truncation` says `Left`.
    ///
    /// # Errors
    /// [`Error::Format`] naming the file and the field when it is invalid.
    pub fn from_json(bytes: &[u8], max_tokens: usize) -> Result<Self> {
        check_file(bytes)?;
        caught(|| {
            let inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(|e| Error::format(FILE, e))?;
            Self::new(inner, max_tokens)
        })
        .unwrap_or_else(|problem| Err(Error::format(FILE, problem)))
    }

    fn new(mut inner: tokenizers::Tokenizer, max_tokens: usize) -> Result<Self> {
        let around = check(&inner)?;
        // The library subtracts without checking for underflow.
        let added =
            inner.get_post_processor().map_or(0, |p| tokenizers::PostProcessor::added_tokens(p, false));
        if max_tokens < added {
            return Err(Error::format(
                format!("{FILE}, post_processor"),
                format!(
                    "it adds {added} tokens to each text, and {max_tokens} is the longest that the model takes"
                ),
            ));
        }
        let at_start = inner.get_truncation().is_some_and(|t| t.direction == TruncationDirection::Left);
        inner.with_padding(None);
        inner.with_truncation(None).map_err(|e| Error::format(FILE, e))?;
        Ok(Self { inner, max_tokens, at_start, around, dropped: None })
    }

    /// The same, but a token is left out of texts once they are truncated.
    pub fn without(self, dropped: Option<u32>) -> Self {
        Self { dropped, ..self }
    }

    /// Ids of `prompt` followed by `text`, special tokens included, at most `max_tokens`.
    ///
    /// # Errors
    /// [`Error::Input`] when the text cannot be tokenized.
    pub fn encode(&self, prompt: &str, text: &str) -> Result<Vec<u32>> {
        Ok(self.read(prompt, text)?.0)
    }

    /// As [`encode`](Self::encode), with the text's full length and how much was truncated.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn read(&self, prompt: &str, text: &str) -> Result<(Vec<u32>, Length)> {
        self.read_within(self.max_tokens, prompt, text)
    }

    /// As [`read`](Self::read), with a window of `most` ids if that is smaller.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn read_within(&self, most: usize, prompt: &str, text: &str) -> Result<(Vec<u32>, Length)> {
        let (mut ids, length) = self.read_all_within(most, prompt, text)?;
        if let Some(dropped) = self.dropped {
            ids.retain(|id| *id != dropped);
        }
        Ok((ids, length))
    }

    fn read_all_within(&self, most: usize, prompt: &str, text: &str) -> Result<(Vec<u32>, Length)> {
        let whole;
        let input = if prompt.is_empty() {
            text
        } else {
            whole = format!("{prompt}{text}");
            &whole
        };
        let encoding = self.encoding(input, true, false)?;
        let (ids, special) = (encoding.get_ids(), encoding.get_special_tokens_mask());
        // Special tokens surround those of the text, and are kept.
        let before = special.iter().take_while(|&&s| s == 1).count();
        let behind = special[before..].iter().rev().take_while(|&&s| s == 1).count();
        let tokens = ids.len() - before - behind;
        let unread = ids.len().saturating_sub(most.min(self.max_tokens)).min(tokens);
        let mut length = Length { tokens, unread };
        if unread == 0 {
            return Ok((ids.to_vec(), length));
        }
        let from = if self.at_start { before } else { ids.len() - behind - unread };
        let kept = [&ids[..from], &ids[from + unread..]].concat();
        if !prompt.is_empty() {
            // The prompt is not part of the text. The space at its end belongs to the text's first token.
            let prompt = self.encoding(prompt.trim_end(), false, false)?.get_ids().len();
            length.tokens = length.tokens.saturating_sub(prompt);
            length.unread =
                if self.at_start { unread.saturating_sub(prompt) } else { unread.min(length.tokens) };
        }
        Ok((kept, length))
    }

    fn encoding(&self, input: &str, special: bool, offsets: bool) -> Result<Encoding> {
        let encode = || match offsets {
            true => self.inner.encode(input, special),
            false => self.inner.encode_fast(input, special),
        };
        caught(|| encode().map_err(|e| e.to_string()))
            .and_then(|encoding| encoding)
            .map_err(|e| Error::Input(format!("the text “{}” cannot be tokenized: {e}", start(input))))
    }

    /// An empty count of what is truncated.
    pub fn cut(&self) -> Cut {
        Cut { window: self.max_tokens, at_start: self.at_start, ..Cut::default() }
    }

    /// Splits `text` into parts, as byte ranges, that cover all of it and each fit the window after `prompt`:
    /// they are cut between tokens and overlap by a quarter. A text that fits is one part.
    ///
    /// # Errors
    /// As [`encode`](Self::encode); [`Error::Input`] when the prompt leaves no room, or a part that cannot be
    /// split further does not fit.
    pub fn windows(&self, prompt: &str, text: &str) -> Result<Vec<(usize, usize)>> {
        if self.read(prompt, text)?.1.unread == 0 {
            return Ok(vec![(0, text.len())]);
        }
        let room = self.max_tokens.saturating_sub(self.read(prompt, "")?.0.len());
        if room < 4 {
            return Err(Error::Input(format!(
                "Texts cannot be split into windows of {} tokens: the prompt leaves room for {room}",
                self.max_tokens
            )));
        }
        // Offsets within a character are moved to its start; duplicates are dropped.
        let whole = self.encoding(text, false, true)?;
        let mut places: Vec<usize> = whole.get_offsets().iter().map(|at| at.0).collect();
        places.iter_mut().for_each(|at| *at = text.floor_char_boundary(*at));
        places.sort_unstable();
        places.dedup();
        places.retain(|at| *at > 0 && *at < text.len());
        places.insert(0, 0);
        places.push(text.len());
        let mut out = Vec::new();
        let (mut first, last) = (0, places.len() - 1);
        loop {
            let mut end = (first + room).min(last);
            // A part may have more tokens by itself than within the whole text.
            while self.read(prompt, &text[places[first]..places[end]])?.1.unread > 0 {
                if end == first + 1 {
                    return Err(Error::Input(format!(
                        "“{}” alone is longer than the model's {} tokens: the text cannot be split into windows",
                        start(&text[places[first]..places[end]]),
                        self.max_tokens
                    )));
                }
                end -= 1;
            }
            out.push((places[first], places[end]));
            if end == last {
                return Ok(out);
            }
            first = (end - (end - first) / 4).max(first + 1);
        }
    }

    /// One more than the largest id: the number of rows that an embedding table must have.
    pub fn rows(&self) -> usize {
        let vocabulary = self.inner.get_vocab(true).into_values().max();
        vocabulary.max(self.around).map_or(0, |id| id as usize + 1)
    }

    /// The longest sequence it produces, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// The underlying tokenizer.
    pub fn inner(&self) -> &tokenizers::Tokenizer {
        &self.inner
    }
}

/// The result of `work`, or the message of its panic: the library does not check everything that a
/// `tokenizer.json` can say. In a browser a panic ends the worker, hence [`check`].
#[cfg(not(target_family = "wasm"))]
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    // Nothing that `work` has modified is used after a panic.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        format!("the tokenizer is inconsistent ({said})")
    })
}

#[cfg(target_family = "wasm")]
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    Ok(work())
}

/// Refuses files at which the library would panic while reading: parts that are not JSON, and inconsistent
/// tables of characters.
fn check_file(bytes: &[u8]) -> Result<()> {
    #[derive(Deserialize)]
    struct Parts {
        #[serde(default)]
        normalizer: Value,
        #[serde(default, rename = "decoder")]
        _decoder: Value,
    }
    let file: Parts =
        serde_json::from_slice(bytes).map_err(|e| Error::format(FILE, format!("not JSON: {e}")))?;
    let is_map = |part: &&Value| part["type"] == "Precompiled" || part.get("precompiled_charsmap").is_some();
    for part in parts(&file.normalizer, "normalizers").into_iter().filter(is_map) {
        let checked = part["precompiled_charsmap"].as_str().map_or(Err("a text is expected"), check_charsmap);
        checked.map_err(|e| Error::format(format!("{FILE}, normalizer, precompiled_charsmap"), e))?;
    }
    Ok(())
}

/// Checks a table of character replacements, in base64: the size of a trie in bytes; the trie, a double array
/// of 32-bit numbers; the replacements, each ending in a zero byte. The library allocates whatever the size
/// says, and follows the trie wherever it leads.
fn check_charsmap(base64: &str) -> std::result::Result<(), &'static str> {
    let bytes = base64::decode(base64).map_err(|_| "it is not base64")?;
    let (size, rest) = bytes.split_first_chunk::<4>().ok_or("it is truncated")?;
    let (trie, replacements) =
        rest.split_at_checked(u32::from_le_bytes(*size) as usize / 4 * 4).ok_or("it is truncated")?;
    let replacements = std::str::from_utf8(replacements).map_err(|_| "its replacements are not UTF-8")?;
    let units: Vec<usize> = trie.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b) as usize).collect();
    // As packed by darts-clone.
    let offset = |unit: usize| (unit >> 10) << ((unit & (1 << 9)) >> 6);
    let label = |unit: usize| unit & (1 << 31 | 0xff);
    let has_leaf = |unit: usize| unit & (1 << 8) != 0;
    let outside = "its trie points outside itself";
    let mut seen = vec![false; units.len()];
    let mut nodes = vec![offset(*units.first().ok_or(outside)?)];
    while let Some(node) = nodes.pop() {
        for byte in 1..=255 {
            let at = node ^ byte;
            let unit = *units.get(at).ok_or(outside)?;
            if label(unit) != byte || std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let next = at ^ offset(unit);
            if has_leaf(unit) {
                let value = units.get(next).ok_or(outside)? & ((1 << 31) - 1);
                if !replacements.is_char_boundary(value) {
                    return Err("its trie points outside its replacements");
                }
            }
            nodes.push(next);
        }
    }
    Ok(())
}

/// Refuses what the library reads but would panic at later; returns the largest id that the post-processor
/// adds.
fn check(inner: &tokenizers::Tokenizer) -> Result<Option<u32>> {
    let json = |part: serde_json::Result<Value>| part.map_err(|e| Error::format(FILE, e));
    let processor = json(serde_json::to_value(inner.get_post_processor()))?;
    let mut around = None;
    for part in parts(&processor, "processors") {
        let known = &part["special_tokens"];
        let listed = known
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, token)| token["ids"].as_array())
            .flatten();
        let ids = listed.chain([&part["sep"][1], &part["cls"][1]]).filter_map(Value::as_u64);
        around = around.max(ids.filter_map(|id| u32::try_from(id).ok()).max());
        for piece in part["single"].as_array().into_iter().flatten() {
            let problem = match (piece["SpecialToken"]["id"].as_str(), piece["Sequence"]["id"].as_str()) {
                (Some(id), _) if known.get(id).is_none() => format!("{id} is not among its special_tokens"),
                (_, Some("B")) => "it asks for a second text, but there is only one".into(),
                _ => continue,
            };
            return Err(Error::format(format!("{FILE}, post_processor, single"), problem));
        }
    }
    let splitter = json(serde_json::to_value(inner.get_pre_tokenizer()))?;
    if parts(&splitter, "pretokenizers").iter().any(|p| p["type"] == "FixedLength" && p["length"] == 0) {
        return Err(Error::format(
            format!("{FILE}, pre_tokenizer, length"),
            "the length of pieces must not be 0",
        ));
    }
    Ok(around)
}

/// The components of a part that is a sequence, or the part itself.
fn parts<'a>(part: &'a Value, list: &str) -> Vec<&'a Value> {
    match part[list].as_array() {
        Some(inner) => inner.iter().flat_map(|part| parts(part, list)).collect(),
        None => vec![part],
    }
}

/// The beginning of a text, to identify it in a message.
fn start(text: &str) -> String {
    let mut start: String = text.chars().take(40).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// Checks that a query is not empty and not too long.
///
/// # Errors
/// [`Error::Input`] with a sentence for the user.
pub fn check_query(query: &str) -> Result<()> {
    if query.trim().is_empty() {
        return Err(Error::Input("The query is empty: type a question or a few words".into()));
    }
    let chars = query.chars().count();
    if chars > QUERY_CHARS {
        return Err(Error::Input(format!(
            "The query has {chars} characters; at most {QUERY_CHARS} are accepted. Shorten it."
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokenizer of a small checkpoint; with `left` it truncates at the start.
    fn small(name: &str, max_tokens: usize, left: bool) -> Tokenizer {
        let root = env!("CARGO_MANIFEST_DIR");
        let bytes =
            std::fs::read(format!("{root}/tests/reference/checkpoints/{name}/tokenizer.json")).unwrap();
        let mut json: Value = serde_json::from_slice(&bytes).unwrap();
        if left {
            json["truncation"] = serde_json::json!({
                "direction": "Left", "max_length": 8, "strategy": "LongestFirst", "stride": 0
            });
        }
        Tokenizer::from_json(json.to_string().as_bytes(), max_tokens).unwrap()
    }

    const NAMES: [&str; 6] = ["cls-relu", "e5", "labse", "max-gelu-new", "plain", "xlm-r"];

    fn text() -> String {
        "Grüße aus Köln, größer als Ärger. 東京は大きい都市です。 The river was calm 😀 and grey. ".repeat(9)
    }

    /// A table that replaces `a` with `b`: the trie's size, and the replacements.
    fn charsmap(size: u32, change: impl FnOnce(&mut [u32]), replacements: &[u8]) -> String {
        let mut units = [0u32; 256];
        // From the root at 0, `a` leads to unit 1, which says that its replacement starts at byte 0.
        units[usize::from(b'a')] = u32::from(b'a') | 1 << 8 | u32::from(b'a' ^ 1) << 10;
        change(&mut units);
        let trie = units.iter().flat_map(|unit| unit.to_le_bytes());
        let bytes: Vec<u8> =
            size.to_le_bytes().into_iter().chain(trie).chain(replacements.iter().copied()).collect();
        base64::encode(bytes)
    }

    #[test]
    fn what_the_library_panics_at_is_refused_before_it_reads() {
        assert_eq!(check_charsmap(&charsmap(1024, |_| {}, b"b\0")), Ok(()));
        for (map, said) in [
            ("?".into(), "not base64"),
            (String::new(), "truncated"),
            // A size that would allocate 8 GB.
            (charsmap(u32::MAX, |_| {}, b"b\0"), "truncated"),
            (charsmap(0, |_| {}, b"b\0"), "UTF-8"),
            (charsmap(1024, |_| {}, b"\xff"), "UTF-8"),
            (charsmap(4, |units| units[0] = 0, b""), "UTF-8"),
            (base64::encode([0; 4]), "outside itself"),
            (charsmap(1024, |units| units[0] = 300 << 10, b"b\0"), "outside itself"),
            (charsmap(1024, |units| units[97] |= 0x3000 << 10, b"b\0"), "outside itself"),
            (charsmap(1024, |units| units[1] = 9, b"b\0"), "outside its replacements"),
            (charsmap(1024, |units| units[1] = 1, "ß\0".as_bytes()), "outside its replacements"),
        ] {
            let problem = check_charsmap(&map).unwrap_err();
            assert!(problem.contains(said), "{problem} should say {said}");
        }
        let file = |normalizer: &str, decoder: &str| {
            let text = format!(
                r#"{{"normalizer":{normalizer},"decoder":{decoder},"model":{{"type":"WordLevel","vocab":{{"u":0}},"unk_token":"u"}}}}"#
            );
            Tokenizer::from_json(text.as_bytes(), 8).map(drop).map_err(|e| e.to_string())
        };
        let normalizer = |map: &str| {
            format!(
                r#"{{"type":"Sequence","normalizers":[{{"type":"Precompiled","precompiled_charsmap":"{map}"}}]}}"#
            )
        };
        assert_eq!(file(&normalizer(&charsmap(1024, |_| {}, b"b\0")), "null"), Ok(()));
        assert!(
            file(&normalizer("AAAA"), "null").unwrap_err().contains("precompiled_charsmap: it is truncated")
        );
        for broken in ["ByteLevel\"}", "1e999", "{\"type\":\"ByteLevel\"", "[1,]"] {
            let problem = file("null", broken).unwrap_err();
            assert!(problem.starts_with("tokenizer.json: not JSON"), "{problem}");
        }
    }

    #[test]
    fn tokens_around_a_text_count_among_the_rows() {
        for processor in [
            r#"{"type":"BertProcessing","sep":["s",9],"cls":["c",5]}"#,
            r#"{"type":"RobertaProcessing","sep":["s",5],"cls":["c",9],"trim_offsets":true,"add_prefix_space":true}"#,
            r#"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"c","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"c":{"id":"c","ids":[9],"tokens":["c"]}}}"#,
        ] {
            let text = format!(
                r#"{{"post_processor":{processor},"model":{{"type":"WordLevel","vocab":{{"u":0}},"unk_token":"u"}}}}"#
            );
            assert_eq!(Tokenizer::from_json(text.as_bytes(), 8).unwrap().rows(), 10, "{processor}");
        }
    }

    #[test]
    fn the_true_length_is_known_on_either_side() {
        for (name, left) in NAMES.into_iter().flat_map(|name| [(name, false), (name, true)]) {
            let (long, short) = (small(name, 4096, left), small(name, 32, left));
            for prompt in ["", "passage: "] {
                let (whole, length) = long.read(prompt, &text()).unwrap();
                assert_eq!(length.unread, 0, "{name}");
                let (ids, cut) = short.read(prompt, &text()).unwrap();
                assert_eq!(ids.len(), 32);
                let count = |text| long.read(text, "").unwrap().0.len();
                let prompt_tokens = count(prompt.trim_end()) - count("");
                // The prompt is not part of the text; it is among what is truncated at the start.
                let of_prompt = if left { prompt_tokens } else { 0 };
                assert_eq!(cut.unread, whole.len() - 32 - of_prompt, "{name}, {prompt:?}");
                // The result equals the library's own truncation.
                let mut by_library = short.inner.clone();
                let direction = if left { TruncationDirection::Left } else { TruncationDirection::Right };
                let params = tokenizers::TruncationParams { max_length: 32, direction, ..Default::default() };
                by_library.with_truncation(Some(params)).unwrap();
                let theirs = by_library.encode(format!("{prompt}{}", text()), true).unwrap();
                assert_eq!(ids, theirs.get_ids(), "{name}, {prompt:?}");
                assert_eq!(cut.tokens, length.tokens - prompt_tokens, "{name}, {prompt:?}");
            }
            // A smaller window acts as if it were the model's.
            let text = text();
            assert_eq!(
                long.read_within(32, "passage: ", &text).unwrap(),
                short.read("passage: ", &text).unwrap()
            );
            assert_eq!(short.read_within(99, "", &text).unwrap(), short.read("", &text).unwrap());
            assert_eq!(short.cut().at_start, left);
            assert_eq!(short.cut().window, 32);
        }
    }

    #[test]
    fn windows_are_all_of_a_text_and_each_is_read_whole() {
        let text = text();
        for (name, left) in NAMES.into_iter().flat_map(|name| [(name, false), (name, true)]) {
            let tokenizer = small(name, 32, left);
            for prompt in ["", "passage: "] {
                let windows = tokenizer.windows(prompt, &text).unwrap();
                assert!(windows.len() > 3, "{name}: {windows:?}");
                assert_eq!((windows[0].0, windows[windows.len() - 1].1), (0, text.len()));
                for pair in windows.windows(2) {
                    // They advance and overlap.
                    assert!(
                        pair[0].0 < pair[1].0 && pair[1].0 < pair[0].1 && pair[0].1 < pair[1].1,
                        "{pair:?}"
                    );
                }
                for (start, end) in windows {
                    assert_eq!(tokenizer.read(prompt, &text[start..end]).unwrap().1.unread, 0, "{name}");
                }
                assert_eq!(tokenizer.windows(prompt, "Short.").unwrap(), [(0, 6)]);
            }
            assert!(small(name, 4, left).windows("passage: ", &text).is_err());
        }
    }
}
