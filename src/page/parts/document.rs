//! Static content: headings, texts, facts and tables. It is built from data, element by element: with typed views, the
//! page’s program would be 19 kB larger.

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

/// A part of a document.
pub(in crate::page) enum Block {
    Head(&'static str),
    Subhead(String),
    Text(Vec<Span>),
    Hint(String),
    Facts(Vec<(&'static str, String)>),
    Notes(Vec<String>),
    Table(DocumentTable),
    Links(Vec<(&'static str, String)>),
    /// Source code; the first is its label for screen readers.
    Code(&'static str, String),
    /// Blocks that are folded below a summary.
    Folded(String, Vec<Block>),
}

/// A part of a text.
pub(in crate::page) enum Span {
    Plain(String),
    Link(String, String),
}

/// A table that scrolls in its own place.
pub(in crate::page) struct DocumentTable {
    pub name: String,
    pub class: &'static str,
    /// What its rows and columns stand for, if the corner says so.
    pub corner: Option<[&'static str; 2]>,
    pub head: Vec<DocumentName>,
    pub rows: Vec<(DocumentName, Vec<DocumentCell>)>,
}

/// The name of a row or column.
#[derive(Default)]
pub(in crate::page) struct DocumentName {
    pub text: String,
    /// Further text for screen readers.
    pub unseen: String,
    pub title: String,
}

#[derive(Default)]
pub(in crate::page) struct DocumentCell {
    pub text: String,
    /// Small text below.
    pub small: String,
    pub class: &'static str,
    pub style: String,
}

impl From<&str> for DocumentName {
    fn from(text: &str) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl From<String> for DocumentCell {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// A document of these blocks.
#[component]
pub(in crate::page) fn Document(blocks: Vec<Block>) -> impl IntoView {
    let place = NodeRef::<Div>::new();
    let blocks = StoredValue::new_local(Some(blocks));
    Effect::new(move |_| {
        if let Some(place) = place.get()
            && let Some(blocks) = blocks.try_update_value(Option::take).flatten()
        {
            // The elements are plain ones: only a browser out of memory refuses them, and then shows nothing else either.
            let _ = fill(&place, blocks);
        }
    });
    view! { <div class="document" node_ref=place></div> }
}

/// Appends an element to `parent`, with a text unless that is empty.
fn add(parent: &Element, tag: &str, text: &str) -> Result<Element, JsValue> {
    let element = document().create_element(tag)?;
    if !text.is_empty() {
        element.set_text_content(Some(text));
    }
    parent.append_child(&element)?;
    Ok(element)
}

/// Appends a text.
fn plain(parent: &Element, text: &str) -> Result<(), JsValue> {
    parent.append_with_str_1(text)
}

fn set(element: &Element, name: &str, value: &str) -> Result<(), JsValue> {
    if value.is_empty() { Ok(()) } else { element.set_attribute(name, value) }
}

fn link(parent: &Element, words: &str, to: &str) -> Result<(), JsValue> {
    let link = add(parent, "a", words)?;
    set(&link, "href", to)?;
    set(&link, "rel", "noreferrer")
}

fn fill(place: &Element, blocks: Vec<Block>) -> Result<(), JsValue> {
    for block in blocks {
        match block {
            Block::Head(text) => {
                add(place, "h3", text)?;
            }
            Block::Subhead(text) => {
                add(place, "h4", &text)?;
            }
            Block::Text(spans) => {
                let p = add(place, "p", "")?;
                for span in spans {
                    match span {
                        Span::Plain(text) => plain(&p, &text)?,
                        Span::Link(words, to) => link(&p, &words, &to)?,
                    }
                }
            }
            Block::Hint(text) => set(&add(place, "p", &text)?, "class", "hint")?,
            Block::Facts(rows) => {
                let list = add(place, "dl", "")?;
                set(&list, "class", "rows")?;
                for (name, value) in rows {
                    add(&list, "dt", name)?;
                    add(&list, "dd", &value)?;
                }
            }
            Block::Notes(notes) => {
                let list = add(place, "ul", "")?;
                set(&list, "class", "notes")?;
                notes.iter().try_for_each(|note| add(&list, "li", note).map(drop))?;
            }
            Block::Links(links) => {
                let list = add(place, "ul", "")?;
                set(&list, "class", "links")?;
                for (words, to) in links {
                    link(&add(&list, "li", "")?, words, &to)?;
                }
            }
            Block::Code(name, text) => {
                let code = add(place, "pre", &text)?;
                set(&code, "tabindex", "0")?;
                set(&code, "aria-label", name)?;
            }
            Block::Folded(summary, blocks) => {
                let details = add(place, "details", "")?;
                set(&details, "class", "explain")?;
                add(&details, "summary", &summary)?;
                fill(&details, blocks)?;
            }
            Block::Table(table) => add_table(place, table)?,
        }
    }
    Ok(())
}

fn add_table(place: &Element, of: DocumentTable) -> Result<(), JsValue> {
    let scroll = add(place, "div", "")?;
    for (name, value) in
        [("class", of.class), ("tabindex", "0"), ("role", "region"), ("aria-label", of.name.as_str())]
    {
        set(&scroll, name, value)?;
    }
    let table = add(&scroll, "table", "")?;
    set(&table, "class", "figures")?;
    set(&add(&table, "caption", &of.name)?, "class", "unseen")?;
    let name = |row: &Element, name: &DocumentName, scope| {
        let head = add(row, "th", &name.text)?;
        set(&head, "scope", scope)?;
        set(&head, "title", &name.title)?;
        if !name.unseen.is_empty() {
            set(&add(&head, "span", &format!(" {}", name.unseen))?, "class", "unseen")?;
        }
        Ok::<(), JsValue>(())
    };
    let head = add(&add(&table, "thead", "")?, "tr", "")?;
    let corner = add(&head, "td", "")?;
    if let Some([row, column]) = of.corner {
        set(&corner, "class", "corner")?;
        add(&corner, "span", row)?;
        plain(&corner, " ")?;
        add(&corner, "span", column)?;
    }
    of.head.iter().try_for_each(|of| name(&head, of, "col"))?;
    let body = add(&table, "tbody", "")?;
    for (of, cells) in of.rows {
        let row = add(&body, "tr", "")?;
        name(&row, &of, "row")?;
        for DocumentCell { text, small, class, style } in cells {
            let cell = add(&row, "td", &text)?;
            set(&cell, "class", class)?;
            if let Some(cell) = cell.dyn_ref::<HtmlElement>().filter(|_| !style.is_empty()) {
                // As a property: the content security policy forbids the attribute.
                cell.style().set_css_text(&style);
            }
            if !small.is_empty() {
                plain(&cell, " ")?;
                add(&cell, "small", &small)?;
            }
        }
    }
    Ok(())
}
