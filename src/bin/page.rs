//! The page's entry: Trunk builds it and starts it in the document.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

fn main() {
    interlingua::page::start();
}
