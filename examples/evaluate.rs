//! Evaluates a bundle on the sample corpus: within the question's language, in another one, and among all.
//!
//!     cargo run --release --example evaluate [BUNDLE [LANGUAGE…]]

use std::{
    env::args,
    path::{Path, PathBuf},
};

use interlingua::{
    Result,
    bundle::Bundle,
    datasets::{self, CollectionOptions},
    encoder::{Encoder, EncoderDevice},
    evaluate::encode,
    evaluation::{Scores, SettingMeans, Task, rank},
    retrieval::Index,
    text::Kind,
};

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut args = args().skip(1);
    let model = args.next().map_or_else(|| root.join("static/model"), PathBuf::from);
    let languages: Vec<String> = args.collect();

    // A data set, and its queries with relevant passages.
    let options = CollectionOptions { languages, ..CollectionOptions::default() };
    let corpus = datasets::load("sample", &root.join("static/sample"), &options)?;
    let task = Task::new(&corpus)?;

    // The vectors.
    let encoder = Encoder::new(&Bundle::open(&model)?, EncoderDevice::cpu())?;
    let progress = &mut |done, all| {
        eprint!("\r{done} of {all} texts ");
        Ok(())
    };
    let (passages, _) = encode(&encoder, task.passages(&corpus), Kind::Passage, progress)?;
    let (questions, _) = encode(&encoder, task.questions(&corpus), Kind::Query, progress)?;
    eprintln!();

    // The ranks of the answers, and the measures.
    let index = Index::from_rows(encoder.dimension(), &passages)?.compared_by(encoder.similarity());
    let settings = SettingMeans::of(&task, &Scores::of(&task, &rank(&task, &index, &questions)?));
    println!("{} on {} questions", encoder.name(), task.queries.len());
    for (name, measures) in [("mono", &settings.mono), ("cross", &settings.cross), ("multi", &settings.multi)]
    {
        if let Some(measures) = measures {
            println!("{name:<6} mAP {:.4}  R@1 {:.4}", measures.map, measures.recall_1);
        }
    }
    Ok(())
}
