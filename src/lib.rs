//! interlingua: a multilingual text encoder trained with hybrid batches, quantized, in the browser.
//!
//! Text flows one way: [`text`] → [`encoder`] → [`retrieval`] → [`evaluation`]. [`bundle`] is the one
//! door through which weights come in and go out; [`datasets`] reads what is searched and measured;
//! `training` feeds the same encoder; `page` and `session` are the browser's two sides.

pub mod bundle;
pub mod datasets;
pub mod encoder;
mod error;
pub mod evaluation;
#[cfg(feature = "web")]
pub mod page;
pub mod protocol;
pub mod retrieval;
#[cfg(feature = "web")]
pub mod session;
pub mod text;
#[cfg(feature = "native")]
pub mod training;

pub use error::{Error, Result};
