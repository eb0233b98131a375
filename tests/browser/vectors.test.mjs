// The ES module gives the vectors of the native program, on both devices.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, patience } from "./chromium.mjs";
import { records } from "./corpus.mjs";
import { root, serve } from "./server.mjs";

const program = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/interlingua");
const languages = Object.keys(records[0].passage);
const texts = languages.map((lang, i) => records[i * 7].passage[lang]).concat(["Ja.", "Why?", "水"]);

let server, native;
before(async () => {
  server = await serve();
  const folder = mkdtempSync(join(tmpdir(), "interlingua-"));
  const [input, output] = [join(folder, "in.txt"), join(folder, "out.npy")];
  writeFileSync(input, texts.join("\n"));
  execFileSync(program, ["encode", "--model", join(root, "static/model"), "--input", input, "--kind", "passage", "--output", output, "--device", "cpu"]);
  const bytes = readFileSync(output);
  const start = 10 + bytes.readUInt16LE(8);
  native = new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
});
after(() => server?.close());

for (const device of ["cpu", "webgpu"]) {
  test(`vectors on ${device} equal the native ones within 1e-4`, { timeout: 2 * patience }, async (t) => {
    const browser = await launch({ gpu: device === "webgpu" });
    const { page, complaints } = await open(browser, server, "blank.html");
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

test("fast vectors are near the exact ones, and the report says that they are fast", { timeout: 2 * patience }, async (t) => {
  const browser = await launch({ gpu: false });
  const { page, complaints } = await open(browser, server, "blank.html");
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
  await browser.close();
});

test("the module says in an Error what is wrong", async () => {
  const browser = await launch({ gpu: false });
  const { page } = await open(browser, server, "blank.html");
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
  await browser.close();
});

test("the example page answers", async () => {
  const browser = await launch({ gpu: false });
  const { page, complaints } = await open(browser, server, "example/index.html");
  await page.getByRole("listitem").first().filter({ hasText: "honey" }).waitFor();
  assert.deepEqual(complaints, []);
  await browser.close();
});
