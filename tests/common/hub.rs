//! A small hub on this machine: its list of files, `resolve`, redirects, ranges, hashes, and everything that can go
//! wrong with them. Real connections, no network.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::json;
use sha2::{Digest, Sha256};

/// The commit that the model is at.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What is out of order.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Each answer with weights ends after so many bytes.
    pub breaks: Option<usize>,
    /// Ranges are not understood: files come from their beginning.
    pub no_ranges: bool,
    /// Weights differ from their hash in one bit.
    pub altered: bool,
    /// Weights are sent elsewhere, to this address.
    pub redirect: Option<String>,
    /// A status for every request, and `X-Error-Code`.
    pub refusal: Option<(u16, &'static str)>,
    /// The same, for weights alone.
    pub weights_refusal: Option<(u16, &'static str)>,
    /// A file that is listed and not there.
    pub missing: Option<&'static str>,
    /// Something else than a hub answers.
    pub nonsense: bool,
    /// Only who sends this may have anything.
    pub token: Option<&'static str>,
}

/// A hub with one model, `owner/small`.
pub struct Hub {
    /// Where it is.
    pub endpoint: String,
    pub faults: Arc<Mutex<Faults>>,
    /// What was asked: the path, and the first byte.
    pub asked: Arc<Mutex<Vec<(String, u64)>>>,
    pub files: BTreeMap<String, Vec<u8>>,
}

/// All files below a folder, by path.
pub fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_string();
        match path.is_dir() {
            true => {
                out.extend(files(&path).into_iter().map(|(rest, bytes)| (format!("{name}/{rest}"), bytes)))
            }
            false => drop(out.insert(name, fs::read(&path).unwrap())),
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

impl Hub {
    /// Serves the files of a folder.
    pub fn of(folder: &Path) -> Self {
        Self::with(files(folder))
    }

    /// Serves these files.
    pub fn with(files: BTreeMap<String, Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hub = Self {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            faults: Arc::default(),
            asked: Arc::default(),
            files,
        };
        let (faults, asked, files) = (hub.faults.clone(), hub.asked.clone(), hub.files.clone());
        let endpoint = hub.endpoint.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (faults, asked, files) = (faults.clone(), asked.clone(), files.clone());
                let endpoint = endpoint.clone();
                std::thread::spawn(move || {
                    // Whoever hung up is not waiting.
                    let _ = answer(stream.unwrap(), &endpoint, &faults, &asked, &files);
                });
            }
        });
        hub
    }

    pub fn set(&self, faults: Faults) {
        *self.faults.lock().unwrap() = faults;
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<(String, u64)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn answer(
    mut stream: TcpStream,
    endpoint: &str,
    faults: &Mutex<Faults>,
    asked: &Mutex<Vec<(String, u64)>>,
    files: &BTreeMap<String, Vec<u8>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap()?;
    let path = first.split(' ').nth(1).unwrap().to_string();
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap();
        headers.insert(name.to_ascii_lowercase(), value.trim().to_string());
    }
    let range =
        headers.get("range").map(|r| r.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap());
    asked.lock().unwrap().push((path.clone(), range.unwrap_or(0)));
    let faults = faults.lock().unwrap().clone();
    let mut head = |status: u16, more: &[(&str, String)], body: &[u8]| {
        let mut text = format!("HTTP/1.1 {status} X\r\nConnection: close\r\n");
        for (name, value) in more {
            text += &format!("{name}: {value}\r\n");
        }
        if !more.iter().any(|(name, _)| *name == "Content-Length") {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        stream.write_all(format!("{text}\r\n").as_bytes())?;
        stream.write_all(body)
    };
    let refuse = |code: &str| vec![("X-Error-Code", code.to_string())];
    let elsewhere = path.starts_with("/elsewhere/");
    if let Some((status, code)) = faults.refusal {
        return head(status, &refuse(code), b"refused");
    }
    let sent = headers.get("authorization").map(String::as_str);
    match faults.token {
        // The token is for the hub, and not for where it sends one.
        _ if elsewhere && sent.is_some() && !endpoint.contains(headers["host"].as_str()) => {
            return head(400, &[], b"a token came here");
        }
        Some(token) if sent != Some(format!("Bearer {token}").as_str()) => {
            return head(401, &refuse("GatedRepo"), b"who are you");
        }
        _ => {}
    }
    if faults.nonsense {
        return head(200, &[], b"<html>Log in to this network</html>");
    }
    if let Some(revision) = path.strip_prefix("/api/models/owner/small/revision/") {
        let revision = revision.split('?').next().unwrap();
        if !["main", "v1", COMMIT].contains(&revision) {
            return head(404, &refuse("RevisionNotFound"), b"no such revision");
        }
        let sibling = |(path, bytes): (&String, &Vec<u8>)| match path.ends_with(".safetensors") {
            true => {
                json!({"rfilename": path, "size": bytes.len(), "lfs": {"sha256": hex(bytes), "size": bytes.len()}})
            }
            false => json!({"rfilename": path, "size": bytes.len(), "blobId": hex(bytes)[..40]}),
        };
        let list = json!({
            "id": "owner/small", "sha": COMMIT, "gated": false,
            "cardData": {"license": "mit", "language": ["de", "th"]},
            "siblings": files.iter().map(sibling).collect::<Vec<_>>(),
        });
        return head(200, &[], list.to_string().as_bytes());
    }
    let direct = format!("/owner/small/resolve/{COMMIT}/");
    let Some(file) = path.strip_prefix(&direct).or_else(|| path.strip_prefix("/elsewhere/")) else {
        return head(401, &refuse("RepoNotFound"), b"no such model");
    };
    let Some(bytes) = files.get(file).filter(|_| faults.missing != Some(file)) else {
        return head(404, &refuse("EntryNotFound"), b"no such file");
    };
    let weights = file.ends_with(".safetensors");
    if let Some((status, code)) = faults.weights_refusal.filter(|_| weights) {
        return head(status, &refuse(code), b"refused");
    }
    if weights && !elsewhere {
        let to = faults.redirect.clone().unwrap_or_else(|| format!("/elsewhere/{file}"));
        return head(302, &[("Location", to)], b"");
    }
    let mut bytes = bytes.clone();
    if weights && faults.altered {
        *bytes.last_mut().unwrap() ^= 1;
    }
    let from = range.filter(|_| !faults.no_ranges).unwrap_or(0) as usize;
    if from > bytes.len() {
        return head(416, &[], b"");
    }
    let rest = &bytes[from..];
    let sent = &rest[..faults.breaks.filter(|_| weights).unwrap_or(rest.len()).min(rest.len())];
    let mut more = vec![("Content-Length", rest.len().to_string())];
    if from > 0 {
        more.push(("Content-Range", format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len())));
    }
    head(if from > 0 { 206 } else { 200 }, &more, sent)
}
