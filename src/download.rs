//! Downloads files over HTTP, from a hub or a data set's server: resumed, verified by size and hash, and following
//! redirects only as far as they are safe.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use ureq::{Agent, http::Response};

use crate::{Error, Hasher, Problem, Result, hub::ListedFile};

/// Timeout for a response, and for more bytes of it.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Pauses before retries; they start over whenever bytes have arrived.
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
/// Maximum redirects for one file.
const REDIRECTS: usize = 10;
/// Maximum size of a file list; a few megabytes for thousands of files.
const LARGEST_ANSWER: u64 = 64 << 20;

/// Why a request failed.
pub enum RequestFailure {
    /// No complete response: a retry may succeed.
    Unreachable(String),
    /// The response's status and `X-Error-Code`.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The header, which hubs send.
        code: Option<String>,
    },
    /// Anything that a retry does not help.
    Other(Error),
}

impl From<Error> for RequestFailure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// The outcome of a request.
pub type Received<T> = std::result::Result<T, RequestFailure>;

/// An HTTP client for one server.
pub struct Client {
    agent: Agent,
    /// Scheme, host and port of the server, the only place the token is sent to.
    origin: String,
    token: Option<String>,
    /// How a user chooses another server, for messages.
    choice: &'static str,
    pauses: &'static [Duration],
}

impl Client {
    /// For the server at `endpoint`; `choice` is the option or variable by which a user chooses another one.
    ///
    /// # Errors
    /// [`Error::Input`] for an invalid token.
    pub fn new(endpoint: &str, token: Option<String>, choice: &'static str) -> Result<Self> {
        if token.as_ref().is_some_and(|token| !token.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(Error::Input(
                "the token in HF_TOKEN contains a space or another invalid character".into(),
            ));
        }
        let agent = Agent::config_builder()
            .timeout_connect(Some(TIMEOUT))
            .timeout_recv_response(Some(TIMEOUT))
            .timeout_per_read(Some(TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(concat!("interlingua/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Ok(Self { agent, origin: origin(endpoint).into(), token, choice, pauses: &PAUSES })
    }

    /// The same client, which waits for so long before each retry.
    pub fn with_pauses(self, pauses: &'static [Duration]) -> Self {
        Self { pauses, ..self }
    }

    /// Whether there is a token to send.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// The body of a small response.
    ///
    /// # Errors
    /// Says why it failed.
    pub fn small(&self, address: &str) -> Received<Vec<u8>> {
        let out = self.beginning(address, LARGEST_ANSWER + 1)?;
        match out.len() as u64 > LARGEST_ANSWER {
            true => Err(Error::format(address, "the response is too large for a file list").into()),
            false => Ok(out),
        }
    }

    /// The first `most` bytes of a file, or all of it.
    ///
    /// # Errors
    /// Says why it failed.
    pub fn beginning(&self, address: &str, most: u64) -> Received<Vec<u8>> {
        let ask = || {
            let mut response = self.ask(address, 0)?;
            refused(&response)?;
            let mut out = Vec::new();
            let mut body = response.body_mut().as_reader().take(most);
            body.read_to_end(&mut out)
                .map_err(|e| RequestFailure::Unreachable(broke_off(&e, out.len() as u64, None)))?;
            Ok(out)
        };
        self.retrying(&mut |_| {}, &mut || (ask(), false))
    }

    /// Downloads a file to `path`, where it appears once it is complete and verified. A partial download next to it is
    /// resumed.
    ///
    /// # Errors
    /// Says why it failed.
    pub fn file(
        &self,
        address: &str,
        known: &ListedFile,
        limit: Option<u64>,
        path: &Path,
        progress: &mut dyn FnMut(u64),
        note: &mut dyn FnMut(&str),
    ) -> Received<()> {
        let part = part_of(path);
        let mut file = locked(&part, &known.path, note)?;
        if fs::metadata(path).is_ok_and(|there| known.bytes.is_none_or(|bytes| there.len() == bytes)) {
            // Another process was faster.
            let _ = fs::remove_file(&part);
            return Ok(());
        }
        if known.bytes.is_none() && known.sha256.is_none() {
            // A partial download of another version could not be recognized.
            file.set_len(0).map_err(|e| Error::file(&part, e))?;
        }
        let resumed = length(&file, &part)? > 0;
        let mut checked = self.complete(address, known, limit, (&mut file, &part), progress, note);
        if resumed && matches!(checked, Err(RequestFailure::Other(Error::Integrity { .. }))) {
            // The partial download could have been of another file.
            note(&format!("{}: its partial download does not match; downloading it again.", known.path));
            checked = self.complete(address, known, limit, (&mut file, &part), progress, note);
        }
        checked?;
        file.sync_all().map_err(|e| Error::file(&part, e))?;
        fs::rename(&part, path).map_err(|e| Error::file(path, e))?;
        Ok(())
    }

    /// Requests the missing part until the file is complete, and verifies it; wrong content is discarded.
    fn complete(
        &self,
        address: &str,
        known: &ListedFile,
        limit: Option<u64>,
        (file, part): (&mut File, &Path),
        progress: &mut dyn FnMut(u64),
        note: &mut dyn FnMut(&str),
    ) -> Received<()> {
        let mut saying = |said: &str| note(&format!("{}: {said}", known.path));
        let bytes = self.retrying(&mut saying, &mut || {
            let before = length(file, part).unwrap_or_default();
            let done = self.go_on(address, known.bytes, limit, (file, part), progress);
            let moved = length(file, part).is_ok_and(|now| now > before);
            (done, moved)
        })?;
        let wrong = match (known.bytes, &known.sha256) {
            (Some(expected), _) if expected != bytes => {
                Some(format!("it has {bytes} bytes instead of {expected}"))
            }
            (_, Some(expected)) => {
                let (_, hash) = hash(file, part)?;
                (hash != *expected).then(|| format!("its SHA-256 is {hash} instead of {expected}"))
            }
            _ => None,
        };
        match wrong {
            None => Ok(()),
            Some(problem) => {
                file.set_len(0).map_err(|e| Error::file(part, e))?;
                Err(RequestFailure::Other(Error::Integrity {
                    file: address.into(),
                    problem: format!(
                        "{problem}: it was altered in transit and was discarded; try again, or another network or \
                         mirror ({}) if that does not help",
                        self.choice
                    ),
                }))
            }
        }
    }

    /// One attempt at the rest of the file; returns its length.
    fn go_on(
        &self,
        address: &str,
        expected: Option<u64>,
        limit: Option<u64>,
        (file, part): (&mut File, &Path),
        progress: &mut dyn FnMut(u64),
    ) -> Received<u64> {
        let disk = |e: std::io::Error| match e.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                let said =
                    format!("the disk is full ({e}); free some space and try again, the download resumes");
                Error::file(part, Problem::of(said, e))
            }
            _ => Error::file(part, e),
        };
        let mut at = length(file, part)?;
        if expected.is_some_and(|expected| at > expected) {
            file.set_len(0).map_err(disk)?;
            at = 0;
        }
        if expected.is_some_and(|expected| at == expected) {
            progress(at);
            return Ok(at);
        }
        let mut response = self.ask(address, at)?;
        let begins = match response.status().as_u16() {
            206 => range_start(&response),
            // The partial download is longer than the file.
            416 => {
                file.set_len(0).map_err(disk)?;
                return Err(RequestFailure::Unreachable("the file on the server has changed".into()));
            }
            _ => Some(0),
        };
        refused(&response)?;
        if begins != Some(at) {
            file.set_len(0).map_err(disk)?;
            at = 0;
            if begins != Some(0) {
                return Err(RequestFailure::Unreachable("the server sent the wrong range".into()));
            }
        }
        let announced = response.body().content_length().map(|length| length + at);
        file.seek(SeekFrom::Start(at)).map_err(disk)?;
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let n = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(RequestFailure::Unreachable(broke_off(&e, at, expected.or(announced)))),
            };
            file.write_all(&buffer[..n]).map_err(disk)?;
            at += n as u64;
            if [expected, limit].into_iter().flatten().any(|most| at > most) {
                file.set_len(0).map_err(disk)?;
                let problem = "it is longer than expected and was discarded; try again";
                return Err(Error::Integrity { file: address.into(), problem: problem.into() }.into());
            }
            progress(at);
        }
        if let Some(all) = expected.or(announced).filter(|&all| at < all) {
            return Err(RequestFailure::Unreachable(format!(
                "the connection broke off after {at} of {all} bytes"
            )));
        }
        Ok(at)
    }

    /// Retries temporary failures. Each attempt also returns whether any bytes arrived.
    fn retrying<T>(
        &self,
        note: &mut dyn FnMut(&str),
        work: &mut dyn FnMut() -> (Received<T>, bool),
    ) -> Received<T> {
        let mut pauses = self.pauses.iter();
        loop {
            let (done, moved) = work();
            let problem = match &done {
                Err(RequestFailure::Unreachable(problem)) => problem.clone(),
                Err(RequestFailure::Refused { status: status @ (408 | 429 | 500..), .. }) => {
                    format!("status {status}")
                }
                _ => return done,
            };
            if moved {
                pauses = self.pauses.iter();
            }
            let Some(pause) = pauses.next() else { return done };
            note(&format!("{problem}; retrying."));
            std::thread::sleep(*pause);
        }
    }

    /// The response to a request from byte `from` on, after redirects.
    fn ask(&self, address: &str, from: u64) -> Received<Response<ureq::Body>> {
        let mut address = address.to_string();
        for _ in 0..=REDIRECTS {
            let mut request = self.agent.get(&address);
            if from > 0 {
                request = request.header("range", format!("bytes={from}-"));
            }
            if let Some(token) = self.token.as_ref().filter(|_| origin(&address) == self.origin) {
                request = request.header("authorization", format!("Bearer {token}"));
            }
            let response = request.call().map_err(|e| RequestFailure::Unreachable(unreachable(&e)))?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let to = response.headers().get("location").and_then(|to| to.to_str().ok());
            let to = to.ok_or_else(|| Error::file(&address, "the server redirects without a location"))?;
            address = redirected(&address, to, self.choice)?;
        }
        Err(Error::file(&address, format!("the server redirects more than {REDIRECTS} times")).into())
    }
}

/// Scheme, host and port.
fn origin(address: &str) -> &str {
    let host = address.find("://").map_or(0, |at| at + 3);
    let end = address[host..].find('/').map_or(address.len(), |at| host + at);
    &address[..end]
}

/// The target of a redirect.
///
/// # Errors
/// [`Error::File`] for schemes other than http and https, and from https to http.
fn redirected(from: &str, to: &str, choice: &str) -> Result<String> {
    if to.starts_with('/') && !to.starts_with("//") {
        return Ok(format!("{}{to}", origin(from)));
    }
    let scheme = |address: &str| address.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match (scheme(from).as_deref(), scheme(to).as_deref()) {
        (_, Some("https")) | (Some("http"), Some("http")) => Ok(to.into()),
        _ => Err(Error::file(
            from,
            format!(
                "the server redirects to `{}`, which is not followed: only https is, and http from http; check the \
                 server's address, {choice}",
                to.chars().take(80).collect::<String>()
            ),
        )),
    }
}

fn refused(response: &Response<ureq::Body>) -> Received<()> {
    let status = response.status();
    match status.is_success() {
        true => Ok(()),
        false => {
            let code = response.headers().get("x-error-code").and_then(|code| code.to_str().ok());
            Err(RequestFailure::Refused { status: status.as_u16(), code: code.map(String::from) })
        }
    }
}

/// The first byte in `Content-Range: bytes FROM-TO/ALL`.
fn range_start(response: &Response<ureq::Body>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range.trim().strip_prefix("bytes")?.trim().split('-').next()?.trim().parse().ok()
}

fn broke_off(problem: &std::io::Error, bytes: u64, all: Option<u64>) -> String {
    let of = all.map(|all| format!(" of {all}")).unwrap_or_default();
    format!("the connection broke off after {bytes}{of} bytes ({problem})")
}

/// Why there is no response.
fn unreachable(problem: &ureq::Error) -> String {
    match problem {
        ureq::Error::HostNotFound => "no network, or no such server".into(),
        ureq::Error::Io(e) if e.kind() == ErrorKind::ConnectionRefused => {
            "the server refuses the connection".into()
        }
        ureq::Error::Io(e) => format!("the server cannot be reached ({e}); check the network"),
        ureq::Error::Timeout(_) => {
            format!("no response within {} s ({problem})", TIMEOUT.as_secs())
        }
        other => format!("the request failed ({other})"),
    }
}

/// The path of a partial download.
pub fn part_of(path: &Path) -> PathBuf {
    let mut part = path.as_os_str().to_owned();
    part.push(".incomplete");
    part.into()
}

/// Opens and locks a partial download.
fn locked(part: &Path, name: &str, note: &mut dyn FnMut(&str)) -> Result<File> {
    let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(part);
    let mut file = open().map_err(|e| Error::file(part, e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            note(&format!("{name}: waiting for another process that is downloading it."));
            file.lock().map_err(|e| Error::file(part, e))?;
            // The other process has renamed the file.
            file = open().map_err(|e| Error::file(part, e))?;
            // Not all file systems support locks.
            let _ = file.try_lock();
        }
        Err(TryLockError::Error(_)) => {}
    }
    Ok(file)
}

fn length(file: &File, part: &Path) -> Result<u64> {
    Ok(file.metadata().map_err(|e| Error::file(part, e))?.len())
}

/// Length and SHA-256 of a file, read from its start; `path` is for messages.
///
/// # Errors
/// [`Error::File`] if it cannot be read.
pub fn hash(file: &mut File, path: &Path) -> Result<(u64, String)> {
    let mut hasher = Hasher::default();
    let (mut buffer, mut bytes) = (vec![0; 1 << 20], 0);
    file.seek(SeekFrom::Start(0)).map_err(|e| Error::file(path, e))?;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((bytes, hasher.finish())),
            Ok(n) => {
                hasher.push(&buffer[..n]);
                bytes += n as u64;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::file(path, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_as_safe_as_they_were() {
        let lead = |from: &str, to: &str| redirected(from, to, "HF_ENDPOINT").map_err(|e| e.to_string());
        assert_eq!(lead("https://h/a/b", "/c?d").unwrap(), "https://h/c?d");
        assert_eq!(lead("https://h/a", "https://other/c").unwrap(), "https://other/c");
        assert_eq!(lead("http://h:1/a", "http://i:2/c").unwrap(), "http://i:2/c");
        assert_eq!(lead("http://h/a", "https://i/c").unwrap(), "https://i/c");
        for (from, to) in [
            ("https://h/a", "http://h/a"),
            ("https://h/a", "file:///etc/passwd"),
            ("http://h/a", "ftp://h/a"),
            ("https://h/a", "//other/a"),
            ("https://h/a", "javascript:alert(1)"),
        ] {
            assert!(lead(from, to).unwrap_err().contains("which is not followed"), "{to}");
        }
        assert_eq!(origin("http://127.0.0.1:8/x/y"), "http://127.0.0.1:8");
        assert_eq!(origin("https://h"), "https://h");
    }

    /// `/dev/full` is a full disk.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_and_not_retried() {
        use std::{
            io::{BufRead, BufReader},
            net::TcpListener,
        };

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/a", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while !lines.next().unwrap().unwrap().is_empty() {}
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\na\n";
            stream.write_all(answer).unwrap();
        });
        let client = Client::new(&address, None, "--base").unwrap();
        let full = Path::new("/dev/full");
        let mut file = OpenOptions::new().read(true).write(true).open(full).unwrap();
        let Err(RequestFailure::Other(problem)) =
            client.go_on(&address, None, None, (&mut file, full), &mut |_| {})
        else {
            panic!("a full disk is not worth a retry");
        };
        let problem = problem.to_string();
        assert!(problem.contains("/dev/full") && problem.contains("the disk is full"), "{problem}");
    }
}
