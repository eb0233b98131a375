//! SIMD vectors of f32 behind one trait, so that each kernel is written once for all instruction sets.
//!
//! A value of a type that implements [`Simd`] proves that the processor has the instructions: only
//! [`Level::dispatch`] makes one, for instructions that were detected.

/// An instruction set.
pub trait Simd: Copy {
    /// Lanes in a vector.
    const LANES: usize;
    /// A vector of f32.
    type V: Copy;
    /// A vector of as many i32, or of twice as many i16.
    type I: Copy;

    fn splat(self, x: f32) -> Self::V;
    /// # Safety
    /// `LANES` values can be read at `from`, which need not be aligned.
    unsafe fn load(self, from: *const f32) -> Self::V;
    /// # Safety
    /// `LANES` values can be written at `to`, which need not be aligned.
    unsafe fn store(self, to: *mut f32, x: Self::V);
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// The smaller; the second if one is NaN.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// The larger; the second if one is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a b + c`, with a single rounding where the processor has it.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// 2ⁿ for the `n` from -126 to 127 in the low bits of `1.5 · 2²³ + n`.
    fn pow2(self, n: Self::V) -> Self::V;

    /// Every lane set to the same pair of i16, the first in the lower half.
    fn splat_pair(self, pair: i32) -> Self::I;
    /// # Safety
    /// `2 LANES` values can be read at `from`, which need not be aligned.
    unsafe fn load_pairs(self, from: *const i16) -> Self::I;
    /// Adds to each i32 of `sum` the products of the two i16 of `a` and `b` in its lane.
    fn add_products(self, sum: Self::I, a: Self::I, b: Self::I) -> Self::I;
    /// Converts i32 to f32.
    fn to_f32(self, x: Self::I) -> Self::V;

    /// Sum of the lanes, by halves.
    #[inline(always)]
    fn sum(self, x: Self::V) -> f32 {
        self.halve(x, |a, b| a + b)
    }

    /// The largest lane.
    #[inline(always)]
    fn largest(self, x: Self::V) -> f32 {
        self.halve(x, f32::max)
    }

    /// Combines the upper half of the lanes with the lower, until one is left.
    #[inline(always)]
    fn halve(self, x: Self::V, join: impl Fn(f32, f32) -> f32) -> f32 {
        let mut lanes = self.lanes(x);
        let mut half = Self::LANES / 2;
        while half > 0 {
            for i in 0..half {
                lanes[i] = join(lanes[i], lanes[i + half]);
            }
            half /= 2;
        }
        lanes[0]
    }

    /// The lanes, followed by zeros.
    #[inline(always)]
    fn lanes(self, x: Self::V) -> [f32; MOST_LANES] {
        let mut out = [0.0; MOST_LANES];
        // SAFETY: no vector has more lanes than `out`.
        unsafe { self.store(out.as_mut_ptr(), x) };
        out
    }
}

/// Lanes of the widest vector.
pub const MOST_LANES: usize = 16;

/// A kernel that is compiled for every instruction set.
pub trait Kernel {
    type Out;
    /// Has to be `#[inline(always)]`, or it is compiled without the instructions. A tile of `ROWS` rows of
    /// `VECTORS` vectors fits the registers.
    fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, simd: S) -> Self::Out;
}

/// An instruction set that this processor has; [`best`](Self::best) selects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(Instructions);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instructions {
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What the compiler may use anywhere on the target.
    Base,
}

impl Instructions {
    /// Whether the processor has them.
    fn are_there(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Vnni => Self::Avx512.are_there() && is_x86_feature_detected!("avx512vnni"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.are_there()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Self::Base => true,
        }
    }
}

impl Level {
    /// The widest that the processor has.
    pub fn best() -> Self {
        Self::all()[0]
    }

    /// All that the processor has, best first.
    pub fn all() -> Vec<Self> {
        let wider: &[Instructions] = &[
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Vnni,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2,
        ];
        let mut all: Vec<Self> = wider.iter().copied().filter(|i| i.are_there()).map(Self).collect();
        all.push(Self(Instructions::Base));
        all
    }

    /// Columns of a kernel's tiles.
    pub fn columns(self) -> usize {
        struct ColumnsKernel;
        impl Kernel for ColumnsKernel {
            type Out = usize;
            #[inline(always)]
            fn run<S: Simd, const ROWS: usize, const VECTORS: usize>(self, _: S) -> usize {
                VECTORS * S::LANES
            }
        }
        self.dispatch(ColumnsKernel)
    }

    /// Runs a kernel.
    #[inline]
    pub fn dispatch<K: Kernel>(self, kernel: K) -> K::Out {
        match self.0 {
            // SAFETY: `all` makes these levels only if the processor has the instructions.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512Vnni => unsafe { x86::avx512vnni(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => unsafe { x86::avx512(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => unsafe { x86::avx2(kernel) },
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Instructions::Base => kernel.run::<_, WASM_ROWS, WASM_VECTORS>(wasm::Simd128),
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Instructions::Base => kernel.run::<_, 4, 2>(portable::Four),
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
const WASM_ROWS: usize = 4;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
const WASM_VECTORS: usize = 2;

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Kernel, Simd};
    use std::arch::x86_64::*;

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma")]
    pub fn avx512vnni<K: Kernel>(kernel: K) -> K::Out {
        kernel.run::<_, 12, 2>(Avx512::<true>(()))
    }

    #[target_feature(enable = "avx512f,avx512bw,avx2,fma")]
    pub fn avx512<K: Kernel>(kernel: K) -> K::Out {
        kernel.run::<_, 12, 2>(Avx512::<false>(()))
    }

    #[target_feature(enable = "avx2,fma")]
    pub fn avx2<K: Kernel>(kernel: K) -> K::Out {
        kernel.run::<_, 6, 2>(Avx2(()))
    }

    /// Methods that consist of one expression of intrinsics.
    macro_rules! intrinsics {
        ($(fn $name:ident($($argument:ident: $type:ty),*) -> $out:ty { $body:expr })*) => {
            $(
                #[inline(always)]
                fn $name(self, $($argument: $type),*) -> $out {
                    // SAFETY: a value of the type exists only where the processor has the instructions.
                    unsafe { $body }
                }
            )*
        };
    }

    /// Exists only where the processor has AVX-512F and BW, and with `VNNI` that too.
    #[derive(Clone, Copy)]
    pub struct Avx512<const VNNI: bool>(());

    impl<const VNNI: bool> Simd for Avx512<VNNI> {
        const LANES: usize = 16;
        type V = __m512;
        type I = __m512i;

        #[inline(always)]
        unsafe fn load(self, from: *const f32) -> __m512 {
            // SAFETY: as the caller promises, and a value of the type exists only where the instructions do.
            unsafe { _mm512_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32, x: __m512) {
            // SAFETY: as the caller promises, and a value of the type exists only where the instructions do.
            unsafe { _mm512_storeu_ps(to, x) }
        }
        #[inline(always)]
        unsafe fn load_pairs(self, from: *const i16) -> __m512i {
            // SAFETY: as the caller promises, and a value of the type exists only where the instructions do.
            unsafe { _mm512_loadu_si512(from.cast()) }
        }
        intrinsics! {
            fn splat(x: f32) -> __m512 { _mm512_set1_ps(x) }
            fn add(a: __m512, b: __m512) -> __m512 { _mm512_add_ps(a, b) }
            fn sub(a: __m512, b: __m512) -> __m512 { _mm512_sub_ps(a, b) }
            fn mul(a: __m512, b: __m512) -> __m512 { _mm512_mul_ps(a, b) }
            fn div(a: __m512, b: __m512) -> __m512 { _mm512_div_ps(a, b) }
            fn min(a: __m512, b: __m512) -> __m512 { _mm512_min_ps(a, b) }
            fn max(a: __m512, b: __m512) -> __m512 { _mm512_max_ps(a, b) }
            fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fmadd_ps(a, b, c) }
            fn pow2(n: __m512) -> __m512 {{
                let bits = _mm512_add_epi32(_mm512_castps_si512(n), _mm512_set1_epi32(127));
                _mm512_castsi512_ps(_mm512_slli_epi32::<23>(bits))
            }}
            fn splat_pair(pair: i32) -> __m512i { _mm512_set1_epi32(pair) }
            fn add_products(sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
                if VNNI {
                    _mm512_dpwssd_epi32(sum, a, b)
                } else {
                    _mm512_add_epi32(sum, _mm512_madd_epi16(a, b))
                }
            }
            fn to_f32(x: __m512i) -> __m512 { _mm512_cvtepi32_ps(x) }
        }
    }

    /// Exists only where the processor has AVX2 and FMA.
    #[derive(Clone, Copy)]
    pub struct Avx2(());

    impl Simd for Avx2 {
        const LANES: usize = 8;
        type V = __m256;
        type I = __m256i;

        #[inline(always)]
        unsafe fn load(self, from: *const f32) -> __m256 {
            // SAFETY: as the caller promises, and a value of the type exists only where the instructions do.
            unsafe { _mm256_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32, x: __m256) {
            // SAFETY: as the caller promises, and a value of the type exists only where the instructions do.
            unsafe { _mm256_storeu_ps(to, x) }
        }
        #[inline(always)]
        unsafe fn load_pairs(self, from: *const i16) -> __m256i {
            // SAFETY: as the caller promises, and a value of the type exists only where the instructions do.
            unsafe { _mm256_loadu_si256(from.cast()) }
        }
        intrinsics! {
            fn splat(x: f32) -> __m256 { _mm256_set1_ps(x) }
            fn add(a: __m256, b: __m256) -> __m256 { _mm256_add_ps(a, b) }
            fn sub(a: __m256, b: __m256) -> __m256 { _mm256_sub_ps(a, b) }
            fn mul(a: __m256, b: __m256) -> __m256 { _mm256_mul_ps(a, b) }
            fn div(a: __m256, b: __m256) -> __m256 { _mm256_div_ps(a, b) }
            fn min(a: __m256, b: __m256) -> __m256 { _mm256_min_ps(a, b) }
            fn max(a: __m256, b: __m256) -> __m256 { _mm256_max_ps(a, b) }
            fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 { _mm256_fmadd_ps(a, b, c) }
            fn pow2(n: __m256) -> __m256 {{
                let bits = _mm256_add_epi32(_mm256_castps_si256(n), _mm256_set1_epi32(127));
                _mm256_castsi256_ps(_mm256_slli_epi32::<23>(bits))
            }}
            fn splat_pair(pair: i32) -> __m256i { _mm256_set1_epi32(pair) }
            fn add_products(sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
                _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
            }
            fn to_f32(x: __m256i) -> __m256 { _mm256_cvtepi32_ps(x) }
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    use super::Simd;
    use core::arch::wasm32::*;

    #[derive(Clone, Copy)]
    pub struct Simd128;

    impl Simd for Simd128 {
        const LANES: usize = 4;
        type V = v128;
        type I = v128;

        #[inline(always)]
        fn splat(self, x: f32) -> v128 {
            f32x4_splat(x)
        }
        #[inline(always)]
        unsafe fn load(self, from: *const f32) -> v128 {
            // SAFETY: as the caller promises.
            unsafe { v128_load(from.cast()) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32, x: v128) {
            // SAFETY: as the caller promises.
            unsafe { v128_store(to.cast(), x) }
        }
        #[inline(always)]
        fn add(self, a: v128, b: v128) -> v128 {
            f32x4_add(a, b)
        }
        #[inline(always)]
        fn sub(self, a: v128, b: v128) -> v128 {
            f32x4_sub(a, b)
        }
        #[inline(always)]
        fn mul(self, a: v128, b: v128) -> v128 {
            f32x4_mul(a, b)
        }
        #[inline(always)]
        fn div(self, a: v128, b: v128) -> v128 {
            f32x4_div(a, b)
        }
        #[inline(always)]
        fn min(self, a: v128, b: v128) -> v128 {
            f32x4_pmin(b, a)
        }
        #[inline(always)]
        fn max(self, a: v128, b: v128) -> v128 {
            f32x4_pmax(b, a)
        }
        #[inline(always)]
        fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
            // tools/unfuse derives the second from the first, for browsers without the instruction.
            #[cfg(target_feature = "relaxed-simd")]
            return f32x4_relaxed_madd(a, b, c);
            #[cfg(not(target_feature = "relaxed-simd"))]
            f32x4_add(f32x4_mul(a, b), c)
        }
        #[inline(always)]
        fn pow2(self, n: v128) -> v128 {
            i32x4_shl(i32x4_add(n, i32x4_splat(127)), 23)
        }
        #[inline(always)]
        fn splat_pair(self, pair: i32) -> v128 {
            i32x4_splat(pair)
        }
        #[inline(always)]
        unsafe fn load_pairs(self, from: *const i16) -> v128 {
            // SAFETY: as the caller promises.
            unsafe { v128_load(from.cast()) }
        }
        #[inline(always)]
        fn add_products(self, sum: v128, a: v128, b: v128) -> v128 {
            i32x4_add(sum, i32x4_dot_i16x8(a, b))
        }
        #[inline(always)]
        fn to_f32(self, x: v128) -> v128 {
            f32x4_convert_i32x4(x)
        }
    }
}

/// Arrays that the compiler turns into the target's vectors (NEON, SSE2).
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod portable {
    use super::Simd;
    use std::array::from_fn;

    #[derive(Clone, Copy)]
    pub struct Four;

    #[derive(Clone, Copy)]
    #[repr(align(16))]
    pub struct Lanes([f32; 4]);

    /// Four i32, or four pairs of i16, the first in the lower half.
    #[derive(Clone, Copy)]
    #[repr(align(16))]
    pub struct IntegerPairs([i32; 4]);

    impl Simd for Four {
        const LANES: usize = 4;
        type V = Lanes;
        type I = IntegerPairs;

        #[inline(always)]
        fn splat(self, x: f32) -> Lanes {
            Lanes([x; 4])
        }
        #[inline(always)]
        unsafe fn load(self, from: *const f32) -> Lanes {
            // SAFETY: as the caller promises.
            unsafe { Lanes(from.cast::<[f32; 4]>().read_unaligned()) }
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut f32, x: Lanes) {
            // SAFETY: as the caller promises.
            unsafe { to.cast::<[f32; 4]>().write_unaligned(x.0) }
        }
        #[inline(always)]
        fn add(self, a: Lanes, b: Lanes) -> Lanes {
            Lanes(from_fn(|i| a.0[i] + b.0[i]))
        }
        #[inline(always)]
        fn sub(self, a: Lanes, b: Lanes) -> Lanes {
            Lanes(from_fn(|i| a.0[i] - b.0[i]))
        }
        #[inline(always)]
        fn mul(self, a: Lanes, b: Lanes) -> Lanes {
            Lanes(from_fn(|i| a.0[i] * b.0[i]))
        }
        #[inline(always)]
        fn div(self, a: Lanes, b: Lanes) -> Lanes {
            Lanes(from_fn(|i| a.0[i] / b.0[i]))
        }
        #[inline(always)]
        fn min(self, a: Lanes, b: Lanes) -> Lanes {
            Lanes(from_fn(|i| if a.0[i] < b.0[i] { a.0[i] } else { b.0[i] }))
        }
        #[inline(always)]
        fn max(self, a: Lanes, b: Lanes) -> Lanes {
            Lanes(from_fn(|i| if a.0[i] > b.0[i] { a.0[i] } else { b.0[i] }))
        }
        #[inline(always)]
        fn mul_add(self, a: Lanes, b: Lanes, c: Lanes) -> Lanes {
            // Without such an instruction, `f32::mul_add` calls a slow function.
            if cfg!(target_arch = "aarch64") {
                Lanes(from_fn(|i| a.0[i].mul_add(b.0[i], c.0[i])))
            } else {
                Lanes(from_fn(|i| a.0[i] * b.0[i] + c.0[i]))
            }
        }
        #[inline(always)]
        fn pow2(self, n: Lanes) -> Lanes {
            Lanes(n.0.map(|n| f32::from_bits(n.to_bits().wrapping_add(127) << 23)))
        }
        #[inline(always)]
        fn splat_pair(self, pair: i32) -> IntegerPairs {
            IntegerPairs([pair; 4])
        }
        #[inline(always)]
        unsafe fn load_pairs(self, from: *const i16) -> IntegerPairs {
            // SAFETY: as the caller promises.
            let pairs = unsafe { from.cast::<[[i16; 2]; 4]>().read_unaligned() };
            IntegerPairs(pairs.map(|[low, high]| i32::from(low as u16) | i32::from(high) << 16))
        }
        #[inline(always)]
        fn add_products(self, sum: IntegerPairs, a: IntegerPairs, b: IntegerPairs) -> IntegerPairs {
            let low = |x: i32| i32::from(x as i16);
            IntegerPairs(from_fn(|i| sum.0[i] + low(a.0[i]) * low(b.0[i]) + (a.0[i] >> 16) * (b.0[i] >> 16)))
        }
        #[inline(always)]
        fn to_f32(self, x: IntegerPairs) -> Lanes {
            Lanes(x.0.map(|x| x as f32))
        }
    }
}
