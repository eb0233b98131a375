//! Work in parts: on all threads natively, one part after the other in the browser.

/// Threads that share the work.
pub fn threads() -> usize {
    #[cfg(feature = "native")]
    return rayon::current_num_threads();
    #[cfg(not(feature = "native"))]
    1
}

/// Calls `work` for each of `parts`, with something of `own` for each thread.
#[cfg(feature = "native")]
pub fn each<T>(parts: usize, own: impl Fn() -> T + Sync + Send, work: impl Fn(&mut T, usize) + Sync + Send) {
    use rayon::prelude::*;
    if parts < 2 || threads() < 2 {
        let mut own = own();
        (0..parts).for_each(|part| work(&mut own, part));
    } else {
        (0..parts).into_par_iter().for_each_init(own, work);
    }
}

/// Calls `work` for each of `parts`, with something of `own`.
#[cfg(not(feature = "native"))]
pub fn each<T>(parts: usize, own: impl Fn() -> T, work: impl Fn(&mut T, usize)) {
    let mut own = own();
    (0..parts).for_each(|part| work(&mut own, part));
}
