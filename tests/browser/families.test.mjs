// Architectures beside BERT and XLM-R, by name in the module, on the CPU and on WebGPU: their vectors are those of
// sentence-transformers.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { serveHub } from "./hub.mjs";
import { unpacked } from "./safetensors.mjs";
import { root } from "./server.mjs";

const { open } = await start({ gpu: true });

const checkpoints = join(root, "tests/reference/checkpoints");
const names = ["modern-bert", "modern-bert-cls", "distil-bert", "mpnet", "qwen3", "gemma", "static", "model2vec-folded"];
const filesOf = (name) => {
  const folder = join(checkpoints, name);
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path)]));
};
const hub = await serveHub(Object.fromEntries(names.map((name) => [`owner/${name}`, { files: filesOf(name) }])));
after(() => hub.close());

/** Every fourth text of a checkpoint's reference, as the software adapter is slow, and its vectors. */
function reference(name) {
  const { header, data } = unpacked(readFileSync(join(checkpoints, `${name}.safetensors`)));
  const bytes = (array) => Uint8Array.from(data.subarray(...header[array].data_offsets)).buffer;
  const all = JSON.parse(readFileSync(join(root, "tests/reference/texts.json")));
  const indices = [...new Int32Array(bytes("texts"))];
  const vectors = new Float32Array(bytes("passage"));
  const width = vectors.length / indices.length;
  const some = indices.map((_, i) => i).filter((i) => i % 4 === 0);
  return { texts: some.map((i) => all[indices[i]]), vectors: some.flatMap((i) => [...vectors.subarray(i * width, (i + 1) * width)]) };
}

for (const name of names) {
  for (const device of ["cpu", "webgpu"]) {
    test(`${name} on ${device}`, { timeout: patience }, async () => {
      const { page } = await open("blank.html");
      const { texts, vectors } = reference(name);
      const got = await page.evaluate(async ({ name, device, origin, texts }) => {
        const module = await import("/worker.js");
        await module.default();
        const options = { hub: origin, quantization: name === "model2vec-folded" ? "f32" : "f16", device, precision: "exact" };
        await module.load(`owner/${name}`, options);
        const rows = await module.encode(texts, { kind: "passage", onCut() {} });
        return { device: module.device(), rows: rows.map((row) => [...row]).flat() };
      }, { name, device, origin: hub.origin, texts });
      assert.equal(got.device.kind, device, got.device.notes.join("; "));
      assert.equal(got.rows.length, vectors.length);
      const worst = got.rows.reduce((most, x, i) => Math.max(most, Math.abs(x - vectors[i])), 0);
      assert.ok(worst < 1e-5, `largest difference ${worst}`);
      await page.close();
    });
  }
}

test("a dimension is kept, stored with the model that it is of, and refused where there is none such", { timeout: patience }, async () => {
  const { page } = await open("blank.html");
  const { texts, vectors } = reference("modern-bert");
  const kept = 24;
  const got = await page.evaluate(async ({ origin, texts, kept }) => {
    const module = await import("/worker.js");
    await module.default();
    const load = (dimension) => module.load("owner/modern-bert", { hub: origin, quantization: "f16", device: "cpu", precision: "exact", dimension });
    const encode = async () => (await module.encode(texts, { kind: "passage", onCut() {} })).map((row) => [...row]);
    const whole = await load();
    const cut = await load(kept);
    const rows = await encode();
    await module.index(texts.filter((text) => text.trim()), { onCut() {} });
    const problems = [];
    for (const wrong of [0, whole.dimension + 1]) await load(wrong).catch((e) => problems.push(e.message));
    const still = (await encode())[0].length;
    const again = await load();
    const hits = await module.search(texts.find((text) => text.trim()), { top: 1 });
    return { whole, cut, again, rows, problems, still, hits };
  }, { origin: hub.origin, texts, kept });
  assert.deepEqual([got.whole.dimension, got.cut.dimension, got.again.dimension, got.still], [64, kept, 64, kept]);
  assert.ok(got.cut.from_cache && got.cut.name === "owner/modern-bert, 24 dimensions" && got.cut.hash !== got.whole.hash, JSON.stringify(got.cut));
  got.rows.forEach((row, i) => {
    const first = vectors.slice(i * 64, i * 64 + kept);
    const length = Math.hypot(...first);
    const worst = row.reduce((most, x, k) => Math.max(most, Math.abs(x - first[k] / length)), 0);
    assert.ok(row.length === kept && worst < 1e-5, `text ${i}: largest difference ${worst}`);
  });
  assert.equal(got.problems.length, 2);
  for (const problem of got.problems) assert.match(problem, /choose a number from 1 to 64/);
  // The passages were encoded again with all dimensions.
  assert.ok(got.hits[0].score > 0.999, JSON.stringify(got.hits));
  await page.close();
});
