//! Detects files that are not text by their first bytes, and says what to do instead.

const PDF: &str = "it is a PDF; save its text as a .txt file (for instance with `pdftotext`) and open that.";
const PICTURE: &str = "it is an image; only text can be read.";
const SOUND: &str = "it is audio or video; only text can be read.";
const PROGRAM: &str = "it is a program; only text can be read.";
const OLD_OFFICE: &str = "it is an old office document (.doc, .xls, .ppt, .msg); save it as plain text, or a \
                          sheet as CSV, and open that.";
const PACKED: &str = "it is an archive of an unsupported kind; unpack it and open the files in it.";
const TABLE: &str = "it is a binary table (Parquet, Arrow, ORC, Avro, HDF5); export it as JSON lines or CSV.";
const WEIGHTS: &str = "it has numbers, not text.";

/// First bytes of file types, except those that could also begin a text.
const MAGIC: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", PICTURE),
    (b"GIF87a", PICTURE),
    (b"GIF89a", PICTURE),
    (b"II*\0", PICTURE),
    (b"MM\0*", PICTURE),
    (b"8BPS\0", PICTURE),
    (b"\0\0\x01\0", PICTURE),
    (b"AT&TFORM", "it is a DjVu document; save its text as a .txt file and open that."),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLD_OFFICE),
    (b"SQLite format 3\0", "it is an SQLite database; export the table as CSV (`sqlite3 -header -csv`)."),
    (b"ARROW1\0", TABLE),
    (b"Obj\x01", TABLE),
    (b"\x89HDF\r\n\x1a\n", TABLE),
    (b"\x93NUMPY", WEIGHTS),
    (b"\x80\x02}", "it is a Python pickle; write its texts as JSON lines."),
    (b"\x80\x03", "it is a Python pickle; write its texts as JSON lines."),
    (b"\x80\x04\x95", "it is a Python pickle; write its texts as JSON lines."),
    (b"\x80\x05\x95", "it is a Python pickle; write its texts as JSON lines."),
    (b"\x7fELF", PROGRAM),
    (b"\0asm", PROGRAM),
    (b"BZh91AY&SY", PACKED),
    (b"\xfd7zXZ\0", PACKED),
    (b"7z\xbc\xaf\x27\x1c", PACKED),
    (b"Rar!\x1a\x07", PACKED),
    (b"\x04\x22\x4d\x18", PACKED),
    (b"\x1f\x9d", PACKED),
    (b"\x1f\xa0", PACKED),
    (b"OggS\0", SOUND),
    (b"fLaC\0", SOUND),
    (b"\x1a\x45\xdf\xa3", SOUND),
    (b"ID3\x02", SOUND),
    (b"ID3\x03", SOUND),
    (b"ID3\x04", SOUND),
];

/// First bytes that a text may have too, so that the rest has to be binary.
const WEAK: &[(&[u8], &str)] = &[
    (b"\xff\xd8\xff", PICTURE),
    (b"BM", PICTURE),
    (b"MZ", PROGRAM),
    (b"\xfe\xed\xfa", PROGRAM),
    (b"\xcf\xfa\xed\xfe", PROGRAM),
    (b"\xce\xfa\xed\xfe", PROGRAM),
    (b"\xca\xfe\xba\xbe", PROGRAM),
    (b"PAR1", TABLE),
    (b"FEA1", TABLE),
    (b"ORC", TABLE),
    (b"GGUF", WEIGHTS),
    (b"RIFF", SOUND),
    (b"FLV", SOUND),
    (b"\xff\xfb", SOUND),
];

/// Why a file with these first bytes is not read; `None` if it may be text.
pub(super) fn of_bytes(start: &[u8]) -> Option<&'static str> {
    if start.starts_with(b"PK\x03\x04")
        || start.starts_with(b"PK\x05\x06")
        || start.starts_with(b"PK\x07\x08")
    {
        return Some(zip(start));
    }
    if start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP") {
        return Some(PICTURE);
    }
    if start.get(4..8) == Some(b"ftyp") {
        let pictures: [&[u8]; 4] = [b"heic", b"heif", b"mif1", b"avif"];
        return Some(if pictures.iter().any(|p| start.get(8..12) == Some(p)) { PICTURE } else { SOUND });
    }
    if start.get(257..262) == Some(b"ustar") {
        return Some("it is a tar archive; unpack it and open the files in it.");
    }
    let binary = || start.iter().take(512).any(|b| *b < b' ' && !b.is_ascii_whitespace());
    let found = |list: &'static [(&[u8], &str)]| list.iter().find(|(magic, _)| start.starts_with(magic));
    let strong = found(MAGIC).or_else(|| found(WEAK).filter(|_| binary()));
    strong.map(|(_, refusal)| *refusal).or_else(|| is_pdf(start).then_some(PDF))
}

/// A PDF's header, which readers look for in the first kilobyte.
fn is_pdf(start: &[u8]) -> bool {
    let start = &start[..start.len().min(1024)];
    let header = |line: &[u8]| {
        let rest = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_start();
        matches!(rest, [b'%', b'P', b'D', b'F', b'-', b'0'..=b'9', b'.', b'0'..=b'9', ..])
    };
    start.split(|b| matches!(b, b'\n' | b'\r')).any(header)
}

/// The kind of a ZIP file, by the names in it.
fn zip(start: &[u8]) -> &'static str {
    let has = |name: &[u8]| start.windows(name.len()).any(|w| w == name);
    if has(b"mimetypeapplication/epub+zip") {
        "it is an e-book (EPUB); save its text as a .txt file and open that."
    } else if has(b"opendocument.spreadsheet") || has(b"xl/workbook") || has(b"xl/worksheets") {
        "it is a spreadsheet; save the sheet as CSV and open that."
    } else if has(b"opendocument.presentation") || has(b"ppt/presentation") || has(b"ppt/slides") {
        "it is a presentation; save its text as a .txt file and open that."
    } else if has(b"mimetypeapplication/vnd.oasis.opendocument")
        || has(b"word/document")
        || has(b"word/_rels")
    {
        "it is a word processor's document; save it as plain text (.txt) and open that."
    } else {
        "it is a ZIP archive; unpack it and open the files in it."
    }
}

/// Why a file that decodes to this text is not read: the search would find tags.
pub(super) fn of_text(name: &str, text: &[u8]) -> Option<&'static str> {
    const HTML: &str =
        "it is an HTML page; save its text as a .txt file (in a browser: save as text) and open that.";
    const XML: &str = "it is XML; write its texts as JSON lines, CSV or plain lines and open that.";
    const RTF: &str = "it is a word processor's document (RTF); save it as plain text (.txt) and open that.";
    const POSTSCRIPT: &str = "it is PostScript; save its text as a .txt file and open that.";
    let mut start = text.trim_ascii_start();
    let mut xml = false;
    // Comments and declarations may precede the first tag.
    loop {
        let lower: Vec<u8> = start.iter().take(16).map(u8::to_ascii_lowercase).collect();
        let end: &[u8] = match lower.as_slice() {
            l if l.starts_with(b"<!--") => b"-->",
            l if l.starts_with(b"<?xml") => b"?>",
            _ => break,
        };
        xml |= lower.starts_with(b"<?xml");
        let Some(at) = start.windows(end.len()).position(|w| w == end) else { break };
        start = start[at + end.len()..].trim_ascii_start();
    }
    let lower: Vec<u8> = start.iter().take(64).map(u8::to_ascii_lowercase).collect();
    let tag = |names: &[&str]| {
        names.iter().any(|name| {
            let rest = lower.strip_prefix(b"<").and_then(|l| l.strip_prefix(name.as_bytes()));
            rest.is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric))
        })
    };
    let ending = super::unpacked_name(name).rsplit_once('.').map_or("", |(_, e)| e).to_ascii_lowercase();
    if tag(&["!doctype html", "html", "head", "body"]) {
        Some(HTML)
    } else if tag(&["svg"]) || lower.starts_with(b"<!doctype svg") {
        Some(PICTURE)
    } else if xml || tag(&["tmx", "tei", "rss", "feed", "xliff", "doc", "top", "mteval", "refset", "srcset"])
    {
        Some(XML)
    } else if start.starts_with(b"<") && ["html", "htm", "xhtml"].contains(&ending.as_str()) {
        Some(HTML)
    } else if start.starts_with(b"<") && ending == "xml" {
        Some(XML)
    } else if lower.starts_with(br"{\rtf") {
        Some(RTF)
    } else if lower.starts_with(b"%!ps") {
        Some(POSTSCRIPT)
    } else {
        None
    }
}
