// Prints what the page weighs and how long a visitor waits. Not a test: it fails on nothing.
//
//   scripts/serve --build-only && node benches/page.mjs
//
// Needs tests/browser's node_modules (npm install --prefix tests/browser).
import { readdirSync, readFileSync, statSync } from "node:fs";
import { cpus } from "node:os";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { launch, open } from "../tests/browser/chromium.mjs";
import { records } from "../tests/browser/corpus.mjs";
import { root, serve } from "../tests/browser/server.mjs";

const dist = join(root, "dist");
const files = (folder) =>
  readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0].model}`);
let page = 0;
let model = 0;
const sizes = files(dist).map((path) => {
  const bytes = readFileSync(path);
  return { name: relative(dist, path), raw: bytes.length, packed: gzipSync(bytes, { level: 9 }).length };
});
for (const { name, raw, packed } of sizes.toSorted((a, b) => b.packed - a.packed)) {
  // Bundles to compare with come only when asked for.
  if (/^models\/.+\//.test(name)) continue;
  if (name.startsWith("model/")) model += raw;
  else page += packed;
  if (packed > 20_000) console.log(`${(packed / 1e3).toFixed(0).padStart(8)} kB gzipped  ${name}`);
}
console.log(`page without the model: ${(page / 1e6).toFixed(2)} MB gzipped; model: ${(model / 1e6).toFixed(1)} MB`);

const server = await serve();
const browser = await launch({ gpu: false });
const first = [];
for (let i = 0; i < 5; i += 1) {
  const context = await browser.newContext();
  const blank = await context.newPage();
  await blank.goto(`${server.origin}/example/none`).catch(() => {});
  const start = performance.now();
  const search = await open(browser, server, "?device=cpu", { context });
  await search.results.first().waitFor();
  first.push(performance.now() - start);
  await context.close();
}
console.log(`navigation to first results: median ${median(first).toFixed(0)} ms of ${first.map((t) => t.toFixed(0)).join(", ")}`);

const search = await open(browser, server, "?device=cpu");
const start = performance.now();
await search.ready();
console.log(`model ready ${(performance.now() - start).toFixed(0)} ms later (from this machine)`);
const times = [];
for (let i = 0; i < 24; i += 1) {
  const lang = ["en", "th", "el", "zh"][i % 4];
  await search.ask(records[i].question[lang]);
  const [, ms] = (await search.device.innerText()).match(/last query (\d+)\sms/) ?? [];
  if (i >= 4 && ms) times.push(Number(ms));
}
console.log(`a query on the CPU path (encode and rank 1,375 passages): median ${median(times)} ms, largest ${Math.max(...times)} ms of ${times.length}`);
await browser.close();
await server.close();
