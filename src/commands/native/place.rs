//! Opens a command's model on the chosen device.

use std::path::{Path, PathBuf};

use interlingua::Result;
use interlingua::bundle::{Bundle, Manifest};
use interlingua::choice::PrecisionChoice;
use interlingua::encoder::{Backend, Encoder, EncoderDevice, Precision};
use interlingua::models::{self, ModelEvent};

/// Values of `--device`. `auto` is a real GPU with Burn's kernels, else the CPU with our own; `flex` is the
/// CPU with Burn's kernels, `webgpu` a GPU with the page's shaders.
const DEVICES: [&str; 5] = ["auto", "cpu", "gpu", "flex", "webgpu"];

/// Which model.
#[derive(clap::Args)]
pub struct ModelArgs {
    /// A bundle, a model folder, or a Hugging Face hub name such as intfloat/multilingual-e5-small, downloaded if it
    /// is not in Hugging Face's cache (docs/models.md).
    #[arg(long)]
    model: PathBuf,
    /// Branch, tag or commit of a hub model; the same as NAME@REVISION.
    #[arg(long)]
    revision: Option<String>,
    /// Keep only the first N dimensions of vectors, for models trained for it (Matryoshka); unit vectors are scaled to
    /// length 1 again.
    #[arg(long, value_name = "N")]
    dimension: Option<usize>,
}

impl ModelArgs {
    /// The model's folder, after downloading it if needed.
    ///
    /// # Errors
    /// As [`locate`].
    pub fn folder(&self) -> Result<PathBuf> {
        locate(&self.model, self.revision.as_deref())
    }
}

/// The folder of a model, with download progress on stderr.
///
/// # Errors
/// As [`models::locate`].
pub fn locate(named: &Path, revision: Option<&str>) -> Result<PathBuf> {
    let mut progress = super::ProgressLine::new("MB");
    let mut ended = false;
    models::locate(named, revision, &mut |event| match event {
        ModelEvent::Note(said) => eprintln!("{said}"),
        ModelEvent::Bytes(..) if ended => {}
        ModelEvent::Bytes(done, all) => {
            ended = done >= all;
            let megabytes = |bytes: u64| bytes.div_ceil(1_000_000) as usize;
            // 100 % only when every byte is here.
            let shown = if ended { megabytes(all) } else { megabytes(done).saturating_sub(1) };
            if shown > 0 {
                progress.show(shown, megabytes(all));
            }
        }
    })
}

/// Where a model runs, and how.
#[derive(clap::Args)]
pub struct DeviceArgs {
    /// auto, cpu or gpu; flex is the CPU with Burn's kernels, webgpu the page's shaders.
    #[arg(long, default_value = "auto", value_parser = DEVICES)]
    device: String,
    /// How the CPU multiplies packed weights (q8, q4): exact (in f32) or fast (in integers).
    #[arg(long, default_value = "exact", value_parser = ["exact", "fast"])]
    precision: String,
}

/// Opens the bundle or unconverted model folder at `path`, as `named` says, where `place` says; its weights stay in the
/// encoder only.
///
/// # Errors
/// Says which file or field of the model is wrong, or what is wrong with the requested dimension or device.
pub fn open_model(path: &Path, named: &ModelArgs, place: &DeviceArgs) -> Result<(Encoder, Manifest)> {
    let mut bundle = Bundle::open(path)?;
    named.dimension.map_or(Ok(()), |n| bundle.manifest.truncate(n))?;
    let encoder = put(&bundle, place)?;
    Ok((encoder, bundle.manifest))
}

fn put(bundle: &Bundle, place: &DeviceArgs) -> Result<Encoder> {
    let on_cpu = || {
        let choice = PrecisionChoice::named(&place.precision).unwrap_or(PrecisionChoice::Exact);
        Encoder::with_precision(bundle, EncoderDevice::cpu(), Precision::of(Backend::Cpu, choice))
    };
    match place.device.as_str() {
        "cpu" => on_cpu(),
        "flex" => Encoder::new(bundle, EncoderDevice::flex()),
        "gpu" => on_gpu(bundle, EncoderDevice::gpu()?),
        "webgpu" => on_gpu(bundle, EncoderDevice::webgpu_in_time()?),
        // A software GPU is slower than the CPU itself.
        _ => match EncoderDevice::gpu() {
            Ok(machine) if !machine.software => on_gpu(bundle, machine).or_else(|problem| {
                eprintln!("{problem}; the CPU is used");
                on_cpu()
            }),
            Ok(_) => on_cpu(),
            Err(problem) => {
                eprintln!("{problem}; the CPU is used");
                on_cpu()
            }
        },
    }
}

/// Checked first: some drivers give wrong numbers without any error.
fn on_gpu(bundle: &Bundle, machine: EncoderDevice) -> Result<Encoder> {
    let encoder = Encoder::new(bundle, machine)?;
    let mut test = bundle.manifest.self_test.clone();
    if test.cases.is_empty() {
        test = interlingua::bundle::SelfTest::of(bundle)?;
    }
    futures_lite::future::block_on(encoder.self_test(&test))?;
    Ok(encoder)
}
