// Prints what the page weighs and how long a visitor waits. Not a test: it fails on nothing.
//
//   scripts/serve --build-only && node benches/page.mjs
//
// Needs tests/browser's node_modules (npm ci --prefix tests/browser).
import { readdirSync, readFileSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { launch, open } from "../tests/browser/chromium.mjs";
import { records } from "../tests/browser/corpus.mjs";
import { root, serve } from "../tests/browser/server.mjs";
import { shifts, views, watchShifts } from "../tests/browser/steady.mjs";

const dist = join(root, "dist");
const files = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0].model}`);
// Gzip and Brotli at their best, as a server keeps files packed.
const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 } }).length;
const kB = (bytes) => `${(bytes / 1e3).toFixed(0)} kB`.padStart(9);
const whole = { gzip: 0, brotli: 0, model: 0 };
// What is there before the first screen shows: the page's own program. The worker and the sample follow.
let first = 0;
const sizes = [];
const all = files(dist);
const fused = all.includes(join(dist, "worker_fused_bg.wasm"));
for (const path of all) {
  const name = relative(dist, path);
  // Bundles to compare with, and their vectors, come only when asked for; of the worker's programs one does.
  if (/^(models\/.+\/|sample\/vectors-|threads\/)/.test(name) || (fused && name === "worker_bg.wasm")) continue;
  const bytes = readFileSync(path);
  if (name.startsWith("model/")) {
    whole.model += bytes.length;
    continue;
  }
  const size = { name, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli(bytes) };
  sizes.push(size);
  whole.gzip += size.gzip;
  whole.brotli += size.brotli;
  if (/^(index\.html|page|style)/.test(name)) first += size.brotli;
}
console.log("     gzip   Brotli");
for (const { name, gzip, brotli } of sizes.toSorted((a, b) => b.brotli - a.brotli)) {
  if (brotli > 20_000) console.log(`${kB(gzip)}${kB(brotli)}  ${name}`);
}
console.log(`${kB(whole.gzip)}${kB(whole.brotli)}  page without the model, of which ${kB(first).trim()} (Brotli) before the first screen`);
console.log(`model: ${(whole.model / 1e6).toFixed(1)} MB`);

const server = await serve();
const browser = await launch({ gpu: false });
const waits = [];
for (let i = 0; i < 5; i += 1) {
  const context = await browser.newContext();
  const blank = await context.newPage();
  await blank.goto(`${server.origin}/example/none`).catch(() => {});
  const start = performance.now();
  const search = await open("?device=cpu", { browser, server, context });
  await search.results.first().waitFor();
  waits.push(performance.now() - start);
  await context.close();
}
console.log(`navigation to first results: median ${median(waits).toFixed(0)} ms of ${waits.map((t) => t.toFixed(0)).join(", ")}`);

for (const [name, { address, rests }] of Object.entries(views)) {
  const sums = [];
  for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 844 }]) {
    const context = await browser.newContext({ viewport });
    await watchShifts(context);
    const search = await open(address, { browser, server, context });
    await rests(search);
    sums.push(`${(await shifts(search.page)).sum.toFixed(4)} at ${viewport.width} px`);
    await context.close();
  }
  console.log(`layout shift of ${name} while it loads: ${sums.join(", ")}`);
}

// A slow line, shared by all files, compressed and not. The longest time in which
// nothing on the screen changes is measured from the first paint on.
for (const compressed of [true, false]) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await context.addInitScript(() => {
    globalThis.changes = [];
    new MutationObserver(() => changes.push(performance.now())).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
  });
  Object.assign(server, { rate: 1.6e6 / 8, compressed });
  const begun = performance.now();
  const search = await open("?device=cpu", { browser, server, context });
  await search.results.first().waitFor();
  const waited = (performance.now() - begun) / 1000;
  const still = await search.page.evaluate(() => {
    const painted = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
    const times = [painted, ...changes.filter((time) => time > painted)];
    return Math.max(...times.slice(1).map((time, i) => time - times[i])) / 1000;
  });
  console.log(`at 1.6 Mbps, ${compressed ? "in fast Brotli (quality 1)" : "not compressed"}: first results after ${waited.toFixed(1)} s, the screen still for ${still.toFixed(1)} s at most`);
  await context.close();
}
Object.assign(server, { rate: Infinity, compressed: false });

const search = await open("?device=cpu", { browser, server });
const start = performance.now();
await search.ready();
console.log(`model ready ${(performance.now() - start).toFixed(0)} ms later (from this machine)`);
const times = [];
for (let i = 0; i < 24; i += 1) {
  const lang = ["en", "th", "el", "zh"][i % 4];
  await search.ask(records[i].question[lang]);
  const [, ms] = (await search.device.innerText()).match(/last search (\d+)\sms/) ?? [];
  if (i >= 4 && ms) times.push(Number(ms));
}
console.log(`a query on the CPU path (encode and rank 1,375 passages): median ${median(times)} ms, largest ${Math.max(...times)} ms of ${times.length}`);
await browser.close();
await server.close();
