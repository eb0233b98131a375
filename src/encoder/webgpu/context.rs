//! An open GPU and its error handling.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::readback;
use crate::{Error, Result};

/// A number that the device must return before it is used.
const ECHO: f32 = 1.5;

/// An open GPU.
#[derive(Debug, Clone)]
pub struct Context {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    adapter: String,
    /// Whether the GPU is emulated in software; some shaders are then faster without workgroup memory.
    pub(super) software: bool,
    faults: DeviceErrors,
}

impl Context {
    /// Opens the GPU that WebGPU offers; natively, if there is none, a software adapter. Waits for its first
    /// answer: some can be opened but never finish any work.
    ///
    /// # Errors
    /// [`Error::Device`] when there is none or it cannot be opened.
    pub async fn open() -> Result<Self> {
        let failed = |problem: String| Error::device("WebGPU", problem);
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let ask = async |force_fallback_adapter| {
            let options = wgpu::RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                force_fallback_adapter,
                ..Default::default()
            };
            instance.request_adapter(&options).await
        };
        let mut adapter = ask(false).await;
        if adapter.is_err() && cfg!(not(target_family = "wasm")) {
            adapter = ask(true).await;
        }
        let adapter = adapter.map_err(|e| {
            // In a browser wgpu's error lists all native back ends, which are of no use to a visitor.
            failed(match cfg!(target_family = "wasm") {
                true => "the browser found no GPU for it here".into(),
                false => format!("no GPU is available ({e})"),
            })
        })?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("interlingua"),
            required_limits: wgpu::Limits::default(),
            ..Default::default()
        };
        let (device, queue) = adapter
            .request_device(&descriptor)
            .await
            .map_err(|e| failed(format!("the GPU cannot be opened ({e})")))?;
        let faults = DeviceErrors::default();
        let heard = faults.clone();
        device.set_device_lost_callback(move |_, why| heard.lose(why));
        let heard = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error| heard.add(error)));
        let info = adapter.get_info();
        let name = [&info.name, &info.driver, &info.driver_info]
            .into_iter()
            .find(|s| !s.trim().is_empty())
            .map_or("unnamed adapter", |s| s.trim())
            .to_string();
        let context = Self { device, queue, adapter: name, software: is_emulated(&info), faults };
        context.echo().await.map_err(failed)?;
        Ok(context)
    }

    /// Writes a number to the device and reads it back, as every batch does.
    async fn echo(&self) -> std::result::Result<(), String> {
        let watch = self.watch();
        let buffer = |usage| {
            let label = Some("echo");
            let size = wgpu::COPY_BUFFER_ALIGNMENT;
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label,
                size,
                usage,
                mapped_at_creation: false,
            })
        };
        let there = buffer(wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC);
        let back = buffer(wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ);
        self.queue.write_buffer(&there, 0, &ECHO.to_le_bytes());
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&there, 0, &back, 0, wgpu::COPY_BUFFER_ALIGNMENT);
        let submission = self.queue.submit([encoder.finish()]);
        let fault = watch.end();
        let values = readback::read(self, &back, 1, submission).await;
        if let Some(fault) = fault.await {
            return Err(fault);
        }
        match values?.as_slice() {
            [ECHO] => Ok(()),
            other => Err(format!("it returned {other:?} where {ECHO} was written")),
        }
    }

    /// Its name, for display.
    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    /// Whether it is emulated in software.
    pub fn is_software(&self) -> bool {
        self.software
    }

    /// Calls `heard` with the reason once the device is lost; immediately if it already is.
    pub fn on_lost(&self, heard: impl Fn(String) + Send + 'static) {
        let mut faults = self.faults.lock();
        match faults.lost.clone() {
            Some(why) => {
                drop(faults);
                heard(why);
            }
            None => faults.listeners.push(Box::new(heard)),
        }
    }

    /// Destroys the device, which has the effect of a driver crash.
    pub fn destroy(&self) {
        self.device.destroy();
        self.faults.lose("the device was destroyed".into());
    }

    /// Checks for errors since the last call that no [`Watch`] caught.
    ///
    /// # Errors
    /// Why the device was lost, or the error.
    pub(super) fn check(&self) -> std::result::Result<(), String> {
        let mut faults = self.faults.lock();
        if let Some(why) = &faults.lost {
            return Err(format!("it was lost ({why})"));
        }
        faults.error.take().map_or(Ok(()), Err)
    }

    /// Catches errors in the commands issued until [`Watch::end`].
    pub(super) fn watch(&self) -> Watch {
        let memory = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        Watch { memory, validation: self.device.push_error_scope(wgpu::ErrorFilter::Validation) }
    }
}

/// Whether an adapter is a CPU that emulates a GPU.
pub(in crate::encoder) fn is_emulated(info: &wgpu::AdapterInfo) -> bool {
    info.device_type == wgpu::DeviceType::Cpu
        || ["swiftshader", "llvmpipe", "software"]
            .iter()
            .any(|s| format!("{} {}", info.name, info.driver).to_lowercase().contains(s))
}

/// Catches errors that the device reports. The guards belong to one thread: never `await` while holding one.
pub(super) struct Watch {
    // Pushed last, so it must be popped first, even when a `Watch` is dropped.
    validation: wgpu::ErrorScopeGuard,
    memory: wgpu::ErrorScopeGuard,
}

impl Watch {
    /// Stops watching; resolves to the first error.
    pub fn end(self) -> impl Future<Output = Option<String>> + wgpu::WasmNotSend {
        let validation = self.validation.pop();
        let memory = self.memory.pop();
        async { validation.await.or(memory.await).map(|e| sentence(&e)) }
    }
}

/// A device's errors, shared with its callbacks.
#[derive(Clone, Default)]
struct DeviceErrors(Arc<Mutex<DeviceErrorState>>);

#[derive(Default)]
struct DeviceErrorState {
    lost: Option<String>,
    error: Option<String>,
    listeners: Vec<Box<dyn Fn(String) + Send>>,
}

impl DeviceErrors {
    fn lock(&self) -> MutexGuard<'_, DeviceErrorState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, why: String) {
        let mut faults = self.lock();
        if faults.lost.is_none() {
            let why = if why.trim().is_empty() { "no reason given".into() } else { why };
            faults.lost = Some(why.clone());
            let listeners = std::mem::take(&mut faults.listeners);
            drop(faults);
            listeners.iter().for_each(|heard| heard(why.clone()));
        }
    }

    fn add(&self, error: wgpu::Error) {
        self.lock().error.get_or_insert(sentence(&error));
    }
}

impl std::fmt::Debug for DeviceErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let faults = self.lock();
        f.debug_struct("Faults").field("lost", &faults.lost).field("error", &faults.error).finish()
    }
}

fn sentence(error: &wgpu::Error) -> String {
    match error {
        wgpu::Error::OutOfMemory { .. } => "it is out of memory; use shorter texts or a smaller model".into(),
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            // wgpu's descriptions span many lines.
            format!("it refused the work ({})", description.split_whitespace().collect::<Vec<_>>().join(" "))
        }
    }
}
