// Loads a model by its name from a hub, in this page's module and in transformers.js: seconds until the first vector
// beyond what the transfer takes, and peak memory of the browser. One Chromium after the other, each with a clean
// profile, taking turns.
//
//   scripts/serve --build-only
//   npm ci --prefix benches/browser
//   python3 benches/browser/export.py MODEL_FOLDER ONNX_FOLDER
//   node benches/browser/load.mjs MODEL_FOLDER ONNX_FOLDER [--runs 3] [--quantization q8] [--only interlingua|transformers.js]
//                                 [--output FILE.json]
//
// MODEL_FOLDER is a sentence-transformers folder with mean pooling and vectors of length 1, such as that of
// multilingual-e5-small; ONNX_FOLDER its export, of which transformers.js' `dtype: "q8"` reads
// onnx/model_quantized.onnx. Both are on an imitated hub (tests/browser/hub.mjs) on this machine, whose large files
// are at another origin. Both engines keep what they have loaded in the browser's cache, as they do by default: ours a
// packed bundle, transformers.js the files.
//
// "transfer" is how long a page takes to fetch the same files and forget them, "beyond" how much later the first
// vector is there, from navigation on, the program's own download included. "page" is the most that the page's process
// ever held (VmHWM); "browser" the largest sum over all of its processes, memory that they share divided among them
// (PSS), sampled every 20 ms.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { createServer } from "node:http";
import { chromium } from "playwright-core";
import { serveHub } from "../../tests/browser/hub.mjs";
import { serve, root } from "../../tests/browser/server.mjs";

const option = (name, otherwise) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise);
const [source, onnx] = process.argv.slice(2);
if (!onnx || onnx.startsWith("--")) throw new Error("usage: load.mjs MODEL_FOLDER ONNX_FOLDER [options]");
const runs = Number(option("--runs", 3));
const quantization = option("--quantization", "q8");

/** The files of a folder by their paths there. */
const files = (folder, wanted = () => true) =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true })
      .filter((path) => wanted(path) && statSync(join(folder, path)).isFile())
      .map((path) => [path, readFileSync(join(folder, path))]),
  );
const hub = await serveHub({
  "owner/source": { files: files(source) },
  "owner/onnx": { files: files(onnx, (path) => !path.startsWith("onnx/") || path === "onnx/model_quantized.onnx") },
});
const page = await serve();

// transformers.js and its runtime.
const modules = join(root, "benches/browser/node_modules");
const folders = { transformers: join(modules, "@huggingface/transformers/dist"), ort: join(modules, "onnxruntime-web/dist") };
const theirs = createServer((request, response) => {
  const [, folder, name] = new URL(request.url, "http://localhost").pathname.split("/");
  if (!name) return response.writeHead(200, { "content-type": "text/html" }).end('<!doctype html><link rel="icon" href="data:,">');
  const type = name.endsWith(".wasm") ? "application/wasm" : "text/javascript";
  response.writeHead(200, { "content-type": type }).end(readFileSync(join(folders[folder], name)));
});
await new Promise((done) => theirs.listen(0, "127.0.0.1", done));

const sentence = "query: how many loaves does an oven bake?";
const engines = {
  interlingua: {
    address: `${page.origin}/blank.html`,
    async begin({ origin, sentence, quantization }) {
      const module = await import("/worker.js");
      await module.default();
      await module.load("owner/source", { hub: origin, quantization, device: "cpu", precision: "fast" });
      // Its prompt is in the model's files.
      const [vector] = await module.encode([sentence.slice("query: ".length)], { kind: "query" });
      return { vector: [...vector], first: performance.now() };
    },
  },
  "transformers.js": {
    address: `http://127.0.0.1:${theirs.address().port}/`,
    async begin({ origin, sentence }) {
      const { env, pipeline } = await import("/transformers/transformers.min.js");
      env.allowLocalModels = false;
      env.remoteHost = origin;
      env.backends.onnx.wasm.wasmPaths = "/ort/";
      const extractor = await pipeline("feature-extraction", "owner/onnx", { device: "wasm", dtype: "q8" });
      const [vector] = (await extractor([sentence], { pooling: "mean", normalize: true })).tolist();
      return { vector, first: performance.now() };
    },
  },
};

/** Runs in a page: fetches files and forgets them; milliseconds. */
async function transfer(urls) {
  const start = performance.now();
  for (const url of urls) {
    const reader = (await fetch(url)).body.getReader();
    while (!(await reader.read()).done);
  }
  return performance.now() - start;
}

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((p) => p && statSync(p, { throwIfNoEntry: false }));
const flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-quic", "--disable-gpu"];
const read = (path) => {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // The process has ended.
  }
};
const MB = (text, field) => Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)?.[1] ?? 0) / 1e3;

/** One engine in a browser of its own. */
async function measure(name) {
  const { address, begin } = engines[name];
  const browser = await chromium.launch({ executablePath, args: flags });
  try {
    const system = await browser.newBrowserCDPSession();
    const processes = async () => (await system.send("SystemInfo.getProcessInfo")).processInfo;
    const page = await (await browser.newContext()).newPage();
    page.setDefaultTimeout(0);
    page.on("pageerror", (error) => console.error(`${name}: ${error.message}`));
    await page.goto(address);
    hub.requests.length = 0;
    const [before, all] = [await processes(), new Map()];
    before.forEach(({ id, type }) => all.set(id, type));
    let most = 0;
    const sample = () => {
      const sum = [...all.keys()].reduce((sum, id) => sum + MB(read(`/proc/${id}/smaps_rollup`), "Pss"), 0);
      most = Math.max(most, sum);
    };
    const sampling = setInterval(sample, 20);
    const finding = setInterval(async () => (await processes().catch(() => [])).forEach(({ id, type }) => all.set(id, type)), 200);
    const start = await page.evaluate(() => performance.now());
    const { vector, first } = await page.evaluate(begin, { origin: hub.origin, sentence, quantization });
    sample();
    clearInterval(sampling);
    clearInterval(finding);
    const peak = Math.max(...[...all].filter(([, type]) => type === "renderer").map(([id]) => MB(read(`/proc/${id}/status`), "VmHWM")));
    // What it fetched, fetched again without a cache: whole files, each once.
    const paths = new Set(hub.requests.filter(({ origin, method }) => origin === "hub" && method === "GET").map(({ path }) => path));
    const fresh = await (await browser.newContext()).newPage();
    fresh.setDefaultTimeout(0);
    await fresh.goto(address);
    const bare = await fresh.evaluate(transfer, [...paths].map((path) => `${hub.origin}${path}`));
    return { total: (first - start) / 1e3, transfer: bare / 1e3, beyond: (first - start - bare) / 1e3, page: peak, browser: most, vector, version: browser.version() };
  } finally {
    await browser.close();
  }
}

const results = Object.fromEntries(Object.keys(engines).filter((name) => name === option("--only", name)).map((name) => [name, []]));
for (let run = 0; run < runs; run++) {
  for (const name of Object.keys(results)) {
    const result = await measure(name);
    results[name].push(result);
    const { total, transfer, beyond, page, browser } = result;
    console.error(`${name}: ${total.toFixed(2)} s, of which transfer ${transfer.toFixed(2)}, beyond ${beyond.toFixed(2)}; page ${page.toFixed(0)} MB, browser ${browser.toFixed(0)} MB`);
  }
}
await Promise.all([hub.close(), page.close(), new Promise((done) => (theirs.closeAllConnections(), theirs.close(done)))]);

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const medians = Object.fromEntries(
  Object.entries(results).map(([name, all]) => [name, Object.fromEntries(["total", "transfer", "beyond", "page", "browser"].map((field) => [field, median(all.map((one) => one[field]))]))]),
);
const vectors = Object.values(results).map(([{ vector }]) => vector);
const cosine = vectors.length === 2 ? vectors[0].reduce((sum, x, i) => sum + x * vectors[1][i], 0) : undefined;
const [{ version }] = Object.values(results)[0];
console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0].model}, load ${loadavg()[0].toFixed(1)}, Chromium ${version}, ${quantization}; medians of ${runs} (ratio to transformers.js)`);
const columns = [["total", "s to first vector", 2], ["transfer", "s transfer", 2], ["beyond", "s beyond", 2], ["page", "page, peak MB", 0], ["browser", "browser, peak MB", 0]];
console.log(`${" ".repeat(16)}${columns.map(([, title]) => title.padStart(22)).join("")}`);
for (const [name, one] of Object.entries(medians)) {
  const cell = ([field, , digits]) => {
    const rival = medians["transformers.js"]?.[field];
    return `${one[field].toFixed(digits)}${rival && field !== "transfer" ? ` (${(one[field] / rival).toFixed(2)})` : ""}`.padStart(22);
  };
  console.log(`${name.padEnd(16)}${columns.map(cell).join("")}`);
}
if (cosine !== undefined) console.log(`Their vectors of one text have a cosine of ${cosine.toFixed(4)}.`);
const output = option("--output");
if (output) writeFileSync(output, `${JSON.stringify({ date: new Date().toISOString(), cpu: cpus()[0].model, quantization, medians, results }, null, 1)}\n`);
