//! The choices of model, texts, devices and sizes.

use std::ops::RangeInclusive;

use leptos::prelude::*;

use crate::benchmark::{BenchmarkDevice, BenchmarkPlan};
use crate::page::benchmark::Benchmark;
use crate::page::benchmark::actions::SIZES;
use crate::page::catalogue::{benchmark as text, shell};
use crate::page::corpus::SAMPLE_LANGUAGES;
use crate::page::model::{MODEL, same_folder};
use crate::page::names;
use crate::page::parts::{Form, ModelPicker};
use crate::page::worker::Worker;
use crate::protocol::PrecisionChoice;

#[component]
pub(super) fn BenchmarkForm() -> impl IntoView {
    let b = Benchmark::here();
    let model = Signal::derive(move || b.model.get().unwrap_or_else(|| MODEL.into()));
    let choose = Callback::new(move |folder: String| {
        b.choose_timed_model(Some(folder).filter(|f| !f.is_empty() && !same_folder(f, MODEL)));
    });
    let link = move || view! { <button type="button" class="quiet" on:click=move |_| b.copy_link()>{text::COPY}</button> };
    view! {
        <Form
            id="time"
            title=text::TITLE
            hint=text::HINT
            go=Signal::stored(text::GO)
            busy=Signal::derive(move || b.activity.with(Option::is_some))
            begin=Callback::new(move |()| b.run_benchmark())
            more=link
        >
            <div class="choice">
                <div class="models"><ModelPicker label=text::MODEL value=model choose/></div>
                <LanguageField/>
                <Devices/>
            </div>
            <div class="choice">
                <Precisions/>
                <Sizes/>
                <div class="numbers">
                    <Number
                        label=text::CALLS
                        range=BenchmarkPlan::REPEATS
                        value=Signal::derive(move || b.plan.with(|p| p.repeats))
                        change=Callback::new(move |n| b.change_plan(|p| p.repeats = n))
                    />
                    <Number
                        label=text::WARMUPS
                        range=BenchmarkPlan::WARMUPS
                        value=Signal::derive(move || b.plan.with(|p| p.warmups))
                        change=Callback::new(move |n| b.change_plan(|p| p.warmups = n))
                    />
                </div>
            </div>
        </Form>
    }
}

#[component]
fn Devices() -> impl IntoView {
    let b = Benchmark::here();
    let chosen = move |device| b.plan.with(|p| p.devices.contains(&device));
    let none = Signal::derive(move || b.page.worker.get() == Worker::Listening { webgpu: false });
    let choice = move |(device, name, why): (BenchmarkDevice, &'static str, &'static str)| {
        let off = move || device == BenchmarkDevice::WebGpu && none.get();
        let words = move || if off() { text::NO_WEBGPU } else { why };
        let toggle = move |_| {
            b.change_plan(|p| toggle(&mut p.devices, device));
        };
        view! { <Choice name why=Signal::derive(words) off=Signal::derive(off) checked=Signal::derive(move || chosen(device)) toggle/> }
    };
    view! {
        <fieldset class="boxes">
            <legend>{text::DEVICES}</legend>
            {[
                (BenchmarkDevice::Cpu, shell::CPU, text::IN_WASM),
                (BenchmarkDevice::WebGpu, shell::GPU, text::LEFT_OUT),
            ].map(choice)}
        </fieldset>
    }
}

#[component]
fn Precisions() -> impl IntoView {
    let b = Benchmark::here();
    let chosen = move |precision| b.plan.with(|p| p.precisions.contains(&precision));
    let choice = move |(precision, name, why): (PrecisionChoice, &'static str, &'static str)| {
        let toggle = move |_| {
            b.change_plan(|p| toggle(&mut p.precisions, precision));
        };
        let why = Signal::stored(why);
        view! { <Choice name why off=Signal::stored(false) checked=Signal::derive(move || chosen(precision)) toggle/> }
    };
    view! {
        <fieldset class="boxes">
            <legend>{text::PRECISION}</legend>
            {[
                (PrecisionChoice::Exact, text::EXACT, text::EXACT_IS),
                (PrecisionChoice::Fast, text::FAST, text::FAST_IS),
            ].map(choice)}
        </fieldset>
    }
}

/// A checkbox with an explanation. The last checked one of a group cannot be unchecked.
#[component]
fn Choice(
    name: &'static str,
    #[prop(into)] why: Signal<&'static str>,
    off: Signal<bool>,
    checked: Signal<bool>,
    toggle: impl Fn(()) + 'static,
) -> impl IntoView {
    let id = format!("why-{}", name.split(' ').next().unwrap_or_default());
    view! {
        <label class="scope">
            <input
                type="checkbox"
                aria-label=name
                aria-describedby=id.clone()
                disabled=off
                prop:checked=move || checked.get() && !off.get()
                on:change:target=move |event| {
                    toggle(());
                    event.target().set_checked(checked.get_untracked());
                }
            />
            <span class="name">{name}</span>
            <span class="why" id=id>{why}</span>
        </label>
    }
}

/// Adds an item to a list or removes it, but never the last one.
fn toggle<T: PartialEq>(list: &mut Vec<T>, item: T) {
    match list.iter().position(|other| *other == item) {
        Some(at) if list.len() > 1 => {
            list.remove(at);
        }
        Some(_) => {}
        None => list.push(item),
    }
}

#[component]
fn LanguageField() -> impl IntoView {
    let b = Benchmark::here();
    let chosen = move || b.plan.with(|p| p.language.clone());
    // Those of the open corpus, the sample's, and one requested by a link.
    let codes = Memo::new(move |_| {
        let mut codes: Vec<String> = SAMPLE_LANGUAGES.map(str::to_owned).to_vec();
        let open = b.page.corpus.with(|c| c.iter().flat_map(|c| c.languages.clone()).collect::<Vec<_>>());
        for code in open.into_iter().map(|(code, _)| code).chain([chosen()]) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        codes
    });
    let option = move |code: String| {
        let name = format!("{} ({})", names::english(&code), names::endonym(&code));
        let this = code.clone();
        view! { <option value=code prop:selected=move || chosen() == this>{name}</option> }
    };
    view! {
        <label class="field">
            <span>{text::TEXTS_IN}</span>
            <select on:change:target=move |e| b.change_plan(|p| p.language = e.target().value())>
                {move || codes.get().into_iter().map(option).collect_view()}
            </select>
        </label>
    }
}

#[component]
fn Sizes() -> impl IntoView {
    let b = Benchmark::here();
    let wrong = move || b.wrong.get();
    view! {
        <div class="field">
            <label for=SIZES>{text::SIZES}</label>
            <input
                id=SIZES
                type="text"
                autocomplete="off"
                spellcheck="false"
                aria-describedby="sizes-hint"
                aria-invalid=move || wrong().is_some().then_some("true")
                prop:value=move || b.typed.get()
                on:input:target=move |e| {
                    b.typed.set(e.target().value());
                    b.wrong.set(None);
                }
                on:change=move |_| {
                    b.take_sizes();
                }
            />
            <p class="hint" class:wrong=move || wrong().is_some() id="sizes-hint" aria-live="polite">
                {move || wrong().unwrap_or_else(|| text::SIZES_HINT.into())}
            </p>
        </div>
    }
}

#[component]
fn Number(
    label: &'static str,
    range: RangeInclusive<usize>,
    value: Signal<usize>,
    change: Callback<usize>,
) -> impl IntoView {
    let (least, most) = range.into_inner();
    view! {
        <label class="field">
            <span>{label}</span>
            <input
                type="number"
                min=least
                max=most
                prop:value=move || value.get().to_string()
                on:change:target=move |e| {
                    let typed = e.target().value().parse().unwrap_or(value.get_untracked()).clamp(least, most);
                    change.run(typed);
                    e.target().set_value(&typed.to_string());
                }
            />
        </label>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_list_stays() {
        let mut list = vec![1, 2];
        toggle(&mut list, 1);
        toggle(&mut list, 2);
        assert_eq!(list, [2]);
        toggle(&mut list, 1);
        assert_eq!(list, [2, 1]);
    }
}
