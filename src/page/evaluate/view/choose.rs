//! The choices of data, languages and models.

use leptos::prelude::*;

use crate::evaluation::Measure;
use crate::page::address::{device_name, device_named};
use crate::page::catalogue::{evaluate as text, field, fill, shell};
use crate::page::evaluate::Evaluate;
use crate::page::evaluate::choices::DataChoice;
use crate::page::model::MODEL;
use crate::page::names;
use crate::page::parts::{FieldRoles, Form, ModelPicker, TextFiles};
use crate::page::words;
use crate::protocol::DeviceChoice;

/// Default number of directions to remove.
const DIRECTIONS: usize = 1;

#[component]
pub(super) fn EvaluateForm() -> impl IntoView {
    let e = Evaluate::here();
    let stopped = move || {
        let said = move || {
            let (done, total) = e.stopped.get()?;
            Some(fill(text::STOPPED_AT, &[("done", &words::count(done)), ("total", &words::count(total))]))
        };
        view! { <span class="hint" aria-live="polite">{said}</span> }
    };
    view! {
        <Form
            id="choose"
            title=text::TITLE
            hint=text::HINT
            go=Signal::derive(move || if e.stopped.with(Option::is_some) { text::CONTINUE } else { text::GO })
            busy=Signal::derive(move || e.activity.with(Option::is_some))
            begin=Callback::new(move |()| e.evaluate())
            more=stopped
        >
            <DataPicker/>
            <div class="choice">
                <ModelFields/>
                <Lir/>
                <MeasureChoices/>
                <DeviceField/>
                <Languages/>
            </div>
        </Form>
    }
}

#[component]
fn DataPicker() -> impl IntoView {
    let e = Evaluate::here();
    let choice = move |data: DataChoice| {
        let id = format!("data-{}", data.name());
        view! {
            <label class="scope">
                <input
                    type="radio"
                    name="data"
                    value=data.name()
                    aria-label=data.title()
                    aria-describedby=id.clone()
                    prop:checked=move || e.data.get() == data
                    on:change=move |_| e.choose_data(data)
                />
                <span class="name">{data.title()}</span>
                <span class="why" id=id>{about(data)}</span>
            </label>
        }
    };
    view! {
        <fieldset class="choice data">
            <legend>{text::DATA}</legend>
            {DataChoice::ALL.into_iter().map(choice).collect_view()}
            <DataSource/>
            <ul class="notes">
                {move || {
                    let notes = e.opened_data().map(|task| task.notes).unwrap_or_default();
                    notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view()
                }}
            </ul>
        </fieldset>
    }
}

fn about(data: DataChoice) -> &'static str {
    match data {
        DataChoice::Sample => text::SAMPLE_IS,
        DataChoice::Xquad => text::XQUAD_IS,
        DataChoice::Mlqa => text::MLQA_IS,
        DataChoice::Own => text::OWN_IS,
    }
}

/// Where the chosen data comes from.
#[component]
fn DataSource() -> impl IntoView {
    let e = Evaluate::here();
    let download = move |data: DataChoice| {
        view! {
            <div class="own">
                <p>
                    {text::DOWNLOADS}
                    <a href="https://github.com/google-research-datasets/lareqa" rel="noreferrer">
                        "google-research-datasets/lareqa"
                    </a> {text::ON_GITHUB}
                </p>
                <label>
                    <span>{text::FOLDER}</span>
                    <input
                        type="text"
                        inputmode="url"
                        autocomplete="off"
                        spellcheck="false"
                        prop:value=move || e.base()
                        on:change:target=move |event| {
                            let typed = event.target().value().trim().to_owned();
                            e.mirror.set(Some(typed).filter(|t| !t.is_empty() && Some(t.as_str()) != data.origin()));
                        }
                    />
                </label>
                <TextFiles label=text::OR_FILES/>
            </div>
        }
        .into_any()
    };
    let choose_column = Callback::new(move |(file, role, column): (String, _, _)| {
        e.choose_data_column(&file, role, column);
    });
    let own = move || {
        view! {
            <div class="own">
                <TextFiles label=field::CHOOSE_FILES/>
                <p class="hint">{move || file_summary(&e.files.get())}</p>
                <FieldRoles fields=Signal::derive(move || e.fields()) choose=choose_column/>
                <p class="hint">
                    {text::OWN_FORM}
                </p>
                <pre tabindex="0">{text::OWN_EXAMPLE}</pre>
            </div>
        }
        .into_any()
    };
    move || match e.data.get() {
        DataChoice::Sample => ().into_any(),
        DataChoice::Own => own(),
        data => download(data),
    }
}

fn file_summary(files: &[String]) -> String {
    match files {
        [] => text::NO_FILES.into(),
        [one] => fill(text::ONE_FILE, &[("name", one)]),
        [first, rest @ ..] => {
            let names = match rest {
                [last] => fill(text::AND, &[("first", first), ("last", last)]),
                _ => fill(text::AND_MORE, &[("first", first), ("n", &words::count(rest.len()))]),
            };
            fill(text::FILES, &[("names", &names)])
        }
    }
}

#[component]
fn Languages() -> impl IntoView {
    let e = Evaluate::here();
    let offered = Memo::new(move |_| e.available_languages());
    let chip = move |(code, counts): (String, Option<(usize, usize)>)| {
        let checked = {
            let code = code.clone();
            move || e.languages.with(|chosen| chosen.is_empty() || chosen.contains(&code))
        };
        let toggled = code.clone();
        let english = names::english(&code);
        let title = match counts {
            Some((q, p)) => {
                format!(
                    "{english}: {}, {}",
                    words::plural(q, text::QUESTION),
                    words::plural(p, text::PASSAGE)
                )
            }
            None => english,
        };
        view! {
            <label class="chip" prop:style=names::colour(&code) title=title>
                <input
                    type="checkbox"
                    prop:checked=checked.clone()
                    on:change:target=move |event| {
                        e.toggle_language(&toggled);
                        // The last language cannot be deselected.
                        event.target().set_checked(untrack(&checked));
                    }
                />
                <span lang=code.clone() dir=names::direction(&code)>{names::endonym(&code)}</span>
            </label>
        }
    };
    let some = move || offered.with(|o| !o.is_empty());
    view! {
        <fieldset class="filter" class:none=move || !some()>
            <legend>{text::LANGUAGES}</legend>
            <div class="chips">
                {move || offered.get().into_iter().map(chip).collect_view()}
            </div>
        </fieldset>
    }
}

#[component]
fn ModelFields() -> impl IntoView {
    let e = Evaluate::here();
    let first = Signal::derive(move || e.model.get().unwrap_or_else(|| MODEL.to_owned()));
    let second = Signal::derive(move || e.second_model.get().unwrap_or_default());
    let name_first = Callback::new(move |address: String| e.name_model(&address));
    let name_second = Callback::new(move |address: String| e.name_second_model(&address));
    view! {
        <div class="models">
            <ModelPicker label=text::MODEL value=first choose=name_first/>
            <ModelPicker label=text::SECOND_MODEL value=second other=first choose=name_second/>
            {move || e.page.models_problem.get().map(|problem| view! { <p class="hint">{problem}</p> })}
        </div>
    }
}

#[component]
fn Lir() -> impl IntoView {
    let e = Evaluate::here();
    let on = move || e.lir.with(Option::is_some);
    view! {
        <div class="lir">
            <label class="scope">
                <input
                    type="checkbox"
                    aria-describedby="lir-hint"
                    prop:checked=on
                    on:change:target=move |event| {
                        e.choose_lir(event.target().checked().then_some(DIRECTIONS));
                    }
                />
                <span class="name">{text::LIR}</span>
                <span class="why" id="lir-hint">
                    {text::LIR_HINT}
                </span>
            </label>
            <label class="number" hidden=move || !on()>
                <span>{text::HOW_MANY}</span>
                <input
                    type="number"
                    min="1"
                    max="64"
                    prop:value=move || e.lir.get().unwrap_or(DIRECTIONS).to_string()
                    on:change:target=move |event| {
                        let typed = event.target().value().parse().unwrap_or(DIRECTIONS).clamp(1, 64);
                        e.choose_lir(Some(typed));
                        event.target().set_value(&typed.to_string());
                    }
                />
            </label>
        </div>
    }
}

/// Further measures, and which grades are relevant.
#[component]
fn MeasureChoices() -> impl IntoView {
    let e = Evaluate::here();
    let named =
        move || e.measures.with(|list| list.iter().map(Measure::to_string).collect::<Vec<_>>().join(", "));
    view! {
        <label class="field">
            <span>{text::MORE_MEASURES}</span>
            <input
                type="text"
                autocomplete="off"
                spellcheck="false"
                aria-describedby="own-hint"
                prop:value=named
                on:change:target=move |event| {
                    e.name_measures(&event.target().value());
                    event.target().set_value(&untrack(named));
                }
            />
        </label>
        <label class="field">
            <span>{text::RELEVANT_FROM}</span>
            <input
                type="number"
                min="1"
                step="1"
                aria-describedby="own-hint"
                prop:value=move || e.relevance.get().to_string()
                on:change:target=move |event| {
                    let level = untrack(|| e.relevance.get());
                    let level = event.target().value().trim().parse().unwrap_or(level).max(1);
                    e.choose_relevance(level);
                    event.target().set_value(&level.to_string());
                }
            />
        </label>
        <p class="hint" id="own-hint">
            {text::MEASURES_HINT} <code>{text::MEASURES_EXAMPLE}</code> {text::GRADES_HINT} <code>"-l"</code>
            {text::GRADES_END}
        </p>
    }
}

#[component]
fn DeviceField() -> impl IntoView {
    let e = Evaluate::here();
    let option = move |device, name| {
        view! {
            <option value=device_name(device) prop:selected=move || e.page.device.get() == device>{name}</option>
        }
    };
    view! {
        <label class="field">
            <span>{text::DEVICE}</span>
            <select on:change:target=move |event| {
                e.choose_evaluation_device(device_named(&event.target().value()).unwrap_or_default());
            }>
                {option(DeviceChoice::Auto, shell::AUTOMATIC)}
                {option(DeviceChoice::Cpu, shell::CPU)}
                {option(DeviceChoice::WebGpu, shell::GPU)}
            </select>
        </label>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_briefly() {
        let names = |n: usize| (0..n).map(|i| format!("{i}.json")).collect::<Vec<_>>();
        assert_eq!(file_summary(&names(0)), text::NO_FILES);
        assert!(file_summary(&names(1)).starts_with("Chosen: 0.json."));
        assert!(file_summary(&names(2)).starts_with("Chosen: 0.json and 1.json."));
        assert!(file_summary(&names(7)).starts_with("Chosen: 0.json and 6 more."));
        // A line of the sample is one passage in each of its languages.
        let lines = include_str!("../../../../static/sample/passages.jsonl").lines().count();
        let passages = lines * DataChoice::Sample.languages().len();
        assert!(about(DataChoice::Sample).contains(&words::plural(passages, "passage")));
    }
}
