//! `interlingua share`: bundles keep once what all of them have.

use std::path::PathBuf;

use interlingua::{
    Result,
    bundle::{self, Sharer},
};

/// Arguments of `interlingua share`.
#[derive(clap::Args)]
pub struct Args {
    /// The bundle that keeps what all of them have.
    first: PathBuf,
    /// Bundles that find it there: their place to each other must stay as it is, on a disk and on a server. Those
    /// that do so already may be left out.
    #[arg(required = true, num_args = 1..)]
    others: Vec<PathBuf>,
    /// Work out anew what is shared. Bundles that use what FIRST shares now and are not named can no longer be read.
    #[arg(long)]
    anew: bool,
}

/// Runs the command; says of each bundle what it takes, also as the page's list of models wants it.
///
/// # Errors
/// Says which bundle cannot share, and why.
pub fn run(args: Args) -> Result<()> {
    for sharer in bundle::share(&args.first, &args.others, args.anew)? {
        let Sharer { folder, manifest, shared, changed, renamed } = sharer;
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let common: u64 = shared.iter().map(|file| file.bytes).sum();
        let list: Vec<String> = shared
            .iter()
            .map(|file| {
                format!("\"{}\": {:.1}", &file.sha256[..12.min(file.sha256.len())], megabytes(file.bytes))
            })
            .collect();
        println!(
            "{}: {:.1} MB of its own, {:.1} shared{}",
            folder.display(),
            megabytes(manifest.bytes() - common),
            megabytes(common),
            if changed { "" } else { " (as before)" }
        );
        println!(
            "    in models.json: \"megabytes\": {:.1}, \"shared\": {{ {} }}",
            megabytes(manifest.bytes()),
            list.join(", ")
        );
        if renamed {
            eprintln!(
                "{}: its weights are told from others by another hash now, so vectors made with it before are not \
                 known to be its; make them anew",
                folder.display()
            );
        }
    }
    Ok(())
}
