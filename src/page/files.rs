//! The user's files: reading chosen or dropped ones, and offering downloads.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;

use super::catalogue::{fill, message};
use super::link::{answer, describe};
use super::state::Page;
use super::words;
use crate::datasets::Columns;
use crate::protocol::OpenedFile;
use crate::timeouts::{self, within};

/// Larger files are refused.
const MAX_SIZE: f64 = 256e6;
/// Bytes read at a time.
const PART: f64 = 4e6;

impl Page {
    /// Reads chosen or dropped files for the current view.
    pub fn read_files(self, files: Vec<web_sys::File>) {
        if files.is_empty() {
            return;
        }
        let size: f64 = files.iter().map(|f| f.size()).sum();
        if size > MAX_SIZE {
            self.show_text_problem(
                fill(message::TOO_LARGE, &[("size", &words::bytes(size)), ("most", &words::bytes(MAX_SIZE))]),
                message::TOO_LARGE_STILL,
                None,
            );
            return;
        }
        let view = untrack(|| self.view());
        leptos::task::spawn_local(async move {
            let mut read = Vec::with_capacity(files.len());
            for file in files {
                match bytes_of(&file).await {
                    Ok(bytes) => {
                        read.push(OpenedFile { name: file.name(), bytes, columns: Columns::default() });
                    }
                    Err(why) => {
                        self.show_text_problem(
                            fill(message::UNREADABLE, &[("name", &file.name()), ("why", &why)]),
                            message::UNREADABLE_STILL,
                            None,
                        );
                        return;
                    }
                }
            }
            view.take_files(read);
        });
    }

    /// Copies a text to the clipboard; `copied` is the notice about it.
    pub fn copy(self, text: String, copied: &'static str) {
        let navigator = window().navigator();
        // Only secure contexts have it.
        let there = js_sys::Reflect::get(&navigator, &"clipboard".into()).is_ok_and(|c| c.is_object());
        leptos::task::spawn_local(async move {
            let done = match there {
                true => answer(timeouts::CLIPBOARD, navigator.clipboard().write_text(&text)).await,
                false => Err(message::SECURE_ONLY.into()),
            };
            self.notice.set(Some(match done {
                Ok(_) => copied.into(),
                Err(why) => fill(message::NOT_COPIED, &[("why", &why), ("text", &text)]),
            }));
        });
    }

    /// Offers a file for download.
    pub fn save(self, name: &str, bytes: &[u8]) {
        let saved = (|| {
            let parts = js_sys::Array::of1(&js_sys::Uint8Array::from(bytes));
            let blob = web_sys::Blob::new_with_u8_array_sequence(&parts)?;
            let url = web_sys::Url::create_object_url_with_blob(&blob)?;
            let link = document().create_element("a")?;
            link.set_attribute("href", &url)?;
            link.set_attribute("download", name)?;
            if let Some(link) = link.dyn_ref::<web_sys::HtmlElement>() {
                link.click();
            }
            // The browser has taken the file by the next turn of its event loop; a minute is ample.
            set_timeout(
                move || {
                    // If this fails, the bytes stay in memory until the page is closed.
                    let _ = web_sys::Url::revoke_object_url(&url);
                },
                std::time::Duration::from_secs(60),
            );
            Ok::<(), wasm_bindgen::JsValue>(())
        })();
        if let Err(why) = saved {
            self.show_problem(
                fill(message::NOT_SAVED, &[("name", name), ("why", &describe(&why))]),
                message::SCREEN_STAYS,
                None,
            );
        }
    }
}

/// The files of a list.
pub(super) fn file_list(list: web_sys::FileList) -> Vec<web_sys::File> {
    (0..list.length()).filter_map(|i| list.get(i)).collect()
}

/// The files chosen in a field, which is reset so that the same file can be chosen again.
pub(super) fn chosen_files(event: &web_sys::Event) -> Vec<web_sys::File> {
    let input: web_sys::HtmlInputElement = event_target(event);
    let files = input.files().map(file_list).unwrap_or_default();
    input.set_value("");
    files
}

/// Reads a user's file in parts, so that a stalled drive can be told from a slow one.
async fn bytes_of(file: &web_sys::File) -> Result<Vec<u8>, String> {
    let size = file.size();
    let mut bytes = Vec::new();
    while (bytes.len() as f64) < size {
        let begin = bytes.len() as f64;
        let part = file.slice_with_f64_and_f64(begin, size.min(begin + PART)).map_err(|e| describe(&e))?;
        let Some(part) = within(timeouts::FILE, JsFuture::from(part.array_buffer())).await else {
            return Err(fill(
                message::FILE_STOPPED,
                &[
                    ("seconds", &timeouts::FILE.to_string()),
                    ("done", &words::count(bytes.len())),
                    ("total", &words::count(size as usize)),
                ],
            ));
        };
        let part = js_sys::Uint8Array::new(&part.map_err(|e| describe(&e))?).to_vec();
        if part.is_empty() {
            return Err(message::FILE_SHRANK.into());
        }
        bytes.extend(part);
    }
    Ok(bytes)
}
