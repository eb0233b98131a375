// Two models side by side in Search: chosen, restored from the address, and one of them failing.
import assert from "node:assert/strict";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { built, manifestOf, packed, sha256, unpacked, weightsOf } from "./safetensors.mjs";

const { browser, server, open } = await start();

const listed = (folder, name) => ({ folder, name, about: `What sets ${name} apart.`, megabytes: 26 });
const list = [listed("model/", "One way"), listed("other/", "Other way")];

/** The file of weights that the other bundle has for itself. */
const own = manifestOf("model").files.at(-1).path;

/** The first records of the sample with their vectors, said to be of some weights: a model encodes them in seconds. */
function sample(records, weights) {
  const lines = built("sample/passages.jsonl").toString().split("\n").filter((line) => line.trim());
  const passages = Buffer.from(lines.slice(0, records).join("\n"));
  const { header, data } = unpacked(built("sample/vectors.safetensors"));
  const [rows, width] = header.vectors.shape;
  const languages = Object.keys(JSON.parse(lines[0]).passage).length;
  const part = ({ data_offsets: [start, end] }) => {
    const [bytes, row] = [data.subarray(start, end), (end - start) / rows];
    // Rows of the passages come first, then those of the examples.
    return Buffer.concat([bytes.subarray(0, records * languages * row), bytes.subarray(lines.length * languages * row)]);
  };
  const [scales, vectors] = [part(header.scales), part(header.vectors)];
  const about = { ...JSON.parse(header.__metadata__.about), passages_sha256: sha256(passages), ...(weights && { weights_sha256: weights }) };
  const tensors = {
    __metadata__: { about: JSON.stringify(about) },
    scales: { dtype: "F32", shape: [scales.length / 4], data_offsets: [0, scales.length] },
    vectors: { dtype: "I8", shape: [scales.length / 4, width], data_offsets: [scales.length, scales.length + vectors.length] },
  };
  return new Map([["passages.jsonl", passages], ["vectors.safetensors", packed(tensors, Buffer.concat([scales, vectors]))]]);
}

/**
 * A bundle that ranks unlike the default one: each question begins with words that draw it towards Thai.
 * Blanks after the header make its weights another file, so that its vectors count as another model's.
 */
function bundle() {
  const manifest = manifestOf("model");
  const { header, data } = unpacked(built(weightsOf("model")));
  const weights = packed(header, data, 8);
  manifest.name = "other";
  manifest.prompts.query = "ภาษาไทย แม่น้ำ ประเทศไทย ";
  manifest.self_test.cases = manifest.self_test.cases.filter((text) => text.kind === "passage");
  const entry = manifest.files.at(-1);
  Object.assign(entry, { bytes: weights.length, sha256: sha256(weights) });
  if (manifest.weights_sha256) manifest.weights_sha256 = entry.sha256;
  const rest = manifest.files.slice(0, -1).map(({ path, at }) => [path, built(`model/${at ?? path}`)]);
  for (const file of manifest.files) delete file.at;
  return new Map([...rest, [entry.path, weights], ["manifest.json", Buffer.from(JSON.stringify(manifest))]]);
}

server.faults.set("models/models.json", () => Buffer.from(JSON.stringify(list)));
const other = bundle();
for (const [path, bytes] of other) server.faults.set(`other/${path}`, () => bytes);
for (const [path, bytes] of sample(16)) server.faults.set(`sample/${path}`, () => bytes);

/** The Search view with two columns, in the words of its user. */
async function compare(address, options) {
  const context = options?.context ?? (await browser.newContext({ viewport: { width: 1280, height: 900 } }));
  if (!options) {
    // Each worker's words, within the test's reach.
    await context.addInitScript(() => {
      window.said = [];
      let workers = 0;
      window.Worker = class extends Worker {
        constructor(...how) {
          super(...how);
          const worker = workers++;
          this.addEventListener("message", ({ data }) => {
            const [[type, event]] = Object.entries(data);
            window.said.push({ worker, type, ...event });
          });
        }
      };
    });
  }
  const search = await open(address, { context });
  const { page } = search;
  const hits = (name) =>
    page.getByRole("list", { name, exact: true }).getByRole("listitem").evaluateAll((items) =>
      items.map((item) => ({
        key: `${item.lang} ${item.dataset.id}`,
        place: item.querySelector(".place")?.textContent,
        middle: item.getBoundingClientRect().top + item.getBoundingClientRect().height / 2,
      })),
    );
  const keys = async (name) => (await hits(name)).map((hit) => hit.key);
  return Object.assign(search, {
    model: page.getByRole("combobox", { name: "Model", exact: true }),
    with: page.getByRole("combobox", { name: "Compare with" }),
    hitsOf: hits,
    keys,
    /** Waits until both lists answer this question. */
    both: async (question, name) => {
      await search.answered(question);
      await page.locator(`ol[aria-label="Results of ${name}"][aria-busy="false"]:not(.earlier) li`).first().waitFor();
      return [await keys("Results"), await keys(`Results of ${name}`)];
    },
    said: () => page.evaluate(() => window.said.map(({ worker, type, stage, done, total }) => ({ worker, type, stage, done, total }))),
  });
}

const question = "Where do bees keep their honey?";
let kept;

test("two models answer one question in two lists, joined where a passage moved", { timeout: 4 * patience }, async (t) => {
  const search = await compare("?device=cpu");
  kept = search.context;
  const { page } = search;
  await search.ready();
  await search.ask(question);
  const before = await search.keys("Results");
  const begun = Date.now();
  await search.with.selectOption({ label: "Other way (26 MB)" });
  await page.getByText("What sets Other way apart.").waitFor();
  await page.getByRole("progressbar", { name: "Encoding the passages with Other way" }).waitFor();
  assert.deepEqual(await search.keys("Results"), before, "the first ranking waits for the second");
  await page.locator('ol[aria-label="Results of Other way"] li').first().waitFor({ timeout: 3 * patience });
  t.diagnostic(`${((Date.now() - begun) / 1000).toFixed(0)} s until the second model answered`);
  const [first, second] = await search.both(question, "Other way");
  assert.deepEqual(first, before);
  assert.equal(second.length, 10);
  assert.notDeepEqual(first, second);

  // Each column has its bars and says how even they are; the second one's are Thai, by its prompt.
  for (const bar of ["top 10", "all ranked"]) {
    assert.equal(await page.getByRole("img", { name: new RegExp(`^Languages, ${bar}: `) }).count(), 2);
  }
  const region = page.getByRole("region", { name: "Other way" });
  const thai = second.filter((key) => key.startsWith("th ")).length;
  const bar = await region.getByRole("img", { name: /top 10/ }).getAttribute("aria-label");
  assert.equal(Number(bar.match(/Thai (\d+)/)?.[1] ?? 0), thai);
  const english = second.filter((key) => key.startsWith("en ")).length;
  await region.getByText(`English, the question’s language: ${english} of 10, 0.9 expected by chance`).waitFor();

  // Each item says where it is in the other list, and a line goes there.
  const lists = [["Results", "Other way", first, second], ["Results of Other way", "One way", second, first]];
  for (const [name, with_, here, there] of lists) {
    (await search.hitsOf(name)).forEach((hit, i) => {
      const at = there.indexOf(here[i]) + 1;
      const expected = at ? `${at} there with ${with_}` : `beyond 10 there with ${with_}`;
      assert.equal(hit.place, `rank ${i + 1} here, ${expected}`);
    });
  }
  const shared = first.filter((key) => second.includes(key));
  assert.ok(shared.length > 0, "no passage is in both lists");
  const drawing = page.locator("svg.lines");
  await page.waitForFunction((n) => document.querySelectorAll("svg.lines path").length === n, shared.length);
  const ends = async () => {
    const { y } = await drawing.boundingBox();
    const paths = await drawing.locator("path").evaluateAll((paths) => paths.map((path) => path.getAttribute("d")));
    return paths.map((d) => d.match(/^M0 ([\d.-]+)C.* ([\d.-]+)$/).slice(1).map((end) => Number(end) + y));
  };
  const joined = async () => {
    const [a, b] = [await search.hitsOf("Results"), await search.hitsOf("Results of Other way")];
    const middle = (hits, key) => hits.find((hit) => hit.key === key).middle;
    return shared.map((key) => [middle(a, key), middle(b, key)]);
  };
  const fits = async () => {
    const [drawn, wanted] = [await ends(), await joined()];
    return drawn.length === wanted.length && drawn.flat().every((y, i) => Math.abs(y - wanted.flat()[i]) < 1);
  };
  assert.ok(await fits(), "the lines do not end at the passages");
  await page.setViewportSize({ width: 1100, height: 900 });
  for (let i = 0; !(await fits()); i++) {
    assert.ok(i < 50, "the lines do not follow the window's size");
    await page.waitForTimeout(100);
  }

  // Pointing at a passage points at its counterpart, and its button leads there.
  const item = page.locator(`#a-${first.indexOf(shared[0]) + 1}`);
  const counterpart = page.locator(`#b-${second.indexOf(shared[0]) + 1}`);
  await item.hover();
  assert.match(await counterpart.getAttribute("class"), /pointed/);
  assert.equal(await drawing.locator(".pointed").count(), 1);
  await item.getByRole("button", { name: "there with Other way" }).click();
  assert.ok(await counterpart.evaluate((item) => item === document.activeElement));
  assert.deepEqual(search.complaints, []);
});

test("the address restores both, from vectors that were kept, and the first does not wait", { timeout: 2 * patience }, async () => {
  const search = await compare(`?q=${encodeURIComponent(question)}&device=cpu&with=other/`, { context: kept });
  const { page } = search;
  const [first, second] = await search.both(question, "Other way");
  assert.equal(await search.with.inputValue(), "other/");
  const said = await search.said();
  assert.ok(!said.some(({ stage, done, total }) => stage === "encode" && done < total), "what was kept was encoded again");
  const at = (worker, type) => said.findIndex((event) => event.worker === worker && event.type === type);
  assert.ok(at(0, "results") < at(1, "started"), "the second model began before the first had answered");
  assert.ok(at(0, "model-ready") < at(1, "started"), "the second model began before the first was there");

  // The model that is compared with becomes the first: they change places.
  await search.model.selectOption("other/");
  await page.waitForURL(/model=other\/&with=model\/$/);
  await page.waitForFunction((key) => document.querySelector('ol[aria-label="Results"] li')?.dataset.id === key, second[0].split(" ")[1]);
  const swapped = await search.both(question, "One way");
  assert.deepEqual(swapped, [second, first]);

  // Small: one column below the other, the places in words, no lines.
  await page.setViewportSize({ width: 320, height: 700 });
  assert.ok(!(await page.locator("svg.lines").isVisible()));
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320), "it is wider than the window");
  const [a, b] = await Promise.all(["#a-1", "#b-1"].map((id) => page.locator(id).boundingBox()));
  assert.ok(b.y > a.y + a.height);
  await page.setViewportSize({ width: 1280, height: 900 });

  // Own text is opened for both.
  await page.getByRole("button", { name: "Your own text" }).click();
  await page.getByRole("textbox", { name: "Paste passages, one per line" }).fill(["The ferry leaves at nine.", "Das Museum ist montags geschlossen.", "El mercado vende fruta."].join("\n"));
  await page.getByRole("button", { name: "Search this text" }).click();
  await page.getByRole("button", { name: "Back to the sample" }).waitFor();
  const asked = "When does the ferry leave?";
  await search.ask(asked);
  for (const keys of await search.both(asked, "One way")) assert.equal(keys.length, 3);

  await search.with.selectOption("none");
  await page.getByRole("list", { name: "Results of One way" }).waitFor({ state: "detached" });
  assert.ok(!page.url().includes("with="));
  assert.equal((await search.ask("When is the museum closed?")).length, 3);
  assert.deepEqual(search.complaints, []);
  await search.context.close();
});

test("vectors that lie beside the sample are not made again", { timeout: 2 * patience }, async (t) => {
  t.after(() => ["vectors.json", "vectors-other.safetensors"].forEach((path) => server.faults.delete(`sample/${path}`)));
  // The other model differs in its questions only: its passages have the same vectors.
  const weights = sha256(other.get(own));
  const vectors = sample(16, weights).get("vectors.safetensors");
  const list = Buffer.from(JSON.stringify({ [weights]: "vectors-other.safetensors" }));
  for (const [path, bytes] of [["vectors.json", list], ["vectors-other.safetensors", vectors]]) server.faults.set(`sample/${path}`, () => bytes);
  const search = await compare("?device=cpu&with=other/");
  await search.ready();
  await search.ask(question);
  const [first, second] = await search.both(question, "Other way");
  assert.equal(second.length, 10);
  assert.notDeepEqual(first, second);
  const said = await search.said();
  assert.ok(said.some(({ worker, type }) => worker === 1 && type === "corpus-ready"));
  assert.ok(!said.some(({ worker, stage }) => worker === 1 && stage === "encode"), "the second model encoded passages");
  assert.deepEqual(search.complaints, []);
  await search.context.close();

  // A file that does not fit the passages is passed over, and they are encoded.
  server.faults.set("sample/vectors-other.safetensors", () => sample(8, weights).get("vectors.safetensors"));
  const again = await compare("?device=cpu&with=other/");
  await again.page.getByRole("progressbar", { name: "Encoding the passages with Other way" }).waitFor();
  await again.context.close();
});

const broken = [
  ["is missing", "other/manifest.json", () => null, /other\/manifest\.json/],
  ["is damaged", `other/${own}`, (bytes) => Buffer.concat([bytes.subarray(0, -100), Buffer.alloc(100, 7)]), new RegExp(`other/${own}.*SHA-256`)],
  [
    "does not reproduce its reference vectors",
    "other/manifest.json",
    (bytes) => {
      const manifest = JSON.parse(bytes);
      manifest.self_test.cases.forEach((text) => text.vector.reverse());
      return Buffer.from(JSON.stringify(manifest));
    },
    /differ from the model's reference by/,
  ],
];

for (const [what, path, change, sentence] of broken) {
  test(`a second model that ${what}: its column says so, and the first answers`, async () => {
    const whole = server.faults.get(path);
    server.faults.set(path, () => change(other.get(path.split("/")[1])));
    const search = await compare("?device=cpu&with=other/");
    const region = search.page.getByRole("region", { name: "Other way" });
    await region.getByRole("alert").filter({ hasText: sentence }).waitFor();
    await region.getByText("The other column is not affected.").waitFor();
    assert.equal((await search.ask(question)).length, 10);
    assert.match(await search.device.innerText(), /self-test passed/);
    assert.equal(await search.page.getByRole("alert").filter({ hasText: sentence }).count(), 1, "it is said once");
    server.faults.set(path, whole);
    if (what === "is missing") {
      await region.getByRole("button", { name: "Try again" }).click();
      await search.page.getByRole("progressbar", { name: /with Other way/ }).waitFor();
      await search.page.getByRole("button", { name: "Cancel" }).click();
      await region.waitFor({ state: "detached" });
    }
    await search.context.close();
  });
}

test("without the list there is the model of the page, and any by its address", async () => {
  const whole = server.faults.get("models/models.json");
  server.faults.set("models/models.json", () => Buffer.from('[{"folder": "model/"}]'));
  const search = await compare("?device=cpu");
  const { page } = search;
  await page.getByText(/models\/models\.json: missing field `name`.*takes a name, a URL or a folder/).waitFor();
  await search.ready();
  // Unlisted, it has the name that it tells itself.
  const { name } = manifestOf("model");
  await search.model.locator("option", { hasText: `${name} (4-bit, ` }).waitFor({ state: "attached" });
  assert.match(await search.model.evaluate((select) => select.selectedOptions[0].label), new RegExp(`^${name} \\(4-bit, `));
  await search.with.selectOption("Other model (name, URL or folder) …");
  const field = page.getByRole("dialog", { name: "Other model" }).getByRole("textbox");
  await field.fill("nowhere/");
  await field.press("Enter");
  await page.getByRole("region", { name: "nowhere/" }).getByRole("alert").filter({ hasText: "nowhere/manifest.json" }).waitFor();
  assert.match(page.url(), /with=nowhere\//);
  server.faults.set("models/models.json", whole);
  await search.context.close();
});
