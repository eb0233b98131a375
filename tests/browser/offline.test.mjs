// The page without a network, and a new version of it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { records } from "./corpus.mjs";
import { root } from "./server.mjs";

const { browser, server, open } = await start();
const folders = mkdtempSync(join(tmpdir(), "interlingua-offline-"));
after(() => rmSync(folders, { recursive: true }));

/** The built page, with a mark in its first script that says which version runs. */
function version(name, env = {}) {
  const folder = join(folders, name);
  cpSync(join(root, "dist"), folder, { recursive: true, filter: (path) => !/\.(br|gz)$/.test(path) });
  appendFileSync(join(folder, "start.js"), `\ndocument.documentElement.dataset.version = "${name}";\n`);
  execFileSync(join(root, "scripts/offline"), [folder], { env: { ...process.env, INTERLINGUA_FRESH: "0", ...env } });
  return folder;
}
const running = (page) => page.evaluate(() => document.documentElement.dataset.version);
const offer = (page) => page.getByText("A new version is available.");
const works = (search) => search.page.getByText("This page works without a network: its program and the sample are stored in this browser.");

/** Unfolds the details, and waits until they say that the page works offline. */
async function stored(search) {
  const summary = search.device.locator("summary").first();
  await summary.click();
  await works(search).waitFor();
  await summary.click();
}

let search;

test("a reload without a network: the model answers, one's own text is open, threads are there", { timeout: 2 * patience }, async () => {
  server.folder = version("one");
  search = await open("?device=cpu");
  const { page } = search;
  await search.ready();
  await stored(search);
  const requests = server.requests.length;

  await server.close();
  await page.reload();
  assert.match(await search.ready(), /[2-9] threads/);
  assert.equal(await running(page), "one");
  const record = records[3];
  const hits = await search.ask(record.question.de);
  assert.ok(hits.slice(0, 3).some((hit) => hit.id === record.id), JSON.stringify(hits.slice(0, 3)));

  await search.ownText();
  await page.getByRole("textbox", { name: "Paste passages, one per line" }).fill("Bees keep honey in combs.\nThe bridge opened in spring.");
  await page.getByRole("button", { name: "Search this text" }).click();
  await page.getByRole("button", { name: "Back to the sample" }).waitFor();
  await page.reload();
  await search.ready();
  await page.getByRole("button", { name: "Back to the sample" }).waitFor();
  const own = await search.ask("Wo ist der Honig?");
  assert.equal(own.length, 2);
  assert.match(own[0].text, /honey/);
  await stored(search);
  assert.equal(server.requests.length, requests);
  assert.deepEqual(search.complaints.filter((complaint) => !/ERR_CONNECTION_REFUSED|service worker/i.test(complaint)), []);
  search.complaints.length = 0;
});

test("who only evaluates has the page without a network too", { timeout: 2 * patience }, async () => {
  // The test before ended without a network, as this one does.
  await server.again();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const search = await open("?view=evaluate&data=own&device=cpu", { context });
  const { page } = search;
  const lines = [
    { id: "p1", lang: "en", text: "The museum opens at nine." },
    { id: "p2", lang: "en", text: "Bees make honey." },
    { query_id: "q1", lang: "en", text: "What do bees make?", relevant: ["p2"] },
  ];
  const buffer = Buffer.from(lines.map((line) => JSON.stringify(line)).join("\n"));
  await page.locator(".choose").getByLabel("Choose files").setInputFiles({ name: "own.jsonl", mimeType: "application/json", buffer });
  await page.getByRole("button", { name: "Evaluate", exact: true }).click();
  await page.getByRole("table", { name: "Measures by setting" }).waitFor();
  await stored(search);
  await server.close();
  await page.reload();
  await page.getByRole("button", { name: "Evaluate", exact: true }).waitFor();
  assert.equal(await running(page), "one");
  await context.close();
});

test("a new version is offered, starts when it is taken, and until then none of its files is used", { timeout: 2 * patience }, async () => {
  const { page, context } = search;
  server.folder = version("two");
  await server.again();
  await page.reload();
  await offer(page).waitFor();
  assert.equal(await running(page), "one");
  // What comes while it waits is of the old version.
  await page.reload();
  await offer(page).waitFor();
  assert.equal(await running(page), "one");

  // Another tab would be disturbed.
  const other = await open("?device=cpu", { context });
  await other.ready();
  assert.equal(await running(other.page), "one");
  await page.getByRole("button", { name: "Reload the page" }).click();
  await page.getByText(/1 other tab of this page/).waitFor();
  await other.page.close();

  await Promise.all([page.waitForEvent("load"), page.getByRole("button", { name: "Reload the page" }).click()]);
  await search.ready();
  assert.equal(await running(page), "two");
  assert.equal(await offer(page).count(), 0);
  await stored(search);
  const kept = await page.evaluate(async () => {
    const name = (await caches.keys()).filter((name) => name.startsWith("interlingua-page "));
    const keys = await (await caches.open(name[0])).keys();
    return { caches: name.length, versions: keys.filter(({ url }) => url.includes("?version=")).length };
  });
  assert.deepEqual(kept, { caches: 1, versions: 1 });

  await server.close();
  await page.reload();
  await search.ready();
  assert.equal(await running(page), "two");
  await server.again();
});

test("a version whose files do not fit its list, as while it is being uploaded, is not offered", { timeout: 2 * patience }, async (t) => {
  const { page } = search;
  server.folder = version("three");
  // Only what a version has changed is fetched.
  server.faults.set("/start.js", (bytes) => Buffer.concat([bytes, Buffer.from("\n// of another version")]));
  t.after(() => server.faults.clear());
  server.requests.length = 0;
  await page.reload();
  await search.ready();
  const redundant = await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update().catch(() => {});
    const { installing } = registration;
    if (installing) await new Promise((done) => installing.addEventListener("statechange", done));
    return registration.waiting === null;
  });
  assert.ok(redundant);
  assert.ok(server.requests.includes("/start.js"));
  assert.equal(await offer(page).count(), 0);
  assert.equal(await running(page), "two");

  server.faults.clear();
  await page.reload();
  await offer(page).waitFor();
  await search.context.close();
});

test("during development the server is asked first, and what is kept answers without it", { timeout: 2 * patience }, async () => {
  server.folder = version("four", { INTERLINGUA_FRESH: "1" });
  const search = await open("?device=cpu");
  const { page } = search;
  await search.ready();
  await stored(search);
  server.folder = version("five", { INTERLINGUA_FRESH: "1" });
  await page.reload();
  assert.equal(await running(page), "five");
  await search.ready();
  // The details may still speak of "four": "five" is stored once its service worker is the one that answers.
  await page.evaluate(async () => {
    const registration = await navigator.serviceWorker.ready;
    await registration.update();
    const worker = registration.installing ?? registration.waiting ?? registration.active;
    while (worker.state !== "activated") {
      if (worker.state === "redundant") throw new Error("the new version was not stored");
      await new Promise((done) => worker.addEventListener("statechange", done, { once: true }));
    }
  });
  await stored(search);
  await server.close();
  try {
    await page.reload();
    await search.ready();
    assert.equal(await running(page), "five");
    assert.equal(await offer(page).count(), 0);
    await search.context.close();
  } finally {
    await server.again();
  }
});

test("a browser without service workers shows the page as ever, and says why it needs a network", { timeout: patience }, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await context.addInitScript(() => delete Navigator.prototype.serviceWorker);
  const search = await open("?device=cpu", { context });
  await search.ready();
  await search.device.locator("summary").first().click();
  await search.page.getByText("This page does not work without a network: this browser starts no service workers here.").waitFor();
  assert.ok((await search.ask("Wie wird Honig gemacht?")).length > 0);
  assert.deepEqual(search.complaints, []);
  await context.close();
});

test("the service worker names every file that the page asks for", () => {
  const script = readFileSync(join(root, "dist/service_worker.js"), "utf8");
  for (const name of ["index.html", "boot.js", "start.js", "style.css", "page.js", "page_bg.wasm", "worker_loader.js", "threads/worker.js", "models/models.json", "model/manifest.json", "sample/passages.jsonl"]) {
    assert.match(script, new RegExp(`^  "${name}": "[0-9a-f]{64}",$`, "m"));
  }
});
