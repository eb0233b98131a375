//! Every module of `src` imports only modules below it. The order is read from the picture in
//! ARCHITECTURE.md.
//!
//! Paths are taken from the tokens of each file, including those in macros but not comments and strings. Unit
//! tests may import upwards: `#[cfg(test)]` modules and files called `tests.rs` are skipped.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Modules that must not import each other, below a common one.
const APART: [(&str, &[&str]); 2] =
    [("encoder", &["cpu", "trained", "webgpu"]), ("page", &["benchmark", "card", "evaluate", "search"])];

/// Modules that only some others may import: kernels are private to the encoder, and only the list of views
/// knows the page's views.
const BEHIND: [(&str, &[&str]); 10] = [
    ("encoder::cpu", &["encoder", "training::blocks::cpu"]),
    ("encoder::trained", &["encoder", "training::blocks::burn", "training::optimizer"]),
    ("encoder::webgpu", &["encoder", "session"]),
    ("page::benchmark", &["page::benchmark", "page::views"]),
    ("page::card", &["page::card", "page::views"]),
    ("page::evaluate", &["page::evaluate", "page::views"]),
    ("page::search", &["page::search", "page::views"]),
    (
        "page::parts",
        &["page::parts", "page::benchmark", "page::card", "page::evaluate", "page::search", "page::shell"],
    ),
    ("page::shell", &["page::shell"]),
    ("page::views", &["page::shell"]),
];

/// A path that a file uses, from the crate's root.
struct Import {
    /// The module that uses it.
    from: Vec<String>,
    path: Vec<String>,
    place: String,
}

#[test]
fn rooms_know_only_what_lies_below() {
    let order = order();
    let exported = exported();
    let height = |room: &str| order.iter().position(|floor| floor.iter().any(|name| name == room));
    let mut wrong = Vec::new();
    let mut downward = 0;
    for import in imports() {
        let from = &import.from[0];
        let Some(own) = height(from) else {
            wrong.push(format!("{}: the room {from} is not in ARCHITECTURE.md's picture", import.place));
            continue;
        };
        let to = exported.get(&import.path[0]).unwrap_or(&import.path[0]);
        match height(to) {
            _ if to == from => {}
            Some(other) if other > own => downward += 1,
            Some(_) => wrong.push(format!("{}: {from} lies no higher than {to}", import.place)),
            None => wrong.push(format!("{}: {to} is not in ARCHITECTURE.md's picture", import.place)),
        }
    }
    assert!(wrong.is_empty(), "imports that do not lead down:\n{}", wrong.join("\n"));
    assert!(downward > 500, "only {downward} imports were found");
}

#[test]
fn every_room_is_in_the_picture_once() {
    let mut drawn: Vec<String> = order().into_iter().flatten().collect();
    drawn.sort();
    let files = sources().into_iter().map(|file| module(&file).swap_remove(0));
    let mut rooms: Vec<String> = files.filter(|room| room != "lib").collect();
    rooms.sort();
    rooms.dedup();
    assert_eq!(drawn, rooms);
}

#[test]
fn kernels_are_behind_a_door_and_views_apart() {
    let mut wrong = Vec::new();
    for import in imports() {
        let (from, path) = (import.from.join("::"), import.path.join("::"));
        for (parent, children) in APART {
            let within =
                |module: &str| children.iter().find(|child| below(module, &format!("{parent}::{child}")));
            if let (Some(a), Some(b)) = (within(&from), within(&path))
                && a != b
            {
                wrong.push(format!("{}: {a} names {b}", import.place));
            }
        }
        for (inner, allowed) in BEHIND {
            if below(&path, inner) && !allowed.iter().any(|allowed| below(&from, allowed)) {
                wrong.push(format!("{}: {from} names {path}", import.place));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether `path` is `module` or in it.
fn below(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The layers of the picture, from the top: the code block after the heading `Module order`. What follows two
/// dashes is a comment.
fn order() -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let (_, rest) = text.split_once("## Module order").expect("it has the picture");
    let block = rest.split("```").nth(1).expect("the picture is a code block");
    let floors = block.lines().skip(1).map(|line| {
        let rooms = line.split("--").next().unwrap_or_default();
        rooms.split_whitespace().map(String::from).collect::<Vec<_>>()
    });
    floors.filter(|floor| !floor.is_empty()).collect()
}

/// What `lib.rs` exports at the crate's root, with the module it comes from.
fn exported() -> BTreeMap<String, String> {
    let lib = root().join("src/lib.rs");
    let mut paths = Vec::new();
    walk(tokens(&lib), &mut Vec::new(), &mut |_, path| paths.push(path.to_vec()));
    let two = paths.into_iter().filter_map(|path| <[String; 2]>::try_from(path).ok());
    two.map(|[room, item]| (item, room)).collect()
}

/// All paths from the crate's root in all sources except `lib.rs`.
fn imports() -> Vec<Import> {
    let mut out = Vec::new();
    for file in sources() {
        let mut from = module(&file);
        if from == ["lib"] {
            continue;
        }
        let name = file.strip_prefix(root()).expect("a source is below the root").display().to_string();
        walk(tokens(&file), &mut from, &mut |from, path| {
            let place = format!("{name}, crate::{}", path.join("::"));
            out.push(Import { from: from.to_vec(), path: path.to_vec(), place });
        });
    }
    out
}

/// Passes to `found` each path in `tokens`, the content of module `at`, that starts at the crate's root. What
/// follows `pub use` in `lib.rs` starts there too.
fn walk(tokens: TokenStream, at: &mut Vec<String>, found: &mut dyn FnMut(&[String], &[String])) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let word = |i: usize| match tokens.get(i) {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    };
    let is = |i: usize, sign: char| matches!(tokens.get(i), Some(TokenTree::Punct(p)) if p.as_char() == sign);
    let mut tested = false;
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        let start = i;
        i += 1;
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = tokens.get(i) {
                    tested |= attribute.stream().to_string().replace(' ', "") == "cfg(test)";
                    i += 1;
                }
            }
            // Whatever is only compiled for tests ends with its braces or a semicolon.
            _ if tested => {
                let ends = matches!(token, TokenTree::Group(g) if g.delimiter() == Delimiter::Brace)
                    || is(start, ';');
                tested = !ends;
            }
            TokenTree::Ident(ident) => {
                let first = ident.to_string();
                let path_follows = is(i, ':') && is(i + 1, ':');
                // A module defined inside its parent's file.
                if first == "mod"
                    && let (Some(name), Some(TokenTree::Group(body))) = (word(i), tokens.get(i + 1))
                {
                    at.push(name);
                    walk(body.stream(), at, found);
                    at.pop();
                    i += 2;
                    continue;
                }
                let root = match first.as_str() {
                    "crate" | "interlingua" if path_follows => Some(Vec::new()),
                    "super" if path_follows => Some(at[..at.len().saturating_sub(1)].to_vec()),
                    "use" if at.is_empty() => {
                        branches(&tokens[i..], Vec::new(), &mut |path| found(at, &path));
                        None
                    }
                    _ => None,
                };
                let Some(mut root) = root else { continue };
                let mut rest = i + 2;
                while word(rest).as_deref() == Some("super") {
                    root.pop();
                    rest += 3;
                }
                i = rest
                    + branches(&tokens[rest..], root, &mut |path| {
                        if !path.is_empty() {
                            found(at, &path);
                        }
                    });
            }
            TokenTree::Group(group) => walk(group.stream(), at, found),
            _ => {}
        }
    }
}

/// Passes to `found` each path that begins with `path` and continues with these tokens, `{…}` included;
/// returns how many tokens were consumed.
fn branches(tokens: &[TokenTree], mut path: Vec<String>, found: &mut dyn FnMut(Vec<String>)) -> usize {
    let is = |i: usize, sign: char| matches!(tokens.get(i), Some(TokenTree::Punct(p)) if p.as_char() == sign);
    let mut i = 0;
    loop {
        match tokens.get(i) {
            Some(TokenTree::Ident(ident)) => path.push(ident.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
                for branch in inner.split(comma).filter(|branch| !branch.is_empty()) {
                    branches(branch, path.clone(), found);
                }
                return i + 1;
            }
            // `*`, or a turbofish.
            _ => {
                found(path);
                return i;
            }
        }
        i += 1;
        if !(is(i, ':') && is(i + 1, ':')) {
            found(path);
            return i;
        }
        i += 2;
    }
}

fn tokens(file: &Path) -> TokenStream {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    TokenStream::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// The module that a file defines.
fn module(file: &Path) -> Vec<String> {
    let path = file.strip_prefix(root().join("src")).expect("a source is in src").with_extension("");
    let mut names: Vec<String> = path.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if names.len() > 1 && names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    names
}

/// All Rust files of `src` except unit tests in files of their own.
fn sources() -> Vec<PathBuf> {
    let mut folders = vec![root().join("src")];
    let mut out = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !path.ends_with("tests.rs")
            {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
