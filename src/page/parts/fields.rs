//! How the user's files were read.

use leptos::prelude::*;

use crate::datasets::{Fields, Role};
use crate::page::catalogue::{field as text, fill};

/// The role of each column of a table, or field of JSON lines, which can be changed.
#[component]
pub(in crate::page) fn FieldRoles(
    fields: Signal<Vec<Fields>>,
    /// Called with the file, the role and the column's name, or `None` for no column.
    choose: Callback<(String, Role, Option<String>)>,
) -> impl IntoView {
    let fields =
        Memo::new(move |_| fields.get().into_iter().filter(|f| f.names.len() > 1).collect::<Vec<_>>());
    let of_file = move |fields: Fields| {
        let choices = [
            (text::TEXT, Role::Text),
            (text::LANGUAGE, Role::Language),
            (text::TITLE, Role::Title),
            (text::ID, Role::Id),
            (text::QUESTION, Role::Question),
        ];
        let file = fields.file.clone();
        let choice = move |(label, role): (&'static str, Role)| {
            let read = fields.column(role);
            let names = fields.names.clone();
            let file = fields.file.clone();
            let change = move |e: web_sys::Event| {
                let value = event_target_value(&e);
                choose.run((file.clone(), role, Some(value).filter(|v| !v.is_empty())));
            };
            // The text column is required.
            let none = (role != Role::Text)
                .then(|| view! { <option value="" selected=read.is_none()>{text::NONE}</option> });
            let option = |(i, name): (usize, String)| {
                let value = name.clone();
                view! { <option value=value selected=read == Some(i)>{name}</option> }
            };
            view! {
                <label>
                    <span>{label}</span>
                    <select on:change=change>{none}{names.into_iter().enumerate().map(option).collect_view()}</select>
                </label>
            }
        };
        view! {
            <details>
                <summary>{fill(text::SUMMARY, &[("file", &file)])}</summary>
                <div class="columns-of">{choices.map(choice).collect_view()}</div>
            </details>
        }
    };
    view! { {move || fields.get().into_iter().map(of_file).collect_view()} }
}
