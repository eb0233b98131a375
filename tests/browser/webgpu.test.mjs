// The search page with WebGPU, on Chromium's software adapter: slow, but right.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, patience } from "./chromium.mjs";
import { records } from "./corpus.mjs";
import { serve } from "./server.mjs";

let browser, server;
before(async () => {
  server = await serve();
  browser = await launch({ gpu: true });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

test("WebGPU passes the self-test and finds passages in four scripts", { timeout: 2 * patience }, async () => {
  const search = await open(browser, server, "?device=webgpu");
  assert.match(await search.ready(), /GPU/);
  for (const [lang, i] of [["en", 0], ["el", 12], ["ru", 24], ["zh", 36]]) {
    const hits = await search.ask(records[i].question[lang]);
    assert.equal(hits.length, 10, lang);
  }
  assert.match(await search.device.innerText(), /GPU/);
  assert.deepEqual(search.complaints, []);
  await search.context.close();
});

test("auto keeps the faster device, which here is the CPU", { timeout: 2 * patience }, async () => {
  const search = await open(browser, server, "?device=auto");
  assert.match(await search.ready(), /CPU/);
  assert.equal((await search.ask(records[5].question.th)).length, 10);
  assert.deepEqual(search.complaints, []);
  await search.context.close();
});
