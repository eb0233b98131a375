//! `owner/name@revision`, and the addresses of its files.

use std::{fmt, str::FromStr};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{Error, Result};

/// The default hub.
pub const ENDPOINT: &str = "https://huggingface.co";

/// The default revision: the branch that every model has.
const MAIN: &str = "main";

/// Maximum characters of an owner or a name, as on the hub, and of a revision.
const LONGEST: usize = 96;
const LONGEST_REVISION: usize = 255;

/// Not escaped in a path segment (RFC 3986, unreserved).
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A model's name on a hub: `owner/name`, or just `name` for some early models, with an optional revision.
///
/// ```
/// use interlingua::hub::{ENDPOINT, HubName};
///
/// let name: HubName = "intfloat/multilingual-e5-small@refs/pr/3".parse()?;
/// assert_eq!(name.repository(), "intfloat/multilingual-e5-small");
/// assert_eq!(
///     name.file(ENDPOINT, "1_Pooling/config.json"),
///     "https://huggingface.co/intfloat/multilingual-e5-small/resolve/refs%2Fpr%2F3/1_Pooling/config.json",
/// );
/// # Ok::<(), interlingua::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HubName {
    owner: Option<String>,
    name: String,
    revision: Option<String>,
}

impl HubName {
    /// Parses a name, or a model's address on `endpoint` or [`ENDPOINT`].
    ///
    /// # Errors
    /// [`Error::Input`] saying what is wrong and what a name looks like.
    pub fn parse(text: &str, endpoint: &str) -> Result<Self> {
        let given = text.trim();
        let refuse = |why: &str| {
            Err(Error::Input(format!(
                "`{given}` is not a model name: {why}; model names look like intfloat/multilingual-e5-small, or \
                 owner/name@revision"
            )))
        };
        if let Some((scheme, _)) = given.split_once("://") {
            let hubs = [endpoint.trim_end_matches('/'), ENDPOINT, "https://hf.co"];
            let path = hubs.iter().find_map(|hub| given.strip_prefix(hub)?.strip_prefix('/'));
            return match path {
                Some(path) => Self::of_path(path.split(['?', '#']).next().unwrap_or_default()).or_else(|e| {
                    // Quotes what was typed.
                    refuse(&e)
                }),
                None if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) => {
                    refuse(&format!("`{scheme}:` addresses are not opened"))
                }
                None => refuse(&format!("the address is not on {}", hubs[0])),
            };
        }
        let (path, revision) = match given.split_once('@') {
            Some((path, revision)) => (path, Some(revision)),
            None => (given, None),
        };
        let mut parts = path.split('/');
        let (first, second) = (parts.next().unwrap_or_default(), parts.next());
        if parts.next().is_some() {
            return refuse("it has more than two parts");
        }
        let (owner, name) = match second {
            Some(name) => (Some(first), name),
            None => (None, first),
        };
        Self::of(owner, name, revision).or_else(|why| refuse(&why))
    }

    /// The path of an address on the hub: `owner/name`, optionally with `/tree/REVISION` or similar.
    fn of_path(path: &str) -> std::result::Result<Self, String> {
        const PAGES: [&str; 4] = ["tree", "resolve", "blob", "raw"];
        let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
        let page = parts.iter().position(|part| PAGES.contains(part)).filter(|&at| at > 0);
        let (repository, rest) = parts.split_at(page.unwrap_or(parts.len()));
        let (owner, name) = match *repository {
            [name] => (None, name),
            ["datasets" | "spaces", ..] => return Err("it is a data set or a space".into()),
            [owner, name] => (Some(owner), name),
            _ => return Err("it has more than two parts".into()),
        };
        // Slashes in a branch's name are %2F in the hub's addresses; a file's path may follow.
        let revision = match rest {
            [_, "refs", kind, number, ..] => Some(format!("refs/{kind}/{number}")),
            [_, revision, ..] => Some(revision.replace("%2F", "/").replace("%2f", "/")),
            _ => None,
        };
        Self::of(owner, name, revision.as_deref())
    }

    fn of(owner: Option<&str>, name: &str, revision: Option<&str>) -> std::result::Result<Self, String> {
        let (what, parts) = match owner {
            Some(owner) => (["its owner", "its name"], vec![owner, name]),
            None => (["its name", ""], vec![name]),
        };
        for (what, part) in what.into_iter().zip(&parts) {
            check_part(part).map_err(|why| format!("{what} {why}"))?;
        }
        if let Some(revision) = revision {
            check_revision(revision).map_err(|why| format!("the revision {why}"))?;
        }
        let [owner, revision] = [owner, revision].map(|part| part.map(String::from));
        Ok(Self { owner, name: name.into(), revision })
    }

    /// The same model in this revision: a branch, a tag, `refs/pr/N` or a commit.
    ///
    /// # Errors
    /// [`Error::Input`] when it cannot be one.
    pub fn at(self, revision: &str) -> Result<Self> {
        let revision = revision.trim();
        check_revision(revision).map_err(|why| {
            Error::Input(format!(
                "`{revision}` is not a revision: it {why}; a revision is a branch, a tag or a commit"
            ))
        })?;
        Ok(Self { revision: Some(revision.into()), ..self })
    }

    /// `owner/name`.
    pub fn repository(&self) -> String {
        match &self.owner {
            Some(owner) => format!("{owner}/{}", self.name),
            None => self.name.clone(),
        }
    }

    /// The name without the owner.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The revision that was asked for.
    pub fn asked(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// The revision, by default `main`.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(MAIN)
    }

    /// Whether the revision is a commit, whose files never change.
    pub fn is_pinned(&self) -> bool {
        let is_commit = |r: &str| r.len() == 40 && r.bytes().all(|b| b.is_ascii_hexdigit());
        self.asked().is_some_and(is_commit)
    }

    /// URL of the model's file list with sizes and hashes, a [`Listing`](super::Listing).
    pub fn listing(&self, endpoint: &str) -> String {
        let revision = utf8_percent_encode(self.revision(), KEPT);
        format!("{}/api/models/{}/revision/{revision}?blobs=true", bare(endpoint), self.repository())
    }

    /// URL of a file, by its path in the model.
    pub fn file(&self, endpoint: &str, path: &str) -> String {
        let revision = utf8_percent_encode(self.revision(), KEPT);
        let path: Vec<String> =
            path.split('/').map(|part| utf8_percent_encode(part, KEPT).to_string()).collect();
        format!("{}/{}/resolve/{revision}/{}", bare(endpoint), self.repository(), path.join("/"))
    }

    /// URL of the model's page.
    pub fn page(&self, endpoint: &str) -> String {
        format!("{}/{}", bare(endpoint), self.repository())
    }
}

/// `owner/name` or `owner/name@revision`.
impl fmt::Display for HubName {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.repository())?;
        self.revision.iter().try_for_each(|revision| write!(f, "@{revision}"))
    }
}

/// As [`HubName::parse`], on [`ENDPOINT`].
impl FromStr for HubName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text, ENDPOINT)
    }
}

fn bare(endpoint: &str) -> &str {
    endpoint.trim_end_matches('/')
}

/// The hub's rules for owners and models.
fn check_part(part: &str) -> std::result::Result<(), String> {
    if part.is_empty() {
        return Err("is missing".into());
    }
    if part.len() > LONGEST {
        return Err(format!("is longer than {LONGEST} characters"));
    }
    if let Some(odd) = part.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(*c)) {
        return Err(format!("contains {odd:?}; letters, digits, `-`, `_` and `.` are allowed"));
    }
    if let Some(pair) = ["..", "--"].into_iter().find(|pair| part.contains(pair)) {
        return Err(format!("contains `{pair}`"));
    }
    if part.starts_with(['-', '.']) || part.ends_with(['-', '.']) {
        return Err("starts or ends with `-` or `.`".into());
    }
    Ok(())
}

/// Git's rules for branches, tags and commits, restricted to usual characters.
fn check_revision(revision: &str) -> std::result::Result<(), String> {
    if revision.is_empty() {
        return Err("is missing".into());
    }
    if revision.len() > LONGEST_REVISION {
        return Err(format!("is longer than {LONGEST_REVISION} characters"));
    }
    if let Some(odd) = revision.chars().find(|c| !c.is_ascii_alphanumeric() && !"-_./+".contains(*c)) {
        return Err(format!("contains {odd:?}"));
    }
    if revision.contains("..") || revision.starts_with('-') {
        return Err("contains `..` or starts with `-`".into());
    }
    if revision.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return Err("has an empty part between slashes, or one that starts with `.`".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "614241f622f53c4eeff9890bdc4f31cfecc418b3";

    #[test]
    fn names_and_addresses_say_the_same() {
        for (text, repository, revision) in [
            ("intfloat/multilingual-e5-small", "intfloat/multilingual-e5-small", None),
            ("  a/b.c_d-e ", "a/b.c_d-e", None),
            ("bert-base-uncased", "bert-base-uncased", None),
            ("bert-base-uncased@main", "bert-base-uncased", Some("main")),
            ("a/b@refs/pr/3", "a/b", Some("refs/pr/3")),
            ("a/b@v1.0+x", "a/b", Some("v1.0+x")),
            ("https://huggingface.co/a/b", "a/b", None),
            ("https://hf.co/a/b/", "a/b", None),
            ("https://huggingface.co/gpt2", "gpt2", None),
            ("https://huggingface.co/a/b/tree/main?x=1#y", "a/b", Some("main")),
            ("https://huggingface.co/a/b/tree/refs%2Fpr%2F3", "a/b", Some("refs/pr/3")),
            ("https://huggingface.co/a/b/tree/refs/pr/3", "a/b", Some("refs/pr/3")),
            ("https://huggingface.co/a/b/blob/v1/sub/config.json", "a/b", Some("v1")),
            ("https://huggingface.co/tree/b", "tree/b", None),
            ("http://127.0.0.1:8099/hub/a/b/tree/v2", "a/b", Some("v2")),
        ] {
            let name = HubName::parse(text, "http://127.0.0.1:8099/hub/").unwrap();
            assert_eq!((name.repository().as_str(), name.asked()), (repository, revision), "{text}");
            assert_eq!(name.to_string().parse::<HubName>().unwrap(), name);
        }
        let pinned: HubName = format!("a/b@{COMMIT}").parse().unwrap();
        assert!(pinned.is_pinned() && !"a/b".parse::<HubName>().unwrap().is_pinned());
        assert_eq!("a/b".parse::<HubName>().unwrap().at(COMMIT).unwrap(), pinned);
    }

    #[test]
    fn what_is_no_name_is_refused_in_words() {
        for (text, why) in [
            ("", "its name is missing"),
            ("/b", "its owner is missing"),
            ("a/", "its name is missing"),
            ("a/b/c", "more than two parts"),
            ("../b", "its owner contains `..`"),
            ("a/..", "its name contains `..`"),
            ("a/b--c", "`--`"),
            ("a/.b", "starts or ends"),
            ("a/b-", "starts or ends"),
            ("a b/c", "' '"),
            ("a/b%2e", "'%'"),
            ("a/b\\c", "'\\\\'"),
            ("a/ü", "'ü'"),
            ("a/b?x", "'?'"),
            ("a/b@", "the revision is missing"),
            ("a/b@x/../y", "`..`"),
            ("a/b@-x", "starts with `-`"),
            ("a/b@x//y", "empty part"),
            ("a/b@x y", "' '"),
            ("a/b@x@y", "'@'"),
            ("ftp://huggingface.co/a/b", "`ftp:` addresses"),
            ("file:///etc/passwd", "`file:` addresses"),
            ("javascript://huggingface.co/a/b", "`javascript:` addresses"),
            ("https://example.org/a/b", "not on https://huggingface.co"),
            ("http://huggingface.co/a/b", "not on https://huggingface.co"),
            ("https://huggingface.co.example.org/a/b", "not on"),
            ("https://huggingface.co@example.org/a/b", "not on"),
            ("https://huggingface.co/datasets/a/b", "data set"),
            ("https://huggingface.co/a/b/c/d", "more than two parts"),
            ("https://huggingface.co/", "its name is missing"),
            ("https://huggingface.co/a/../b", "more than two parts"),
            ("https://huggingface.co/a/b/tree/..", "`..`"),
        ] {
            let problem = text.parse::<HubName>().unwrap_err().to_string();
            assert!(problem.contains(why), "{text}: {problem}");
            assert!(problem.contains(&format!("`{text}` is not a model name")), "{text}: {problem}");
        }
        let long = "x".repeat(97);
        assert!(long.parse::<HubName>().unwrap_err().to_string().contains("longer than 96"));
        let name: HubName = "a/b".parse().unwrap();
        assert!(name.at("a b").unwrap_err().to_string().contains("is not a revision"));
    }

    #[test]
    fn addresses_hold_nothing_that_means_something_else_there() {
        let name: HubName = "a/b@refs/pr/1".parse().unwrap();
        assert_eq!(
            name.file("https://hub/", "sub folder/ü?#%.json"),
            "https://hub/a/b/resolve/refs%2Fpr%2F1/sub%20folder/%C3%BC%3F%23%25.json"
        );
        assert_eq!(
            name.listing(ENDPOINT),
            "https://huggingface.co/api/models/a/b/revision/refs%2Fpr%2F1?blobs=true"
        );
        let name: HubName = "gpt2".parse().unwrap();
        assert_eq!(
            name.file(ENDPOINT, "config.json"),
            "https://huggingface.co/gpt2/resolve/main/config.json"
        );
        assert_eq!(name.listing(ENDPOINT), "https://huggingface.co/api/models/gpt2/revision/main?blobs=true");
        assert_eq!(name.page("http://h:1/"), "http://h:1/gpt2");
    }
}
