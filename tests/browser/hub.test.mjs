// The imitated hub itself: what the tests of models by name rest on.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { serveHub, TOKEN } from "./hub.mjs";

const weights = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251));
const files = { "config.json": '{"model_type":"bert"}', "1_Pooling/config.json": "{}", "model.safetensors": weights };
const hub = await serveHub({
  "owner/name": { files, card: { license: "mit", language: ["de", "th"] } },
  "owner/gated": { files, gated: true },
});
after(() => hub.close());
const get = (path, headers = {}) => fetch(`${hub.origin}${path}`, { headers: { origin: "https://page.example", ...headers } });
const code = (response) => [response.status, response.headers.get("x-error-code")];

test("a model is told with its files' sizes and hashes", async () => {
  const told = await (await get("/api/models/owner/name?blobs=true")).json();
  assert.match(told.sha, /^[0-9a-f]{40}$/);
  assert.equal(told.cardData.license, "mit");
  const hash = createHash("sha256").update(weights).digest("hex");
  assert.deepEqual(told.siblings.at(-1), {
    rfilename: "model.safetensors",
    size: 5000,
    blobId: createHash("sha1").update("blob 5000\0").update(weights).digest("hex"),
    lfs: { sha256: hash, size: 5000, pointerSize: 134 },
  });
  const plain = await (await get(`/api/models/owner/name/revision/${told.sha}`)).json();
  assert.deepEqual(plain.siblings.map((file) => Object.keys(file)), [["rfilename"], ["rfilename"], ["rfilename"]]);
});

test("small files come from the hub, large ones from another origin, from any byte on", async () => {
  const config = await get("/owner/name/resolve/main/config.json");
  assert.equal(await config.text(), files["config.json"]);
  assert.equal(config.headers.get("access-control-allow-origin"), "https://page.example");
  assert.match(config.headers.get("x-repo-commit"), /^[0-9a-f]{40}$/);
  assert.match(config.headers.get("etag"), /^"[0-9a-f]{40}"$/);

  const redirected = await fetch(`${hub.origin}/owner/name/resolve/main/model.safetensors`, { redirect: "manual" });
  assert.equal(redirected.status, 302);
  assert.ok(redirected.headers.get("location").startsWith(hub.cdn));
  assert.equal(redirected.headers.get("x-linked-size"), "5000");
  assert.match(redirected.headers.get("x-linked-etag"), /^"[0-9a-f]{64}"$/);
  assert.notEqual(new URL(hub.cdn).origin, new URL(hub.origin).origin);
  const rest = await get("/owner/name/resolve/main/model.safetensors", { range: "bytes=4000-" });
  assert.equal(rest.status, 206);
  assert.equal(rest.headers.get("content-range"), "bytes 4000-4999/5000");
  assert.deepEqual(Buffer.from(await rest.arrayBuffer()), weights.subarray(4000));
  assert.equal((await get("/owner/name/resolve/main/model.safetensors", { range: "bytes=5000-" })).status, 416);
});

test("what is refused is refused as by the hub", async () => {
  assert.deepEqual(code(await get("/api/models/owner/nothing")), [401, "RepoNotFound"]);
  assert.deepEqual(code(await get("/api/models/owner/nothing", { authorization: `Bearer ${TOKEN}` })), [404, "RepoNotFound"]);
  assert.deepEqual(code(await get("/api/models/owner/name/revision/none")), [404, "RevisionNotFound"]);
  assert.deepEqual(code(await get("/owner/name/resolve/main/none.json")), [404, "EntryNotFound"]);
  assert.equal((await get("/api/models/owner/gated")).status, 200);
  assert.deepEqual(code(await get("/owner/gated/resolve/main/config.json")), [401, "GatedRepo"]);
  assert.equal((await get("/owner/gated/resolve/main/config.json", { authorization: `Bearer ${TOKEN}` })).status, 200);
  assert.equal((await get("/owner/gated/resolve/main/config.json", { authorization: "Bearer other" })).status, 401);
});

test("connections break where a test asks them to, once each", async (t) => {
  t.after(() => hub.faults.clear());
  const path = "/owner/name/resolve/main/model.safetensors";
  hub.faults.set("model.safetensors", { breaks: [1200] });
  await assert.rejects(async () => (await get(path)).arrayBuffer());
  assert.equal((await (await get(path)).arrayBuffer()).byteLength, 5000);
  hub.faults.set("config.json", { status: 503 });
  assert.equal((await get("/owner/name/resolve/main/config.json")).status, 503);
  hub.faults.set("model.safetensors", { whole: true });
  assert.equal((await get(path, { range: "bytes=4000-" })).status, 200);
});

test("an origin without CORS, and none at all", async (t) => {
  t.after(() => Object.assign(hub, { cors: true, offline: false }));
  hub.cors = false;
  assert.equal((await get("/api/models/owner/name")).headers.get("access-control-allow-origin"), null);
  hub.offline = true;
  await assert.rejects(() => get("/api/models/owner/name"));
});

test("another version of a model is another commit, and the one before stays", async () => {
  const before = (await (await get("/api/models/owner/name")).json()).sha;
  const now = hub.put("owner/name", { files: { ...files, "config.json": '{"model_type":"roberta"}' } });
  assert.notEqual(now, before);
  assert.equal(await (await get(`/owner/name/resolve/${before}/config.json`)).text(), files["config.json"]);
  assert.match(await (await get("/owner/name/resolve/main/config.json")).text(), /roberta/);
});
