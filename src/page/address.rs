//! The query string of the page's URL, which restores what is displayed. Each view defines its own parameters.

use std::cell::RefCell;

use leptos::prelude::window;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::catalogue::{fill, message};
use crate::protocol::DeviceChoice;

/// Characters other than letters and digits that are not escaped.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// A parsed query string. The last of several values of a name counts; empty values are ignored.
#[derive(Debug, Default)]
pub(super) struct QueryString {
    pairs: Vec<(String, String)>,
    /// Invalid values, as `name=value`.
    unknown: RefCell<Vec<String>>,
}

impl QueryString {
    /// The current URL's.
    pub fn here() -> Self {
        Self::parse(&window().location().search().unwrap_or_default())
    }

    /// Parses a query string.
    pub fn parse(search: &str) -> Self {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            (!value.is_empty()).then(|| (name.to_owned(), value))
        };
        let pairs = search.trim_start_matches('?').split('&').filter_map(pair).collect();
        Self { pairs, unknown: RefCell::default() }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A value as parsed by `meaning`; an invalid one is kept for [`unknown`](Self::unknown).
    pub fn parse_value<T>(&self, name: &str, meaning: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.parse_or_note(name, self.get(name)?, meaning)
    }

    /// The same for each part of a value separated by commas.
    pub fn parse_list<T>(&self, name: &str, meaning: impl Fn(&str) -> Option<T>) -> Vec<T> {
        self.list(name).filter_map(|part| self.parse_or_note(name, part, &meaning)).collect()
    }

    fn parse_or_note<T>(&self, name: &str, word: &str, meaning: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let found = meaning(word);
        let said = format!("{name}={word}");
        let mut unknown = self.unknown.borrow_mut();
        if found.is_none() && !unknown.contains(&said) {
            unknown.push(said);
        }
        found
    }

    /// A sentence about the invalid values.
    pub fn unknown(&self) -> Option<String> {
        let unknown = self.unknown.borrow();
        (!unknown.is_empty()).then(|| fill(message::UNKNOWN_IN_LINK, &[("what", &unknown.join(", "))]))
    }

    /// The parts of a value separated by commas.
    pub fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).unwrap_or_default().split(',').filter(|part| !part.is_empty())
    }
}

/// A query string that is being written, with its names in the order in which they are put.
#[derive(Debug, Default)]
pub(super) struct QueryStringBuilder {
    pairs: Vec<String>,
}

impl QueryStringBuilder {
    pub fn put(&mut self, name: &str, value: &str) {
        self.pairs.push(format!("{name}={}", encode(value)));
    }

    /// Adds a value, unless there is none.
    pub fn put_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Adds values separated by commas, which are not escaped, unless there are none.
    pub fn put_list(&mut self, name: &str, values: &str) {
        if !values.is_empty() {
            self.pairs.push(format!("{name}={}", encode(values).replace("%2C", ",")));
        }
    }

    /// The query string: `?…`, or empty if nothing was put.
    pub fn search(&self) -> String {
        if self.pairs.is_empty() { String::new() } else { format!("?{}", self.pairs.join("&")) }
    }
}

/// The device's name in the URL and in form values.
pub(super) fn device_name(device: DeviceChoice) -> &'static str {
    match device {
        DeviceChoice::Auto => "auto",
        DeviceChoice::Cpu => "cpu",
        DeviceChoice::WebGpu => "webgpu",
    }
}

/// The device of that name.
pub(super) fn device_named(word: &str) -> Option<DeviceChoice> {
    [DeviceChoice::Auto, DeviceChoice::Cpu, DeviceChoice::WebGpu]
        .into_iter()
        .find(|d| device_name(*d) == word)
}

/// Percent-encodes a value, with `+` for a space.
fn encode(value: &str) -> String {
    utf8_percent_encode(value, PLAIN).to_string().replace("%20", "+")
}

/// The inverse of [`encode`]; invalid parts are left as they are.
fn decode(value: &str) -> String {
    percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_values_are_read_back(values in proptest::collection::vec(".{1,12}", 0..8)) {
            let name = |at: usize| format!("n{at}");
            let mut builder = QueryStringBuilder::default();
            for (at, value) in values.iter().enumerate() {
                builder.put(&name(at), value);
            }
            let search = builder.search();
            prop_assert!(search.is_ascii());
            let address = QueryString::parse(&search);
            for (at, value) in values.iter().enumerate() {
                prop_assert_eq!(address.get(&name(at)), Some(value.as_str()));
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut builder = QueryStringBuilder::default();
        builder.put("q", "แม่น้ำ 100% & +? \"ok\", a/b~c");
        builder.put_some("lang", None);
        builder.put_list("in", "de,x y,el");
        builder.put_list("languages", "");
        let search = builder.search();
        assert!(search.is_ascii(), "{search}");
        assert!(search.ends_with("%2C+a/b~c&in=de,x+y,el"), "{search}");
        let address = QueryString::parse(&search);
        assert_eq!(address.get("q"), Some("แม่น้ำ 100% & +? \"ok\", a/b~c"));
        assert_eq!(address.list("in").collect::<Vec<_>>(), ["de", "x y", "el"]);
        assert_eq!(address.text("lang"), None);
        assert_eq!(QueryStringBuilder::default().search(), "");
    }

    #[test]
    fn what_means_nothing_is_told_once() {
        let address = QueryString::parse("?n=3&m=many&list=1,two,3,two");
        let number = |word: &str| word.parse::<u32>().ok();
        assert_eq!(address.parse_value("n", number), Some(3));
        assert_eq!(address.parse_value("not there", number), None);
        assert_eq!(address.unknown(), None);
        assert_eq!(address.parse_value("m", number), None);
        assert_eq!(address.parse_list("list", number), [1, 3]);
        assert!(address.unknown().unwrap().ends_with(": m=many, list=two."), "{:?}", address.unknown());
    }

    #[test]
    fn broken_escapes_are_survived_and_the_last_value_counts() {
        let q = |search: &str| QueryString::parse(search).text("q");
        assert_eq!(q("?q=100%").as_deref(), Some("100%"));
        assert_eq!(q("?q=%zz%4").as_deref(), Some("%zz%4"));
        assert_eq!(q("?q=%FF").as_deref(), Some("\u{fffd}"));
        assert_eq!(q("?q=a&q=b&q="), Some("b".into()));
        assert_eq!(q("?q&&=q"), None);
    }
}
