// The worker uses fused multiply-add in browsers that have it, and comes without for the others (tools/unfuse).
import assert from "node:assert/strict";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { records } from "./corpus.mjs";

// As many rows as no tile divides, and a text of a few tokens.
const texts = records.slice(0, 7).flatMap((record) => [record.passage.en, record.passage.zh]).concat(["Ja."]);

const { server, open } = await start();

/** The vectors of all texts together, and of each alone. */
async function encoded(precision) {
  const { page, complaints } = await open("blank.html");
  const vectors = await page.evaluate(
    async ([precision, texts]) => {
      const module = await import("/worker.js");
      await module.default();
      await module.load("/model/", { device: "cpu", precision });
      const together = await module.encode(texts);
      const alone = [];
      for (const text of texts) alone.push(...(await module.encode([text])));
      return [together, alone].map((vectors) => vectors.map((v) => [...v]));
    },
    [precision, texts],
  );
  assert.deepEqual(complaints, []);
  await page.close();
  return vectors;
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const took = (name) => server.requests.some((path) => path.endsWith(`/${name}`));

for (const precision of ["exact", "fast"]) {
  test(`${precision} vectors with and without fused multiply-add agree, and depend on no batch`, { timeout: patience }, async () => {
    server.requests.length = 0;
    const [fused, fusedAlone] = await encoded(precision);
    assert.ok(took("worker_fused_bg.wasm") && !took("worker_bg.wasm"), "this Chromium has the instruction");
    assert.ok(same(fusedAlone, fused), "fused: alone and together");

    server.requests.length = 0;
    // As in a browser that has it not.
    server.faults.set("/worker.js", (bytes) => Buffer.from(bytes.toString().replace("WebAssembly.validate(", "!$&")));
    const [plain, plainAlone] = await encoded(precision);
    server.faults.clear();
    assert.ok(took("worker_bg.wasm") && !took("worker_fused_bg.wasm"));
    assert.ok(same(plainAlone, plain), "plain: alone and together");

    // Other rounding, so not the same program twice.
    assert.ok(!same(plain, fused));
    const largest = Math.max(...plain.flatMap((v, i) => v.map((x, j) => Math.abs(x - fused[i][j]))));
    assert.ok(largest < (precision === "exact" ? 1e-6 : 1e-3), `they differ by up to ${largest}`);
  });
}
