//! `interlingua card`: adds evaluation reports to a bundle's manifest and rewrites its model card.

use std::{fs, path::PathBuf};

use interlingua::{
    Error, Problem, Result,
    bundle::{CARD, MANIFEST, Manifest},
    sha256,
};
use serde_json::Value;

/// Arguments of `interlingua card`.
#[derive(clap::Args)]
pub struct Args {
    /// The bundle.
    #[arg(long)]
    model: PathBuf,
    /// Reports of `interlingua eval --json` on this bundle; one on the same data set replaces the earlier.
    #[arg(long, num_args = 1..)]
    report: Vec<PathBuf>,
    /// What the weights had been trained on before, and according to whom.
    #[arg(long, value_name = "TEXT")]
    background: Option<String>,
}

/// Runs the command. Weights and tokenizer do not change.
///
/// # Errors
/// Says which file is wrong; a report on another model is refused.
pub fn run(args: Args) -> Result<()> {
    let mut manifest = Manifest::open(&args.model)?;
    let path = args.model.join(MANIFEST);
    let hash = sha256(&fs::read(&path).map_err(|e| Error::file(&path, e))?);
    for path in &args.report {
        let bytes = fs::read(path).map_err(|e| Error::file(path, e))?;
        let place = path.display().to_string();
        let report: Value = serde_json::from_slice(&bytes).map_err(|e| {
            Error::format(&place, Problem::of(format!("not a report of `interlingua eval --json`: {e}"), e))
        })?;
        manifest.results = add(&place, &hash, &manifest, report)?;
    }
    if let Some(background) = args.background {
        manifest.background = background;
    }
    manifest.write(&args.model)?;
    println!("{}", args.model.join(CARD).display());
    Ok(())
}

/// The results with one more report; `hash` is the manifest's as it is on disk.
fn add(place: &str, hash: &str, manifest: &Manifest, report: Value) -> Result<Value> {
    let mut all = match manifest.results.clone() {
        Value::Array(all) => all,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    if !["mono", "cross", "multi"].iter().any(|setting| report[setting]["map"].is_f64()) {
        return Err(Error::format(place, "not a report of `interlingua eval --json`: it has no mAP"));
    }
    if report["model"].as_str() != Some(&manifest.name) {
        return Err(Error::format(
            place,
            format!("it is for the model {}, not for {}", report["model"], manifest.name),
        ));
    }
    // Each report changes the manifest but not the model: the hashes in earlier reports are valid too.
    let named = |report: &Value| report["hashes"][MANIFEST].as_str().map(String::from);
    let measured = named(&report);
    if measured.as_deref() != Some(hash)
        && !all.iter().any(|known| measured.is_some() && named(known) == measured)
    {
        return Err(Error::format(
            place,
            format!(
                "it was measured with a different {MANIFEST} from the one here; evaluate this bundle again"
            ),
        ));
    }
    let same =
        |other: &Value| ["dataset", "languages", "lir"].iter().all(|field| other[field] == report[field]);
    match all.iter_mut().find(|known| same(known)) {
        Some(known) => *known = report,
        None => all.push(report),
    }
    Ok(Value::Array(all))
}
