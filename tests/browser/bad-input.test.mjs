// Bad files and bad questions: one sentence each that names what is wrong, and what was open stays open.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open } from "./chromium.mjs";
import { serve } from "./server.mjs";

let browser, server;
before(async () => {
  server = await serve();
  browser = await launch({ gpu: false });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

const manifest = (change) => (bytes) => {
  const value = JSON.parse(bytes.toString());
  change(value);
  return Buffer.from(JSON.stringify(value));
};

const bundles = [
  ["a missing tokenizer", "model/tokenizer.json", () => null, /tokenizer\.json/],
  ["truncated weights", "model/model.safetensors", (bytes) => bytes.subarray(0, bytes.length / 2), /model\.safetensors/],
  [
    "altered weights",
    "model/model.safetensors",
    (bytes) => {
      const copy = Buffer.from(bytes);
      copy[copy.length - 7] ^= 1;
      return copy;
    },
    /model\.safetensors.*SHA-256/,
  ],
  ["a manifest of a future version", "model/manifest.json", manifest((m) => (m.format = 99)), /format 99/],
  ["a manifest that is not JSON", "model/manifest.json", () => Buffer.from("<html>"), /manifest\.json.*JSON/],
  ["a manifest without architecture", "model/manifest.json", manifest((m) => delete m.architecture), /architecture/],
];

for (const [name, file, change, sentence] of bundles) {
  test(`${name}: a sentence, and the sample stays open`, async () => {
    server.faults.set(file, change);
    const search = await open(browser, server, "?device=cpu");
    await search.page.getByRole("alert").filter({ hasText: sentence }).waitFor();
    await search.results.first().waitFor();
    assert.equal((await search.hits()).length, 10);
    server.faults.clear();
    await search.context.close();
  });
}

test("files and questions that cannot be used", async () => {
  const search = await open(browser, server, "?device=cpu");
  await search.ownText();
  const { page } = search;
  const files = page.getByLabel("Choose files");
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
