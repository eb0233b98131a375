//! The devices an encoder can run on.

use super::webgpu::Context;
use crate::{Result, threads};

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// The CPU, by kernels of our own.
    Cpu,
    /// A GPU by shaders of our own, through WebGPU (natively: wgpu).
    WebGpu,
    /// The CPU by Burn's kernels (burn-flex), which training differentiates. Native only.
    Flex,
    /// A GPU by Burn's kernels (burn-wgpu): Vulkan, Metal or DirectX. Native only.
    Gpu,
}

impl Backend {
    /// The word for it in addresses, commands and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::WebGpu => "webgpu",
            Self::Flex => "flex",
            Self::Gpu => "gpu",
        }
    }
}

/// A device that is open.
#[derive(Debug, Clone)]
pub struct Machine {
    /// What kind it is.
    pub backend: Backend,
    /// Its name, for people.
    pub adapter: String,
    /// Whether it only imitates a GPU in software.
    pub software: bool,
    pub(super) handle: Handle,
}

/// What a kind of device needs to be used.
#[derive(Debug, Clone)]
pub(super) enum Handle {
    Cpu,
    WebGpu(Context),
    /// One or more: the first encodes, all train.
    #[cfg(feature = "native")]
    Burn(Vec<burn::tensor::Device>),
}

impl Machine {
    /// The CPU.
    pub fn cpu() -> Self {
        let adapter = match (cfg!(target_family = "wasm"), threads::count()) {
            (false, _) => "CPU".into(),
            (true, 1) => "WebAssembly, SIMD".into(),
            (true, threads) => format!("WebAssembly, SIMD, {threads} threads"),
        };
        Self { backend: Backend::Cpu, adapter, software: false, handle: Handle::Cpu }
    }

    /// The GPU that WebGPU offers, with its handles (to hear of its loss).
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when there is none or it refuses.
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
mod burns {
    use std::sync::OnceLock;

    use burn::tensor::{Device, DeviceKind};

    use super::{Backend, Handle, Machine};
    use crate::{Error, Result, encoder::webgpu::looks_imitated};

    impl Machine {
        /// The CPU by Burn's kernels.
        pub fn flex() -> Self {
            Self {
                backend: Backend::Flex,
                adapter: "CPU, Burn".into(),
                software: false,
                handle: Handle::Burn(vec![Device::flex()]),
            }
        }

        /// The best GPU there is, by Burn's kernels; opened once for the whole process.
        ///
        /// # Errors
        /// [`Error::Device`] when there is none or it refuses.
        pub fn gpu() -> Result<Self> {
            static GPU: OnceLock<Result<Machine>> = OnceLock::new();
            GPU.get_or_init(|| {
                // Software adapters count as CPUs to wgpu and are not found by its default choice.
                Self::open_gpu(DeviceKind::DefaultDevice).or_else(|_| Self::open_gpu(DeviceKind::Cpu))
            })
            .clone()
        }

        /// The first `count` graphics cards, to train on all of them.
        ///
        /// # Errors
        /// [`Error::Device`] when there are not as many.
        pub fn gpus(count: usize) -> Result<Self> {
            let all = (0..count).map(|i| Self::open_gpu(DeviceKind::DiscreteGpu(i)));
            Self::joined(all.collect::<Result<_>>()?)
        }

        /// Several of Burn's devices as one: the first encodes, all train.
        ///
        /// # Errors
        /// [`Error::Unsupported`] where one is not Burn's, or there is none.
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
            let (device, setup) = open.map_err(|problem| Error::Device {
                device: "GPU".into(),
                problem: format!("it cannot be used: {problem}"),
            })?;
            let info = setup.adapter.get_info();
            let adapter = [&info.name, &info.driver, &info.driver_info]
                .into_iter()
                .find(|s| !s.trim().is_empty())
                .cloned()
                .unwrap_or_else(|| "unnamed adapter".into());
            Ok(Self {
                backend: Backend::Gpu,
                adapter,
                software: looks_imitated(&info),
                handle: Handle::Burn(vec![device]),
            })
        }

        /// Burn's own handles.
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
