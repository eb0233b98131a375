//! The devices an encoder can run on.

use burn::tensor::Device;

use crate::{Error, Result};

/// What computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Burn's own CPU kernels (burn-flex).
    Cpu,
    /// A GPU through wgpu: WebGPU in a browser; Vulkan, Metal or DirectX natively.
    Gpu,
}

impl Backend {
    /// The word for it in addresses, commands and reports.
    pub fn name(self) -> &'static str {
        match (self, cfg!(target_family = "wasm")) {
            (Self::Cpu, _) => "cpu",
            (Self::Gpu, true) => "webgpu",
            (Self::Gpu, false) => "gpu",
        }
    }
}

/// A device that is open.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Burn's handle.
    pub device: Device,
    /// What kind it is.
    pub backend: Backend,
    /// Its name, for people.
    pub adapter: String,
    /// Whether it only imitates a GPU in software.
    pub software: bool,
}

impl Machine {
    /// The CPU.
    pub fn cpu() -> Self {
        let adapter = if cfg!(target_family = "wasm") { "WebAssembly, SIMD" } else { "CPU" };
        Self { device: Device::flex(), backend: Backend::Cpu, adapter: adapter.into(), software: false }
    }

    /// The best GPU there is, natively; opened once for the whole process.
    ///
    /// # Errors
    /// [`Error::Device`] when there is none or it refuses.
    #[cfg(not(target_family = "wasm"))]
    pub fn gpu() -> Result<Self> {
        use std::sync::OnceLock;

        use burn::tensor::DeviceKind;
        static GPU: OnceLock<Result<Machine>> = OnceLock::new();
        GPU.get_or_init(|| {
            // Software adapters count as CPUs to wgpu and are not found by its default choice.
            let open = |kind| Device::wgpu_options().device_kind(kind).init_with_setup();
            open(DeviceKind::DefaultDevice)
                .or_else(|_| open(DeviceKind::Cpu))
                .map(|(device, setup)| Self::from_adapter(device, &setup.adapter.get_info()))
                .map_err(no_gpu)
        })
        .clone()
    }

    /// The browser's GPU, with wgpu's handles (to hear of its loss). A worker can open it once.
    ///
    /// # Errors
    /// [`Error::Device`] when there is none or it refuses.
    #[cfg(target_family = "wasm")]
    pub async fn gpu() -> Result<(Self, burn::tensor::wgpu::WgpuSetup)> {
        let (device, setup) = Device::wgpu_options().init_with_setup_async().await.map_err(no_gpu)?;
        Ok((Self::from_adapter(device, &setup.adapter.get_info()), setup))
    }

    fn from_adapter(device: Device, info: &burn::tensor::wgpu::wgpu::AdapterInfo) -> Self {
        let software = info.device_type == burn::tensor::wgpu::wgpu::DeviceType::Cpu
            || ["swiftshader", "llvmpipe", "software"]
                .iter()
                .any(|s| format!("{} {}", info.name, info.driver).to_lowercase().contains(s));
        let adapter = [&info.name, &info.driver, &info.driver_info]
            .into_iter()
            .find(|s| !s.trim().is_empty())
            .cloned()
            .unwrap_or_else(|| "unnamed adapter".into());
        Self { device, backend: Backend::Gpu, adapter, software }
    }
}

fn no_gpu(problem: impl std::fmt::Display) -> Error {
    Error::Device { device: "GPU".into(), problem: format!("it cannot be used: {problem}") }
}
