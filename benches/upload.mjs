// Milliseconds from the last byte of a model's weights until it runs on WebGPU, of a download of six seconds. Not a
// test: it fails on nothing.
//
//   scripts/serve --build-only && node benches/upload.mjs [ROUNDS]
//
// Needs tests/browser's node_modules (npm ci --prefix tests/browser).
import { cpus } from "node:os";
import { launch, open } from "../tests/browser/chromium.mjs";
import { weightsOf } from "../tests/browser/safetensors.mjs";
import { serve } from "../tests/browser/server.mjs";

const rounds = Number(process.argv[2] ?? 5);
const server = await serve();
const browser = await launch({ gpu: true });
const waits = [];
for (let i = 0; i < rounds; i++) {
  let last;
  const until = new Promise((done) => setTimeout(() => done((last = Date.now())), 6000));
  server.slow.set(`/${weightsOf("model")}`, { pieces: 24, until });
  const { page, context } = await open("blank.html", { browser, server });
  const [ready, device] = await page.evaluate(async () => {
    const module = await import("/worker.js");
    await module.default();
    await module.load("/model/", { device: "webgpu" });
    return [Date.now(), module.device()];
  });
  if (device.kind !== "webgpu") throw new Error(device.notes.join(" "));
  waits.push(ready - last);
  await context.close();
}
await browser.close();
await server.close();
waits.sort((a, b) => a - b);
console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0].model}`);
console.log(`median ${waits[waits.length >> 1]} ms of ${waits.join(", ")}`);
