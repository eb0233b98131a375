// Starts the program that encodes: the build with threads where the page is cross-origin isolated, else,
// or should it be missing or find no memory, the one without.
async function start(script) {
  await (await import(script)).default();
}

try {
  if (!globalThis.crossOriginIsolated) throw "not isolated";
  await start("./threads/worker.js");
} catch {
  await start("./worker.js");
}
