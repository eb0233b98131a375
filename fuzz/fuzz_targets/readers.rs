//! Runs the target of tests/fuzz named by `INTERLINGUA_FUZZ`.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/fuzz/memory.rs"]
mod memory;
#[path = "../../tests/fuzz/targets.rs"]
mod targets;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

static TARGET: LazyLock<&targets::Target> = LazyLock::new(|| {
    let names: Vec<&str> = targets::TARGETS.iter().map(|target| target.name).collect();
    let name = std::env::var("INTERLINGUA_FUZZ").unwrap_or_default();
    targets::TARGETS
        .iter()
        .find(|target| target.name == name)
        .unwrap_or_else(|| panic!("INTERLINGUA_FUZZ is {name:?}; name one of {}", names.join(", ")))
});

fuzz_target!(|bytes: &[u8]| targets::check(*TARGET, bytes));
