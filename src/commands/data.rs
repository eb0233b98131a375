//! `interlingua data`: lists data sets and their sources, and downloads them.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use interlingua::datasets::catalogue::{self, CATALOGUE, DatasetEntry, Download};
use interlingua::download::{Client, RequestFailure, hash, part_of};
use interlingua::hub::ListedFile;
use interlingua::{Error, Result};
use serde::Serialize;

/// Arguments of `interlingua data`.
#[derive(clap::Args)]
pub struct Args {
    /// A data set's name; without one, lists all.
    name: Option<String>,
    /// Download the data set's files into this folder.
    #[arg(long, requires = "name")]
    output: Option<PathBuf>,
    /// Download from this address instead of the original one, for instance a mirror, or copy from this folder.
    #[arg(long, requires = "output")]
    base: Option<String>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// A file that is in the folder now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Fetched {
    file: String,
    bytes: u64,
    sha256: String,
    /// Whether the hash was compared with a known one.
    checked: bool,
    /// Whether it was already in the folder.
    was_there: bool,
}

/// Runs the command.
///
/// # Errors
/// An unknown name, a failing server or disk, or a file with the wrong checksum.
pub fn run(args: Args) -> Result<()> {
    let Some(name) = &args.name else {
        return if args.json { print(&CATALOGUE) } else { write(&table(&CATALOGUE)) };
    };
    let entry = catalogue::by_name(name)?;
    let Some(folder) = &args.output else {
        return if args.json { print(entry) } else { write(&card(entry)) };
    };
    let fetched =
        fetch(entry, folder, args.base.as_deref(), |client| client, &mut |line| eprintln!("{line}"))?;
    if args.json {
        return print(&fetched);
    }
    let unchecked = fetched.iter().filter(|file| !file.checked).count();
    let mut text: String =
        fetched.iter().map(|f| format!("{}  {:>10}  {}\n", f.sha256, f.bytes, f.file)).collect();
    if unchecked > 0 {
        text += &format!(
            "{unchecked} of these hashes could not be verified: the right ones are not known here.\n"
        );
    }
    write(&format!("{text}{}: {}. {}\n", entry.name, entry.licence, entry.citation))
}

fn print(value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_string_pretty(value).map_err(|e| Error::Input(format!("no JSON: {e}")))?;
    write(&(json + "\n"))
}

/// A closed pipe is not an error: `interlingua data | head` is fine.
fn write(text: &str) -> Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(problem) if problem.kind() != ErrorKind::BrokenPipe => Err(Error::file("stdout", problem)),
        _ => Ok(()),
    }
}

/// The data sets as a table.
fn table(entries: &[DatasetEntry]) -> String {
    let rows = entries
        .iter()
        .map(|e| [e.name.into(), languages(e), e.size.into(), e.licence.into(), e.origin.into()]);
    let head = ["name", "languages", "size", "licence", "source"].map(String::from);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    let mut out = String::new();
    for row in &rows {
        for (cell, width) in row.iter().zip(widths) {
            out += &format!("{cell:width$}  ");
        }
        out += &format!("{}\n", row[4]);
    }
    out + "\nDetails: interlingua data NAME. Download: interlingua data NAME --output DIR.\n\
           Training data, their sources and how to use your own: docs/data.md.\n"
}

/// The details of one data set.
fn card(entry: &DatasetEntry) -> String {
    let mut out = format!("{}: {}\n", entry.name, entry.about);
    let how = match entry.base {
        Some(base) => format!("interlingua data {} --output DIR downloads it from {base}", entry.name),
        None => format!("by hand: {}", entry.by_hand),
    };
    let languages = languages(entry);
    for (what, value) in [
        ("languages", languages.as_str()),
        ("size", entry.size),
        ("licence", entry.licence),
        ("where", entry.origin),
        ("how", &how),
        ("cite", entry.citation),
    ] {
        if !value.is_empty() {
            out += &format!("  {what:<10} {value}\n");
        }
    }
    for file in entry.files {
        out += &format!("  {}  {}\n", file.sha256.unwrap_or("hash not known"), file.path);
    }
    out
}

fn languages(entry: &DatasetEntry) -> String {
    match entry.languages {
        [] => "any".into(),
        some => some.join(" "),
    }
}

/// Downloads what is not in the folder yet, one file after the other; `say` is told of each.
fn fetch(
    entry: &DatasetEntry,
    folder: &Path,
    base: Option<&str>,
    configure: impl Fn(Client) -> Client,
    say: &mut dyn FnMut(&str),
) -> Result<Vec<Fetched>> {
    let Some(base) = base.or(entry.base).filter(|_| !entry.files.is_empty()) else {
        return Err(Error::Unsupported {
            what: format!("downloading {}", entry.name),
            hint: format!("{} ({})", entry.by_hand, entry.origin),
        });
    };
    let client = configure(Client::new(base, None, "--base")?);
    let mut fetched = Vec::new();
    for file in entry.files {
        let path = folder.join(file.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| Error::file(parent, e))?;
        }
        let there = already_fetched(&path, file)?;
        let was_there = there.is_some();
        let (bytes, sha256) = match there {
            Some(known) => known,
            None => {
                let source = format!("{}/{}", base.trim_end_matches('/'), file.path);
                let got = match source.contains("://") {
                    true => download(&client, &source, file, &path, say),
                    false => copy(&source, file, &path),
                };
                if got.is_err() && fs::metadata(part_of(&path)).is_ok_and(|part| part.len() == 0) {
                    let _ = fs::remove_file(part_of(&path));
                }
                got?;
                hash_of(&path)?
            }
        };
        let state = if was_there { "already present" } else { "downloaded" };
        say(&format!("{}: {state}, {bytes} bytes", path.display()));
        let checked = file.sha256.is_some();
        fetched.push(Fetched { file: file.path.into(), bytes, sha256, checked, was_there });
    }
    Ok(fetched)
}

fn hash_of(path: &Path) -> Result<(u64, String)> {
    hash(&mut File::open(path).map_err(|e| Error::file(path, e))?, path)
}

/// Size and hash of a file that is in the folder; `None` when it is not.
fn already_fetched(path: &Path, file: &Download) -> Result<Option<(u64, String)>> {
    if let Err(problem) = fs::metadata(path) {
        return match problem.kind() {
            ErrorKind::NotFound => Ok(None),
            _ => Err(Error::file(path, problem)),
        };
    }
    let found = hash_of(path)?;
    match file.sha256 {
        Some(expected) if expected != found.1 => Err(Error::Integrity {
            file: path.display().to_string(),
            problem: format!(
                "another file of this name is already there: its SHA-256 is {}, not {expected}; move it away",
                found.1
            ),
        }),
        _ => Ok(Some(found)),
    }
}

fn download(
    client: &Client,
    source: &str,
    file: &Download,
    path: &Path,
    note: &mut dyn FnMut(&str),
) -> Result<()> {
    let known = ListedFile { path: file.path.into(), bytes: None, sha256: file.sha256.map(String::from) };
    client.file(source, &known, None, path, &mut |_| {}, note).map_err(|failure| {
        let problem = match failure {
            RequestFailure::Other(error) => return error,
            RequestFailure::Unreachable(problem) => {
                format!(
                    "{problem}; without a network, get the files elsewhere and give their folder with --base"
                )
            }
            RequestFailure::Refused { status: 404, .. } => {
                "not found (404); give another address with --base".into()
            }
            RequestFailure::Refused { status: status @ (408 | 429 | 500..), .. } => {
                format!("the server is busy or failing (status {status}); try again later")
            }
            RequestFailure::Refused { status, .. } => format!("the server refused it (status {status})"),
        };
        Error::file(source, problem)
    })
}

/// Copies a file under another name, and renames it once it is complete and verified.
fn copy(source: &str, file: &Download, path: &Path) -> Result<()> {
    let part = part_of(path);
    fs::copy(source, &part).map_err(|e| Error::file(source, e))?;
    let found = hash_of(&part)?.1;
    if let Some(expected) = file.sha256.filter(|expected| *expected != found) {
        fs::remove_file(&part).map_err(|e| Error::file(&part, e))?;
        return Err(Error::Integrity {
            file: source.into(),
            problem: format!("its SHA-256 is {found}, not {expected}: it is not the expected file"),
        });
    }
    fs::rename(&part, path).map_err(|e| Error::file(path, e))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::time::Duration;

    use super::*;

    const A: &str = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7";
    static ENTRY: DatasetEntry = DatasetEntry {
        name: "test",
        about: "",
        languages: &["de"],
        origin: "the test",
        licence: "none",
        size: "small",
        citation: "",
        base: None,
        by_hand: "by hand",
        files: &[Download { path: "a.json", sha256: Some(A) }, Download { path: "sub/b.json", sha256: None }],
        reader: CATALOGUE[0].reader,
    };

    /// A server with an answer for each path, announcing `promised` bytes; returns its address.
    fn serve(answers: &'static [(&'static str, &'static str, usize)]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/x/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let first = lines.next().unwrap().unwrap();
                while !lines.next().unwrap().unwrap().is_empty() {}
                let path = first.split(' ').nth(1).unwrap();
                let answer = match answers.iter().find(|(known, _, _)| path.ends_with(known)) {
                    Some((_, body, promised)) => {
                        format!(
                            "HTTP/1.1 200 OK\r\nContent-Length: {promised}\r\nConnection: close\r\n\r\n{body}"
                        )
                    }
                    None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into(),
                };
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        address
    }

    fn got(folder: &Path, base: &str) -> Result<Vec<Fetched>> {
        fetch(&ENTRY, folder, Some(base), |client| client.with_pauses(&[]), &mut |_| {})
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_fetched_once_and_checked() {
        let base = serve(&[("/x/a.json", "a\n", 2), ("/x/sub/b.json", "bb", 2)]);
        let folder = tempfile::tempdir().unwrap();
        let first = got(folder.path(), &base).unwrap();
        assert_eq!(first[0].sha256, A);
        assert_eq!(
            first.iter().map(|f| (f.checked, f.was_there)).collect::<Vec<_>>(),
            [(true, false), (false, false)]
        );
        assert_eq!(fs::read(folder.path().join("sub/b.json")).unwrap(), b"bb");
        assert_eq!(files(folder.path()), ["a.json", "sub"]);
        // No second request is made.
        let second = got(folder.path(), "http://127.0.0.1:1").unwrap();
        assert!(second.iter().all(|f| f.was_there));
        fs::write(folder.path().join("a.json"), "mine").unwrap();
        let problem = got(folder.path(), &base).unwrap_err().to_string();
        assert!(problem.contains("a.json") && problem.contains("another file"), "{problem}");
        assert_eq!(fs::read(folder.path().join("a.json")).unwrap(), b"mine");
    }

    #[test]
    fn what_goes_wrong_is_said_and_leaves_nothing_behind() {
        let refused = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            format!("http://{}", listener.local_addr().unwrap())
        };
        for (base, said) in [
            (refused, vec!["a.json", "refuses the connection", "--base"]),
            (serve(&[]), vec!["/x/a.json", "404", "--base"]),
            (
                serve(&[("a.json", "other", 5)]),
                vec!["a.json", A, "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"],
            ),
            ("nonsense".into(), vec!["nonsense/a.json"]),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let problem = got(folder.path(), &base).unwrap_err().to_string();
            for said in said {
                assert!(problem.contains(said), "{problem} should say {said}");
            }
            assert!(files(folder.path()).is_empty(), "{problem}");
        }
        // What has arrived is kept, and the next run resumes.
        let folder = tempfile::tempdir().unwrap();
        let problem = got(folder.path(), &serve(&[("a.json", "a\n", 20)])).unwrap_err().to_string();
        assert!(problem.contains("a.json") && problem.contains("broke off after 2 of 20 bytes"), "{problem}");
        assert_eq!(files(folder.path()), ["a.json.incomplete"]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(got(&file, "http://127.0.0.1:1").unwrap_err().to_string().contains("file"));
        let by_hand =
            fetch(&ENTRY, folder.path(), None, |client| client, &mut |_| {}).unwrap_err().to_string();
        assert!(by_hand.contains("by hand") && by_hand.contains("the test"), "{by_hand}");
    }

    /// A server that gives each connection the next of these answers, whatever the request.
    fn serve_in_turn(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for (answer, stream) in answers.iter().zip(listener.incoming()) {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while !lines.next().unwrap().unwrap().is_empty() {}
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        address
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\na";
        const A_FILE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\na\n";
        const OTHER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nb\n";
        let tried = |folder: &Path, answers| {
            let mut said = Vec::new();
            let configure = |client: Client| client.with_pauses(&[Duration::ZERO; 2]);
            let result = fetch(&ENTRY, folder, Some(&serve_in_turn(answers)), configure, &mut |line| {
                said.push(line.to_string())
            });
            let again = said.iter().filter(|line| line.ends_with("; retrying.")).count();
            (result, again, said.join("\n"))
        };
        let folder = tempfile::tempdir().unwrap();
        let (result, again, said) = tried(folder.path(), &[BUSY, HALF, A_FILE, BUSY, A_FILE]);
        assert_eq!((result.unwrap().len(), again), (2, 3), "{said}");
        assert!(said.contains("status 503") && said.contains("connection broke off"), "{said}");

        // Complete files stay, and the next run continues after them.
        let folder = tempfile::tempdir().unwrap();
        let (result, again, _) = tried(folder.path(), &[A_FILE, BUSY, BUSY, BUSY]);
        let problem = result.unwrap_err().to_string();
        assert!(problem.contains("sub/b.json") && problem.contains("status 503"), "{problem}");
        assert_eq!((again, files(folder.path())), (2, vec!["a.json".to_string(), "sub".into()]));
        let (result, _, _) = tried(folder.path(), &[OTHER]);
        let was_there: Vec<bool> = result.unwrap().iter().map(|file| file.was_there).collect();
        assert_eq!(was_there, [true, false]);

        // A wrong file is not retried.
        let folder = tempfile::tempdir().unwrap();
        let (result, again, _) = tried(folder.path(), &[OTHER, A_FILE]);
        assert!(matches!(result, Err(Error::Integrity { .. })) && again == 0);
    }

    #[test]
    fn a_folder_is_a_source_too_and_is_checked() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let base = from.path().to_str().unwrap();
        fs::create_dir(from.path().join("sub")).unwrap();
        fs::write(from.path().join("a.json"), "b\n").unwrap();
        assert!(matches!(got(to.path(), base), Err(Error::Integrity { .. })));
        fs::write(from.path().join("a.json"), "a\n").unwrap();
        let problem = got(to.path(), base).unwrap_err().to_string();
        assert!(problem.starts_with(&format!("{base}/sub/b.json: ")), "{problem}");
        fs::write(from.path().join("sub/b.json"), "bb").unwrap();
        let fetched = got(to.path(), base).unwrap();
        assert_eq!(fetched.iter().map(|f| f.was_there).collect::<Vec<_>>(), [true, false]);
        assert_eq!(fs::read(to.path().join("sub/b.json")).unwrap(), b"bb");
    }

    #[test]
    fn the_list_names_every_set_and_each_has_a_card() {
        let table = table(&CATALOGUE);
        assert_eq!(table.lines().count(), CATALOGUE.len() + 4);
        for entry in &CATALOGUE {
            assert!(table.contains(entry.name) && table.contains(entry.licence));
            let card = card(entry);
            assert!(card.contains(entry.origin) && card.contains(entry.by_hand), "{card}");
        }
        assert!(card(&ENTRY).contains("hash not known  sub/b.json"));
    }
}
