// A model by its name, from a hub on this machine: told before it comes, packed while it comes, kept, and found again
// without the network; what can go wrong is a sentence, and what ran before goes on.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { serveHub } from "./hub.mjs";
import { fileOf, unpacked } from "./safetensors.mjs";
import { root } from "./server.mjs";

const { server, browser, open } = await start();

const folder = join(root, "tests/reference/checkpoints/e5");
const files = Object.fromEntries(
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path.slice(folder.length + 1), readFileSync(path)]),
);
const without = (...names) => Object.fromEntries(Object.entries(files).filter(([path]) => !names.includes(path)));
const config = (change) => ({ ...files, "config.json": JSON.stringify({ ...JSON.parse(files["config.json"]), ...change }) });

/** The same weights in several files with an index. */
function sharded(count) {
  const { header, data } = unpacked(files["model.safetensors"]);
  delete header.__metadata__;
  const shards = Array.from({ length: count }, () => []);
  const map = {};
  Object.entries(header).forEach(([name, tensor], i) => {
    shards[i % count].push({ name, tensor, bytes: data.subarray(...tensor.data_offsets) });
    map[name] = `model-${(i % count) + 1}.safetensors`;
  });
  return {
    ...without("model.safetensors"),
    ...Object.fromEntries(shards.map((tensors, i) => [`model-${i + 1}.safetensors`, fileOf(tensors)])),
    "model.safetensors.index.json": JSON.stringify({ metadata: {}, weight_map: map }),
  };
}

/** Weights of which one number is none. */
function damaged() {
  const bytes = Buffer.from(files["model.safetensors"]);
  const { header, data } = unpacked(bytes);
  const [, { data_offsets: [begin] }] = Object.entries(header).find(([name]) => name.endsWith("word_embeddings.weight"));
  bytes.writeFloatLE(NaN, bytes.length - data.length + begin + 400);
  return { ...files, "model.safetensors": bytes };
}

const card = { license: "mit", language: ["de", "th"] };
const hub = await serveHub({
  "owner/tiny": { files, card },
  "owner/other": { files: { ...files, "note.txt": "another commit" } },
  "owner/shards": { files: sharded(4) },
  "owner/gated": { files, gated: true },
  "owner/unknown": { files: config({ model_type: "mamba" }) },
  "owner/pickled": { files: { ...without("model.safetensors"), "pytorch_model.bin": "x" } },
  "owner/lies": { files: config({ hidden_size: 96 }) },
  "owner/nan": { files: damaged() },
});
after(() => hub.close());
// This page looks names up on that hub.
server.faults.set("/", (bytes) => bytes && Buffer.from(bytes.toString().replace("https://huggingface.co", hub.origin)));

/** A page, with what a person does there to get another model. */
async function opened(address = "?device=cpu", options) {
  const search = await open(address, options);
  const { page } = search;
  const dialog = page.getByRole("dialog", { name: "Other model" });
  return Object.assign(search, {
    dialog,
    model: page.getByRole("combobox", { name: "Model", exact: true }),
    offered: dialog.getByRole("region", { name: /owner\// }),
    bring: () => search.model.selectOption("Other model (name, URL or folder) …"),
    look: async (name) => {
      await dialog.getByRole("textbox").fill(name);
      await dialog.getByRole("textbox").press("Enter");
    },
    load: async (name) => {
      await search.bring();
      await search.look(name);
      await dialog.getByRole("button", { name: "Load", exact: true }).click();
    },
    runs: (name) => search.device.filter({ hasText: `${name} ·` }).filter({ hasText: "self-test passed" }).waitFor(),
    progress: page.locator(".progress").filter({ hasText: "Loading the model" }),
    details: async () => {
      await search.device.locator("summary").first().click();
      return search.device.innerText();
    },
  });
}

const asked = (end) => hub.requests.filter(({ path }) => path.includes(end));

test("a model is told before it comes, answers, and comes again without the network", { timeout: patience }, async (t) => {
  t.after(() => Object.assign(hub, { offline: false }));
  const search = await opened();
  const { page, dialog, offered } = search;
  await search.ready();
  await search.bring();
  assert.match(await dialog.innerText(), /nothing else is sent there/);
  assert.match(await dialog.innerText(), new RegExp(new URL(hub.origin).host));
  hub.requests.length = 0;
  await search.look("owner/tiny");
  await offered.waitFor();
  const told = await offered.innerText();
  for (const words of [/Supported/, /xlm-roberta/, /mit/, /German, Thai/, /dimensions/, /“query: ” before a query/, /8 bits/, /Will be stored in this browser/]) {
    assert.match(told, words);
  }
  await offered.getByText(/files, [0-9.]+ [kM]B/).click();
  assert.match(await offered.innerText(), /model\.safetensors\s+229 kB/);
  assert.ok(hub.requests.length > 3);
  assert.deepEqual(hub.requests.filter(({ origin, path }) => origin === "cdn" || path.includes("tokenizer.json")), [], "something large came");

  await offered.getByRole("button", { name: "Load", exact: true }).click();
  await search.runs("owner/tiny");
  assert.match(page.url(), /model=hub%3Aowner\/tiny/);
  assert.match(await search.device.innerText(), /8-bit/);
  assert.equal((await search.ask("Wo lagern Bienen Honig?")).length, 10);

  hub.requests.length = 0;
  hub.offline = true;
  await page.reload();
  await search.runs("owner/tiny");
  assert.equal((await search.ask("Wo lagern Bienen Honig?")).length, 10);
  assert.match(await search.details(), /from this browser’s storage, checked by hash/);
  assert.deepEqual(hub.requests, []);

  // What is kept is listed with its size and day, and goes when a person says so.
  await search.bring();
  const kept = dialog.getByRole("list", { name: "Stored models" });
  const today = new Date().toISOString().slice(0, 10);
  await kept.getByText(/owner\/tiny 8-bit, \d+ kB, last used/).waitFor();
  assert.match(await kept.innerText(), new RegExp(`last used ${today}`));
  await kept.getByRole("button", { name: "Remove owner/tiny" }).click();
  await kept.getByText("owner/tiny").waitFor({ state: "detached" });
  await search.context.close();
});

test("a link to a model asks before anything of it is fetched", { timeout: patience }, async () => {
  hub.requests.length = 0;
  const search = await opened("?device=cpu&model=hub:owner/tiny:q4");
  const alert = search.page.getByRole("alert").filter({ hasText: /names the model owner\/tiny on 127\.0\.0\.1/ });
  await alert.waitFor();
  assert.deepEqual(hub.requests, []);
  assert.equal((await search.hits()).length, 10);
  await alert.getByRole("button", { name: "See what it is" }).click();
  await search.offered.waitFor();
  assert.deepEqual(asked("safetensors"), []);
  await search.offered.getByLabel(/^4-bit/).check();
  await search.offered.getByRole("button", { name: "Load", exact: true }).click();
  await search.runs("owner/tiny");
  assert.match(await search.device.innerText(), /4-bit/);
  assert.match(search.page.url(), /model=hub%3Aowner\/tiny%3Aq4/);
  // Kept, it needs no question.
  await search.page.reload();
  await search.runs("owner/tiny");
  await search.context.close();
});

for (const [view, button, done] of [
  ["evaluate", "Evaluate", ({ page }) => page.getByRole("heading", { name: "owner/tiny on sample" })],
  ["benchmark", "Run", ({ page }) => page.getByRole("heading", { name: "owner/tiny, 8-bit" })],
]) {
  test(`a link that makes ${button} use a hub's model shows first what it costs`, { timeout: patience }, async () => {
    hub.requests.length = 0;
    const search = await opened(`?view=${view}&device=cpu&model=hub:owner/tiny&languages=de,en&devices=cpu&precisions=exact&cells=1x24&texts=de&repeats=1&warmups=0`);
    const { page, offered } = search;
    const go = page.getByRole("button", { name: button, exact: true });
    await go.click();
    await offered.getByText(/^downloads [\d.]+ [kM]B$/).waitFor();
    assert.deepEqual(asked("safetensors"), []);
    await search.dialog.getByRole("button", { name: "Close" }).click();
    assert.equal(await page.getByRole("progressbar").count(), 0);
    await go.click();
    await offered.getByRole("button", { name: "Load", exact: true }).click();
    await done(search).waitFor();
    // Stored, it needs no question, and the Model view tells it by the same name.
    await page.reload();
    await go.click();
    await done(search).waitFor();
    await page.getByRole("link", { name: "About this model: owner/tiny" }).click();
    await page.getByRole("heading", { name: "owner/tiny", level: 2 }).waitFor();
    assert.match(await page.getByLabel("Code for your page").innerText(), /await load\("owner\/tiny"\)/);
    await page.getByRole("link", { name: "Its page on the hub" }).waitFor();
    await search.context.close();
  });
}

test("what cannot be had or used is a sentence with what to do, and what ran goes on", { timeout: patience }, async (t) => {
  t.after(() => Object.assign(hub, { cors: true, offline: false }));
  const search = await opened();
  const { dialog } = search;
  const before = await search.ready();
  await search.bring();
  for (const [name, sentence, prepare = () => {}] of [
    ["owner/nothing", /owner\/nothing: there is no such model, or it is not public \(status 401\); is http.* right\?/],
    ["owner/tiny@v9", /owner\/tiny: it has no revision `v9`/],
    ["owner/../name", /is not a model name: it has more than two parts/],
    ["owner/a..b", /contains `\.\.`/],
    ["ftp://example.invalid/m/", /begin with ftp: are not opened/],
    ["owner/unknown", /cannot be loaded.*config\.json.*mamba/],
    ["owner/pickled", /cannot be loaded.*pytorch_model\.bin/],
    ["owner/gated", /accept its terms at http.*\/owner\/gated, and download its folder there/],
    ["owner/tiny", /does not allow this page to read it \(CORS\)/, () => (hub.cors = false)],
    ["owner/tiny", /there is no connection|no connection to that server/, () => Object.assign(hub, { cors: true, offline: true })],
  ]) {
    prepare();
    await search.look(name);
    await dialog.getByText(sentence).first().waitFor({ timeout: 60_000 }).catch(async () => {
      assert.fail(`${name}: ${sentence}: ${await dialog.innerText()}`);
    });
    assert.equal(await dialog.getByRole("button", { name: "Load", exact: true }).count(), 0, name);
  }
  Object.assign(hub, { offline: false });
  await dialog.getByRole("button", { name: "Close" }).click();
  assert.equal(await search.ready(), before);
  assert.ok((await search.ask("Why is the sky blue?")).length > 0);

  // What shows only when the weights come.
  for (const [name, sentence] of [
    ["owner/lies", /model\.safetensors.*shape|shape.*model\.safetensors/],
    ["owner/nan", /model\.safetensors.*(number|NaN)|number.*model\.safetensors/i],
  ]) {
    await search.load(name);
    const alert = search.page.getByRole("alert").filter({ hasText: sentence });
    await alert.waitFor({ timeout: 60_000 }).catch(async () => {
      assert.fail(`${name}: ${sentence}: ${await search.page.getByRole("alert").allInnerTexts()}`);
    });
    assert.match(await alert.innerText(), /goes on answering/);
    await alert.getByRole("button", { name: "Dismiss" }).click();
  }
  assert.ok((await search.ask("Why is grass green?")).length > 0);
  await search.context.close();
});

test("a download goes on where its connection broke off, and is checked", { timeout: patience }, async (t) => {
  t.after(() => hub.faults.clear());
  const search = await opened();
  await search.ready();
  hub.requests.length = 0;
  hub.faults.set("model.safetensors", { breaks: [90_000, 60_000] });
  await search.load("owner/tiny");
  await search.runs("owner/tiny");
  assert.deepEqual(hub.requests.filter(({ origin }) => origin === "cdn").map(({ range }) => range), [undefined, "bytes=90000-", "bytes=150000-"]);
  assert.match(await search.details(), /broke 2 times; the download continued from there/);

  // One that never gets further is given up; the next try goes on from there.
  hub.requests.length = 0;
  hub.faults.set("model.safetensors", { breaks: [70_000, 0, 0, 0, 0] });
  await search.load("owner/other");
  const alert = search.page.getByRole("alert").filter({ hasText: /after 70000 of \d+ bytes; load it again, and it continues from there/ });
  await alert.waitFor();
  assert.match(await search.device.innerText(), /owner\/tiny/);
  hub.faults.clear();
  await alert.getByRole("button", { name: "Try again" }).click();
  await search.runs("owner/other");
  assert.equal(asked("resolve").filter(({ path }) => path.endsWith("tokenizer.json")).length, 1, "small files came twice");
  assert.equal(hub.requests.filter(({ origin }) => origin === "cdn").at(-1).range, "bytes=70000-");

  // A server that knows no ranges sends all, and no byte counts twice.
  hub.faults.set("model.safetensors", { breaks: [50_000], whole: true });
  await search.load("owner/tiny@" + hub.put("owner/tiny", { files: { ...files, "README.md": "new" }, card }));
  await search.device.filter({ hasText: "owner/tiny ·" }).filter({ hasText: "self-test passed" }).waitFor();

  // Bytes that are not what the hub says.
  hub.faults.set("model.safetensors", {
    change: (bytes) => {
      const copy = Buffer.from(bytes);
      copy[copy.length - 1000] ^= 1;
      return copy;
    },
  });
  await search.load("owner/other@" + hub.put("owner/other", { files: { ...files, "README.md": "newer" } }));
  await search.page.getByRole("alert").filter({ hasText: /SHA-256 is [0-9a-f]+, the hub says [0-9a-f]+; it was altered/ }).waitFor();
  await search.context.close();
});

test("a model in several files comes, several at once", { timeout: patience }, async (t) => {
  t.after(() => hub.faults.clear());
  const search = await opened();
  await search.ready();
  hub.requests.length = 0;
  let release;
  const until = new Promise((done) => (release = done));
  hub.faults.set("model-1.safetensors", { slow: { pieces: 2, until } });
  await search.load("owner/shards");
  // The second and third come while the first stands still.
  while (asked("model-3.safetensors").length === 0) await search.page.waitForTimeout(50);
  assert.equal(asked("model-1.safetensors").length > 0, true);
  release();
  await search.runs("owner/shards");
  await search.context.close();
});

test("a load can be stopped in every stage, and another taken instead", { timeout: patience }, async (t) => {
  t.after(() => hub.faults.clear());
  const search = await opened();
  const { page, dialog } = search;
  await search.ready();
  const before = page.url();
  // While it is looked at.
  hub.faults.set("config.json", { slow: { pieces: 1, until: new Promise(() => {}) } });
  await search.bring();
  await search.look("owner/tiny");
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.getByText("Looking at").waitFor({ state: "detached" });
  hub.faults.clear();
  await search.look("owner/tiny");
  // While it comes.
  hub.faults.set("model.safetensors", { slow: { pieces: 50, until: new Promise(() => {}) } });
  await dialog.getByRole("button", { name: "Load", exact: true }).click();
  await search.progress.filter({ hasText: "Download" }).getByRole("button", { name: "Cancel" }).click();
  await page.waitForURL((url) => url.href === before);
  assert.ok((await search.ask("Why is the sky blue?")).length > 0);
  // Another one instead, while one comes: the newest is the one that runs.
  await search.load("owner/tiny");
  await search.progress.filter({ hasText: "Download" }).waitFor();
  hub.faults.clear();
  await search.load("owner/other");
  await search.runs("owner/other");
  assert.match(page.url(), /model=hub%3Aowner\/other/);
  await search.context.close();
});

test("a folder of this device is looked at, loaded and kept, and nothing is asked of the hub", { timeout: patience }, async () => {
  hub.requests.length = 0;
  const search = await opened();
  const { page, dialog } = search;
  await search.ready();
  await search.bring();
  await dialog.getByLabel(/model’s folder on this device/).setInputFiles(folder);
  await dialog.getByRole("region", { name: "e5" }).getByText(/Supported/).waitFor();
  await dialog.getByRole("button", { name: "Load", exact: true }).click();
  await search.runs("e5");
  assert.match(page.url(), /model=files%3Ae5~[0-9a-f]{12}/);
  await page.reload();
  await search.runs("e5");
  assert.deepEqual(hub.requests, []);
  await search.context.close();
});

test("the module loads by name, with its vectors those of sentence-transformers", { timeout: patience }, async (t) => {
  t.after(() => Object.assign(hub, { offline: false }));
  const context = await browser.newContext();
  const { page } = await open("blank.html", { context });
  const { header, data } = unpacked(readFileSync(join(root, "tests/reference/checkpoints/e5.safetensors")));
  const all = JSON.parse(readFileSync(join(root, "tests/reference/texts.json")));
  const bytes = (name) => Uint8Array.from(data.subarray(...header[name].data_offsets)).buffer;
  const texts = [...new Int32Array(bytes("texts"))].map((i) => all[i]);
  const said = await page.evaluate(async ({ origin, texts }) => {
    const module = await import("/worker.js");
    await module.default();
    const about = await module.inspect("owner/tiny", { hub: origin });
    const steps = new Set();
    const model = await module.load("owner/tiny", {
      hub: origin, quantization: "f16", device: "cpu", precision: "exact", onProgress: ({ stage }) => steps.add(stage),
    });
    const vectors = {};
    for (const kind of ["query", "passage"]) vectors[kind] = (await module.encode(texts, { kind, onCut() {} })).map((row) => [...row]);
    const control = new AbortController();
    const stopped = module.load("owner/other", { hub: origin, signal: control.signal }).then(() => "loaded", (e) => e.name);
    control.abort();
    const gated = await module.load("owner/gated", { hub: origin }).catch((e) => e.message);
    const opened = await module.load("owner/gated", { hub: origin, token: "hf_imitated" });
    return { about, model, steps: [...steps], vectors, stopped: await stopped, gated, opened };
  }, { origin: hub.origin, texts });
  assert.equal(said.about.architecture, "xlm-roberta");
  assert.equal(said.about.licence, "mit");
  assert.equal(said.model.quantization, "f16");
  for (const [kind, rows] of Object.entries(said.vectors)) {
    const expected = new Float32Array(bytes(kind));
    assert.equal(rows.flat().length, expected.length);
    // The checkpoint's weights are exact in 16 bits.
    const worst = rows.flat().reduce((most, x, i) => Math.max(most, Math.abs(x - expected[i])), 0);
    assert.ok(worst < 1e-5, `${kind}: ${worst}`);
  }
  assert.ok(said.steps.includes("download") && said.steps.includes("self-test"), said.steps.join());
  assert.equal(said.stopped, "AbortError");
  assert.match(said.gated, /accept its terms/);
  assert.equal(said.opened.name, "owner/gated");
  await context.close();
});
