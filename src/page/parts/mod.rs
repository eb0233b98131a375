//! Components shared by several views.

mod about;
mod bar;
mod bring;
pub(super) mod document;
mod fields;
mod form;
mod pick;
mod progress;
pub(super) mod scale;

pub(super) use about::{AboutModel, ViewOf};
pub(super) use bar::segment;
pub(super) use bring::Bring;
pub(super) use fields::FieldRoles;
pub(super) use form::Form;
pub(super) use pick::{NONE, Pick};
pub(super) use progress::Progress;
