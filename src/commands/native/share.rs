//! `interlingua share`: lets bundles store what they have in common once.

use std::path::PathBuf;

use interlingua::{
    Result,
    bundle::{self, Sharer},
};

/// Arguments of `interlingua share`.
#[derive(clap::Args)]
pub struct Args {
    /// The bundle that stores what all have in common.
    first: PathBuf,
    /// Bundles that use it: their relative paths must not change, on a disk or on a server. Those that
    /// share already may be omitted.
    #[arg(required = true, num_args = 1..)]
    others: Vec<PathBuf>,
    /// Recompute what is shared. Bundles that use what FIRST shares now and are not named become unreadable.
    #[arg(long)]
    anew: bool,
}

/// Runs the command; prints the size of each bundle, also in the form of the page's list of models.
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
                "{}: the hash that identifies its weights has changed, so vectors made with it before are not \
                 known to be its; make them anew",
                folder.display()
            );
        }
    }
    Ok(())
}
