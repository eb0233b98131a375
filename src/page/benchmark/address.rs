//! The view's part of the URL, which contains the whole plan:
//! `?view=benchmark&devices=cpu,webgpu&precisions=exact,fast&cells=1x8,8x114&repeats=7&warmups=2&texts=en&model=…`.

use std::ops::RangeInclusive;

use crate::benchmark::{BenchmarkDevice, BenchmarkPlan, cells};
use crate::page::address::{QueryString, QueryStringBuilder};
use crate::protocol::PrecisionChoice;

/// What is timed. In place of an invalid word the default is used, and [`QueryString::unknown`] reports it.
pub(super) fn plan(address: &QueryString) -> BenchmarkPlan {
    let default = BenchmarkPlan::default();
    BenchmarkPlan {
        devices: named(address, "devices", &BenchmarkDevice::ALL, BenchmarkDevice::name)
            .unwrap_or(default.devices),
        precisions: named(address, "precisions", &PrecisionChoice::ALL, PrecisionChoice::name)
            .unwrap_or(default.precisions),
        cells: address.parse_value("cells", |word| cells(word).ok()).unwrap_or(default.cells),
        repeats: number(address, "repeats", BenchmarkPlan::REPEATS).unwrap_or(default.repeats),
        warmups: number(address, "warmups", BenchmarkPlan::WARMUPS).unwrap_or(default.warmups),
        language: address.text("texts").unwrap_or(default.language),
    }
}

/// Adds a plan to a query string.
pub(super) fn put(plan: &BenchmarkPlan, address: &mut QueryStringBuilder) {
    address.put_list("devices", &names(&plan.devices, BenchmarkDevice::name));
    address.put_list("precisions", &names(&plan.precisions, PrecisionChoice::name));
    address.put_list("cells", &plan.list().replace(", ", ","));
    address.put("repeats", &plan.repeats.to_string());
    address.put("warmups", &plan.warmups.to_string());
    address.put("texts", &plan.language);
}

fn names<T: Copy>(list: &[T], name: fn(T) -> &'static str) -> String {
    list.iter().map(|t| name(*t)).collect::<Vec<_>>().join(",")
}

/// The listed items, if any.
fn named<T: Copy>(
    address: &QueryString,
    list: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Option<Vec<T>> {
    let words = address.parse_list(list, |word| all.iter().copied().map(name).find(|name| *name == word));
    let named: Vec<T> = all.iter().copied().filter(|t| words.contains(&name(*t))).collect();
    (!named.is_empty()).then_some(named)
}

/// The number, clamped to `range`.
fn number(address: &QueryString, name: &str, range: RangeInclusive<usize>) -> Option<usize> {
    let number: usize = address.parse_value(name, |word| word.parse().ok())?;
    Some(number.clamp(*range.start(), *range.end()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(plan: &BenchmarkPlan) -> String {
        let mut address = QueryStringBuilder::default();
        put(plan, &mut address);
        address.search()
    }

    proptest! {
        /// A parsed link is equal to the same link written again.
        #[test]
        fn any_address_is_read_and_comes_to_rest(
            pairs in proptest::collection::vec(
                ("devices|precisions|cells|repeats|warmups|texts|x", ".{0,12}|[a-z~@,0-9x%+]{0,12}"),
                0..8,
            ),
        ) {
            let text: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let once = written(&plan(&QueryString::parse(&format!("?{}", text.join("&")))));
            prop_assert_eq!(written(&plan(&QueryString::parse(&once))), once);
        }
    }

    #[test]
    fn a_link_holds_the_whole_plan() {
        let whole = written(&BenchmarkPlan::default());
        let all = "?devices=cpu,webgpu&precisions=exact,fast&cells=1x8,8x8,";
        assert!(whole.starts_with(all), "{whole}");
        assert_eq!(plan(&QueryString::parse(&whole)), BenchmarkPlan::default());
        let own = BenchmarkPlan {
            devices: vec![BenchmarkDevice::WebGpu],
            precisions: vec![PrecisionChoice::Fast],
            cells: cells("2x9").unwrap(),
            repeats: 3,
            warmups: 0,
            language: "th".into(),
        };
        assert_eq!(plan(&QueryString::parse(&written(&own))), own);
        let odd = QueryString::parse("?devices=abacus&precisions=,&cells=0x9&repeats=0&warmups=many");
        assert_eq!(plan(&odd), BenchmarkPlan { repeats: 1, ..BenchmarkPlan::default() });
        assert!(
            odd.unknown().unwrap().ends_with(": devices=abacus, cells=0x9, warmups=many."),
            "{:?}",
            odd.unknown()
        );
    }
}
