//! The part of the page's address after its path: names and values, so that copying it shares what is on the
//! screen. Each view says which of them are its own, and what they mean.

use leptos::prelude::window;

use crate::protocol::DeviceChoice;

/// What an address says, read. Of a name that is there twice the last value counts; empty values are left out.
#[derive(Debug, Default)]
pub(super) struct Address {
    pairs: Vec<(String, String)>,
}

impl Address {
    /// The present address.
    pub fn here() -> Self {
        Self::parse(&window().location().search().unwrap_or_default())
    }

    /// Reads the part of an address after the path.
    pub fn parse(search: &str) -> Self {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            (!value.is_empty()).then(|| (name.to_owned(), value))
        };
        Self { pairs: search.trim_start_matches('?').split('&').filter_map(pair).collect() }
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// The parts of a value that are set apart by commas.
    pub fn list(&self, name: &str) -> impl Iterator<Item = &str> {
        self.get(name).unwrap_or_default().split(',').filter(|part| !part.is_empty())
    }
}

/// An address while it is written. Its names stand in the order in which they are put there.
#[derive(Debug, Default)]
pub(super) struct Builder {
    pairs: Vec<String>,
}

impl Builder {
    pub fn put(&mut self, name: &str, value: &str) {
        self.pairs.push(format!("{name}={}", encode(value)));
    }

    /// Nothing where there is no value.
    pub fn put_some(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// The values of a list, set apart by commas; nothing where it is empty.
    pub fn put_list(&mut self, name: &str, values: impl IntoIterator<Item: AsRef<str>>) {
        let values: Vec<String> = values.into_iter().map(|value| encode(value.as_ref())).collect();
        if !values.is_empty() {
            self.pairs.push(format!("{name}={}", values.join(",")));
        }
    }

    /// The part of the address after the path: `?…`, or nothing where nothing was put there.
    pub fn search(&self) -> String {
        if self.pairs.is_empty() { String::new() } else { format!("?{}", self.pairs.join("&")) }
    }
}

/// The device's word in the address and in form values.
pub(super) fn device_name(device: DeviceChoice) -> &'static str {
    match device {
        DeviceChoice::Auto => "auto",
        DeviceChoice::Cpu => "cpu",
        DeviceChoice::WebGpu => "webgpu",
    }
}

/// The device of that word; an unknown word asks for the automatic choice.
pub(super) fn device_named(word: &str) -> DeviceChoice {
    match word {
        "cpu" => DeviceChoice::Cpu,
        "webgpu" => DeviceChoice::WebGpu,
        _ => DeviceChoice::Auto,
    }
}

/// Percent-encoding of a value, with `+` for a space.
fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                out.push(byte.into());
            }
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The reverse of [`encode`]; what is not valid stays as it is.
fn decode(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let mut ahead = bytes.clone();
                match (ahead.next().and_then(hex), ahead.next().and_then(hex)) {
                    (Some(high), Some(low)) => {
                        out.push(high * 16 + low);
                        bytes = ahead;
                    }
                    _ => out.push(b'%'),
                }
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whoever wrote the link: what it says, written again, says the same.
        #[test]
        fn any_address_is_read_and_comes_to_rest(
            pairs in proptest::collection::vec(
                ("q|lang|scope|in|device|precision|model|with|view|data|languages|measure|show|lir|measures|relevance\
                  |against|cell|devices|precisions|cells|repeats|warmups|texts|x", ".{0,12}|[a-z~@,0-9x%+]{0,12}"),
                0..8,
            ),
        ) {
            let text: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let once = Address::parse(&format!("?{}", text.join("&"))).search();
            prop_assert_eq!(Address::parse(&once).search(), once);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut builder = Builder::default();
        builder.put("q", "แม่น้ำ 100% & +? \"ok\", a/b~c");
        builder.put_some("lang", None);
        builder.put_list("in", ["de", "x,y", "el"]);
        builder.put_list("languages", Vec::<String>::new());
        let search = builder.search();
        assert!(search.is_ascii(), "{search}");
        assert!(search.ends_with("%2C+a/b~c&in=de,x%2Cy,el"), "{search}");
        let address = Address::parse(&search);
        assert_eq!(address.get("q"), Some("แม่น้ำ 100% & +? \"ok\", a/b~c"));
        assert_eq!(address.list("in").collect::<Vec<_>>(), ["de", "x", "y", "el"]);
        assert_eq!(address.text("lang"), None);
        assert_eq!(Builder::default().search(), "");
    }

    #[test]
    fn broken_escapes_are_survived_and_the_last_value_counts() {
        let q = |search: &str| Address::parse(search).text("q");
        assert_eq!(q("?q=100%").as_deref(), Some("100%"));
        assert_eq!(q("?q=%zz%4").as_deref(), Some("%zz%4"));
        assert_eq!(q("?q=%FF").as_deref(), Some("\u{fffd}"));
        assert_eq!(q("?q=a&q=b&q="), Some("b".into()));
        assert_eq!(q("?q&&=q"), None);
    }
}
