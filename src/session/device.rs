//! The device that a model runs on: opening the GPU, testing and timing devices, noticing a lost GPU.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use wasm_bindgen_futures::spawn_local;

use super::{
    browser::{has_webgpu, now, yield_now},
    progress::ProgressReporter,
    task::Signal,
};
use crate::{
    Error, Problem, Result,
    bundle::{Bundle, Manifest, Quantization},
    encoder::{
        Agreement, Backend, Encoder, EncoderDevice, Precision,
        webgpu::{Context, Upload},
    },
    protocol::{DeviceReport, PrecisionChoice, ProgressStage},
    text::Kind,
    timeouts::{self, either, no_answer, within},
};

/// What devices are timed with: a short query.
const TIMED_QUERY: &str = "How do bees find their way home?";

/// The GPU, opened once in a worker's lifetime.
#[derive(Clone, Default)]
pub struct Gpu(Rc<Slot>);

#[derive(Default)]
struct Slot {
    asked: Cell<bool>,
    opened: RefCell<Option<Result<Rc<OpenGpu>>>>,
    /// Set when the GPU was opened or failed, or after a timeout.
    opened_or_late: Signal,
}

/// The open GPU.
pub struct OpenGpu {
    /// The device for encoders, with its name.
    pub machine: EncoderDevice,
    /// Set to the reason once it is lost.
    pub lost: Signal,
    context: Context,
}

impl Gpu {
    /// The GPU, opened by the first call.
    ///
    /// # Errors
    /// [`Error::Device`] if there is none, it is refused, does not answer, or was lost.
    pub async fn open(&self) -> Result<Rc<OpenGpu>> {
        if !has_webgpu() {
            return Err(failed("this browser does not offer it here"));
        }
        let slot = &self.0;
        if !slot.asked.replace(true) {
            // In a task of its own: the caller may time out, but a second attempt would be refused. A GPU that opens
            // late serves the next caller.
            let opening = slot.clone();
            spawn_local(async move {
                let opened = open().await.map(Rc::new);
                opening.opened.replace(Some(opened));
                opening.opened_or_late.send("");
            });
            let waiting = slot.opened_or_late.clone();
            spawn_local(async move {
                let _ = within(timeouts::GPU, waiting.wait()).await;
                waiting.send("");
            });
        }
        slot.opened_or_late.wait().await;
        let timed_out = || {
            let why = no_answer(timeouts::GPU);
            Err(failed(format!("{why}; load the model again once it does, or reload the page")))
        };
        let gpu = slot.opened.borrow().clone().unwrap_or_else(timed_out)?;
        match gpu.lost.get() {
            Some(why) => Err(failed(format!("it was lost ({why}); reload the page to try it again"))),
            None => Ok(gpu),
        }
    }

    /// The GPU, if it is already open.
    pub fn opened(&self) -> Option<Rc<OpenGpu>> {
        self.0.opened.borrow().as_ref()?.as_ref().ok().cloned()
    }
}

impl OpenGpu {
    /// Destroys the device, as a driver's crash would.
    pub fn destroy(&self) {
        self.context.destroy();
    }
}

async fn open() -> Result<OpenGpu> {
    let (mut machine, context) = EncoderDevice::webgpu().await?;
    // wgpu only passes on the description, which most browsers leave empty.
    if let Some(Some(name)) = within(timeouts::GPU_NAME, super::browser::adapter_name()).await {
        machine.adapter = name;
    }
    let lost = Signal::default();
    let signal = lost.clone();
    context.on_lost(move |why| signal.send(why.trim_end_matches('.')));
    Ok(OpenGpu { machine, lost, context })
}

/// The bundle on the CPU, tested, with its difference from the reference vectors.
///
/// # Errors
/// Whatever prevents the bundle from running, or [`Error::Device`] from the self-test.
pub async fn on_cpu(
    bundle: &Bundle,
    precision: PrecisionChoice,
    progress: &mut ProgressReporter<'_>,
) -> Result<(Encoder, Agreement)> {
    #[cfg(target_feature = "atomics")]
    super::helpers::started().await;
    tested_encoder(bundle, EncoderDevice::cpu(), precision, None, progress).await
}

/// The bundle on the GPU, tested; `upload` has the weights that were already sent. It may be slow, as the user asked
/// for it.
///
/// # Errors
/// As [`on_cpu`], and if there is no GPU.
pub async fn on_gpu(
    bundle: &Bundle,
    gpu: &Gpu,
    upload: Option<Upload>,
    progress: &mut ProgressReporter<'_>,
) -> Result<(Encoder, Agreement)> {
    progress.at(ProgressStage::Prepare, 0.0, 1.0);
    let gpu = gpu.open().await?;
    let work = tested_encoder(bundle, gpu.machine.clone(), PrecisionChoice::Exact, upload, progress);
    unless_unresponsive(&gpu, work).await
}

/// Starts to send a model to the GPU while its weights are still being downloaded.
///
/// # Errors
/// [`Error::Unsupported`] if the shaders do not support its widths.
pub fn upload(manifest: &Manifest, gpu: &OpenGpu) -> Result<Option<Upload>> {
    let held = Precision::of(gpu.machine.backend, PrecisionChoice::Exact);
    Encoder::upload(manifest, &gpu.machine, held)
}

/// Milliseconds for one short query: the median of three, after a warm-up.
///
/// # Errors
/// [`Error::Device`] if the device fails.
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

/// As [`on_gpu`] and [`time`], for a GPU that the user did not ask for: given up as soon as it turns out to be slow.
///
/// # Errors
/// [`Error::Device`], also if it is slow.
pub async fn try_gpu(
    bundle: &Bundle,
    gpu: &Gpu,
    progress: &mut ProgressReporter<'_>,
) -> Result<(Encoder, Agreement, f64)> {
    let gpu = within_trial(gpu.open()).await?;
    if gpu.machine.software {
        // It would take the processor from the CPU's kernels, and block the worker.
        return Err(failed(format!("{} only emulates a GPU in software", gpu.machine.adapter)));
    }
    let work = async {
        progress.at(ProgressStage::Measure, 0.0, 3.0);
        let encoder = Encoder::new(bundle, gpu.machine.clone())?;
        within_trial(query(&encoder)).await?;
        progress.at(ProgressStage::Measure, 1.0, 3.0);
        let agreement = within_trial(encoder.agreement(&bundle.manifest.self_test)).await?;
        progress.at(ProgressStage::Measure, 2.0, 3.0);
        let time = within_trial(time(&encoder)).await?;
        progress.at(ProgressStage::Measure, 3.0, 3.0);
        Ok((encoder, agreement, time))
    };
    unless_lost(&gpu.lost, work).await
}

/// `work`, unless the GPU is lost before it is done.
///
/// # Errors
/// [`Error::Device`] if it is lost, or what `work` returns.
pub async fn unless_lost<T>(lost: &Signal, work: impl Future<Output = Result<T>>) -> Result<T> {
    either(async { Err(failed(format!("it was lost ({})", lost.wait().await))) }, work).await
}

/// `work`, one batch or the self-test, unless the GPU is lost first or does not respond in time: then it is given up
/// for good.
///
/// # Errors
/// As [`unless_lost`].
pub async fn unless_unresponsive<T>(gpu: &OpenGpu, work: impl Future<Output = Result<T>>) -> Result<T> {
    let seconds = match gpu.machine.software {
        true => timeouts::SOFTWARE_GPU_BATCH,
        false => timeouts::GPU_BATCH,
    };
    match within(seconds, unless_lost(&gpu.lost, work)).await {
        Some(done) => done,
        None => {
            let why = no_answer(seconds);
            gpu.lost.send(&*why);
            gpu.destroy();
            Err(failed(why))
        }
    }
}

/// What is displayed about a model's device.
pub fn report(encoder: &Encoder, bundle: &Bundle, agreement: Agreement) -> DeviceReport {
    let machine = encoder.machine();
    let stored = bundle.manifest.quantization;
    let precision = match (encoder.precision(), stored) {
        (Precision::Packed, _) if !encoder.is_exact() => format!("integers (fast), from {stored}"),
        (Precision::Packed, _) => format!("{stored}, unpacked inside the GPU's kernels"),
        (_, Quantization::F32) => "f32 (exact)".into(),
        _ => format!("f32 (exact), unpacked from {stored}"),
    };
    let software = if machine.software { " (emulated in software)" } else { "" };
    DeviceReport {
        kind: machine.backend.name().into(),
        adapter: format!("{}{software}", machine.adapter),
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

async fn tested_encoder(
    bundle: &Bundle,
    machine: EncoderDevice,
    precision: PrecisionChoice,
    upload: Option<Upload>,
    progress: &mut ProgressReporter<'_>,
) -> Result<(Encoder, Agreement)> {
    let test = &bundle.manifest.self_test;
    if test.cases.is_empty() {
        return Err(Error::format(
            "manifest.json, self_test.cases",
            "there are none, so no device can be tested; write the bundle again with `interlingua import`",
        ));
    }
    progress.at(ProgressStage::Prepare, 0.0, 1.0);
    yield_now().await;
    let held = Precision::of(machine.backend, precision);
    let encoder = Encoder::with_upload(bundle, machine, held, upload)?;
    progress.at(ProgressStage::Prepare, 1.0, 1.0);
    progress.at(ProgressStage::SelfTest, 0.0, 1.0);
    yield_now().await;
    let agreement = encoder.agreement(test).await?;
    progress.at(ProgressStage::SelfTest, 1.0, 1.0);
    Ok((encoder, agreement))
}

async fn query(encoder: &Encoder) -> Result<()> {
    encoder.encode(&[TIMED_QUERY], Kind::Query, async |_, _| Ok(())).await.map(drop)
}

async fn within_trial<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let seconds = timeouts::GPU_TRIAL;
    within(seconds, work)
        .await
        .unwrap_or_else(|| Err(failed(format!("a step of its trial took longer than {seconds} s"))))
}

fn failed(problem: impl Into<Problem>) -> Error {
    Error::device("WebGPU", problem)
}
