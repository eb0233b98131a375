// With threads, a program that stopped short within a task that had waited is a rejection to the browser, and
// not the error by which the page would learn of it.
addEventListener("unhandledrejection", ({ reason }) => {
  if (reason instanceof WebAssembly.RuntimeError) setTimeout(() => { throw reason; });
});

// What comes of the program over a slow connection is told to the page: bytes, as a plain number. A response in pieces
// is compiled while it comes, as the whole one is.
function counted(response) {
  let come = 0;
  let said = performance.now();
  const count = new TransformStream({
    transform(piece, pieces) {
      come += piece.length;
      if (performance.now() - said > 500) {
        said = performance.now();
        postMessage(come);
      }
      pieces.enqueue(piece);
    },
  });
  return response.ok && response.body ? new Response(response.body.pipeThrough(count), response) : response;
}

// Starts the program that encodes: the build with threads where the page is cross-origin isolated, else,
// or should it be missing or find no memory, the one without. Without Atomics.waitAsync (Firefox before 145)
// wasm-bindgen waits in workers that it makes from strings, which the page's policy forbids: it would wait for ever.
async function start(script) {
  const program = await import(script);
  const plain = fetch;
  // The script knows which program this browser can run, and requests nothing else while it starts. Not in Firefox: where
  // a service worker answers, a page that is left meanwhile would keep the next one from opening (Firefox 140).
  if (!navigator.userAgent.includes("Firefox/")) globalThis.fetch = (...request) => plain(...request).then(counted);
  await program.default().finally(() => (globalThis.fetch = plain));
}

try {
  if (!globalThis.crossOriginIsolated || !Atomics.waitAsync) throw "no threads here";
  await start("./threads/worker.js");
} catch {
  await start("./worker.js");
}
