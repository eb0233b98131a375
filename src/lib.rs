//! interlingua: a multilingual text encoder trained with hybrid batches, quantized, in the browser.
//!
//! Text flows one way: [`text`] → `encoder` → [`retrieval`] → [`evaluation`]. `bundle` loads and saves
//! weights; [`datasets`] reads what is searched and measured; `training` feeds the same encoder, [`study`]
//! trains and measures many; `page` and `session` are the two sides in a browser.
//!
//! Loading a model, encoding texts, and finding the nearest one:
//!
//! ```
//! # #[cfg(not(feature = "native"))]
//! # fn main() {}
//! # #[cfg(feature = "native")]
//! # fn main() -> interlingua::Result<()> {
//! use interlingua::{
//!     bundle::Bundle,
//!     encoder::{Encoder, EncoderDevice},
//!     retrieval::Index,
//!     text::Kind,
//! };
//!
//! let bundle = Bundle::open("static/model".as_ref())?;
//! let encoder = Encoder::new(&bundle, EncoderDevice::cpu())?;
//!
//! let passages = ["Bienen lagern Honig in Waben.", "แมวชอบนอนกลางแดด", "The harbour freezes in winter."];
//! let vectors = encoder.encode_all(&passages, Kind::Passage, &mut |_done, _all| {})?;
//! let index = Index::from_rows(encoder.dimension(), &vectors)?.compared_by(encoder.similarity());
//!
//! let query = encoder.encode_all(&["Where is honey stored?"], Kind::Query, &mut |_, _| {})?;
//! let (nearest, cosine) = index.search(&query, 1, |_| true)?[0];
//! assert_eq!(passages[nearest], "Bienen lagern Honig in Waben.");
//! assert!(cosine > 0.5);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/` has complete programs: search, evaluation, training. ARCHITECTURE.md describes the modules and
//! their dependencies.

// What a user, a file or a device can cause is an `Error`; only tests may panic.
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "engine")]
pub mod architecture;
#[cfg(feature = "data")]
pub mod benchmark;
#[cfg(feature = "engine")]
pub mod bundle;
#[cfg(feature = "data")]
pub mod choice;
#[cfg(feature = "data")]
pub mod datasets;
#[cfg(feature = "fetch")]
pub mod download;
#[cfg(feature = "engine")]
pub mod encoder;
mod error;
#[cfg(feature = "native")]
pub mod evaluate;
#[cfg(feature = "data")]
pub mod evaluation;
#[cfg(all(test, feature = "data"))]
#[path = "../tests/common/fetched.rs"]
mod fetched;
#[cfg(feature = "data")]
mod hash;
#[cfg(feature = "data")]
pub mod history;
#[cfg(feature = "data")]
pub mod hub;
#[cfg(feature = "native")]
pub mod models;
#[cfg(feature = "page")]
pub mod page;
#[cfg(feature = "data")]
pub mod protocol;
#[cfg(feature = "data")]
pub mod retrieval;
#[cfg(feature = "worker")]
pub mod session;
#[cfg(feature = "data")]
pub mod study;
pub mod text;
#[cfg(feature = "data")]
pub mod threads;
#[cfg(feature = "browser")]
pub mod timeouts;
#[cfg(feature = "native")]
pub mod timing;
#[cfg(feature = "native")]
pub mod training;

pub use error::{Cause, Error, Problem, Result};
#[cfg(feature = "data")]
pub use hash::{Hasher, sha256};
