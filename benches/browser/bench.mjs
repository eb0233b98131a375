// Times the page's encoder beside transformers.js: one headless Chromium, one run, the same weights.
//
//   scripts/serve --build-only
//   npm install --prefix benches/browser
//   python3 benches/browser/export.py "$(scripts/fetch-minilm)" out/onnx/minilm
//   target/release/interlingua import "$(scripts/fetch-minilm)" --output out/minilm-q8 --quantize q8   (and f32)
//   node benches/browser/bench.mjs [--repeats 7] [--webgpu] [--output FILE.json]
//
// Every call tokenizes, encodes, and reads vectors back; two calls of each cell are not counted. Medians in
// milliseconds, and their ratio to transformers.js in the same cell. `--webgpu` adds WebGPU, on Chromium's
// software adapter: only its ratios mean anything.
import { createServer } from "node:http";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../../", import.meta.url));
const option = (name, otherwise) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : process.argv[at + 1];
};
const repeats = Number(option("--repeats", 7));
const webgpu = process.argv.includes("--webgpu");
const isolated = process.argv.includes("--isolated");
const folders = {
  "/dist/": join(root, "dist"),
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
  const bytes = readFileSync(file);
  served += bytes.length;
  response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream", ...isolation });
  response.end(bytes);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const origin = `http://127.0.0.1:${server.address().port}`;

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => p && existsSync(p));
const flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic"];
const gpu = webgpu ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"] : [];
const browser = await chromium.launch({ executablePath, args: [...flags, ...gpu] });

// Texts of an exact number of tokens for all-MiniLM-L6-v2: [CLS], words of one piece each, [SEP].
const cells = [[1, 8], [8, 8], [8, 114], [32, 32], [1, 256]];
const text = (tokens, seed) => {
  const words = ["the", "river", "house", "music", "winter", "paper", "market", "bridge", "garden", "stone"];
  return Array.from({ length: tokens - 2 }, (_, i) => words[(i * 7 + seed * 3) % words.length]).join(" ");
};
const batches = cells.map(([batch, tokens]) => Array.from({ length: batch }, (_, i) => text(tokens, i)));

/** Runs in the page. */
async function measure({ kind, batches, repeats }) {
  let encode;
  if (kind.engine === "transformers.js") {
    const { env, pipeline } = await import("/transformers/transformers.min.js");
    env.allowRemoteModels = false;
    env.allowLocalModels = true;
    env.localModelPath = "/onnx/";
    env.backends.onnx.wasm.wasmPaths = "/ort/";
    const extractor = await pipeline("feature-extraction", "minilm", { device: kind.device, dtype: kind.dtype });
    encode = async (texts) => {
      const out = await extractor(texts, { pooling: "mean", normalize: true });
      return out.tolist();
    };
  } else {
    const module = await import("/dist/worker.js");
    await module.default();
    await module.load(`/bundles/${kind.bundle}/`, { device: kind.device, precision: kind.precision });
    if (module.device().kind !== kind.device) throw new Error(module.device().notes.join(" "));
    encode = async (texts) => (await module.encode(texts, { kind: "passage" })).map((row) => [...row]);
  }
  const rows = [];
  for (const texts of batches) {
    const times = [];
    let vectors;
    for (let i = 0; i < repeats + 2; i += 1) {
      const start = performance.now();
      vectors = await encode(texts);
      if (i >= 2) times.push(performance.now() - start);
    }
    rows.push({ times, vectors });
  }
  return rows;
}

const kinds = [
  { engine: "transformers.js", device: "wasm", dtype: "fp32" },
  { engine: "transformers.js", device: "wasm", dtype: "q8" },
  { engine: "interlingua", device: "cpu", dtype: "f32", bundle: "minilm-f32" },
  { engine: "interlingua", device: "cpu", dtype: "q8", precision: "exact", bundle: "minilm-q8" },
  { engine: "interlingua", device: "cpu", dtype: "q8", precision: "fast", bundle: "minilm-q8" },
  ...(webgpu
    ? [
        { engine: "transformers.js", device: "webgpu", dtype: "fp32" },
        { engine: "interlingua", device: "webgpu", dtype: "f32", bundle: "minilm-f32" },
        { engine: "interlingua", device: "webgpu", dtype: "q8", bundle: "minilm-q8" },
      ]
    : []),
];
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const cosine = (a, b) => {
  const dot = (x, y) => x.reduce((sum, v, i) => sum + v * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};
const results = [];
let reference;
for (const kind of kinds) {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  page.on("pageerror", (error) => console.error(error.message));
  await page.goto(origin);
  served = 0;
  const rows = await page.evaluate(measure, { kind, batches, repeats });
  reference ??= rows.map((row) => row.vectors);
  results.push({
    ...kind,
    bytes: served,
    medians: rows.map((row) => median(row.times)),
    cosine: Math.min(...rows.flatMap((row, c) => row.vectors.map((v, i) => cosine(v, reference[c][i])))),
  });
  await page.close();
}
const version = browser.version();
await browser.close();
server.close();

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0].model}, Chromium ${version}, medians of ${repeats}${isolated ? ", cross-origin isolated" : ""}`);
const head = cells.map(([batch, tokens]) => `${batch} × ${tokens}`.padStart(18)).join("");
console.log(`${"ms (ratio to transformers.js)".padEnd(34)}${head}${"least cosine".padStart(14)}${"MB".padStart(8)}`);
for (const r of results) {
  const rival = results.find((o) => o.engine === "transformers.js" && (o.device === "webgpu") === (r.device === "webgpu") && (r.device === "webgpu" || (o.dtype === "q8") === (r.dtype === "q8")));
  const times = r.medians.map((ms, i) => `${ms.toFixed(ms < 100 ? 1 : 0)} (${(ms / rival.medians[i]).toFixed(2)})`.padStart(18)).join("");
  console.log(`${`${r.engine}, ${r.device} ${r.dtype}${r.precision ? `, ${r.precision}` : ""}`.padEnd(34)}${times}${r.cosine.toFixed(5).padStart(14)}${(r.bytes / 1e6).toFixed(1).padStart(8)}`);
}
const output = option("--output");
if (output) writeFileSync(output, `${JSON.stringify({ date: new Date().toISOString(), cpu: cpus()[0].model, cores: cpus().length, chromium: version, repeats, isolated, cells, results }, null, 1)}\n`);
