// The ES module gives the vectors of the native program, on both devices.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { launch, patience, start } from "./chromium.mjs";
import { records } from "./corpus.mjs";
import { packedFile } from "./packed.mjs";
import { root } from "./server.mjs";

const program = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/interlingua");
const languages = Object.keys(records[0].passage);
const texts = languages.map((lang, i) => records[i * 7].passage[lang]).concat(["Ja.", "Why?", "水"]);

const { server, open } = await start();
/** The vectors as the terminal makes them. */
const native = (() => {
  const folder = mkdtempSync(join(tmpdir(), "interlingua-"));
  const [input, output] = [join(folder, "in.txt"), join(folder, "out.npy")];
  writeFileSync(input, texts.join("\n"));
  execFileSync(program, ["encode", "--model", join(root, "static/model"), "--input", input, "--kind", "passage", "--output", output, "--device", "cpu"]);
  const bytes = readFileSync(output);
  const start = 10 + bytes.readUInt16LE(8);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
})();

for (const device of ["cpu", "webgpu"]) {
  test(`vectors on ${device} equal the native ones within 1e-4`, { timeout: 2 * patience }, async (t) => {
    const browser = await launch({ gpu: device === "webgpu" });
    const { page, complaints } = await open("blank.html", { browser });
    const result = await page.evaluate(
      async ([texts, device]) => {
        const module = await import("/worker.js");
        await module.default();
        const model = await module.load("/model/", { device, precision: "exact" });
        const vectors = await module.encode(texts, { kind: "passage" });
        return { model, report: module.device(), vectors: vectors.map((v) => [...v]) };
      },
      [texts, device],
    );
    assert.equal(result.report.kind, device, JSON.stringify(result.report.notes));
    const page_ = result.vectors.flat();
    assert.equal(page_.length, native.length);
    const worst = page_.reduce((most, value, i) => Math.max(most, Math.abs(value - native[i])), 0);
    t.diagnostic(`${device} (${result.report.adapter}): largest difference ${worst.toExponential(2)}`);
    assert.ok(worst < 1e-4, `largest difference ${worst}`);
    assert.deepEqual(complaints, []);
    await browser.close();
  });
}

test("vectors made natively are searched by words", { timeout: patience }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "interlingua-"));
  const [input, output] = [join(folder, "in.txt"), join(folder, "out.safetensors")];
  writeFileSync(input, texts.join("\n"));
  execFileSync(program, ["encode", "--model", join(root, "static/model"), "--input", input, "--kind", "passage", "--output", output, "--device", "cpu"]);
  const { page, context } = await open("blank.html");
  const result = await page.evaluate(
    async ([file, query]) => {
      const module = await import("/worker.js");
      await module.default();
      const early = await module.nearest(query).catch((error) => error.message);
      const count = module.openVectors(new Uint8Array(file));
      const without = await module.nearest(query).catch((error) => error.message);
      await module.load("/model/", { device: "cpu" });
      const found = await module.nearest(query, { top: 3 });
      const wrong = await module.nearest(new Float32Array(5)).catch((error) => error.message);
      const [vector] = await module.encode([query]);
      return { early, count, without, found, wrong, byVector: await module.nearest(vector, { top: 3 }) };
    },
    [[...readFileSync(output)], texts[0]],
  );
  assert.match(result.early, /openVectors/);
  assert.match(result.without, /No model is loaded/);
  assert.match(result.wrong, /384/);
  assert.equal(result.count, texts.length);
  // The text itself is nearest to itself, but for the prompts of question and passage, and the rounding.
  assert.equal(result.found[0].index, 0);
  assert.ok(result.found[0].score > result.found[1].score && result.found[0].score < 1.005, `${result.found[0].score}`);
  assert.deepEqual(result.byVector, result.found);
  await context.close();
});

// 37 numbers: some are left over beside whole registers. The products are computed in plain JavaScript too.
test("the nearest of packed vectors are what a plain sum finds", { timeout: patience }, async () => {
  const { page, context } = await open("blank.html");
  const [n, d] = [3001, 37];
  let state = 1;
  const noise = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31) - 1;
  const values = Int8Array.from({ length: n * d }, () => Math.round(127 * noise()));
  const query = Float32Array.from({ length: d }, noise);
  const expected = Array.from({ length: n }, (_, i) => {
    const row = values.subarray(i * d, (i + 1) * d);
    const dot = row.reduce((sum, x, j) => sum + x * query[j], 0);
    return { index: i, score: dot / Math.hypot(...row) };
  })
    .sort((a, b) => b.score - a.score)
    .slice(0, 100);
  server.faults.set("/vectors.safetensors", () => packedFile(values, n, d));
  const found = await page.evaluate(async (query) => {
    const module = await import("/worker.js");
    await module.default();
    module.openVectors(new Uint8Array(await (await fetch("/vectors.safetensors")).arrayBuffer()));
    return module.nearest(new Float32Array(query), { top: 100 });
  }, [...query]);
  server.faults.clear();
  assert.equal(found.length, 100);
  found.forEach(({ index, score }, rank) => {
    assert.ok(Math.abs(score - expected[rank].score) < 2e-4, `rank ${rank}: ${score}`);
    assert.ok(expected.some((e) => e.index === index && Math.abs(e.score - score) < 2e-4) || rank > 95, `rank ${rank}`);
  });
  await context.close();
});

test("fast vectors are near the exact ones, and the report says that they are fast", { timeout: 2 * patience }, async (t) => {
  const { page, context, complaints } = await open("blank.html");
  const { report, vectors } = await page.evaluate(async (texts) => {
    const module = await import("/worker.js");
    await module.default();
    await module.load("/model/", { device: "cpu", precision: "fast" });
    const vectors = await module.encode(texts, { kind: "passage" });
    return { report: module.device(), vectors: vectors.map((v) => [...v]) };
  }, texts);
  assert.match(report.precision, /^integers \(fast\)/);
  assert.ok(report.self_test_difference > 1e-5 && report.self_test_difference <= report.self_test_tolerance, JSON.stringify(report));
  const width = vectors[0].length;
  const cosines = vectors.map((row, i) => row.reduce((sum, x, k) => sum + x * native[i * width + k], 0));
  t.diagnostic(`least cosine ${Math.min(...cosines).toFixed(6)}`);
  assert.ok(Math.min(...cosines) > 0.9995, `${cosines}`);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the module says in an Error what is wrong", async () => {
  const { page, context } = await open("blank.html");
  const message = await page.evaluate(async () => {
    const module = await import("/worker.js");
    await module.default();
    try {
      await module.load("/nothing/");
    } catch (error) {
      return error instanceof Error ? error.message : `not an Error: ${error}`;
    }
  });
  assert.match(message, /nothing\/manifest\.json/);
  await context.close();
});

test("the example page answers", async () => {
  const { page, context, complaints } = await open("example/index.html");
  await page.getByRole("listitem").first().filter({ hasText: "honey" }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});
