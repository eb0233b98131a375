//! The devices an encoder can run on.

use super::webgpu::Context;
use crate::{Result, threads};

/// An implementation of the encoder on a kind of hardware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The CPU, with our own kernels.
    Cpu,
    /// A GPU, with our own shaders, through WebGPU (natively: wgpu).
    WebGpu,
    /// The CPU, with Burn's kernels (burn-flex), to encode and to train. Native only.
    Flex,
    /// A GPU, with Burn's kernels (burn-wgpu): Vulkan, Metal or DirectX. Native only.
    Gpu,
}

impl Backend {
    /// Its name in addresses, commands and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::WebGpu => "webgpu",
            Self::Flex => "flex",
            Self::Gpu => "gpu",
        }
    }
}

/// An open device.
#[derive(Debug, Clone)]
pub struct EncoderDevice {
    /// Which implementation runs on it.
    pub backend: Backend,
    /// Its name, for display.
    pub adapter: String,
    /// Whether it is a GPU emulated in software.
    pub software: bool,
    pub(super) handle: Handle,
}

/// The open handle of each kind of device.
#[derive(Debug, Clone)]
pub(super) enum Handle {
    Cpu,
    WebGpu(Context),
    /// One or more devices: the first encodes, all of them train.
    #[cfg(feature = "native")]
    Burn(Vec<burn::tensor::Device>),
}

impl EncoderDevice {
    /// The CPU.
    pub fn cpu() -> Self {
        let adapter = match (cfg!(target_family = "wasm"), threads::count()) {
            (false, _) => "CPU".into(),
            (true, 1) => "WebAssembly, SIMD".into(),
            (true, threads) => format!("WebAssembly, SIMD, {threads} threads"),
        };
        Self { backend: Backend::Cpu, adapter, software: false, handle: Handle::Cpu }
    }

    /// The GPU that WebGPU offers, and its context (which reports when it is lost).
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when there is none or it cannot be opened.
    pub async fn webgpu() -> Result<(Self, Context)> {
        let context = Context::open().await?;
        let machine = Self {
            backend: Backend::WebGpu,
            adapter: context.adapter().to_string(),
            software: context.is_software(),
            handle: Handle::WebGpu(context.clone()),
        };
        Ok((machine, context))
    }
}

#[cfg(feature = "native")]
mod timeout {
    use std::{sync::mpsc, thread, time::Duration};

    use super::EncoderDevice;
    use crate::{Error, Problem, Result};

    /// Timeout for a GPU's driver, which on a machine with several cards wakes them all.
    const TIMEOUT: Duration = Duration::from_secs(30);

    /// Opens a GPU on a thread of its own: if the driver hangs, that thread is abandoned, and a late answer
    /// is dropped.
    ///
    /// # Errors
    /// What `open` returns; [`Error::Device`] after the timeout.
    pub(super) fn in_time<T: Send + 'static>(
        device: &str,
        open: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        wait(device, TIMEOUT, open)
    }

    fn wait<T: Send + 'static>(
        device: &str,
        timeout: Duration,
        open: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let failed = |problem: Problem| Error::device(device, problem);
        let (tell, told) = mpsc::sync_channel(1);
        let opens = thread::Builder::new().name(format!("open {device}"));
        opens
            .spawn(move || {
                // Nobody receives it after the timeout.
                let _ = tell.send(open());
            })
            .map_err(|e| failed(Problem::of(format!("no thread could be started to open it ({e})"), e)))?;
        told.recv_timeout(timeout).unwrap_or_else(|e| {
            Err(failed(match e {
                mpsc::RecvTimeoutError::Timeout => format!(
                    "its driver gave no answer in {} s; use --device cpu, or restart the machine",
                    timeout.as_secs()
                )
                .into(),
                mpsc::RecvTimeoutError::Disconnected => "its driver crashed while opening it".into(),
            }))
        })
    }

    impl EncoderDevice {
        /// As [`EncoderDevice::webgpu`], for programs that may block, with a timeout for drivers that hang.
        ///
        /// # Errors
        /// As [`EncoderDevice::webgpu`].
        pub fn webgpu_in_time() -> Result<Self> {
            in_time("WebGPU", || futures_lite::future::block_on(Self::webgpu()).map(|(machine, _)| machine))
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_driver_that_hangs_is_given_up_and_one_that_answers_is_heard() {
            let (release, held) = mpsc::channel::<()>();
            let hangs = move || Ok(held.recv().is_ok());
            let error = wait("GPU", Duration::from_millis(20), hangs).unwrap_err().to_string();
            assert!(error.starts_with("GPU: its driver gave no answer"), "{error}");
            // Its late answer finds no receiver.
            release.send(()).unwrap();
            assert_eq!(in_time("GPU", || Ok(7)).unwrap(), 7);
            let refused = in_time::<()>("GPU", || Err(Error::Input("no".into())));
            assert_eq!(refused.unwrap_err().to_string(), "no");
            let error = in_time::<()>("GPU", || panic!("within the driver")).unwrap_err().to_string();
            assert!(error.contains("crashed while opening it"), "{error}");
        }
    }
}

#[cfg(feature = "native")]
mod burns {
    use std::sync::OnceLock;

    use burn::tensor::{Device, DeviceKind};

    use super::{Backend, EncoderDevice, Handle, timeout::in_time};
    use crate::{Error, Result, encoder::webgpu::is_emulated};

    impl EncoderDevice {
        /// The CPU, with Burn's kernels.
        pub fn flex() -> Self {
            Self {
                backend: Backend::Flex,
                adapter: "CPU, Burn".into(),
                software: false,
                handle: Handle::Burn(vec![Device::flex()]),
            }
        }

        /// The best GPU there is, with Burn's kernels; opened once per process.
        ///
        /// # Errors
        /// [`Error::Device`] when there is none, it cannot be opened, or its driver hangs.
        pub fn gpu() -> Result<Self> {
            static GPU: OnceLock<Result<EncoderDevice>> = OnceLock::new();
            GPU.get_or_init(|| {
                // wgpu counts software adapters as CPUs, so its default choice does not find them.
                in_time("GPU", || {
                    Self::open_gpu(DeviceKind::DefaultDevice).or_else(|_| Self::open_gpu(DeviceKind::Cpu))
                })
            })
            .clone()
        }

        /// The first `count` discrete GPUs, to train on all of them.
        ///
        /// # Errors
        /// [`Error::Device`] when there are fewer, or a driver hangs.
        pub fn gpus(count: usize) -> Result<Self> {
            let all = (0..count)
                .map(|i| in_time(&format!("GPU {i}"), move || Self::open_gpu(DeviceKind::DiscreteGpu(i))));
            Self::joined(all.collect::<Result<_>>()?)
        }

        /// Joins several Burn devices into one: the first encodes, all of them train.
        ///
        /// # Errors
        /// [`Error::Unsupported`] when one is not Burn's, or there is none.
        pub fn joined(machines: Vec<Self>) -> Result<Self> {
            let mut devices = Vec::new();
            for machine in &machines {
                devices.extend_from_slice(machine.burn()?);
            }
            let adapters: Vec<&str> = machines.iter().map(|m| m.adapter.as_str()).collect();
            let adapter = adapters.join(" + ");
            let first = machines.first().cloned().ok_or_else(|| Error::Unsupported {
                what: "training on no device".into(),
                hint: "ask for at least one".into(),
            })?;
            Ok(Self { adapter, handle: Handle::Burn(devices), ..first })
        }

        fn open_gpu(kind: DeviceKind) -> Result<Self> {
            let open = Device::wgpu_options().device_kind(kind).init_with_setup();
            let (device, setup) =
                open.map_err(|problem| Error::device("GPU", format!("it cannot be used: {problem}")))?;
            let info = setup.adapter.get_info();
            let adapter = [&info.name, &info.driver, &info.driver_info]
                .into_iter()
                .find(|s| !s.trim().is_empty())
                .cloned()
                .unwrap_or_else(|| "unnamed adapter".into());
            Ok(Self {
                backend: Backend::Gpu,
                adapter,
                software: is_emulated(&info),
                handle: Handle::Burn(vec![device]),
            })
        }

        /// The Burn devices behind it.
        ///
        /// # Errors
        /// [`Error::Unsupported`] for a device that is not Burn's.
        pub fn burn(&self) -> Result<&[Device]> {
            match &self.handle {
                Handle::Burn(devices) => Ok(devices),
                Handle::Cpu | Handle::WebGpu(_) => Err(Error::Unsupported {
                    what: format!("training by Burn on {}", self.backend.name()),
                    hint: "use --device cpu, flex or gpu".into(),
                }),
            }
        }
    }
}
