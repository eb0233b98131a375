//! The user's folders: chosen, or dropped with their contents.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;

use super::link::answer;
use super::state::Page;
use crate::timeouts;

/// Maximum number of files in a dropped folder: a model has some tens.
const MOST: usize = 5000;
/// Maximum depth of nested folders.
const DEEPEST: usize = 8;

#[wasm_bindgen]
extern "C" {
    type Items;
    #[wasm_bindgen(method, getter)]
    fn length(this: &Items) -> u32;
    #[wasm_bindgen(method, indexing_getter)]
    fn get(this: &Items, i: u32) -> Item;

    type Item;
    #[wasm_bindgen(method, js_name = webkitGetAsEntry)]
    fn entry(this: &Item) -> Option<Entry>;

    #[derive(Clone)]
    type Entry;
    #[wasm_bindgen(method, getter, js_name = isDirectory)]
    fn is_folder(this: &Entry) -> bool;
    #[wasm_bindgen(method, getter)]
    fn name(this: &Entry) -> String;
    #[wasm_bindgen(method, js_name = createReader)]
    fn reader(this: &Entry) -> Reader;
    #[wasm_bindgen(method)]
    fn file(this: &Entry, done: &Function, failed: &Function);

    type Reader;
    #[wasm_bindgen(method, js_name = readEntries)]
    fn read(this: &Reader, done: &Function, failed: &Function);

    type InFolder;
    #[wasm_bindgen(method, getter, js_name = webkitRelativePath)]
    fn path(this: &InFolder) -> Option<String>;
}

impl Page {
    /// Handles a drop: a model's folder or files are inspected; returns `false` for anything else.
    pub fn take_dropped(self, drag: &web_sys::DragEvent) -> bool {
        let Some(transfer) = drag.data_transfer() else { return false };
        let items = js_sys::Reflect::get(&transfer, &"items".into()).map(JsCast::unchecked_into::<Items>);
        let Ok(items) = items else { return false };
        // The items are only valid during this event.
        let entries: Vec<Entry> = (0..items.length()).filter_map(|i| items.get(i).entry()).collect();
        let is_model = entries.iter().any(|e| e.is_folder() || is_of_a_model(&e.name()));
        if is_model {
            leptos::task::spawn_local(async move {
                match gather(entries).await {
                    Ok(files) => self.inspect_files(files),
                    Err(why) => self.show_problem(
                        why,
                        "Nothing changed. Choose the folder among the models instead.",
                        None,
                    ),
                }
            });
        }
        is_model
    }

    /// The files of a folder chosen in a field.
    pub fn take_folder(self, files: Vec<web_sys::File>) {
        let path = |file: &web_sys::File| {
            let path = file.unchecked_ref::<InFolder>().path().filter(|path| !path.is_empty());
            path.unwrap_or_else(|| file.name())
        };
        self.inspect_files(files.into_iter().map(|file| (path(&file), file)).collect());
    }
}

/// Whether a file's name is that of a model rather than of a text.
fn is_of_a_model(name: &str) -> bool {
    name.ends_with(".safetensors") || name == "config.json" || name == "tokenizer.json"
}

/// All files below, by their paths.
async fn gather(entries: Vec<Entry>) -> Result<Vec<(String, web_sys::File)>, String> {
    let mut files = Vec::new();
    let mut left: Vec<(String, usize, Entry)> =
        entries.into_iter().map(|entry| (String::new(), 0, entry)).collect();
    while let Some((before, depth, entry)) = left.pop() {
        let path = format!("{before}{}", entry.name());
        let failed = |why: String| format!("{path} could not be read: {why}");
        if !entry.is_folder() {
            let file = answer(timeouts::FILE, asked(|done, no| entry.file(done, no))).await;
            files.push((path.clone(), file.map_err(failed)?.unchecked_into()));
            if files.len() > MOST {
                return Err(format!("there are more than {MOST} files, which no model has"));
            }
            continue;
        }
        // Such as git's own, which contain no model files.
        if depth >= DEEPEST || entry.name().starts_with('.') {
            continue;
        }
        let reader = entry.reader();
        loop {
            let read = answer(timeouts::FILE, asked(|done, no| reader.read(done, no))).await;
            let some = Array::from(&read.map_err(failed)?);
            if some.length() == 0 {
                break;
            }
            left.extend(some.iter().map(|entry| (format!("{path}/"), depth + 1, entry.unchecked_into())));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

/// Awaits a function that takes two callbacks.
fn asked(ask: impl Fn(&Function, &Function)) -> Promise {
    Promise::new(&mut |done, failed| ask(&done, &failed))
}
