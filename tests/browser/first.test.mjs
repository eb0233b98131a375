// The first results come with the page: they do not wait for the worker, and are what the worker finds.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { records } from "./corpus.mjs";
import { weightsOf } from "./safetensors.mjs";
import { root } from "./server.mjs";

const { server, browser, open } = await start();
const first = JSON.parse(await readFile(join(root, "static/sample/first.json"), "utf8"));
/** What the worker has answered is timed. */
const timed = (page) => page.locator(".last").filter({ hasText: /\d/ }).waitFor();
const lists = (results) => results.hits.map(({ id, language }) => `${id} ${language}`);

test("without a worker the first example is answered; what was asked of a result meanwhile comes later", { timeout: patience }, async () => {
  let release;
  const held = new Promise((done) => (release = done));
  server.slow.set("/worker_loader.js", { pieces: 1, until: held });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "el-GR" });
  const search = await open("", { context });
  const { page } = search;
  await search.results.first().waitFor();
  const hits = await search.hits();
  assert.equal(hits.length, 10);
  const question = await search.box.inputValue();
  const record = records.find((record) => record.question.el === question);
  assert.equal(hits[0].id, record.id);
  await search.results.first().getByText("answer, rank 1", { exact: true }).waitFor();
  const foreign = page.locator('ol[aria-label="Results"] > li:not([lang="el"])').filter({ hasText: "answer, rank" }).first();
  await foreign.getByRole("button", { name: /^Read in Greek/ }).click();
  assert.equal(await page.locator(".last").innerText(), "", "nothing was computed, so nothing is timed");
  release();
  server.slow.clear();
  await timed(page);
  await foreign.getByText(record.passage.el).waitFor();
  assert.deepEqual(await search.hits().then((hits) => hits.map(({ id }) => id)), hits.map(({ id }) => id));
  assert.deepEqual(search.complaints, []);
  await context.close();
});

for (const locale of ["ar-EG", "de-AT", "el-GR", "en-GB", "es-MX", "hi-IN", "ru-RU", "th-TH", "tr-TR", "vi-VN", "zh-TW"]) {
  test(`${locale}: the worker finds what came with the page`, { timeout: patience }, async () => {
    server.faults.set(weightsOf("model"), () => null);
    server.faults.set("/first.json", () => null);
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale });
    const search = await open("", { context });
    await timed(search.page);
    const question = await search.box.inputValue();
    const shipped = first.results.find((results) => results.query === question);
    assert.ok(shipped, `${question} has no results in first.json: run \`interlingua sample\``);
    assert.equal(shipped.language, locale.slice(0, 2));
    assert.deepEqual((await search.hits()).map(({ id, lang }) => `${id} ${lang}`), lists(shipped));
    server.faults.clear();
    await context.close();
  });
}

test("at 1.6 Mbps the first results come within 12 seconds, and something moves until the worker is there", { timeout: 2 * patience }, async (t) => {
  Object.assign(server, { rate: 200_000, compressed: true });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  // Each change of what is written on the page.
  await context.addInitScript(() => {
    globalThis.changes = [performance.now()];
    let before = "";
    setInterval(() => {
      const now = document.body?.innerText ?? "";
      if (now !== before) changes.push(performance.now());
      before = now;
    }, 50);
  });
  const begun = performance.now();
  const search = await open("", { context });
  await search.results.first().waitFor();
  const seconds = (performance.now() - begun) / 1e3;
  await timed(search.page);
  const changes = await search.page.evaluate(() => changes);
  const still = Math.max(...changes.slice(1).map((at, i) => at - changes[i])) / 1e3;
  t.diagnostic(`first results after ${seconds.toFixed(1)} s, the worker's after ${((performance.now() - begun) / 1e3).toFixed(1)} s; at most ${still.toFixed(1)} s without a change`);
  assert.ok(seconds < 12, `${seconds} s`);
  // Half a second where nothing else runs.
  assert.ok(still < 8, `${still} s without a change`);
  Object.assign(server, { rate: Infinity, compressed: false });
  await context.close();
});
