// The search page without WebGPU: what a visitor does, from the first screen to their own text.
import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./chromium.mjs";
import { found } from "./corpus.mjs";
import { weightsOf } from "./safetensors.mjs";

const { server, open } = await start();

test("an example is answered before any weights are down", async () => {
  // The weights never come: whatever shows was there without them.
  server.faults.set(weightsOf("model"), () => null);
  const search = await open("");
  await search.results.first().waitFor();
  assert.equal((await search.hits()).length, 10);
  await search.page.getByRole("alert").getByText(weightsOf("model")).waitFor();
  assert.ok(!(await search.device.innerText()).includes("self-test passed"));
  await search.page.getByRole("list", { name: "Example questions" }).getByRole("button").nth(3).click();
  await search.results.first().waitFor();
  assert.equal((await search.hits()).length, 10);
  server.faults.clear();
  await search.page.getByRole("button", { name: /Load model|Try again/ }).first().click();
  assert.match(await search.ready(), /CPU/);
  // Why it is the CPU: a sentence for a visitor, not a list of what wgpu was built with. It is in the details.
  await search.device.locator("summary").first().click();
  const why = /^WebGPU is not used: (the browser found no GPU for it|this browser does not offer it) here\.$/;
  await search.page.getByText(why).first().waitFor();
  await search.context.close();
});

test("questions in six scripts find their passages", async (t) => {
  const search = await open("?device=cpu");
  assert.match(await search.ready(), /CPU/);
  let all = 0;
  let of = 0;
  for (const lang of ["en", "ru", "th", "ar", "zh", "hi"]) {
    const { right, asked } = await found(search, lang, 12, 10);
    t.diagnostic(`${lang}: ${right} of ${asked} questions have an answering passage in the first 10`);
    // By chance a question finds one with probability 0.08, and 3 of 11 do so once in twenty times; in all
    // six scripts, once in fifty million.
    assert.ok(right >= 3, `${lang}: ${right} of ${asked}`);
    all += right;
    of += asked;
  }
  assert.ok(all > of / 2, `${all} of ${of} in all six scripts`);
  assert.deepEqual(search.complaints, []);
  await search.context.close();
});

test("scope and language filter say what is ranked, and the address keeps them", async () => {
  const search = await open("?device=cpu");
  await search.ready();
  const question = "Wo bewahren Bienen ihre Vorräte auf?";
  await search.ask(question);
  const { page } = search;
  const settled = () => page.locator('ol[aria-label="Results"][aria-busy="false"]').waitFor();
  const languages = async () => new Set((await search.hits()).map((hit) => hit.lang));
  await page.getByRole("radio", { name: "Same language" }).check();
  await page.getByRole("img", { name: /^Languages, all ranked: (Deutsch|German)/ }).waitFor();
  await settled();
  assert.deepEqual(await languages(), new Set(["de"]));
  await page.getByRole("radio", { name: "Other languages" }).check();
  await page.waitForFunction(() => !document.querySelector('ol[aria-label="Results"] li[lang="de"]'));
  await settled();
  assert.ok(!(await languages()).has("de"));
  await page.getByRole("checkbox", { name: /ไทย/ }).check();
  await page.getByRole("checkbox", { name: /العربية/ }).check();
  await page.waitForFunction(() =>
    [...document.querySelectorAll('ol[aria-label="Results"] li')].every((li) => ["th", "ar"].includes(li.lang)),
  );
  // Thai alone passes too, while the search in both is under way.
  await settled();
  const arabic = (await search.hits()).find((hit) => hit.lang === "ar");
  if (arabic) assert.equal(arabic.dir, "rtl");
  const before = await search.hits();
  // Who is given the link sees the same.
  const other = await open(page.url().slice(server.origin.length + 1));
  await other.ready();
  await other.answered(question);
  assert.deepEqual((await other.hits()).map((hit) => hit.id + hit.lang), before.map((hit) => hit.id + hit.lang));
  assert.deepEqual([...search.complaints, ...other.complaints], []);
  await search.context.close();
  await other.context.close();
});

test("the second visit takes the model from the browser's storage, and mends what is damaged there", async () => {
  const first = await open("?device=cpu");
  await first.ready();
  server.requests.length = 0;
  const second = await open("?device=cpu", { context: first.context });
  await second.ready();
  assert.ok(!server.requests.includes(`/${weightsOf("model")}`), "the weights were downloaded again");
  await second.page.evaluate(async () => {
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) {
        if (!request.url.includes(".safetensors")) continue;
        const bytes = new Uint8Array(await (await cache.match(request)).arrayBuffer());
        bytes[bytes.length - 1000] ^= 1;
        await cache.put(request, new Response(bytes));
      }
    }
  });
  server.requests.length = 0;
  const third = await open("?device=cpu", { context: first.context });
  await third.ready();
  assert.ok(server.requests.includes(`/${weightsOf("model")}`), "a damaged file was used");
  assert.deepEqual([...first.complaints, ...second.complaints, ...third.complaints], []);
  await first.context.close();
});

test("over a slow connection the program's megabytes are counted, and a missing program is said to be missing", async () => {
  let last;
  server.slow.set("page_bg.wasm", { pieces: 20, until: new Promise((done) => (last = done)) });
  const search = await open("?device=cpu");
  const line = search.page.locator("#boot-line");
  await line.filter({ hasText: /^Loading the program: \d\.\d of \d\.\d MB$/ }).waitFor();
  last();
  await search.results.first().waitFor();
  assert.deepEqual(search.complaints, []);
  server.slow.clear();
  server.faults.set("page_bg.wasm", () => null);
  await search.page.reload();
  await line.filter({ hasText: /^The page could not be started: .*page_bg\.wasm, the server answers 404\./ }).waitFor();
  server.faults.clear();
  await search.context.close();
});

test("a server that sends its files compressed is as good", async () => {
  server.compressed = true;
  const search = await open("?device=cpu");
  await search.ready();
  const encoding = (path) => fetch(path).then((answer) => answer.headers.get("content-encoding"));
  assert.equal(await search.page.evaluate(encoding, weightsOf("model")), "br");
  assert.ok((await search.ask("Where do bees keep their stores?")).length === 10);
  assert.deepEqual(search.complaints, []);
  server.compressed = false;
  await search.context.close();
});

test("one's own text is encoded here and searched, and the sample comes back", async () => {
  const search = await open("?device=cpu");
  await search.ownText();
  const { page } = search;
  await page.getByRole("textbox", { name: "Paste passages, one per line" }).fill(
    ["The ferry to the island leaves at nine in the morning.", "Das Museum ist montags geschlossen.", "El mercado vende fruta y pescado fresco."].join("\n"),
  );
  await page.getByRole("button", { name: "Search this text" }).click();
  await page.getByRole("button", { name: "Back to the sample" }).waitFor();
  // The box is empty, and waits for a question about it.
  await page.waitForFunction(() => document.activeElement?.id === "query" && document.activeElement.value === "");
  const hits = await search.ask("On which day can I not visit the museum?");
  assert.equal(hits.length, 3);
  assert.match(hits[0].text, /Museum/);
  // It is there after a reload, without being encoded again, until it is forgotten.
  await page.getByText("Text and vectors are kept on this device").waitFor();
  await page.goto(`${server.origin}/?device=cpu`);
  await page.getByRole("button", { name: "Back to the sample" }).waitFor();
  assert.equal((await search.ask("Where can I buy fish?")).length, 3);
  await page.getByRole("button", { name: "Back to the sample" }).click();
  await page.waitForFunction(() => document.querySelectorAll('ol[aria-label="Results"] li').length === 10);
  await page.getByText("pasted text is kept on this device.").waitFor();
  await page.getByRole("button", { name: "Open it" }).click();
  await page.getByRole("button", { name: "Back to the sample" }).waitFor();
  await page.getByRole("button", { name: "Forget it" }).click();
  await page.getByText("Your text and its vectors were removed from this device.").waitFor();
  await page.waitForFunction(() => document.querySelectorAll('ol[aria-label="Results"] li').length === 10);
  assert.deepEqual(await page.evaluate(async () => [await caches.has("interlingua-text"), localStorage.length]), [false, 0]);
  await page.goto(`${server.origin}/?device=cpu`);
  await page.getByText(/^1,375 sample passages/).first().waitFor();
  assert.deepEqual(search.complaints, []);
  await search.context.close();
});
