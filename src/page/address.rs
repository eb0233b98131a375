//! The part of the state that the address holds, so that copying it shares what is on the screen.

use std::ops::RangeInclusive;

use super::evaluate::{Data, MapMeasure, Shown, View, cell_name, cell_named};
use crate::benchmark::{Device, Plan, cells};
use crate::evaluation::Measure;
use crate::protocol::{CellChoice, DeviceChoice, PrecisionChoice, Scope};

/// Queries longer than this stay out of the address: some browsers refuse very long ones.
const LONGEST_QUERY: usize = 2000;

/// What `?q=…&lang=…&scope=…&in=de,el&device=…&precision=…&model=…&with=…` says, or in the other view
/// `?view=evaluate&data=…&languages=ar,de&measure=…&show=…&lir=…&measures=…&relevance=…&cell=…&device=…&precision=…&model=…&against=…`.
/// Defaults are left out, but for a benchmark all of its plan is there:
/// `?view=benchmark&devices=cpu,webgpu&precisions=exact,fast&cells=1x8,8x114&repeats=7&warmups=2&texts=en&model=…`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Address {
    pub view: View,
    /// The query, where one was typed.
    pub query: Option<String>,
    /// The query's language, where a person corrected it.
    pub language: Option<String>,
    /// Passages in which languages count.
    pub scope: Scope,
    /// Passage languages to keep; empty keeps all.
    pub filter: Vec<String>,
    /// The device asked for.
    pub device: DeviceChoice,
    /// How the CPU multiplies.
    pub precision: PrecisionChoice,
    /// The model's folder, where it is not the default one.
    pub model: Option<String>,
    /// The folder of the model that answers beside it.
    pub with: Option<String>,

    /// What models are measured on.
    pub data: Data,
    /// Languages that are measured; empty for all.
    pub languages: Vec<String>,
    /// What the map of language pairs shows.
    pub measure: MapMeasure,
    /// Which of two models it shows, or their difference.
    pub shown: Shown,
    /// Leading directions of each language that are removed.
    pub lir: Option<usize>,
    /// Measures beside those that are always there.
    pub measures: Vec<Measure>,
    /// The lowest grade that counts as relevant, where it is not 1.
    pub relevance: Option<u32>,
    /// The second model's folder.
    pub against: Option<String>,
    /// The cell whose queries are shown.
    pub cell: Option<CellChoice>,

    /// What is timed.
    pub plan: Plan,
}

impl Address {
    /// Reads the part of an address after the path. Unknown words count as the default.
    pub fn parse(search: &str) -> Self {
        let mut address = Self::default();
        for pair in search.trim_start_matches('?').split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value);
            if value.is_empty() {
                continue;
            }
            match name {
                "q" => address.query = Some(value),
                "lang" => address.language = Some(value),
                "scope" => address.scope = scope_named(&value),
                "in" => address.filter = codes(&value),
                "device" => address.device = device_named(&value),
                "precision" => address.precision = PrecisionChoice::named(&value),
                "model" => address.model = Some(value),
                "with" => address.with = Some(value),
                "view" => address.view = View::named(&value),
                "data" => address.data = Data::named(&value),
                "languages" => address.languages = codes(&value),
                "measure" => address.measure = MapMeasure::named(&value),
                "show" => address.shown = Shown::named(&value),
                "lir" => address.lir = value.parse().ok().filter(|n| *n > 0),
                // Who typed a name that means nothing is told so where names are typed.
                "measures" => {
                    address.measures = value.split(',').filter_map(|name| name.parse().ok()).collect();
                }
                "relevance" => address.relevance = value.parse().ok().filter(|level| *level > 1),
                "against" => address.against = Some(value),
                "cell" => address.cell = cell_named(&value),
                "devices" => take_names(&mut address.plan.devices, &value, &Device::ALL, Device::name),
                "precisions" => {
                    let all = PrecisionChoice::ALL;
                    take_names(&mut address.plan.precisions, &value, &all, PrecisionChoice::name);
                }
                "cells" => address.plan.cells = cells(&value).unwrap_or(address.plan.cells),
                "repeats" => address.plan.repeats = within(&value, Plan::REPEATS, address.plan.repeats),
                "warmups" => address.plan.warmups = within(&value, Plan::WARMUPS, address.plan.warmups),
                "texts" => address.plan.language = value,
                _ => {}
            }
        }
        address
    }

    /// The part of the address after the path: `?…`, or nothing where all is as by default.
    pub fn search(&self) -> String {
        let mut pairs = Vec::new();
        if self.view != View::default() {
            pairs.push(format!("view={}", self.view.name()));
        }
        if self.data != Data::default() {
            pairs.push(format!("data={}", self.data.name()));
        }
        if let Some(query) = self.query.as_deref().filter(|q| q.len() <= LONGEST_QUERY) {
            pairs.push(format!("q={}", encode(query)));
        }
        if let Some(language) = &self.language {
            pairs.push(format!("lang={}", encode(language)));
        }
        if self.scope != Scope::default() {
            pairs.push(format!("scope={}", scope_name(self.scope)));
        }
        if !self.filter.is_empty() {
            pairs.push(format!("in={}", list(&self.filter)));
        }
        if !self.languages.is_empty() {
            pairs.push(format!("languages={}", list(&self.languages)));
        }
        if self.measure != MapMeasure::default() {
            pairs.push(format!("measure={}", self.measure.name()));
        }
        if self.shown != Shown::default() {
            pairs.push(format!("show={}", self.shown.name()));
        }
        if let Some(directions) = self.lir {
            pairs.push(format!("lir={directions}"));
        }
        if !self.measures.is_empty() {
            let names: Vec<String> = self.measures.iter().map(Measure::to_string).collect();
            pairs.push(format!("measures={}", list(&names)));
        }
        if let Some(level) = self.relevance {
            pairs.push(format!("relevance={level}"));
        }
        if self.view == View::Benchmark {
            let plan = &self.plan;
            let precisions = names(&plan.precisions, PrecisionChoice::name);
            pairs.push(format!("devices={}", names(&plan.devices, Device::name)));
            pairs.push(format!("precisions={precisions}"));
            pairs.push(format!("cells={}", plan.list().replace(", ", ",")));
            pairs.push(format!("repeats={}", plan.repeats));
            pairs.push(format!("warmups={}", plan.warmups));
            pairs.push(format!("texts={}", encode(&plan.language)));
        }
        if let Some(cell) = &self.cell {
            pairs.push(format!("cell={}", encode(&cell_name(cell))));
        }
        if self.device != DeviceChoice::default() {
            pairs.push(format!("device={}", device_name(self.device)));
        }
        if self.precision != PrecisionChoice::default() {
            pairs.push(format!("precision={}", self.precision.name()));
        }
        if let Some(model) = &self.model {
            pairs.push(format!("model={}", encode(model)));
        }
        if let Some(model) = &self.with {
            pairs.push(format!("with={}", encode(model)));
        }
        if let Some(model) = &self.against {
            pairs.push(format!("against={}", encode(model)));
        }
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
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

/// The scope's word in the address and in form values.
pub(super) fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::One => "one",
        Scope::Another => "another",
        Scope::All => "all",
    }
}

fn scope_named(word: &str) -> Scope {
    match word {
        "one" => Scope::One,
        "another" => Scope::Another,
        _ => Scope::All,
    }
}

/// The things whose names stand in `value`; where there are none, `list` stays.
fn take_names<T: Copy>(list: &mut Vec<T>, value: &str, all: &[T], name: fn(T) -> &'static str) {
    let named: Vec<T> =
        all.iter().copied().filter(|t| value.split(',').any(|word| word == name(*t))).collect();
    if !named.is_empty() {
        *list = named;
    }
}

fn names<T: Copy>(list: &[T], name: fn(T) -> &'static str) -> String {
    list.iter().map(|t| name(*t)).collect::<Vec<_>>().join(",")
}

/// The number `value`, as near as `range` has it.
fn within(value: &str, range: RangeInclusive<usize>, otherwise: usize) -> usize {
    value.parse().map_or(otherwise, |n: usize| n.clamp(*range.start(), *range.end()))
}

fn codes(value: &str) -> Vec<String> {
    value.split(',').filter(|code| !code.is_empty()).map(str::to_owned).collect()
}

fn list(codes: &[String]) -> String {
    codes.iter().map(|code| encode(code)).collect::<Vec<_>>().join(",")
}

/// Percent-encoding of a query's value, with `+` for a space.
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
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let address = Address {
            query: Some("แม่น้ำ 100% & +? \"ok\"".into()),
            language: Some("th".into()),
            scope: Scope::Another,
            filter: vec!["de".into(), "el".into()],
            device: DeviceChoice::WebGpu,
            model: Some("https://example.org/a b/".into()),
            with: Some("model/".into()),
            ..Address::default()
        };
        let search = address.search();
        assert!(search.is_ascii(), "{search}");
        assert!(search.contains("&in=de,el&"), "{search}");
        assert_eq!(Address::parse(&search), address);
    }

    #[test]
    fn a_link_holds_what_is_measured_and_looked_at() {
        let address = Address {
            view: View::Evaluate,
            data: Data::Mlqa,
            languages: vec!["ar".into(), "zh-Hant".into()],
            measure: MapMeasure::Recall1,
            shown: Shown::Difference,
            lir: Some(3),
            measures: vec!["ndcg@20".parse().unwrap(), "mrr@10".parse().unwrap()],
            relevance: Some(2),
            against: Some("other/".into()),
            cell: cell_named("zh-Hant~ar"),
            ..Address::default()
        };
        let search = address.search();
        assert!(search.starts_with("?view=evaluate&data=mlqa-r&languages=ar,zh-Hant"), "{search}");
        assert!(search.contains("cell=zh-Hant~ar"), "{search}");
        assert_eq!(Address::parse(&search), address);
        assert_eq!(
            Address::parse("?lir=many&cell=&view=kitchen&lir=0&measures=good&relevance=1"),
            Address::default()
        );
    }

    #[test]
    fn a_link_holds_the_whole_plan_of_a_benchmark() {
        let whole = Address { view: View::Benchmark, ..Address::default() };
        let search = whole.search();
        let all = "?view=benchmark&devices=cpu,webgpu&precisions=exact,fast&cells=1x8,8x8,";
        assert!(search.starts_with(all), "{search}");
        assert_eq!(Address::parse(&search), whole);
        let plan = Plan {
            devices: vec![Device::WebGpu],
            precisions: vec![PrecisionChoice::Fast],
            cells: cells("2x9").unwrap(),
            repeats: 3,
            warmups: 0,
            language: "th".into(),
        };
        let address =
            Address { view: View::Benchmark, plan, model: Some("other/".into()), ..Address::default() };
        assert_eq!(Address::parse(&address.search()), address);
        let odd = Address::parse("?devices=abacus&precisions=,&cells=0x9&repeats=0&warmups=many");
        assert_eq!(odd.plan, Plan { repeats: 1, ..Plan::default() });
    }

    #[test]
    fn defaults_leave_no_trace() {
        assert_eq!(Address::default().search(), "");
        assert_eq!(Address::parse(""), Address::default());
        assert_eq!(Address::parse("?device=toaster&scope=&q="), Address::default());
    }

    #[test]
    fn broken_escapes_and_long_queries_are_survived() {
        assert_eq!(Address::parse("?q=100%").query.as_deref(), Some("100%"));
        assert_eq!(Address::parse("?q=%zz%4").query.as_deref(), Some("%zz%4"));
        assert_eq!(Address::parse("?q=%FF").query.as_deref(), Some("\u{fffd}"));
        let long = Address { query: Some("a".repeat(1_000_000)), ..Address::default() };
        assert_eq!(long.search(), "");
    }
}
