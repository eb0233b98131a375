// Bundles that share files: what they have in common comes once, is kept once, and goes when no model needs it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./chromium.mjs";
import { built, fileOf, manifestOf, sha256, tensorsOf, weightsOf } from "./safetensors.mjs";

const { server, open } = await start();
const put = (path, bytes) => server.faults.set(`/${path}`, () => bytes);

/** The manifest of a bundle whose weights are the default model's, of files that lie in the folder of `one`. */
function manifest(name, { tokenizer, shared }, own) {
  const entry = (path, bytes, at) => ({ path, ...(at && { at }), bytes: bytes.length, sha256: sha256(bytes) });
  const at = (path) => name !== "one" && `../one/${path}`;
  const said = manifestOf("model");
  return {
    ...said,
    format: 2,
    name,
    files: [
      entry("tokenizer.json", tokenizer, at("tokenizer.json")),
      entry("shared.safetensors", shared, at("shared.safetensors")),
      entry("own.safetensors", own),
    ],
    weights_sha256: said.weights_sha256 ?? sha256(built(weightsOf("model"))),
  };
}

/** The default model as two bundles: all but the last block is shared, blanks make the rest two files. */
function bundles() {
  const last = `encoder.layer.${manifestOf("model").architecture.layers - 1}.`;
  const [own, rest] = [true, false].map((is) => tensorsOf("model").filter(({ name }) => name.startsWith(last) === is));
  const { at, path } = manifestOf("model").files[0];
  const files = { tokenizer: built(`model/${at ?? path}`), shared: fileOf(rest), own: (blanks) => fileOf(own, blanks) };
  put("one/tokenizer.json", files.tokenizer);
  put("one/shared.safetensors", files.shared);
  const list = ["one", "two"].map((name, i) => {
    const said = manifest(name, files, files.own(8 * i));
    put(`${name}/own.safetensors`, files.own(8 * i));
    put(`${name}/manifest.json`, Buffer.from(JSON.stringify(said)));
    const size = ({ bytes }) => bytes / 1e6;
    const shared = said.files.slice(0, 2).map((file) => [file.sha256.slice(0, 12), size(file)]);
    const megabytes = said.files.map(size).reduce((a, b) => a + b);
    return { folder: `${name}/`, name, about: `It is ${name}.`, megabytes, shared: Object.fromEntries(shared) };
  });
  put("models/models.json", Buffer.from(JSON.stringify(list)));
  return files;
}
const files = bundles();

/** Hashes of the files that the browser keeps. */
const kept = async (page) => {
  const urls = await page.evaluate(async () => {
    const keys = await (await caches.open("interlingua-models")).keys();
    return keys.map(({ url }) => url);
  });
  return urls.map((url) => url.match(/sha256=(.*)$/)?.[1]).filter(Boolean).sort();
};

test("a second model costs what it alone has, and what no model needs any more goes", async () => {
  const search = await open("?device=cpu&model=one/");
  const { page } = search;
  await search.ready();
  const choice = page.getByRole("combobox", { name: "Model", exact: true });
  const labels = async () => (await choice.locator("option").allTextContents()).filter((label) => /^(one|two) /.test(label));
  await choice.locator("option", { hasText: " more)" }).waitFor({ state: "attached" });
  const [one, two] = await labels();
  assert.match(one, /^one \(\d+ MB\)$/);
  assert.match(two, /^two \([\d.]+ [kM]B more\)$/);

  server.requests.length = 0;
  await choice.selectOption("two/");
  await search.device.filter({ hasText: "two · " }).waitFor();
  await search.ready();
  const asked = server.requests.filter((path) => /^\/(one|two)\//.test(path));
  assert.ok(asked.includes("/two/own.safetensors"), String(asked));
  assert.deepEqual(asked.filter((path) => /shared|tokenizer/.test(path)), [], "what was there came again");
  const { tokenizer, shared, own } = files;
  const hashes = (...list) => list.map(sha256).sort();
  assert.deepEqual(await kept(page), hashes(tokenizer, shared, own(0), own(8)));
  assert.deepEqual(search.complaints, []);

  // The first gets other weights: theirs go, those that the second needs stay.
  const whole = ["/one/manifest.json", "/one/own.safetensors"].map((path) => [path, server.faults.get(path)]);
  put("one/own.safetensors", own(16));
  put("one/manifest.json", Buffer.from(JSON.stringify(manifest("one", files, own(16)))));
  const again = await open("?device=cpu&model=one/", { context: search.context });
  await again.ready();
  assert.deepEqual(await kept(again.page), hashes(tokenizer, shared, own(8), own(16)));
  assert.deepEqual(again.complaints, []);
  for (const [path, change] of whole) server.faults.set(path, change);
  await search.context.close();
});

test("a shared file that is damaged is named by its address and hash", async () => {
  const whole = server.faults.get("/one/shared.safetensors");
  const damaged = Buffer.from(files.shared);
  damaged[damaged.length - 1] ^= 1;
  put("one/shared.safetensors", damaged);
  const search = await open("?device=cpu&model=two/");
  const sentence = new RegExp(`one/shared\\.safetensors.*SHA-256.*${sha256(files.shared)}`);
  await search.page.getByRole("alert").filter({ hasText: sentence }).waitFor();
  server.faults.set("/one/shared.safetensors", whole);
  await search.context.close();
});
