// The search page with WebGPU, on Chromium's software adapter: slow, but right.
import assert from "node:assert/strict";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { records } from "./corpus.mjs";
import { weightsOf } from "./safetensors.mjs";

const { server, open } = await start({ gpu: true });

test("WebGPU passes the self-test and finds passages in four scripts", { timeout: 2 * patience }, async () => {
  const search = await open("?device=webgpu");
  assert.match(await search.ready(), /GPU/);
  for (const [lang, i] of [["en", 0], ["el", 12], ["ru", 24], ["zh", 36]]) {
    const hits = await search.ask(records[i].question[lang]);
    assert.equal(hits.length, 10, lang);
  }
  assert.match(await search.device.innerText(), /GPU/);
  assert.deepEqual(search.complaints, []);
  await search.context.close();
});

/** A page that loads the model onto WebGPU from a server that keeps its last piece back, and counts what the GPU gets. */
async function slowly(pieces, work) {
  let whole;
  server.slow.set(`/${weightsOf("model")}`, { pieces, until: new Promise((done) => (whole = done)) });
  const { page, context, complaints } = await open("blank.html");
  try {
    await page.evaluate(async () => {
      window.sent = 0;
      const write = GPUQueue.prototype.writeBuffer;
      GPUQueue.prototype.writeBuffer = function (buffer, offset, data, from, size) {
        window.sent += size ?? data.byteLength;
        return write.apply(this, arguments);
      };
      const module = await import("/worker.js");
      await module.default();
      window.model = module;
      window.loading = module.load("/model/", { device: "webgpu" }).then(() => null, String);
    });
    await work(page, whole);
  } finally {
    whole();
    server.slow.clear();
    await context.close();
  }
  return complaints;
}

test("weights go to WebGPU while they come down", { timeout: 2 * patience }, async () => {
  const complaints = await slowly(24, async (page, whole) => {
    // Of the twelve blocks, 2 MB each with their scales, nine go before the last piece is there: they go in their
    // order, and in the file, by names, 10 and 11 come before 6, and 9 last. The table stays here.
    await page.waitForFunction(() => window.sent > 18e6);
    await page.waitForTimeout(1000);
    const sent = await page.evaluate(() => window.sent);
    assert.ok(sent < 19e6, `${sent} bytes were sent`);
    whole();
    const [problem, device, gpu, cpu] = await page.evaluate(async () => {
      const problem = await window.loading;
      const device = window.model.device();
      const texts = ["Where do bees keep their honey?", "Wo ist der Bahnhof?"];
      const gpu = await window.model.encode(texts);
      await window.model.load("/model/", { device: "cpu", precision: "exact" });
      return [problem, device, gpu.map((v) => [...v]), (await window.model.encode(texts)).map((v) => [...v])];
    });
    assert.equal(problem, null);
    assert.equal(device.kind, "webgpu", JSON.stringify(device.notes));
    gpu.flat().forEach((value, i) => assert.ok(Math.abs(value - cpu.flat()[i]) < 1e-4));
  });
  assert.deepEqual(complaints, []);
});

test("weights that came damaged are refused, though a part was sent", { timeout: 2 * patience }, async () => {
  server.faults.set(`/${weightsOf("model")}`, (bytes) => Buffer.concat([bytes.subarray(0, -100), Buffer.alloc(100, 7)]));
  try {
    await slowly(24, async (page, whole) => {
      await page.waitForFunction(() => window.sent > 18e6);
      whole();
      assert.match(await page.evaluate(() => window.loading), new RegExp(`${weightsOf("model")}.*SHA-256`));
    });
  } finally {
    server.faults.clear();
  }
});

test("auto keeps the faster device, which here is the CPU", { timeout: 2 * patience }, async () => {
  const search = await open("?device=auto");
  assert.match(await search.ready(), /CPU/);
  assert.equal((await search.ask(records[5].question.th)).length, 10);
  assert.deepEqual(search.complaints, []);
  await search.context.close();
});
