//! Work split into parts and shared among threads, this one and its [`helpers`]: on all cores natively, and
//! in a browser if the page is cross-origin isolated. Elsewhere the parts run one after the other.
//!
//! Nothing here changes what a part computes, so no result depends on the number of threads.

#[cfg(any(feature = "gradients", all(target_family = "wasm", target_feature = "atomics")))]
mod handover;
#[cfg(any(feature = "gradients", all(target_family = "wasm", target_feature = "atomics")))]
pub mod helpers;

use std::marker::PhantomData;

/// The primitives that job hand-over is built on; `tests/loom` substitutes its own.
#[cfg(any(feature = "gradients", all(target_family = "wasm", target_feature = "atomics")))]
mod sync {
    pub use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

    /// Called in a busy-wait loop between checks.
    pub fn idle(looks: usize) {
        if looks < super::helpers::LOOKS {
            std::hint::spin_loop();
        } else {
            // Natively there may be more runnable threads than cores.
            std::thread::yield_now();
        }
    }
}

/// Number of threads that share the work at present.
pub fn count() -> usize {
    #[cfg(feature = "gradients")]
    return rayon::current_num_threads();
    #[cfg(all(target_family = "wasm", target_feature = "atomics"))]
    return 1 + helpers::count();
    #[cfg(not(any(feature = "gradients", all(target_family = "wasm", target_feature = "atomics"))))]
    1
}

/// Calls `work` for each of `parts`, with one `own` per thread.
pub fn each<T>(parts: usize, own: impl Fn() -> T + Sync + Send, work: impl Fn(&mut T, usize) + Sync + Send) {
    #[cfg(any(feature = "gradients", all(target_family = "wasm", target_feature = "atomics")))]
    if parts > 1 && count() > 1 {
        #[cfg(feature = "gradients")]
        helpers::start(count() - 1);
        return helpers::each(parts, own, work);
    }
    let mut own = own();
    (0..parts).for_each(|part| work(&mut own, part));
}

/// Calls `work` with each chunk of `size` values and its index; the last chunk may be shorter.
///
/// # Panics
/// When `size` is 0.
pub fn chunks_mut<T: Send>(values: &mut [T], size: usize, work: impl Fn(usize, &mut [T]) + Sync + Send) {
    let length = values.len();
    let all = Values(values.as_mut_ptr(), PhantomData);
    let all = &all;
    each(
        length.div_ceil(size),
        || (),
        |(), part| {
            let first = part * size;
            // SAFETY: each part is taken once, and parts do not overlap.
            let chunk = unsafe { std::slice::from_raw_parts_mut(all.0.add(first), size.min(length - first)) };
            work(part, chunk);
        },
    );
}

/// The results of `work` for each chunk of `size` values and its index, in order; the last chunk may be
/// shorter.
///
/// # Panics
/// When `size` is 0.
pub fn chunks<T: Sync, R: Send>(
    values: &[T],
    size: usize,
    work: impl Fn(usize, &[T]) -> R + Sync + Send,
) -> Vec<R> {
    let mut out: Vec<Option<R>> = Vec::new();
    out.resize_with(values.len().div_ceil(size), || None);
    chunks_mut(&mut out, 1, |part, slot| {
        let first = part * size;
        slot[0] = Some(work(part, &values[first..values.len().min(first + size)]));
    });
    out.into_iter().flatten().collect()
}

/// Values of which threads take disjoint parts.
struct Values<'a, T>(*mut T, PhantomData<&'a mut [T]>);

// SAFETY: each part goes to one thread, as `T: Send` allows.
unsafe impl<T: Send> Sync for Values<'_, T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_met_once_with_the_number_of_its_chunk() {
        for (length, size) in [(0, 3), (1, 3), (3, 3), (1000, 7)] {
            let mut values = vec![0; length];
            chunks_mut(&mut values, size, |part, chunk| chunk.iter_mut().for_each(|v| *v += 1 + part));
            let expected: Vec<_> = (0..length).map(|i| 1 + i / size).collect();
            assert_eq!(values, expected);
        }
    }

    #[test]
    fn a_panic_in_a_part_reaches_the_caller_and_no_later_job() {
        for _ in 0..20 {
            let done = std::panic::catch_unwind(|| each(64, || (), |(), part| assert_ne!(part, 40)));
            assert!(done.is_err());
            assert_eq!(chunks(&[1; 64], 1, |_, chunk| chunk[0]), [1; 64]);
        }
    }

    #[test]
    fn a_panic_beside_other_work_reaches_its_own_caller_alone() {
        std::thread::scope(|scope| {
            for broken in [true, false, true, false] {
                scope.spawn(move || {
                    for _ in 0..200 {
                        let done = std::panic::catch_unwind(|| {
                            each(
                                16,
                                || (),
                                |(), part| assert!(!broken || part != 11, "as the test wants it"),
                            );
                        });
                        assert_eq!(done.is_err(), broken);
                    }
                });
            }
        });
    }

    #[test]
    fn work_within_work_and_beside_other_work_is_done() {
        let sum = || {
            let rows = chunks(&[(); 20], 1, |row, _| {
                let parts = chunks(&[(); 30], 1, |part, _| row * part);
                parts.into_iter().sum::<usize>()
            });
            rows.into_iter().sum::<usize>()
        };
        let sums: Vec<usize> = std::thread::scope(|scope| {
            let beside: Vec<_> = (0..4).map(|_| scope.spawn(sum)).collect();
            beside.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(sums, [190 * 435; 4]);
    }

    #[test]
    fn results_come_in_order() {
        assert!(chunks(&[0; 0], 3, |part, _| part).is_empty());
        let values: Vec<usize> = (0..500).collect();
        for size in [1, 7, 500, 501] {
            let expected: Vec<_> = values.chunks(size).map(<[usize]>::to_vec).enumerate().collect();
            assert_eq!(chunks(&values, size, |part, chunk| (part, chunk.to_vec())), expected);
        }
    }
}
