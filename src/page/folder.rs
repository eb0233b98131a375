//! The user's folders: chosen, or dropped with their contents.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;

use super::link::answer;
use super::state::Page;
use crate::timeouts;

/// Maximum number of files in a dropped folder: a model has some tens.
const MAX_FILES: usize = 5000;
/// Maximum depth of nested folders.
const MAX_DEPTH: usize = 8;

#[wasm_bindgen]
extern "C" {
    type DroppedItems;
    #[wasm_bindgen(method, getter)]
    fn length(this: &DroppedItems) -> u32;
    #[wasm_bindgen(method, indexing_getter)]
    fn get(this: &DroppedItems, i: u32) -> DroppedItem;

    type DroppedItem;
    #[wasm_bindgen(method, js_name = webkitGetAsEntry)]
    fn entry(this: &DroppedItem) -> Option<DroppedEntry>;

    #[derive(Clone)]
    type DroppedEntry;
    #[wasm_bindgen(method, getter, js_name = isDirectory)]
    fn is_folder(this: &DroppedEntry) -> bool;
    #[wasm_bindgen(method, getter)]
    fn name(this: &DroppedEntry) -> String;
    #[wasm_bindgen(method, js_name = createReader)]
    fn reader(this: &DroppedEntry) -> DirectoryReader;
    #[wasm_bindgen(method)]
    fn file(this: &DroppedEntry, done: &Function, failed: &Function);

    type DirectoryReader;
    #[wasm_bindgen(method, js_name = readEntries)]
    fn read(this: &DirectoryReader, done: &Function, failed: &Function);

    type FileInFolder;
    #[wasm_bindgen(method, getter, js_name = webkitRelativePath)]
    fn path(this: &FileInFolder) -> Option<String>;
}

impl Page {
    /// Handles a drop: a model's folder or files are inspected; returns `false` for anything else.
    pub fn take_dropped(self, drag: &web_sys::DragEvent) -> bool {
        let Some(transfer) = drag.data_transfer() else { return false };
        let items =
            js_sys::Reflect::get(&transfer, &"items".into()).map(JsCast::unchecked_into::<DroppedItems>);
        let Ok(items) = items else { return false };
        // The items are only valid during this event.
        let entries: Vec<DroppedEntry> = (0..items.length()).filter_map(|i| items.get(i).entry()).collect();
        let is_model = entries.iter().any(|e| e.is_folder() || is_model_file(&e.name()));
        if is_model {
            leptos::task::spawn_local(async move {
                match collect_files(entries).await {
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
            let path = file.unchecked_ref::<FileInFolder>().path().filter(|path| !path.is_empty());
            path.unwrap_or_else(|| file.name())
        };
        self.inspect_files(files.into_iter().map(|file| (path(&file), file)).collect());
    }
}

/// Whether a file's name is that of a model rather than of a text.
fn is_model_file(name: &str) -> bool {
    name.ends_with(".safetensors") || name == "config.json" || name == "tokenizer.json"
}

/// All files below, by their paths.
async fn collect_files(entries: Vec<DroppedEntry>) -> Result<Vec<(String, web_sys::File)>, String> {
    let mut files = Vec::new();
    let mut left: Vec<(String, usize, DroppedEntry)> =
        entries.into_iter().map(|entry| (String::new(), 0, entry)).collect();
    while let Some((before, depth, entry)) = left.pop() {
        let path = format!("{before}{}", entry.name());
        let failed = |why: String| format!("{path} could not be read: {why}");
        if !entry.is_folder() {
            let file = answer(timeouts::FILE, promise(|done, no| entry.file(done, no))).await;
            files.push((path.clone(), file.map_err(failed)?.unchecked_into()));
            if files.len() > MAX_FILES {
                return Err(format!("there are more than {MAX_FILES} files, which no model has"));
            }
            continue;
        }
        // Such as git's own, which contain no model files.
        if depth >= MAX_DEPTH || entry.name().starts_with('.') {
            continue;
        }
        let reader = entry.reader();
        loop {
            let read = answer(timeouts::FILE, promise(|done, no| reader.read(done, no))).await;
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
fn promise(ask: impl Fn(&Function, &Function)) -> Promise {
    Promise::new(&mut |done, failed| ask(&done, &failed))
}
