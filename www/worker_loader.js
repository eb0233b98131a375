// With threads, a program that stopped short within a task that had waited is a rejection to the browser, and
// not the error by which the page would learn of it.
addEventListener("unhandledrejection", ({ reason }) => {
  if (reason instanceof WebAssembly.RuntimeError) setTimeout(() => { throw reason; });
});

// Starts the program that encodes: the build with threads where the page is cross-origin isolated, else,
// or should it be missing or find no memory, the one without. Without Atomics.waitAsync (Firefox before 145)
// wasm-bindgen waits in workers that it makes from strings, which the page's policy forbids: it would wait for ever.
async function start(script) {
  await (await import(script)).default();
}

try {
  if (!globalThis.crossOriginIsolated || !Atomics.waitAsync) throw "no threads here";
  await start("./threads/worker.js");
} catch {
  await start("./worker.js");
}
