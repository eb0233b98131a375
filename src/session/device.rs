//! Which device a model runs on: opening the GPU, checking and timing devices, and hearing of loss.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use wasm_bindgen_futures::spawn_local;

use super::{
    browser::{breathe, has_webgpu, now},
    progress::Progress,
    task::Signal,
};
use crate::{
    Error, Problem, Result,
    bundle::{Bundle, Manifest, Quantization},
    encoder::{
        Agreement, Backend, Encoder, Machine, Precision,
        webgpu::{Context, Upload},
    },
    patience::{self, either, no_answer, within},
    protocol::{DeviceReport, PrecisionChoice, Stage},
    text::Kind,
};

/// What devices are timed with: a short query.
const TIMED: &str = "How do bees find their way home?";

/// The GPU, opened once in the life of a worker.
#[derive(Clone, Default)]
pub struct Gpu(Rc<Slot>);

#[derive(Default)]
struct Slot {
    asked: Cell<bool>,
    opened: RefCell<Option<Result<Rc<OpenGpu>>>>,
    /// Said when it has answered, or was waited for long enough.
    waited: Signal,
}

/// The open GPU.
pub struct OpenGpu {
    /// Burn's handle and its name.
    pub machine: Machine,
    /// Says why, once it is lost.
    pub lost: Signal,
    context: Context,
}

impl Gpu {
    /// The GPU, opened at the first call.
    ///
    /// # Errors
    /// [`Error::Device`] when there is none, it refuses, gives no answer, or was lost.
    pub async fn open(&self) -> Result<Rc<OpenGpu>> {
        if !has_webgpu() {
            return Err(failed("this browser does not offer it here"));
        }
        let slot = &self.0;
        if !slot.asked.replace(true) {
            // On its own: who asked may lose patience, but a second attempt would be refused. What comes
            // too late serves who asks next.
            let opening = slot.clone();
            spawn_local(async move {
                let opened = open().await.map(Rc::new);
                opening.opened.replace(Some(opened));
                opening.waited.say("");
            });
            let waiting = slot.waited.clone();
            spawn_local(async move {
                let _ = within(patience::GPU, waiting.heard()).await;
                waiting.say("");
            });
        }
        slot.waited.heard().await;
        let silent = || {
            let why = no_answer(patience::GPU);
            Err(failed(format!("{why}; load the model again once it does, or reload the page")))
        };
        let gpu = slot.opened.borrow().clone().unwrap_or_else(silent)?;
        match gpu.lost.word() {
            Some(why) => Err(failed(format!("it was lost ({why}); reload the page to try it again"))),
            None => Ok(gpu),
        }
    }

    /// The GPU if it is open already.
    pub fn opened(&self) -> Option<Rc<OpenGpu>> {
        self.0.opened.borrow().as_ref()?.as_ref().ok().cloned()
    }
}

impl OpenGpu {
    /// Gives the device up, as a driver's crash would.
    pub fn destroy(&self) {
        self.context.destroy();
    }
}

async fn open() -> Result<OpenGpu> {
    let (mut machine, context) = Machine::webgpu().await?;
    // wgpu passes on the description only, which most browsers leave empty.
    if let Some(Some(name)) = within(patience::GPU_NAME, super::browser::adapter_name()).await {
        machine.adapter = name;
    }
    let lost = Signal::default();
    let heard = lost.clone();
    context.on_lost(move |why| heard.say(why.trim_end_matches('.')));
    Ok(OpenGpu { machine, lost, context })
}

/// The bundle on the CPU, checked, with how far it is from the reference.
///
/// # Errors
/// Whatever keeps the bundle from running, or [`Error::Device`] from the self-test.
pub async fn on_cpu(
    bundle: &Bundle,
    precision: PrecisionChoice,
    progress: &mut Progress<'_>,
) -> Result<(Encoder, Agreement)> {
    #[cfg(target_feature = "atomics")]
    super::helpers::arrived().await;
    on(bundle, Machine::cpu(), precision, None, progress).await
}

/// The bundle on the GPU, checked; `upload` is what of it is there already. It may be slow, as somebody
/// wants it.
///
/// # Errors
/// As [`on_cpu`], and when there is no GPU.
pub async fn on_gpu(
    bundle: &Bundle,
    gpu: &Gpu,
    upload: Option<Upload>,
    progress: &mut Progress<'_>,
) -> Result<(Encoder, Agreement)> {
    progress.at(Stage::Prepare, 0.0, 1.0);
    let gpu = gpu.open().await?;
    let work = on(bundle, gpu.machine.clone(), PrecisionChoice::Exact, upload, progress);
    unless_silent(&gpu, work).await
}

/// A model whose weights are still coming, on its way to the GPU.
///
/// # Errors
/// [`Error::Unsupported`] when the GPU's shaders cannot do its widths.
pub fn upload(manifest: &Manifest, gpu: &OpenGpu) -> Result<Option<Upload>> {
    let held = Precision::of(gpu.machine.backend, PrecisionChoice::Exact);
    Encoder::upload(manifest, &gpu.machine, held)
}

/// Milliseconds for one short query: the median of three, after a warm-up.
///
/// # Errors
/// [`Error::Device`] when the device fails.
pub async fn time(encoder: &Encoder) -> Result<f64> {
    let mut times = [0.0; 3];
    query(encoder).await?;
    for time in &mut times {
        let start = now();
        query(encoder).await?;
        *time = now() - start;
    }
    times.sort_by(f64::total_cmp);
    Ok(times[1])
}

/// As [`on_gpu`] and [`time`], for a GPU that nobody asked for by name: it is given up as soon as it
/// shows itself slow.
///
/// # Errors
/// [`Error::Device`], when it is slow too.
pub async fn try_gpu(
    bundle: &Bundle,
    gpu: &Gpu,
    progress: &mut Progress<'_>,
) -> Result<(Encoder, Agreement, f64)> {
    let gpu = patiently(gpu.open()).await?;
    if gpu.machine.software {
        // Its work would fill the processor that the CPU's kernels need, and hold up the worker.
        return Err(failed(format!("{} only imitates a GPU in software", gpu.machine.adapter)));
    }
    let work = async {
        progress.at(Stage::Measure, 0.0, 3.0);
        let encoder = Encoder::new(bundle, gpu.machine.clone())?;
        patiently(query(&encoder)).await?;
        progress.at(Stage::Measure, 1.0, 3.0);
        let agreement = patiently(encoder.agreement(&bundle.manifest.self_test)).await?;
        progress.at(Stage::Measure, 2.0, 3.0);
        let time = patiently(time(&encoder)).await?;
        progress.at(Stage::Measure, 3.0, 3.0);
        Ok((encoder, agreement, time))
    };
    unless_lost(&gpu.lost, work).await
}

/// `work`, unless the GPU is lost before it is done.
///
/// # Errors
/// [`Error::Device`] when it is lost, or what `work` returns.
pub async fn unless_lost<T>(lost: &Signal, work: impl Future<Output = Result<T>>) -> Result<T> {
    either(async { Err(failed(format!("it was lost ({})", lost.heard().await))) }, work).await
}

/// `work`, one batch or the self-test, unless the GPU is lost before it is done or gives no answer: then it
/// is given up for good.
///
/// # Errors
/// As [`unless_lost`].
pub async fn unless_silent<T>(gpu: &OpenGpu, work: impl Future<Output = Result<T>>) -> Result<T> {
    let seconds = match gpu.machine.software {
        true => patience::IMITATED_GPU_BATCH,
        false => patience::GPU_BATCH,
    };
    match within(seconds, unless_lost(&gpu.lost, work)).await {
        Some(done) => done,
        None => {
            let why = no_answer(seconds);
            gpu.lost.say(&*why);
            gpu.destroy();
            Err(failed(why))
        }
    }
}

/// What a person is told about where a model runs.
pub fn report(encoder: &Encoder, bundle: &Bundle, agreement: Agreement) -> DeviceReport {
    let machine = encoder.machine();
    let stored = bundle.manifest.quantization;
    let precision = match (encoder.precision(), stored) {
        (Precision::Packed, _) if !encoder.is_exact() => format!("integers (fast), from {stored}"),
        (Precision::Packed, _) => format!("{stored}, unpacked inside the GPU's kernels"),
        (_, Quantization::F32) => "f32 (exact)".into(),
        _ => format!("f32 (exact), unpacked from {stored}"),
    };
    let imitated = if machine.software { " (imitated in software)" } else { "" };
    DeviceReport {
        kind: machine.backend.name().into(),
        adapter: format!("{}{imitated}", machine.adapter),
        precision,
        self_test_difference: agreement.difference,
        self_test_cosine: agreement.cosine,
        self_test_tolerance: encoder.tolerance(&bundle.manifest.self_test),
        notes: Vec::new(),
        measured: Vec::new(),
    }
}

/// Whether `encoder` runs on the GPU.
pub fn is_gpu(encoder: &Encoder) -> bool {
    encoder.machine().backend == Backend::WebGpu
}

async fn on(
    bundle: &Bundle,
    machine: Machine,
    precision: PrecisionChoice,
    upload: Option<Upload>,
    progress: &mut Progress<'_>,
) -> Result<(Encoder, Agreement)> {
    let test = &bundle.manifest.self_test;
    if test.cases.is_empty() {
        return Err(Error::format(
            "manifest.json, self_test.cases",
            "there are none, so no device can be checked; write the bundle anew with `interlingua import`",
        ));
    }
    progress.at(Stage::Prepare, 0.0, 1.0);
    breathe().await;
    let held = Precision::of(machine.backend, precision);
    let encoder = Encoder::with_upload(bundle, machine, held, upload)?;
    progress.at(Stage::Prepare, 1.0, 1.0);
    progress.at(Stage::SelfTest, 0.0, 1.0);
    breathe().await;
    let agreement = encoder.agreement(test).await?;
    progress.at(Stage::SelfTest, 1.0, 1.0);
    Ok((encoder, agreement))
}

async fn query(encoder: &Encoder) -> Result<()> {
    encoder.encode(&[TIMED], Kind::Query, async |_, _| Ok(())).await.map(drop)
}

async fn patiently<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let seconds = patience::GPU_TRIAL;
    within(seconds, work)
        .await
        .unwrap_or_else(|| Err(failed(format!("a step of its trial took longer than {seconds} s"))))
}

fn failed(problem: impl Into<Problem>) -> Error {
    Error::device("WebGPU", problem)
}
