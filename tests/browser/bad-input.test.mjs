// Bad files and bad questions: one sentence each that names what is wrong, and what was open stays open.
import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./chromium.mjs";
import { weightsOf } from "./safetensors.mjs";
import { serve } from "./server.mjs";

const { server, open } = await start();

const manifest = (change) => (bytes) => {
  const value = JSON.parse(bytes.toString());
  change(value);
  return Buffer.from(JSON.stringify(value));
};

const bundles = [
  ["a missing tokenizer", "model/tokenizer.json", () => null, /tokenizer\.json/],
  ["truncated weights", weightsOf("model"), (bytes) => bytes.subarray(0, bytes.length / 2), new RegExp(weightsOf("model"))],
  [
    "altered weights",
    weightsOf("model"),
    (bytes) => {
      const copy = Buffer.from(bytes);
      copy[copy.length - 7] ^= 1;
      return copy;
    },
    new RegExp(`${weightsOf("model")}.*SHA-256`),
  ],
  ["a manifest of a future version", "model/manifest.json", manifest((m) => (m.format = 99)), /format 99/],
  ["a manifest that is not JSON", "model/manifest.json", () => Buffer.from("<html>"), /manifest\.json.*JSON/],
  ["a manifest without architecture", "model/manifest.json", manifest((m) => delete m.architecture), /architecture/],
];

for (const [name, file, change, sentence] of bundles) {
  test(`${name}: a sentence, and the sample stays open`, async () => {
    server.faults.set(file, change);
    const search = await open("?device=cpu");
    await search.page.getByRole("alert").filter({ hasText: sentence }).waitFor();
    await search.results.first().waitFor();
    assert.equal((await search.hits()).length, 10);
    server.faults.clear();
    await search.context.close();
  });
}

test("files and questions that cannot be used", async () => {
  const search = await open("?device=cpu");
  await search.ownText();
  const { page } = search;
  const files = page.getByLabel("Or choose files");
  const refused = async (name, buffer, sentence) => {
    await files.setInputFiles({ name, mimeType: "application/octet-stream", buffer });
    await page.getByRole("alert").filter({ hasText: sentence }).waitFor();
    assert.ok((await search.hits()).length > 0, `${name}: what was open is gone`);
    await page.getByRole("alert").getByRole("button", { name: "Dismiss" }).click();
  };
  await refused("empty.txt", Buffer.from(""), /empty\.txt/);
  await refused("picture.txt", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 1, 0xff, 0xfe]), /picture\.txt/);
  await refused("one-long-line.txt", Buffer.from("x".repeat(100_000)), /one-long-line\.txt.*(line|1)/);
  await refused("broken.json", Buffer.from('{"data": [{"title": 1}]}'), /broken\.json/);

  const hits = await search.hits();
  await search.box.fill("x".repeat(1_000_000));
  await search.box.press("Enter");
  await page.getByRole("alert").filter({ hasText: /1,?000,?000 characters/ }).waitFor();
  assert.deepEqual(await search.hits(), hits);
  await page.getByRole("alert").getByRole("button", { name: "Dismiss" }).click();
  const answers = await search.ask("Why is the sky blue?");
  assert.equal(answers.length, 10);
  assert.deepEqual(search.complaints, []);
  await search.context.close();
});

test("a link that asks for what there is not says so, and the rest of it counts", async () => {
  const { page, context } = await open("?view=evaluate&data=kitchen&measures=ndcg@20,good&lir=many&precision=exact");
  const notice = page.getByText("The link asks for something this page does not know");
  await notice.waitFor();
  assert.match(await notice.innerText(), /: data=kitchen, lir=many, measures=good\.$/);
  assert.equal((await page.getByRole("alert").allInnerTexts()).join("").trim(), "");
  await context.close();
});

test("a sample that did not come, or was stopped, can be opened again", async () => {
  const vectors = "sample/vectors.safetensors";
  server.faults.set(vectors, () => null);
  const search = await open("?device=cpu");
  const { page } = search;
  const alert = page.getByRole("alert").filter({ hasText: "vectors.safetensors" });
  await alert.waitFor();
  await page.getByText("No text is open.").waitFor();
  await alert.getByRole("button", { name: "Dismiss" }).click();
  // A question does not vanish: it is said why nothing answers.
  await search.box.fill("Why is the sky blue?");
  await search.box.press("Enter");
  const closed = page.getByRole("alert").filter({ hasText: "No text is open to search." });
  await closed.waitFor();
  server.faults.clear();

  let come;
  server.slow.set(vectors, { pieces: 2, until: new Promise((done) => (come = done)) });
  await closed.getByRole("button", { name: "Open it again" }).click();
  await page.locator(".progress").filter({ hasText: "Opening the sample" }).getByRole("button", { name: "Cancel" }).click();
  const stopped = page.getByRole("alert").filter({ hasText: "Opening was stopped." });
  await stopped.waitFor();
  come();
  server.slow.clear();
  await stopped.getByRole("button", { name: "Open it again" }).click();
  await search.answered("Why is the sky blue?");
  assert.equal((await search.hits()).length, 10);
  assert.equal(await page.getByRole("alert").filter({ hasText: "stopped" }).count(), 0);
  await search.context.close();
});

test("a link does not make the page ask another server", async (t) => {
  const other = await serve();
  t.after(() => other.close());
  for (const [parameter, says, button] of [
    ["model", "The model that this address names is on another server", "Load it from there"],
    ["with", "The model to compare with is on another server", "Try again"],
  ]) {
    const search = await open(`?device=cpu&${parameter}=${other.origin}/model/`);
    const { page } = search;
    const alert = page.getByRole("alert").filter({ hasText: says });
    await alert.waitFor();
    assert.match(await alert.innerText(), new RegExp(new URL(other.origin).host));
    assert.equal((await search.hits()).length, 10);
    assert.deepEqual(other.requests, []);
    await alert.getByRole("button", { name: button }).click();
    await page.waitForTimeout(100);
    while (!other.requests.includes("/model/manifest.json")) await page.waitForTimeout(100);
    other.requests.length = 0;
    await search.context.close();
  }
});

test("a choice of another model that is cancelled leaves the page with the one that answers", async () => {
  const search = await open("?device=cpu");
  const { page } = search;
  const model = page.getByRole("combobox", { name: "Model", exact: true });
  await search.ready();
  const before = [await model.inputValue(), page.url()];
  server.slow.set(weightsOf("models/monolingual"), { pieces: 100, until: new Promise(() => {}) });
  await model.selectOption("models/monolingual/");
  await page.waitForURL(/model=models\/monolingual\//);
  await page.locator(".progress").filter({ hasText: "Loading the model" }).getByRole("button", { name: "Cancel" }).click();
  await page.waitForURL((url) => !url.search.includes("model="));
  assert.deepEqual([await model.inputValue(), page.url()], before);
  assert.ok((await search.ask("Why is the sky blue?")).length > 0);

  // One that cannot be loaded is named until that was read.
  server.slow.clear();
  server.faults.set("models/monolingual/manifest.json", () => null);
  await model.selectOption("models/monolingual/");
  const alert = page.getByRole("alert").filter({ hasText: "manifest.json" });
  await alert.waitFor();
  assert.equal(await model.inputValue(), "models/monolingual/");
  await alert.getByRole("button", { name: "Dismiss" }).click();
  await page.waitForURL((url) => !url.search.includes("model="));
  assert.equal(await model.inputValue(), before[0]);
  server.faults.clear();
  await search.context.close();
});
