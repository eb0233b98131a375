// Encodes a whole corpus in a browser and shows whether its speed is steady and what the way around the encoder costs.
//
//   scripts/serve --build-only && node benches/corpus.mjs FOLDER [--passages 13014] [--device cpu]
//
// FOLDER has XQuAD-R's <lang>.json; passages are its sentences, as they are in evaluation. First `index` encodes them
// all, and the speed over each tenth is printed (texts of like length go together, the longest first, in parts of
// 8,192: so it is counted in tokens). Then every 50th is encoded again in calls of 8 texts of like length, and the
// tokens a second of both are compared. Needs tests/browser's node_modules (npm ci --prefix tests/browser).
import { readFileSync, readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { launch, open } from "../tests/browser/chromium.mjs";
import { serve } from "../tests/browser/server.mjs";

const option = (name, otherwise) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise);
const folder = process.argv[2];
const device = option("--device", "cpu");
const sentences = readdirSync(folder)
  .filter((name) => /^[a-z]{2}\.json$/.test(name))
  .flatMap((name) => {
    const { data } = JSON.parse(readFileSync(join(folder, name), "utf8"));
    return data.flatMap(({ paragraphs }) => paragraphs.flatMap(({ sentences }) => sentences.map((text) => ({ text, lang: name.slice(0, 2) }))));
  });
// Every language has its part of fewer passages.
const count = Math.min(Number(option("--passages", 13014)), sentences.length);
const passages = Array.from({ length: count }, (_, i) => sentences[Math.floor((i * sentences.length) / count)]);

const server = await serve();
const browser = await launch({ gpu: device === "webgpu" });
const { page } = await open("blank.html", { browser, server });
const result = await page.evaluate(
  async ([passages, device]) => {
    const module = await import("/worker.js");
    await module.default();
    await module.load("/model/", { device });
    const told = [];
    const start = performance.now();
    await module.index(passages, { onProgress: ({ stage, done }) => stage === "encode" && told.push([performance.now() - start, done]) });
    const whole = performance.now() - start;
    const some = passages.filter((_, i) => i % 50 === 0).sort((a, b) => a.text.length - b.text.length);
    let alone = 0;
    for (let i = 0; i < some.length; i += 8) {
      const begun = performance.now();
      await module.encode(some.slice(i, i + 8).map(({ text }) => text), { kind: "passage" });
      alone += performance.now() - begun;
    }
    return { told, whole, alone: (alone / some.length) * passages.length, precision: module.device().precision };
  },
  [passages, device],
);
const version = browser.version();
await browser.close();
server.close();

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus()[0].model}, Chromium ${version}, ${device}, ${result.precision}`);
console.log(`${count} passages: ${(result.whole / 1e3).toFixed(1)} s, ${((count / result.whole) * 1e3).toFixed(1)} a second`);
// Progress is a share of the tokens, so equal shares are equal work.
const at = (share) => result.told.find(([, done]) => done >= share * count)?.[0] ?? result.whole;
const tenths = Array.from({ length: 10 }, (_, i) => (count / 10 / (at((i + 1) / 10) - at(i / 10))) * 1e3);
console.log(`passages a second by tenths of the work: ${tenths.map((t) => t.toFixed(1)).join(" ")}`);
console.log(`by calls of 8 alone: ${(result.alone / 1e3).toFixed(1)} s for as many; the whole takes ${(result.whole / result.alone).toFixed(3)} of that`);
