//! The page's entry: Trunk builds it and starts it in the document.

fn main() {
    interlingua::page::start();
}
