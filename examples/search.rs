//! Ranks sentences in three languages for a question.
//!
//!     cargo run --release --example search [BUNDLE [QUESTION]]

use std::{env::args, path::PathBuf};

use interlingua::{
    Result,
    bundle::Bundle,
    encoder::{Encoder, EncoderDevice},
    retrieval::Index,
    text::Kind,
};

const PASSAGES: [&str; 9] = [
    "Bees store honey in cells of wax, which they close with a lid.",
    "The night train to the coast leaves at half past ten.",
    "Sourdough needs a day in a cool place before it is baked.",
    "Im Winter sitzen Bienen dicht beieinander und zehren von ihrem Vorrat.",
    "Die Bibliothek ist sonntags geschlossen.",
    "Ein Gletscher fließt, auch wenn man es ihm nicht ansieht.",
    "Son tren gece yarısı kalkıyor.",
    "Arılar balı balmumundan peteklerde saklar.",
    "Futbol maçı yağmur yüzünden ertelendi.",
];

fn main() -> Result<()> {
    let mut args = args().skip(1);
    let model = args.next().map_or_else(|| root().join("static/model"), PathBuf::from);
    let question = args.next().unwrap_or_else(|| "Where do bees keep their honey?".into());

    let bundle = Bundle::open(&model)?;
    let encoder = Encoder::new(&bundle, EncoderDevice::cpu())?;
    let passages = encoder.encode_all(&PASSAGES, Kind::Passage, &mut |_, _| {})?;
    let query = encoder.encode_all(&[&question], Kind::Query, &mut |_, _| {})?;

    let index = Index::from_rows(encoder.dimension(), &passages)?.compared_by(encoder.similarity());
    println!("{question}");
    for (passage, score) in index.search(&query, 5, |_| true)? {
        println!("{score:.3}  {}", PASSAGES[passage]);
    }
    Ok(())
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
