//! Numbers, sizes and times as people read them, in the form of the visitor's browser.

use super::catalogue::{fill, number, progress, shell};
use crate::protocol::ProgressStage;

/// 13090 → `13,090`.
pub(super) fn count(n: usize) -> String {
    written(n as f64, 0)
}

/// A number with this many decimals: `0.74`.
pub(super) fn decimal(x: f64, digits: usize) -> String {
    written(x, digits)
}

/// A number as the visitor's browser writes numbers, with the digits of this page.
#[cfg(target_family = "wasm")]
fn written(x: f64, digits: usize) -> String {
    use js_sys::{Function, Intl::NumberFormat, Object, Reflect};
    thread_local! {
        /// Making one takes much longer than using it.
        static MADE: std::cell::RefCell<std::collections::BTreeMap<usize, Function>> = const {
            std::cell::RefCell::new(std::collections::BTreeMap::new())
        };
    }
    let make = || {
        let options = Object::new();
        let digits = digits as f64;
        for (name, value) in [
            ("minimumFractionDigits", digits.into()),
            ("maximumFractionDigits", digits.into()),
            ("numberingSystem", "latn".into()),
        ] {
            // A plain object takes any property.
            let _ = Reflect::set(&options, &name.into(), &value);
        }
        NumberFormat::new(&js_sys::Array::new(), &options).format()
    };
    let format = MADE.with_borrow_mut(|made| made.entry(digits).or_insert_with(make).clone());
    let written = format.call1(&wasm_bindgen::JsValue::UNDEFINED, &x.into());
    written.ok().and_then(|text| text.as_string()).unwrap_or_else(|| format!("{x:.digits$}"))
}

/// The same in English: where there is no browser, as in tests.
#[cfg(not(target_family = "wasm"))]
fn written(x: f64, digits: usize) -> String {
    let plain = format!("{x:.digits$}");
    let (whole, rest) =
        plain.split_once('.').map_or((plain.as_str(), ""), |(whole, _)| (whole, &plain[whole.len()..]));
    let mut out = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) && out != "-" {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

/// `1 passage`, `2 passages`.
pub(super) fn plural(n: usize, one: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {one}{s}", count(n))
}

/// 26214400 → `26.2 MB`.
pub(super) fn bytes(n: f64) -> String {
    if n < 1e6 {
        format!("{} kB", decimal((n / 1e3).max(1.0), 0))
    } else if n < 1e7 {
        format!("{} MB", decimal(n / 1e6, 1))
    } else {
        format!("{} MB", decimal(n / 1e6, 0))
    }
}

/// With the unit only once: `12 of 26 MB`.
pub(super) fn bytes_of(done: f64, total: f64) -> String {
    let of = |done: String, total: String| fill(progress::OF, &[("done", &done), ("total", &total)]);
    if total >= 1e6 {
        let digits = if total < 1e7 { 1 } else { 0 };
        of(decimal(done / 1e6, digits), format!("{} MB", decimal(total / 1e6, digits)))
    } else {
        of(decimal(done / 1e3, 0), format!("{} kB", decimal(total / 1e3, 0)))
    }
}

/// Milliseconds, with a decimal below ten.
pub(super) fn ms(t: f64) -> String {
    if t < 10.0 {
        format!("{} ms", decimal(t, 1))
    } else if t < 10_000.0 {
        format!("{} ms", count(t.round() as usize))
    } else {
        format!("{} s", decimal(t / 1e3, 1))
    }
}

/// Milliseconds in tables, with three significant digits: `0.05`, `3.14`, `31.4`, `742`, `5,461`.
pub(super) fn short_ms(t: f64) -> String {
    match t {
        t if t < 10.0 => decimal(t, 2),
        t if t < 100.0 => decimal(t, 1),
        t => count(t.round() as usize),
    }
}

/// A rate per second: `3.1`, `1,204`.
pub(super) fn rate(x: f64) -> String {
    if x < 10.0 { decimal(x, 1) } else { count(x.round() as usize) }
}

/// Browser and system from `navigator.userAgent`: `Chrome 156 on Linux`; an unknown format is returned unchanged.
pub(super) fn browser(agent: &str) -> String {
    // Later entries also match the user agents of earlier ones.
    const BROWSERS: [(&str, &str); 8] = [
        ("Edg/", "Edge"),
        ("EdgA/", "Edge"),
        ("OPR/", "Opera"),
        ("FxiOS/", "Firefox"),
        ("Firefox/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Version/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("Android", "Android"),
        ("iPhone", "iOS"),
        ("iPad", "iOS"),
        ("CrOS", "ChromeOS"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let found = BROWSERS.iter().find_map(|(mark, name)| {
        let version: String = agent.split_once(mark)?.1.chars().take_while(char::is_ascii_digit).collect();
        (!version.is_empty()).then(|| format!("{name} {version}"))
    });
    let system = SYSTEMS.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    match (found, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser,
        (None, _) => agent.to_owned(),
    }
}

/// `8 s left`, `3 min left`.
pub(super) fn time_left(seconds: f64) -> String {
    if seconds < 1.0 {
        progress::NEARLY.into()
    } else if seconds < 90.0 {
        fill(progress::SECONDS, &[("n", &decimal(seconds, 0))])
    } else {
        fill(progress::MINUTES, &[("n", &decimal(seconds / 60.0, 0))])
    }
}

/// A measure in tables: `0.7421`.
pub(super) fn figure(x: f64) -> String {
    decimal(x, 4)
}

/// A measure in a map's cell: `0.742`.
pub(super) fn short_figure(x: f64) -> String {
    decimal(x, 3)
}

/// A difference with its sign: `+0.012`, `−0.012`, `0.000`.
pub(super) fn signed(x: f64, digits: usize) -> String {
    let size = decimal(x.abs(), digits);
    let zero = !size.bytes().any(|b| matches!(b, b'1'..=b'9'));
    match (zero, x < 0.0) {
        (true, _) => size,
        (false, true) => format!("−{size}"),
        (false, false) => format!("+{size}"),
    }
}

/// Ranks and their distances: `286.6`.
pub(super) fn ranks(x: f64) -> String {
    decimal(x, 1)
}

/// A percentage: `9.1%`.
pub(super) fn percent(x: f64) -> String {
    percent_with(x, 1)
}

/// A percentage with this many decimals: `95%`.
pub(super) fn percent_with(x: f64, digits: usize) -> String {
    fill(number::PERCENT, &[("n", &decimal(100.0 * x, digits))])
}

/// A p value: `0.012`, `< 0.001`.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { format!("< {}", decimal(0.001, 3)) } else { decimal(p, 3) }
}

/// The name of a stage.
pub(super) fn stage(stage: ProgressStage) -> &'static str {
    match stage {
        ProgressStage::Download => progress::DOWNLOAD,
        ProgressStage::Cache => progress::CACHE,
        ProgressStage::Check => progress::CHECK,
        ProgressStage::Keep => progress::KEEP,
        ProgressStage::Prepare => progress::PREPARE,
        ProgressStage::SelfTest => progress::SELF_TEST,
        ProgressStage::Measure => progress::MEASURE,
        ProgressStage::Encode => progress::ENCODE,
        ProgressStage::EncodeQueries => progress::ENCODE_QUERIES,
        ProgressStage::Score => progress::SCORE,
        ProgressStage::Benchmark => progress::BENCHMARK,
    }
}

/// How weights are stored: `4-bit`.
pub(super) fn bits(quantization: &str) -> String {
    let bits: String = quantization.chars().filter(char::is_ascii_digit).collect();
    if bits.is_empty() { quantization.to_owned() } else { fill(shell::BITS, &[("bits", &bits)]) }
}

/// How weights are stored and multiplied: `4-bit, fast`, `32-bit`.
pub(super) fn computes(quantization: &str, precision: &str) -> String {
    let bits = bits(quantization);
    if precision.contains("integers") { fill(shell::FAST_BITS, &[("bits", &bits)]) } else { bits }
}

/// `cpu` → `CPU`.
pub(super) fn device(kind: &str) -> &str {
    match kind {
        "cpu" => "CPU",
        "webgpu" => "GPU",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(count(7), "7");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(1234567), "1,234,567");
        assert_eq!(plural(1, "passage"), "1 passage");
        assert_eq!(plural(1320, "passage"), "1,320 passages");
    }

    #[test]
    fn figures_keep_their_digits_and_signs() {
        assert_eq!(figure(0.74213), "0.7421");
        assert_eq!(short_figure(1.0), "1.000");
        assert_eq!(signed(0.0123, 3), "+0.012");
        assert_eq!(signed(-0.0123, 3), "−0.012");
        assert_eq!(signed(-0.0001, 3), "0.000");
        assert_eq!(percent(1.0 / 11.0), "9.1%");
        assert_eq!(percent_with(0.95, 0), "95%");
        assert_eq!(p_value(0.0004), "< 0.001");
        assert_eq!(p_value(0.0416), "0.042");
    }

    #[test]
    fn how_it_computes() {
        assert_eq!(computes("q4", "integers (fast), from q4"), "4-bit, fast");
        assert_eq!(computes("q8", "f32, from q8"), "8-bit");
        assert_eq!(computes("f32", "f32"), "32-bit");
    }

    #[test]
    fn browsers_by_their_names() {
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome 156 on Linux");
        assert_eq!(browser(&format!("{chrome} Edg/156.0.1.2")), "Edge 156 on Linux");
        let firefox = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:149.0) Gecko/20100101 Firefox/149.0";
        assert_eq!(browser(firefox), "Firefox 149 on Windows");
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1";
        assert_eq!(browser(safari), "Safari 26 on iOS");
        assert_eq!(browser("Lynx"), "Lynx");
    }

    #[test]
    fn sizes_and_times() {
        assert_eq!(
            [0.05, 3.141, 31.41, 742.4, 5461.2].map(short_ms),
            ["0.05", "3.14", "31.4", "742", "5,461"]
        );
        assert_eq!([3.14, 1204.4].map(rate), ["3.1", "1,204"]);
        assert_eq!(bytes(12.0), "1 kB");
        assert_eq!(bytes(2_340_000.0), "2.3 MB");
        assert_eq!(bytes_of(12.2e6, 26.1e6), "12 of 26 MB");
        assert_eq!(bytes_of(4e3, 9e3), "4 of 9 kB");
        assert_eq!(ms(3.14), "3.1 ms");
        assert_eq!(ms(31.4), "31 ms");
        assert_eq!(ms(5461.2), "5,461 ms");
        assert_eq!(ms(12_300.0), "12.3 s");
        assert_eq!(time_left(0.2), "almost done");
        assert_eq!(time_left(8.3), "8 s left");
        assert_eq!(time_left(180.0), "3 min left");
    }
}
