//! What to measure: data, languages, models.

use leptos::prelude::*;

use crate::evaluation::Measure;
use crate::page::address::{device_name, device_named};
use crate::page::evaluate::Evaluate;
use crate::page::evaluate::choices::Data;
use crate::page::files::chosen;
use crate::page::model::MODEL;
use crate::page::names;
use crate::page::parts::{FieldRoles, Form};
use crate::page::words;
use crate::protocol::DeviceChoice;

/// How many directions are removed at first.
const DIRECTIONS: usize = 1;

#[component]
pub(super) fn Choose() -> impl IntoView {
    let e = Evaluate::here();
    view! {
        <Form
            id="choose"
            title="Measure how well a model retrieves"
            hint="Everything is computed in this browser, by the definitions of trec_eval. Finished vectors are kept in \
                  this browser, so a stopped measurement goes on nearly where it was."
            go="Measure"
            busy=Signal::derive(move || e.activity.with(Option::is_some))
            begin=Callback::new(move |()| e.measure())
        >
            <DataChoice/>
            <div class="choice">
                <Models/>
                <Lir/>
                <Own/>
                <Device/>
                <Languages/>
            </div>
        </Form>
    }
}

#[component]
fn DataChoice() -> impl IntoView {
    let e = Evaluate::here();
    let choice = move |data: Data| {
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
            <legend>"Data"</legend>
            {Data::ALL.into_iter().map(choice).collect_view()}
            <Source/>
            <ul class="notes">
                {move || {
                    let notes = e.opened_data().map(|task| task.notes).unwrap_or_default();
                    notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view()
                }}
            </ul>
        </fieldset>
    }
}

fn about(data: Data) -> &'static str {
    match data {
        Data::Sample => {
            "Comes with this page: 1,375 passages in 11 languages, a question to each. The quickest."
        }
        Data::Xquad => "13,014 sentences and 13,090 questions in 11 languages. About 16 MB, CC BY-SA 4.0.",
        Data::Mlqa => "20,534 sentences and 4,199 questions in 7 languages. About 33 MB, CC BY-SA 4.0.",
        Data::Own => {
            "Passages and questions in a table or as JSON lines, or XQuAD-R and MLQA-R files you have."
        }
    }
}

/// Where the chosen data comes from.
#[component]
fn Source() -> impl IntoView {
    let e = Evaluate::here();
    let choose_files = move |event: web_sys::Event| e.page.read_files(chosen(&event));
    let pick = move |words: &'static str| {
        view! {
            <label>
                <span>{words}</span>
                <input type="file" multiple accept=".json,.jsonl,.ndjson,.csv,.tsv,.txt,.gz,.zst" on:change=choose_files/>
            </label>
        }
    };
    let download = move |data: Data| {
        view! {
            <div class="own">
                <p>
                    "“Measure” downloads its files from the folder below: the one request of this page to another "
                    "server. They are of "
                    <a href="https://github.com/google-research-datasets/lareqa" rel="noreferrer">
                        "google-research-datasets/lareqa"
                    </a> " on GitHub; what you measure stays here."
                </p>
                <label>
                    <span>"Folder to download from"</span>
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
                {pick("Or choose the files, if you have them")}
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
                {pick("Choose files")}
                <p class="hint">{move || named(&e.files.get())}</p>
                <FieldRoles fields=Signal::derive(move || e.fields()) choose=choose_column/>
                <p class="hint">
                    "A table (.csv, .tsv) of passages, each with the question that it answers; or a line for each "
                    "passage and for each question, in one file or several:"
                </p>
                <pre tabindex="0">
                    "{\"id\": \"p1\", \"lang\": \"en\", \"text\": \"It opens at nine.\"}\n"
                    "{\"query_id\": \"q1\", \"lang\": \"de\", \"text\": \"Wann?\", \"relevant\": [\"p1\"]}"
                </pre>
            </div>
        }
        .into_any()
    };
    move || match e.data.get() {
        Data::Sample => ().into_any(),
        Data::Own => own(),
        data => download(data),
    }
}

fn named(files: &[String]) -> String {
    match files {
        [] => {
            "None is chosen yet. You can also drop files on the page. They stay on this device, and a link \
               cannot hold them: whoever opens it chooses them again."
                .into()
        }
        [one] => format!("Chosen: {one}. It stays on this device; a link cannot hold it."),
        many => format!(
            "Chosen: {}. They stay on this device; a link cannot hold them.",
            match many {
                [first, second] => format!("{first} and {second}"),
                _ => format!("{} and {} more", many[0], words::count(many.len() - 1)),
            }
        ),
    }
}

#[component]
fn Languages() -> impl IntoView {
    let e = Evaluate::here();
    let offered = Memo::new(move |_| e.offered());
    let chip = move |(code, counts): (String, Option<(usize, usize)>)| {
        let checked = {
            let code = code.clone();
            move || e.languages.with(|chosen| chosen.is_empty() || chosen.contains(&code))
        };
        let toggled = code.clone();
        let english = names::english(&code);
        let title = match counts {
            Some((q, p)) => {
                format!("{english}: {}, {}", words::plural(q, "question"), words::plural(p, "passage"))
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
                        // The last language stays chosen.
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
            <legend>"Languages of questions and passages"</legend>
            <div class="chips">
                {move || offered.get().into_iter().map(chip).collect_view()}
            </div>
        </fieldset>
    }
}

#[component]
fn Models() -> impl IntoView {
    let e = Evaluate::here();
    let first = Signal::derive(move || e.model.get().unwrap_or_else(|| MODEL.to_owned()));
    let second = Signal::derive(move || e.against.get().unwrap_or_default());
    let name_first = Callback::new(move |address: String| e.name_model(&address));
    let name_second = Callback::new(move |address: String| e.name_second_model(&address));
    view! {
        <ModelAddress label="Model" value=first name=name_first/>
        <ModelAddress label="Second model, to compare (optional)" value=second name=name_second/>
        <datalist id="listed">
            {move || e.page.models.get().into_iter().map(|model| {
                view! { <option value=model.folder>{model.name}</option> }
            }).collect_view()}
        </datalist>
        <p class="hint" id="model-hint">
            "The address of a bundle’s folder, as " <code>"interlingua import"</code> " writes it. "
            <code>{MODEL}</code> " is the model of this page."
        </p>
    }
}

/// A field for the address of a model.
#[component]
fn ModelAddress(label: &'static str, value: Signal<String>, name: Callback<String>) -> impl IntoView {
    view! {
        <label class="field">
            <span>{label}</span>
            <input
                type="text"
                inputmode="url"
                autocomplete="off"
                spellcheck="false"
                list="listed"
                aria-describedby="model-hint"
                prop:value=value
                on:change:target=move |event| name.run(event.target().value())
            />
        </label>
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
                <span class="name">"Remove each language’s leading directions (LIR)"</span>
                <span class="why" id="lir-hint">
                    "What sets a language’s vectors apart as a whole is taken out of them. One model is measured "
                    "without and with it."
                </span>
            </label>
            <label class="number" hidden=move || !on()>
                <span>"How many"</span>
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

/// Measures of the person's own, and what counts as relevant.
#[component]
fn Own() -> impl IntoView {
    let e = Evaluate::here();
    let named =
        move || e.measures.with(|list| list.iter().map(Measure::to_string).collect::<Vec<_>>().join(", "));
    view! {
        <label class="field">
            <span>"Further measures (optional)"</span>
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
            <span>"Relevant from grade"</span>
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
            "Measures with cut-offs of your own, such as " <code>"ndcg@20, mrr@10, recall@1000, map@100, p@5"</code>
            ". Where judgements have grades, a passage counts as relevant from this whole number on, as with "
            "trec_eval’s " <code>"-l"</code> "; nDCG counts all grades."
        </p>
    }
}

#[component]
fn Device() -> impl IntoView {
    let e = Evaluate::here();
    let option = move |device, name| {
        view! {
            <option value=device_name(device) prop:selected=move || e.page.device.get() == device>{name}</option>
        }
    };
    view! {
        <label class="field">
            <span>"Device"</span>
            <select on:change:target=move |event| {
                e.choose_measuring_device(device_named(&event.target().value()).unwrap_or_default());
            }>
                {option(DeviceChoice::Auto, "automatic: measure, keep the faster")}
                {option(DeviceChoice::Cpu, "CPU")}
                {option(DeviceChoice::WebGpu, "GPU (WebGPU)")}
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
        assert!(named(&names(0)).starts_with("None"));
        assert!(named(&names(1)).starts_with("Chosen: 0.json."));
        assert!(named(&names(2)).starts_with("Chosen: 0.json and 1.json."));
        assert!(named(&names(7)).starts_with("Chosen: 0.json and 6 more."));
        // A line of the sample is a passage in each of its languages.
        let lines = include_str!("../../../../static/sample/passages.jsonl").lines().count();
        let passages = lines * Data::Sample.languages().len();
        assert!(about(Data::Sample).contains(&words::plural(passages, "passage")));
    }
}
