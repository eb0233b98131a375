//! Components shared by several views.

mod about;
mod bar;
pub(super) mod document;
mod fields;
mod files;
mod form;
mod model_dialog;
mod model_picker;
mod progress;
pub(super) mod scale;

pub(super) use about::{ModelLink, ViewLink};
pub(super) use bar::segment;
pub(super) use fields::FieldRoles;
pub(super) use files::TextFiles;
pub(super) use form::Form;
pub(super) use model_dialog::ModelDialog;
pub(super) use model_picker::{ModelPicker, NONE};
pub(super) use progress::Progress;
