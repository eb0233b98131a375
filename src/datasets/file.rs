//! Opens every file from the user: detects its type from its first bytes and decodes its text.
//!
//! gzip and zstd are decompressed, byte order marks removed, UTF-16 and 8-bit encodings decoded, and lines that end
//! in carriage returns alone converted to line feeds. [`TextReader::note`] says what was done. What is not text (PDF,
//! office documents, images, …) is refused with advice. Not here: what the text's lines mean.

mod kind;

use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Decoder, Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

use crate::{Error, Result};

/// Size of a chunk, from which an encoding is detected.
const CHUNK: usize = 1 << 20;

/// Maximal decompressed size of a file held in memory.
const MOST_UNPACKED: u64 = if cfg!(target_family = "wasm") { 256 << 20 } else { 2 << 30 };

/// The longest decompressed line: a file without a line end for longer is not a file of lines.
const LONGEST_LINE: usize = 256 << 20;

/// Window of zstd files, as a power of two; by default zstd refuses larger ones than its own default.
#[cfg(feature = "native")]
const ZSTD_WINDOW_LOG: u32 = 27;

/// A file's complete text; lines that are not UTF-8 are blank, so that line numbers stay right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// Numbers (from 1) of the lines that were blanked.
    pub undecodable: Vec<usize>,
    /// What was done to read it, a sentence; `None` for plain UTF-8.
    pub note: Option<String>,
}

/// Opens a file to be read as UTF-8 text, unpacked.
///
/// # Errors
/// [`Error::File`] if it cannot be opened, [`Error::Format`] if it is not a text file.
pub fn open(path: &Path) -> Result<TextReader<'static>> {
    let file = File::open(path).map_err(|e| Error::file(path, e))?;
    TextReader::new(&path.display().to_string(), file)
}

/// A whole file as text.
///
/// # Errors
/// As [`open`] and [`text`].
pub fn read(path: &Path) -> Result<Text> {
    let name = path.display().to_string();
    whole(&name, open(path)?, MOST_UNPACKED)
}

/// The text of a file's `bytes`; `name` is the file's.
///
/// # Errors
/// [`Error::Format`] if it is empty, not a text file, damaged, or decompresses to too much.
pub fn text(name: &str, bytes: &[u8]) -> Result<Text> {
    whole(name, TextReader::new(name, bytes)?, MOST_UNPACKED)
}

fn whole(name: &str, mut reader: TextReader, most: u64) -> Result<Text> {
    reader.longest_line = usize::MAX;
    let mut bytes = Vec::new();
    let packed = reader.packed();
    let limit = if packed { most } else { u64::MAX };
    (&mut reader).take(limit).read_to_end(&mut bytes).map_err(|e| Error::format(name, e))?;
    let more = reader.fill_buf().map_err(|e| Error::format(name, e))?;
    if !more.is_empty() {
        let most = most >> 20;
        return Err(Error::format(
            name,
            format!("it unpacks to more than {most} MB; unpack it yourself and give the part you need"),
        ));
    }
    if bytes.trim_ascii().is_empty() {
        return Err(Error::format(name, "the file is empty"));
    }
    let note = reader.note();
    let (text, undecodable) = match String::from_utf8(bytes) {
        Ok(text) => (text, Vec::new()),
        Err(e) => valid_lines(e.as_bytes()),
    };
    Ok(Text { text, undecodable, note })
}

/// The lines that are UTF-8, with blank ones in place of the others, and the numbers of the others.
fn valid_lines(bytes: &[u8]) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(bytes.len());
    let mut undecodable = Vec::new();
    for (i, line) in bytes.split(|&b| b == b'\n').enumerate() {
        match std::str::from_utf8(line) {
            Ok(line) => text.push_str(line),
            Err(_) => undecodable.push(i + 1),
        }
        text.push('\n');
    }
    (text, undecodable)
}

/// A file's name without the extension of a compressed one: `docs.jsonl` for `docs.jsonl.gz`.
pub fn unpacked_name(name: &str) -> &str {
    let endings = [".gz", ".gzip", ".zst", ".zstd"];
    let cut = |ending: &str| {
        let at = name.len().checked_sub(ending.len())?;
        name.get(at..).filter(|end| end.eq_ignore_ascii_case(ending)).and(name.get(..at))
    };
    endings.into_iter().find_map(cut).filter(|name| !name.is_empty()).unwrap_or(name)
}

/// A file as UTF-8 text; invalid lines are passed on unchanged.
pub struct TextReader<'a> {
    source: Box<dyn Read + 'a>,
    packing: Option<&'static str>,
    /// What was read but not decoded yet.
    chunk: Vec<u8>,
    /// Decoded text, returned up to `at`.
    out: Vec<u8>,
    at: usize,
    form: TextForm,
    encoding: Option<(&'static Encoding, bool)>,
    mark: bool,
    replaced: bool,
    /// Whether carriage returns alone end lines; known after the first chunk.
    returns: Option<bool>,
    after_return: bool,
    begun: bool,
    /// Whether the source is exhausted.
    ended: bool,
    name: String,
    line: usize,
    longest_line: usize,
}

/// How bytes become text.
enum TextForm {
    /// Only ASCII so far.
    Ascii,
    Utf8,
    Other(Box<Decoder>),
}

impl<'a> TextReader<'a> {
    /// Reads the text in `source`; `name` is the file's, for errors.
    ///
    /// # Errors
    /// [`Error::Format`] if the first bytes are not those of a text file, or cannot be decompressed.
    pub fn new(name: &str, source: impl Read + 'a) -> Result<Self> {
        let wrong = |e: io::Error| Error::format(name, e);
        let mut source: Box<dyn Read + 'a> = Box::new(source);
        let mut chunk = Vec::new();
        let mut ended = read_some(&mut source, &mut chunk).map_err(wrong)?;
        let packing = packing_of(&chunk);
        if let Some(kind) = packing {
            let packed = io::Cursor::new(std::mem::take(&mut chunk)).chain(source);
            source = Box::new(Unpacking { source: unpack(kind, packed).map_err(wrong)?, kind });
            ended = read_some(&mut source, &mut chunk).map_err(wrong)?;
            if packing_of(&chunk).is_some() {
                return Err(Error::format(name, "it is compressed twice; unpack it and give the file in it"));
            }
        }
        let mut reader = Self {
            source,
            packing,
            chunk,
            out: Vec::new(),
            at: 0,
            form: TextForm::Ascii,
            encoding: None,
            mark: false,
            replaced: false,
            returns: None,
            after_return: false,
            begun: false,
            ended,
            name: name.into(),
            line: 0,
            longest_line: LONGEST_LINE,
        };
        if let Some(refusal) = kind::of_bytes(&reader.chunk) {
            return Err(Error::format(name, refusal));
        }
        reader.leave_out_mark().map_err(wrong)?;
        reader.decode().map_err(wrong)?;
        if let Some(refusal) = kind::of_text(name, &reader.out) {
            return Err(Error::format(name, refusal));
        }
        Ok(reader)
    }

    /// Allows lines of any length, for files that are not read line by line.
    pub fn any_length(mut self) -> Self {
        self.longest_line = usize::MAX;
        self
    }

    /// Whether the file was compressed.
    pub fn packed(&self) -> bool {
        self.packing.is_some()
    }

    /// What was done to read the file, a sentence; `None` for plain UTF-8. Complete once the text was
    /// read to its end.
    pub fn note(&self) -> Option<String> {
        self.reading_note(self.packing.map(|kind| format!("unpacked from {kind}")))
    }

    /// Like [`note`](Self::note), without mentioning decompression: for files with a compressed one's extension.
    pub fn decoding(&self) -> Option<String> {
        self.reading_note(None)
    }

    fn reading_note(&self, unpacked: Option<String>) -> Option<String> {
        let mut done: Vec<String> = unpacked.into_iter().collect();
        match self.encoding {
            Some((encoding, true)) => {
                let name = encoding.name();
                done.push(format!(
                    "read as {name}, a guess from its bytes (save it as UTF-8 if that is wrong)"
                ));
            }
            Some((encoding, false)) => done.push(format!("read as {}", encoding.name())),
            None => {}
        }
        if self.mark {
            done.push("a byte order mark at its start was removed".into());
        }
        if self.returns == Some(true) {
            done.push("its lines end in carriage returns".into());
        }
        if self.replaced {
            done.push("what could not be decoded was replaced by \u{fffd}".into());
        }
        (!done.is_empty()).then(|| format!("{}: {}.", self.name, done.join("; ")))
    }

    /// Removes a byte order mark from the first chunk, and applies it.
    fn leave_out_mark(&mut self) -> io::Result<()> {
        let chunk = &self.chunk;
        if chunk.starts_with(&[0xFF, 0xFE, 0, 0]) || chunk.starts_with(&[0, 0, 0xFE, 0xFF]) {
            return Err(io::Error::other("it is UTF-32 text; save it as UTF-8"));
        }
        let Some((encoding, length)) = Encoding::for_bom(chunk) else { return Ok(()) };
        self.chunk.drain(..length);
        self.mark = true;
        if encoding == UTF_8 {
            self.form = TextForm::Utf8;
        } else {
            self.decode_as(encoding, false);
        }
        Ok(())
    }

    fn decode_as(&mut self, encoding: &'static Encoding, guessed: bool) {
        self.encoding = Some((encoding, guessed));
        self.form = TextForm::Other(Box::new(encoding.new_decoder_without_bom_handling()));
    }

    /// Decodes the chunk.
    fn decode(&mut self) -> io::Result<()> {
        if matches!(self.form, TextForm::Ascii) {
            self.choose()?;
        }
        self.begun = true;
        self.out.clear();
        self.at = 0;
        match &mut self.form {
            TextForm::Ascii | TextForm::Utf8 => std::mem::swap(&mut self.chunk, &mut self.out),
            TextForm::Other(decoder) => {
                let most = decoder.max_utf8_buffer_length(self.chunk.len()).unwrap_or(4 * self.chunk.len());
                self.out.resize(most.max(16), 0);
                let (_, _, written, replaced) =
                    decoder.decode_to_utf8(&self.chunk, &mut self.out, self.ended);
                self.out.truncate(written);
                self.replaced |= replaced;
            }
        }
        self.chunk.clear();
        self.end_lines();
        if self.packed() && self.longest_line < usize::MAX {
            self.line = match self.out.iter().rposition(|&b| b == b'\n') {
                Some(at) => self.out.len() - at,
                None => self.line + self.out.len(),
            };
            if self.line > self.longest_line {
                let most = self.longest_line >> 20;
                return Err(io::Error::other(format!("it unpacks to a line of more than {most} MB")));
            }
        }
        Ok(())
    }

    /// The encoding of the first chunk with bytes beyond ASCII.
    fn choose(&mut self) -> io::Result<()> {
        let chunk = &self.chunk;
        let control = |b: &u8| *b < b' ' && !matches!(*b, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0x1a | 0x1b);
        let controls = chunk.iter().filter(|b| control(b)).count();
        if controls > 0
            && !self.begun
            && let Some(encoding) = utf16(chunk)
        {
            self.decode_as(encoding, true);
            return Ok(());
        }
        if chunk.contains(&0) {
            return Err(io::Error::other("it is a binary file, not text"));
        }
        if chunk.windows(3).any(|w| matches!(w, [0x1b, b'$', b'@' | b'B'])) {
            self.decode_as(ISO_2022_JP, true);
            return Ok(());
        }
        if chunk.is_ascii() {
            return Ok(());
        }
        if is_utf8(chunk) {
            self.form = TextForm::Utf8;
            return Ok(());
        }
        if 50 * controls > chunk.len() {
            return Err(io::Error::other("it is a binary file, not text"));
        }
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
        detector.feed(chunk, self.ended);
        let encoding = detector.guess(None, Utf8Detection::Deny);
        self.decode_as(encoding, true);
        Ok(())
    }

    /// Converts carriage returns to line feeds where they alone end lines.
    fn end_lines(&mut self) {
        let returns = match self.returns {
            Some(returns) => returns,
            None => {
                let feeds = self.out.iter().filter(|&&b| b == b'\n').count();
                let alone = |w: &&[u8]| w[0] == b'\r' && w.get(1) != Some(&b'\n');
                let lone = self.out.windows(2).filter(alone).count()
                    + usize::from(self.ended && self.out.last() == Some(&b'\r'));
                let returns = lone > feeds;
                // A first chunk without a line end decides nothing.
                self.returns = (returns || feeds > 0).then_some(returns);
                returns
            }
        };
        if !returns {
            return;
        }
        let text = std::mem::take(&mut self.out);
        self.out.reserve(text.len());
        for byte in text {
            match byte {
                b'\r' => self.out.push(b'\n'),
                b'\n' if self.after_return => {}
                other => self.out.push(other),
            }
            self.after_return = byte == b'\r';
        }
    }
}

impl BufRead for TextReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.out.len() && !self.ended {
            self.ended = read_some(&mut self.source, &mut self.chunk)?;
            self.decode()?;
        }
        Ok(&self.out[self.at..])
    }

    fn consume(&mut self, amount: usize) {
        self.at = (self.at + amount).min(self.out.len());
    }
}

impl Read for TextReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let n = ready.len().min(buffer.len());
        buffer[..n].copy_from_slice(&ready[..n]);
        self.consume(n);
        Ok(n)
    }
}

/// Reads the next chunk; true if it is the source's last.
fn read_some(source: &mut dyn Read, chunk: &mut Vec<u8>) -> io::Result<bool> {
    Ok(source.take(CHUNK as u64).read_to_end(chunk)? < CHUNK)
}

/// Whether bytes beyond ASCII are UTF-8, in most lines, as a line may be broken.
fn is_utf8(chunk: &[u8]) -> bool {
    let (mut valid, mut broken) = (0, 0);
    for line in chunk.split(|b| matches!(b, b'\n' | b'\r')).filter(|line| !line.is_ascii()) {
        match std::str::from_utf8(line) {
            Ok(_) => valid += 1,
            // Truncated at the end of the chunk.
            Err(e) if e.error_len().is_none() && line.as_ptr_range().end == chunk.as_ptr_range().end => {
                valid += usize::from(!line[..e.valid_up_to()].is_ascii());
            }
            Err(_) => broken += 1,
        }
    }
    valid > broken || broken == 0
}

/// The kind of UTF-16 of the bytes, if they decode to text characters only.
fn utf16(chunk: &[u8]) -> Option<&'static Encoding> {
    // Zeros are the upper halves of Latin letters, spaces and line ends.
    let zeros = |odd: usize| chunk.iter().skip(odd).step_by(2).filter(|b| **b == 0).count();
    if zeros(0) > 0 && zeros(1) > 0 {
        return None;
    }
    let clean = |encoding: &'static Encoding| {
        let mut text = String::with_capacity(2 * chunk.len() + 16);
        let mut decoder = encoding.new_decoder_without_bom_handling();
        // A character truncated at the end of the chunk is not an error.
        let (_, _, replaced) = decoder.decode_to_string(chunk, &mut text, false);
        let strange = |c: char| {
            c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}')
                || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}' | '\u{fdd0}'..='\u{fdef}')
        };
        // The other byte order has no spaces or line ends.
        let plain = text.chars().filter(|c| matches!(c, ' ' | '\n' | '\r' | '\t' | '\u{3000}' | '\u{3002}'));
        let ascii = text.chars().filter(char::is_ascii);
        let (plain, ascii) = (plain.count(), ascii.count());
        (!replaced && ascii > 0 && !text.chars().any(strange)).then_some((plain, ascii))
    };
    let little = clean(UTF_16LE);
    let big = clean(UTF_16BE);
    match (little, big) {
        (None, None) => None,
        (little, big) if little >= big => Some(UTF_16LE),
        _ => Some(UTF_16BE),
    }
}

/// The compression of a file.
fn packing_of(start: &[u8]) -> Option<&'static str> {
    match start {
        [0x1f, 0x8b, 8, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some("zstd"),
        _ => None,
    }
}

fn unpack<'a>(kind: &str, packed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let packed = io::BufReader::with_capacity(1 << 16, packed);
    Ok(match kind {
        "gzip" => Box::new(flate2::bufread::MultiGzDecoder::new(packed)),
        _ => zstd(packed)?,
    })
}

#[cfg(feature = "native")]
fn zstd<'a>(packed: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut decoder = zstd::Decoder::with_buffer(packed)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG)?;
    Ok(Box::new(decoder))
}

#[cfg(not(feature = "native"))]
fn zstd<'a>(packed: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(Box::new(Frames { packed: Some(packed), frame: None }))
}

/// Consecutive zstd frames, as `cat a.zst b.zst` and parallel compressors write them.
#[cfg(not(feature = "native"))]
struct Frames<R: BufRead> {
    packed: Option<R>,
    frame: Option<ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

#[cfg(not(feature = "native"))]
impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use ruzstd::decoding::StreamingDecoder;
        use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
        loop {
            if let Some(frame) = &mut self.frame {
                let n = frame.read(buffer)?;
                if n > 0 || buffer.is_empty() {
                    return Ok(n);
                }
                self.packed = self.frame.take().map(StreamingDecoder::into_inner);
            }
            let Some(mut packed) = self.packed.take() else { return Ok(0) };
            if packed.fill_buf()?.is_empty() {
                return Ok(0);
            }
            // A skippable frame's length is in its header; its content is not text.
            let start = packed.fill_buf()?;
            if start.len() >= 8 && matches!(start, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) {
                let length = u32::from_le_bytes([start[4], start[5], start[6], start[7]]);
                io::copy(&mut (&mut packed).take(8 + u64::from(length)), &mut io::sink())?;
                self.packed = Some(packed);
                continue;
            }
            match StreamingDecoder::new(packed) {
                Ok(frame) => self.frame = Some(frame),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { .. })) => {
                    return Err(io::Error::other("a skippable frame is truncated"));
                }
                Err(e) => return Err(io::Error::other(e.to_string())),
            }
        }
    }
}

/// Marks errors as errors of decompression.
struct Unpacking<'a> {
    source: Box<dyn Read + 'a>,
    kind: &'static str,
}

impl Read for Unpacking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.source.read(buffer).map_err(|e| match e.kind() {
            io::ErrorKind::Interrupted => e,
            kind => {
                let what = self.kind;
                io::Error::new(kind, format!("it is damaged or truncated ({what}: {e}); get the file again."))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// `Wo ist\nder Hof?\n` in zstd, two frames with a skippable one between them.
    const ZSTD: &[u8] = &[
        0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x07, 0x39, 0x00, 0x00, b'W', b'o', b' ', b'i', b's', b't', b'\n',
        0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3, 0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x09, 0x49, 0x00, 0x00,
        b'd', b'e', b'r', b' ', b'H', b'o', b'f', b'?', b'\n',
    ];

    fn decoded(bytes: &[u8]) -> (String, String) {
        let Text { text, note, .. } = text("a.txt", bytes).unwrap();
        (text, note.unwrap_or_default())
    }

    fn refused(bytes: &[u8]) -> String {
        text("a.txt", bytes).unwrap_err().to_string()
    }

    #[test]
    fn packed_files_are_known_by_their_first_bytes() {
        let (text, note) = decoded(&gzip(b"one\ntwo\n"));
        assert_eq!((text.as_str(), note.as_str()), ("one\ntwo\n", "a.txt: unpacked from gzip."));
        // Several members, as `cat a.gz b.gz` writes them.
        assert_eq!(decoded(&[gzip(b"one\n"), gzip(b"two\n")].concat()).0, "one\ntwo\n");
        let cut = gzip(&b"one two three\n".repeat(99));
        assert!(refused(&cut[..cut.len() - 9]).contains("damaged or truncated"));
        assert!(refused(&gzip(&gzip(b"one"))).contains("compressed twice"));
        assert_eq!(unpacked_name("x/docs.jsonl.GZ"), "x/docs.jsonl");
        assert_eq!(unpacked_name("docs.zst"), "docs");
        assert_eq!(unpacked_name("a.txt"), "a.txt");
    }

    #[test]
    fn zstd_is_unpacked_frame_after_frame() {
        let plain = [&ZSTD[..16], &ZSTD[27..]].concat();
        for packed in [&plain[..], ZSTD] {
            let (text, note) = decoded(packed);
            assert_eq!((text.as_str(), note.as_str()), ("Wo ist\nder Hof?\n", "a.txt: unpacked from zstd."));
        }
        assert!(refused(&ZSTD[..12]).contains("damaged or truncated"));
    }

    #[test]
    fn a_file_that_unpacks_to_too_much_is_refused() {
        let bomb = gzip(&vec![b'a'; 3 << 20]);
        let reader = TextReader::new("bomb.gz", &bomb[..]).unwrap();
        let problem = whole("bomb.gz", reader, 2 << 20).unwrap_err().to_string();
        assert!(problem.contains("more than 2 MB") && problem.contains("bomb.gz"), "{problem}");
        let mut reader = TextReader::new("bomb.gz", &bomb[..]).unwrap();
        reader.longest_line = 2 << 20;
        let problem = io::copy(&mut reader, &mut io::sink()).unwrap_err().to_string();
        assert!(problem.contains("a line of more than 2 MB"), "{problem}");
    }

    #[test]
    fn unicode_is_read_with_and_without_its_mark() {
        let text = "Где мёд?\nПчёлы хранят мёд в сотах.\n";
        let sixteen = |mark: &[u8], order: fn(u16) -> [u8; 2]| {
            mark.iter().copied().chain(text.encode_utf16().flat_map(order)).collect::<Vec<u8>>()
        };
        let utf8 = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        for (bytes, said) in [
            (utf8, "byte order mark"),
            (sixteen(b"\xff\xfe", u16::to_le_bytes), "UTF-16LE"),
            (sixteen(b"\xfe\xff", u16::to_be_bytes), "UTF-16BE"),
            (sixteen(b"", u16::to_le_bytes), "UTF-16LE, a guess"),
            (sixteen(b"", u16::to_be_bytes), "UTF-16BE, a guess"),
        ] {
            let (got, note) = decoded(&bytes);
            assert_eq!(got, text, "{note}");
            assert!(note.contains(said), "{note}");
        }
        let plain: Vec<u8> = "Bees\nkeep honey\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decoded(&plain).0, "Bees\nkeep honey\n");
        let chinese: Vec<u8> =
            "蜜蜂把蜂蜜\n储存在蜂巢里。\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decoded(&chinese).0, "蜜蜂把蜂蜜\n储存在蜂巢里。\n");
        assert!(refused(b"\xff\xfe\0\0a\0\0\0").contains("UTF-32"));
        assert_eq!(decoded(text.as_bytes()), (text.to_string(), String::new()));
    }

    #[test]
    fn eight_bit_encodings_are_guessed_and_said() {
        let russian = "Пчёлы хранят мёд в восковых сотах. Мост открыли весной, когда сошёл лёд.\n";
        let german = "Die Brücke wurde im Frühjahr eröffnet, größer und schöner als früher.\n";
        let japanese = "ミツバチは蜜蝋でできた巣に蜂蜜をためます。橋は春に開通しました。\n";
        for (text, encoding) in [
            (russian, encoding_rs::WINDOWS_1251),
            (russian, encoding_rs::KOI8_R),
            (german, encoding_rs::WINDOWS_1252),
            (japanese, encoding_rs::SHIFT_JIS),
            (japanese, encoding_rs::EUC_JP),
            (japanese, ISO_2022_JP),
            ("蜜蜂把蜂蜜储存在蜂巢里。桥在春天开通。\n", encoding_rs::GBK),
            ("Οι μέλισσες αποθηκεύουν το μέλι στις κηρήθρες.\n", encoding_rs::WINDOWS_1253),
            ("النحل يخزن العسل في أقراص من الشمع.\n", encoding_rs::WINDOWS_1256),
        ] {
            let (bytes, _, unmappable) = encoding.encode(text);
            assert!(!unmappable);
            let (got, note) = decoded(&bytes);
            assert_eq!(got, text, "{note}");
            assert!(note.contains("a guess from its bytes"), "{note}");
        }
        // The first bytes beyond ASCII are far from the start.
        let late = [&b"honey and wax\n".repeat(100_000)[..], b"caf\xe9 au lait\n"].concat();
        assert!(decoded(&late).0.ends_with("wax\ncafé au lait\n"));
    }

    #[test]
    fn a_broken_line_among_good_ones_stays_one_line() {
        let text = text("a.txt", b"gr\xc3\xbcn\nbad \xff line\nblau\nwei\xc3\x9f\n").unwrap();
        assert_eq!((text.text.as_str(), &text.undecodable[..]), ("grün\n\nblau\nweiß\n\n", &[2][..]));
    }

    #[test]
    fn lines_may_end_in_all_three_ways() {
        for bytes in [&b"one\rtwo\r"[..], b"one\rtwo\rthree\r\nfour"] {
            let (text, note) = decoded(bytes);
            assert!(text.starts_with("one\ntwo\n") && note.contains("carriage returns"), "{text} {note}");
            assert!(!text.contains('\r') && !text.contains("\n\n"));
        }
        assert_eq!(decoded(b"one\r\ntwo\r\n"), ("one\r\ntwo\r\n".into(), String::new()));
        assert_eq!(decoded(b"a\rb\nc\n").0, "a\rb\nc\n");
    }

    #[test]
    fn what_is_no_text_is_refused_with_what_to_do() {
        let zip = |names: &[&str]| {
            let entry = |name: &&str| [&b"PK\x03\x04\x14\0\0\0\x08\0"[..], name.as_bytes()].concat();
            names.iter().flat_map(entry).collect::<Vec<u8>>()
        };
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        let tar = [&[b'a'; 257][..], b"ustar\x0000"].concat();
        let cases: Vec<(Vec<u8>, &str)> = vec![
            (
                b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\nstream\nBT (Hello bees) Tj ET\n".to_vec(),
                "a PDF",
            ),
            (b"\xef\xbb\xbf\n%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec(), "a PDF"),
            (zip(&["[Content_Types].xml", "_rels/.rels", "word/document.xml"]), "word processor"),
            (zip(&["[Content_Types].xml", "xl/workbook.xml"]), "CSV"),
            (zip(&["ppt/presentation.xml"]), "presentation"),
            (zip(&["mimetypeapplication/epub+zip"]), "EPUB"),
            (zip(&["mimetypeapplication/vnd.oasis.opendocument.text"]), "word processor"),
            (zip(&["mimetypeapplication/vnd.oasis.opendocument.spreadsheet"]), "CSV"),
            (zip(&["docs.jsonl"]), "unpack it"),
            (tar, "tar"),
            (b"\n<!DOCTYPE html>\n<html><body>Bees</body></html>".to_vec(), "HTML"),
            (b"<!-- saved --><HTML lang=en>".to_vec(), "HTML"),
            ("<?xml version=\"1.0\"?>\n<!DOCTYPE html><html>".into(), "HTML"),
            ("<html>".encode_utf16().flat_map(u16::to_le_bytes).collect(), "HTML"),
            (b"<?xml version=\"1.0\"?>\n<docs><d>Bees</d></docs>".to_vec(), "XML"),
            (b"<svg xmlns=\"x\"></svg>".to_vec(), "image"),
            (png, "image"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec(), "image"),
            (b"GIF89a\x01\0".to_vec(), "image"),
            (b"RIFF\x24\0\0\0WEBPVP8 ".to_vec(), "image"),
            (b"BM\x36\0\0\0\0\0".to_vec(), "image"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0".to_vec(), "old office"),
            (b"{\\rtf1\\ansi Bees}".to_vec(), "RTF"),
            (b"PAR1\x15\x04\x15\0".to_vec(), "Parquet"),
            (b"SQLite format 3\0\x10\0".to_vec(), "SQLite"),
            (b"MZ\x90\0\x03\0".to_vec(), "program"),
            (b"\x7fELF\x02\x01".to_vec(), "program"),
            (b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(), "unpack it"),
            (b"abc\0\x01\x02\0def".to_vec(), "binary"),
            (vec![], "empty"),
            (b" \n\r\n".to_vec(), "empty"),
            (gzip(b"%PDF-1.5\n"), "a PDF"),
        ];
        for (bytes, said) in cases {
            let problem = refused(&bytes);
            assert!(problem.starts_with("a.txt: ") && problem.contains(said), "{problem} should say {said}");
        }
        for text in [
            "BM25 is a ranking function.",
            "MZ is a band.",
            "<b>Bees</b> keep honey.",
            "PDFs begin with %PDF-",
        ] {
            assert_eq!(decoded(text.as_bytes()).0, text);
        }
    }
}
