//! How a model was made, in sentences, with the texts it was trained on.

use leptos::prelude::*;

use crate::history::{Check, History as Made, Source, Stage, Step};
use crate::page::catalogue::{card as text, fill};
use crate::page::messages::sentence;
use crate::page::words;

/// Before an identifier of arXiv, in a text.
const ARXIV: &str = "arXiv ";

#[component]
pub(super) fn History(history: Made, background: String) -> impl IntoView {
    let mut said: Vec<String> = Vec::new();
    if !background.trim().is_empty() {
        said.push(sentence(&background));
    }
    said.extend(history.steps.iter().map(step));
    said.extend(history.check.as_ref().map(check));
    if said.is_empty() {
        said.push(text::NO_HISTORY.into());
    }
    let sources = history.sources;
    let summary = fill(
        text::SOURCES,
        &[
            ("sources", &words::plural(sources.len(), text::SOURCE)),
            ("records", &number(sources.iter().filter_map(|s| s.records).sum())),
        ],
    );
    view! {
        <h3>{text::HISTORY}</h3>
        {said.iter().map(|said| view! { <p>{linked(said)}</p> }).collect_view()}
        {(!sources.is_empty()).then(|| view! {
            <details class="explain">
                <summary>{summary}</summary>
                <div class="scroll" tabindex="0" role="region" aria-label=text::SOURCE_TABLE>
                    <table class="figures words">
                        <caption class="unseen">{text::SOURCE_TABLE}</caption>
                        <thead><tr>
                            <th scope="col">{text::SOURCE_NAME}</th>
                            <th scope="col">{text::RECORDS}</th>
                            <th scope="col">{text::LICENCE}</th>
                        </tr></thead>
                        <tbody>{sources.into_iter().map(source).collect_view()}</tbody>
                    </table>
                </div>
            </details>
        })}
    }
}

fn source(source: Source) -> AnyView {
    let Source { name, licence, records } = source;
    let recorded = |value: Option<String>| value.unwrap_or_else(|| text::NOT_RECORDED.into());
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td>{recorded(records.map(number))}</td>
            <td class="licence">{recorded(Some(licence).filter(|l| !l.is_empty()))}</td>
        </tr>
    }
    .into_any()
}

fn number(n: u64) -> String {
    words::count(usize::try_from(n).unwrap_or(usize::MAX))
}

/// A step in sentences: what was made of what, and by which training.
fn step(step: &Step) -> String {
    let mut kept: Vec<String> = Vec::new();
    let part = |form, of: Option<(u64, u64)>| {
        of.map(|(kept, all)| fill(form, &[("kept", &number(kept)), ("all", &number(all))]))
    };
    kept.extend(part(text::KEPT_BLOCKS, step.blocks));
    kept.extend(part(text::KEPT_TOKENS, step.tokens));
    let made = if step.from.is_empty() { text::MADE } else { text::MADE_FROM };
    let mut out = vec![fill(made, &[("name", &step.name), ("from", &step.from), ("kept", &kept.concat())])];
    out.extend(step.stages.iter().map(stage));
    let n = |form, n: Option<u64>| n.map(|n| fill(form, &[("n", &number(n))]));
    out.extend(n(text::ERASED, step.erased));
    out.extend(n(text::WHITENED, step.whitened));
    out.join(" ")
}

fn stage(stage: &Stage) -> String {
    let batches = match stage.batches.as_str() {
        "hybrid" => text::HYBRID,
        "monolingual" => text::MONOLINGUAL,
        "cross-lingual" => text::CROSS_LINGUAL,
        _ => "",
    };
    let blocks = stage.last.map(|n| fill(text::LAST_BLOCKS, &[("n", &number(n))]));
    fill(
        text::TRAINED,
        &[
            ("steps", &number(stage.steps)),
            ("size", &number(stage.size)),
            ("batches", batches),
            ("blocks", &blocks.unwrap_or_default()),
            ("tokens", &number(stage.max_tokens)),
        ],
    )
}

fn check(check: &Check) -> String {
    fill(
        text::CHECKED,
        &[
            ("texts", &number(check.texts)),
            ("sets", &check.sets.join(", ")),
            ("letters", &number(check.letters)),
            ("removed", &number(check.removed)),
        ],
    )
}

/// A text whose mentions of arXiv are links.
fn linked(said: &str) -> Vec<AnyView> {
    let mut out = Vec::new();
    let mut rest = said;
    while let Some(at) = rest.find(ARXIV) {
        let (before, mention) = rest.split_at(at);
        let id: String =
            mention[ARXIV.len()..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let id = id.trim_end_matches('.');
        let (words, after) = mention.split_at(ARXIV.len() + id.len());
        out.push(before.to_owned().into_any());
        out.push(if id.is_empty() {
            words.to_owned().into_any()
        } else {
            let to = format!("https://arxiv.org/abs/{id}");
            view! { <a href=to rel="noreferrer">{words.to_owned()}</a> }.into_any()
        });
        rest = after;
    }
    out.push(rest.to_owned().into_any());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_model_is_told_in_sentences() {
        let manifest: serde_json::Value =
            serde_json::from_str(include_str!("../../../../static/model/manifest.json")).unwrap();
        let made = Made::of("interlingua-small-hybrid", &manifest["recipe"]);
        let said: Vec<String> = made.steps.iter().map(step).collect();
        assert!(
            said[0].contains("multilingual-e5-small-64k") && said[0].contains("64,000 of its 250,002"),
            "{said:?}"
        );
        assert!(said[1].contains("240 batches") && said[1].contains("last 6"), "{said:?}");
        for sentence in said.iter().chain(&[check(&made.check.unwrap())]) {
            assert!(sentence.ends_with('.') && !sentence.contains(['/', '{', '}', '_']), "{sentence}");
        }
    }
}
