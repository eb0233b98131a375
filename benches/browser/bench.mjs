// Times the page's encoder beside transformers.js: one headless Chromium, one run, the same weights.
//
//   scripts/serve --build-only
//   npm ci --prefix benches/browser
//   target/release/interlingua import "$(scripts/fetch-minilm)" --output out/minilm-q8 --quantize q8   (and f32, q4)
//   python3 benches/browser/export.py "$(scripts/fetch-minilm)" out/onnx/minilm
//   target/release/interlingua import static/model --output out/mini-q8 --quantize q8                  (and f32, q4)
//   python3 benches/browser/export.py out/mini-f32 out/onnx/mini
//   node benches/browser/bench.mjs [--model minilm|mini] [--webgpu] [--isolated] [--only WORD,WORD]
//                                  [--cells 1x8,8x114] [--repeats 7] [--seconds 30] [--output FILE.json]
//                                  [--before FOLDER]
//
// `--model` is all-MiniLM-L6-v2 (minilm, what is measured by default) or the page's default model (mini).
// Every call tokenizes, encodes, and reads vectors back. Engines take turns call by call, each in a page of its
// own, so that whatever else the machine does hits all of them. A cell ends after `--repeats` calls of each
// engine, or after `--seconds` of one engine and at least 3 calls; the first calls (two, or one that took longer
// than that) are not counted. Medians in milliseconds, and their ratio to the engine that each is measured by.
//
// `--webgpu` measures on WebGPU instead of the CPU, on Chromium's software adapter: only ratios mean anything.
// `--before` compares with an earlier build of the page, the `dist` of another checkout, instead of transformers.js.
// `--only` keeps the kinds whose name has one of the words. `--isolated` isolates the page from other origins,
// so that engines may use threads: ours is then the build with threads, and transformers.js is given as many.
// "first ms" is from navigation to the first vector, nothing cached; MB what was fetched until
// then; "peak MB" what the page's own process held at most. On WebGPU, weights are in the GPU's process, which all
// engines of a run share: its peak is told at the end, of one engine with `--only`.
import { createServer } from "node:http";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../../", import.meta.url));
const flag = (name) => process.argv.includes(name);
const option = (name, otherwise) => (flag(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise);
const repeats = Number(option("--repeats", 7));
const seconds = Number(option("--seconds", 30));
const isolated = flag("--isolated");
const model = option("--model", "minilm");
const cells = option("--cells", "1x8,8x8,8x114,32x32,1x512").split(",").map((cell) => cell.split("x").map(Number));
const before = option("--before", null);
const LEAST = 3;

const nameOf = ({ engine, device, precision, arithmetic }) => [engine, device, precision, arithmetic].join(" ").trim();
const kinds = [
  { engine: "transformers.js", device: "wasm", precision: "fp32" },
  { engine: "interlingua", device: "cpu", precision: "f32", by: "transformers.js wasm fp32" },
  { engine: "transformers.js", device: "wasm", precision: "q8" },
  { engine: "interlingua", device: "cpu", precision: "q8", arithmetic: "fast", by: "transformers.js wasm q8" },
  { engine: "interlingua", device: "cpu", precision: "q4", arithmetic: "fast", by: "transformers.js wasm q8" },
  { engine: "interlingua", device: "cpu", precision: "q8", arithmetic: "exact", by: "transformers.js wasm q8" },
  { engine: "transformers.js", device: "webgpu", precision: "fp32" },
  { engine: "interlingua", device: "webgpu", precision: "f32", by: "transformers.js webgpu fp32" },
  { engine: "interlingua", device: "webgpu", precision: "q8", by: "transformers.js webgpu fp32" },
  { engine: "interlingua", device: "webgpu", precision: "q4", by: "transformers.js webgpu fp32" },
]
  .flatMap((kind) => {
    if (!before) return [kind];
    return kind.engine === "interlingua" ? [{ ...kind, engine: "before", by: undefined }, { ...kind, by: nameOf({ ...kind, engine: "before" }) }] : [];
  })
  .map((kind) => ({ ...kind, name: nameOf(kind) }))
  .filter((kind) => (kind.device === "webgpu") === flag("--webgpu"))
  .filter((kind) => option("--only", "").split(",").some((word) => kind.name.includes(word)));

const folders = {
  "/interlingua/": join(root, "dist"),
  ...(before ? { "/before/": resolve(before) } : {}),
  "/bundles/": join(root, "out"),
  "/onnx/": join(root, "out/onnx"),
  "/transformers/": join(root, "benches/browser/node_modules/@huggingface/transformers/dist"),
  "/ort/": join(root, "benches/browser/node_modules/onnxruntime-web/dist"),
};
const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };
let served = 0;
const server = createServer((request, response) => {
  const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
  const isolation = isolated ? { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" } : {};
  if (path === "/") {
    response.writeHead(200, { "content-type": "text/html", ...isolation });
    return response.end('<!doctype html><link rel="icon" href="data:,"><title>bench</title>');
  }
  const [prefix, folder] = Object.entries(folders).find(([prefix]) => path.startsWith(prefix)) ?? [];
  const file = folder && join(folder, normalize(path.slice(prefix.length)));
  if (!file || !existsSync(file)) return response.writeHead(404).end();
  let bytes = readFileSync(file);
  // sentence-transformers cuts this model's texts at 256 tokens, transformers.js at the 512 that it has positions for.
  if (path.endsWith("/manifest.json")) bytes = Buffer.from(String(bytes).replace('"max_tokens": 256', '"max_tokens": 512'));
  served += bytes.length;
  response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream", ...isolation });
  response.end(bytes);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;

// Texts of an exact number of tokens: [CLS], words that are one piece for either model, [SEP].
const words = ["the", "river", "house", "music", "winter", "paper", "market", "bridge", "water", "stone"];
const text = (tokens, seed) => Array.from({ length: tokens - 2 }, (_, i) => words[(i * 7 + seed * 3) % words.length]).join(" ");
const batches = cells.map(([batch, tokens]) => Array.from({ length: batch }, (_, i) => text(tokens, i)));

/** Runs in the page: loads an engine and encodes one text; milliseconds since navigation. */
async function begin({ kind, model, texts }) {
  if (kind.engine === "transformers.js") {
    const { env, pipeline } = await import("/transformers/transformers.min.js");
    env.allowRemoteModels = false;
    env.allowLocalModels = true;
    env.localModelPath = "/onnx/";
    env.backends.onnx.wasm.wasmPaths = "/ort/";
    // By itself it takes half of the processors.
    if (crossOriginIsolated) env.backends.onnx.wasm.numThreads = navigator.hardwareConcurrency;
    const extractor = await pipeline("feature-extraction", model, { device: kind.device, dtype: kind.precision });
    globalThis.encode = async (texts) => (await extractor(texts, { pooling: "mean", normalize: true })).tolist();
    globalThis.tokens = (text) => extractor.tokenizer(text).input_ids.dims[1];
  } else {
    const module = await import(`/${kind.engine}/${crossOriginIsolated ? "threads/" : ""}worker.js`);
    await module.default();
    await module.load(`/bundles/${model}-${kind.precision}/`, { device: kind.device, precision: kind.arithmetic ?? "exact" });
    if (module.device().kind !== kind.device) throw new Error(module.device().notes.join(" "));
    globalThis.encode = async (texts) => (await module.encode(texts, { kind: "passage" })).map((row) => [...row]);
  }
  await encode(texts.slice(0, 1));
  const first = performance.now();
  for (const text of globalThis.tokens ? texts : []) {
    const [counted, expected] = [tokens(text), text.split(" ").length + 2];
    if (counted !== expected) throw new Error(`a text of ${expected} tokens has ${counted} for ${model}`);
  }
  return first;
}

/** Runs in the page: one call. */
async function call(texts) {
  const start = performance.now();
  const vectors = await encode(texts);
  return { ms: performance.now() - start, vectors };
}

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => p && existsSync(p));
const flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"];
const gpu = flag("--webgpu") ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"] : [];
const browser = await chromium.launch({ executablePath, args: [...flags, ...gpu] });
const system = await browser.newBrowserCDPSession();
const processes = async (type) => (await system.send("SystemInfo.getProcessInfo")).processInfo.filter((p) => p.type === type);
const renderers = () => processes("renderer");
const peak = (id) => {
  const status = `/proc/${id}/status`;
  return existsSync(status) ? Number(/VmHWM:\s+(\d+)/.exec(readFileSync(status, "utf8"))?.[1]) / 1e3 : NaN;
};

const engines = [];
for (const kind of kinds) {
  // A context of its own is a cache and a process of its own.
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(0);
  page.on("pageerror", (error) => console.error(`${kind.name}: ${error.message}`));
  const earlier = new Map((await renderers()).map((p) => [p.id, p.cpuTime]));
  served = 0;
  await page.goto(origin);
  const first = await page.evaluate(begin, { kind, model, texts: [text(8, 0), ...batches.flat()] });
  const bytes = served;
  const worked = (p) => p.cpuTime - (earlier.get(p.id) ?? 0);
  const process = (await renderers()).reduce((a, b) => (worked(b) > worked(a) ? b : a));
  engines.push({ kind, page, first, bytes, process: process.id, times: [], cosine: 1 });
}

/** A call, after a while in which threads of the engine before, which look out for more work, have gone to sleep. */
const timed = async (engine, texts) => {
  if (isolated) await new Promise((done) => setTimeout(done, 200));
  return engine.page.evaluate(call, texts);
};
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const cosine = (a, b) => {
  const dot = (x, y) => x.reduce((sum, v, i) => sum + v * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
for (const texts of batches) {
  let reference;
  for (const engine of engines) {
    const { ms, vectors } = await timed(engine, texts);
    if (ms < 1000 * seconds) await timed(engine, texts);
    reference ??= vectors;
    engine.cosine = Math.min(engine.cosine, ...vectors.map((v, i) => cosine(v, reference[i])));
    engine.times.push([]);
  }
  const enough = (times) => times.length >= repeats || (times.length >= LEAST && times.reduce((a, b) => a + b, 0) > 1000 * seconds);
  while (!engines.every(({ times }) => enough(times.at(-1)))) {
    for (const engine of engines.filter(({ times }) => !enough(times.at(-1)))) engine.times.at(-1).push((await timed(engine, texts)).ms);
  }
  for (const { kind, times } of engines) console.error(`${texts.length} × ${texts[0].split(" ").length + 2}, ${kind.name}: ${times.at(-1).map((ms) => ms.toFixed(1)).join(" ")}`);
}
const results = engines.map(({ kind, process, times, ...rest }) => ({
  ...kind,
  ...rest,
  page: undefined,
  peak: peak(process),
  times,
  medians: times.map(median),
}));
const gpuPeak = Math.max(...(await processes("GPU")).map((p) => peak(p.id)));
const version = browser.version();
await browser.close();
server.close();

const load = loadavg()[0].toFixed(1);
console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0].model}, load ${load}, ${model}, Chromium ${version}${isolated ? ", cross-origin isolated" : ""}; median ms (ratio) calls`);
const column = (text) => String(text).padStart(20);
const last = ["least cosine", "first ms", "MB", "peak MB"].map((title) => title.padStart(13)).join("");
console.log(`${" ".repeat(29)}${cells.map(([batch, tokens]) => column(`${batch} × ${tokens}`)).join("")}${last}`);
for (const r of results) {
  const rival = results.find((other) => other.name === (r.by ?? r.name));
  const cell = (ms, i) => {
    const ratio = rival ? ` (${(ms / rival.medians[i]).toFixed(2)})` : "";
    return column(`${ms.toFixed(ms < 100 ? 1 : 0)}${ratio} ${r.times[i].length}`);
  };
  const rest = [r.cosine.toFixed(5), r.first.toFixed(0), (r.bytes / 1e6).toFixed(1), r.peak.toFixed(0)];
  console.log(`${r.name.padEnd(29)}${r.medians.map(cell).join("")}${rest.map((text) => text.padStart(13)).join("")}`);
}
if (flag("--webgpu")) console.log(`The GPU's process, which serves all of them, held ${gpuPeak.toFixed(0)} MB at most.`);
const output = option("--output");
if (output) writeFileSync(output, `${JSON.stringify({ date: new Date().toISOString(), model, cpu: cpus()[0].model, cores: cpus().length, load, chromium: version, isolated, gpuPeak, cells, results }, null, 1)}\n`);
