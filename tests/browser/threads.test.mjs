// Where the page is cross-origin isolated the encoder has threads, and its vectors are the same to the last bit.
import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, patience, start } from "./chromium.mjs";
import { records } from "./corpus.mjs";
import { packedFile } from "./packed.mjs";
import { serve } from "./server.mjs";

const texts = records.slice(0, 12).flatMap((record) => [record.passage.en, record.passage.th]).concat(["Ja.", "Why?"]);

const { server, open } = await start({ isolated: true });

for (const precision of ["exact", "fast"]) {
  test(`with threads, ${precision} vectors are the same to the last bit`, { timeout: patience }, async () => {
    const { page, complaints } = await open("blank.html");
    const encode = async ([script, precision, texts]) => {
      const module = await import(script);
      await module.default();
      await module.load("/model/", { device: "cpu", precision });
      // A single text is shared out by columns, many by rows.
      const [one, ...rest] = texts;
      const vectors = [await module.encode([one]), await module.encode(rest, { kind: "passage" })].flat();
      return { adapter: module.device().adapter, cores: navigator.hardwareConcurrency, vectors: vectors.map((v) => [...v]) };
    };
    const alone = await page.evaluate(encode, ["/worker.js", precision, texts]);
    const shared = await page.evaluate(encode, ["/threads/worker.js", precision, texts]);
    assert.ok(alone.cores > 1, "this test needs two processors at least");
    assert.doesNotMatch(alone.adapter, /threads/);
    assert.match(shared.adapter, /[2-9] threads/);
    assert.deepEqual(shared.vectors, alone.vectors);
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("with threads, the nearest of many vectors are the same", { timeout: patience }, async () => {
  const { page } = await open("blank.html");
  // Some parts for every thread, and one that is not full.
  const [n, d] = [70_001, 24];
  const values = Int8Array.from({ length: n * d }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 24) - 128 || 1);
  server.faults.set("/vectors.safetensors", () => packedFile(values, n, d));
  const [alone, shared] = await page.evaluate(async (d) => {
    const file = new Uint8Array(await (await fetch("/vectors.safetensors")).arrayBuffer());
    const query = Float32Array.from({ length: d }, (_, i) => Math.sin(i + 1));
    const found = [];
    for (const script of ["/worker.js", "/threads/worker.js"]) {
      const module = await import(script);
      await module.default();
      // A model waits until the helpers are there.
      await module.load("/model/", { device: "cpu" });
      module.openVectors(file);
      found.push(await module.nearest(query, { top: 200 }));
    }
    return found;
  }, d);
  server.faults.clear();
  assert.equal(alone.length, 200);
  assert.deepEqual(shared, alone);
  await page.close();
});

test("WebGPU takes weights from shared memory too", { timeout: 2 * patience }, async () => {
  const browser = await launch({ gpu: true });
  const { page, complaints } = await open("blank.html", { browser });
  const [device, gpu, cpu] = await page.evaluate(async (texts) => {
    const module = await import("/threads/worker.js");
    await module.default();
    await module.load("/model/", { device: "webgpu" });
    const device = module.device();
    const gpu = await module.encode(texts);
    await module.load("/model/", { device: "cpu", precision: "exact" });
    return [device, gpu, await module.encode(texts)].map((list) => (Array.isArray(list) ? list.map((v) => [...v]) : list));
  }, texts.slice(-3));
  assert.equal(device.kind, "webgpu", JSON.stringify(device.notes));
  assert.deepEqual(gpu.map((v) => v.length), [384, 384, 384]);
  gpu.flat().forEach((value, i) => assert.ok(Math.abs(value - cpu.flat()[i]) < 1e-4));
  assert.deepEqual(complaints, []);
  await browser.close();
});

test("the page says how many threads it has, answers, and keeps the model", { timeout: patience }, async () => {
  const search = await open("?device=cpu");
  assert.match(await search.ready(), /[2-9] threads/);
  assert.ok(server.requests.some((path) => path.endsWith("/threads/worker_fused_bg.wasm")));
  server.requests.length = 0;
  await search.page.reload();
  assert.match(await search.ready(), /[2-9] threads/);
  assert.ok(!server.requests.some((path) => path.endsWith(".safetensors") && !path.includes("/sample/")), "it was fetched again");
  const hits = await search.ask("Wie wird Honig gemacht?");
  assert.ok(hits.length > 0);
  assert.deepEqual(search.complaints, []);
  await search.context.close();
});

test("where the program with threads stops short in the middle of work, the page starts it again", { timeout: patience }, async (t) => {
  // A program that stops (`unreachable`) after it has waited, as one without memory does, at this word alone.
  const stop = `
    const program = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11);
    const { f } = new WebAssembly.Instance(new WebAssembly.Module(program)).exports;
    globalThis.addEventListener("message", ({ data }) => {
      if (data?.query?.includes("stop short")) Promise.resolve().then(f);
    });`;
  server.faults.set("/threads/worker.js", (bytes) => Buffer.concat([bytes, Buffer.from(stop)]));
  t.after(() => server.faults.clear());
  const search = await open("?device=cpu");
  assert.match(await search.ready(), /[2-9] threads/);
  await search.box.fill("Will it stop short?");
  await search.box.press("Enter");
  await search.page.getByRole("alert").filter({ hasText: /computes stopped.*unreachable.*started again/s }).waitFor();
  assert.ok((await search.ask("Wie wird Honig gemacht?")).length > 0);
  await search.context.close();
});

test("without the build with threads the page answers as before", { timeout: patience }, async () => {
  server.faults.set("/threads/worker.js", () => null);
  const search = await open("?device=cpu");
  assert.doesNotMatch(await search.ready(), /threads/);
  assert.ok((await search.ask("Wie wird Honig gemacht?")).length > 0);
  server.faults.clear();
  await search.context.close();
});

test("where the server does not isolate it, the page has threads from its second visit on", { timeout: patience }, async (t) => {
  const plain = await serve();
  t.after(() => plain.close());
  const search = await open("?device=cpu", { server: plain });
  const { page, context, complaints } = search;
  assert.doesNotMatch(await search.ready(), /threads/);
  await search.device.locator("summary").first().click();
  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Reload the page" }).click()]);
  assert.match(await search.ready(), /[2-9] threads/);
  assert.ok((await search.ask("Wie wird Honig gemacht?")).length > 0);
  await search.device.locator("summary").first().click();
  assert.equal(await page.getByRole("button", { name: "Reload the page" }).count(), 0, "there is nothing more to gain");

  // What else lies in the folder stays as its server sends it.
  const other = await context.newPage();
  await other.goto(`${plain.origin}/example/`);
  assert.equal(await other.evaluate(() => crossOriginIsolated), false);
  assert.deepEqual(complaints, []);
  await context.close();
});
