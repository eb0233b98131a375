// What never answers is given up in a sentence, and what can goes on: a GPU, storage, a server, a service worker,
// a worker, a drive. The seconds are those of src/timeouts.rs, and really pass.
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { launch, open, patience } from "./chromium.mjs";
import { weightsOf } from "./safetensors.mjs";
import { root, serve } from "./server.mjs";

const browser = await launch({ gpu: true });
after(() => browser.close());

const never = new Promise(() => {});
const weights = `/${weightsOf("model")}`;

/** A test with a server of its own, so that several wait at once. */
function waits(name, body) {
  test(name, { timeout: 4 * patience }, async (t) => {
    const server = await serve();
    t.after(() => server.close());
    await body(server, (path, options) => open(path, { browser, server, ...options }));
  });
}

/** Runs `script` in the worker of this server's pages before anything else there. */
function inWorker(server, script) {
  server.faults.set("/worker_loader.js", (bytes) => Buffer.concat([Buffer.from(`${script}\n`), bytes]));
}

/** The panel of the device, unfolded. */
async function details(search) {
  await search.device.locator("summary").first().click();
  return search.device.innerText();
}

async function seconds(work) {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) / 1e3;
}

suite("timeouts", { concurrency: 4 }, () => {
  for (const [what, script] of [
    ["brings no adapter", "GPU.prototype.requestAdapter = () => new Promise(() => {});"],
    ["brings no device", "GPUAdapter.prototype.requestDevice = () => new Promise(() => {});"],
    ["finishes no work", "GPUBuffer.prototype.mapAsync = () => new Promise(() => {});"],
  ]) {
    waits(`a GPU that was asked for by name and ${what} is given up, and the CPU answers`, async (server, open) => {
      inWorker(server, script);
      const search = await open("?device=webgpu");
      const took = await seconds(() => search.ready());
      assert.ok(took > 9, `it was waited for ${took} s`);
      assert.match(await search.ready(), /· CPU \(/);
      const why = /WebGPU is not used: it did not respond within 10 s; load the model again once it does, or reload the page\./;
      await search.page.locator(".message").filter({ hasText: why }).waitFor();
      assert.match(await details(search), why);
      assert.equal((await search.ask("Wie wird Honig gemacht?")).length, 10);
      assert.deepEqual(search.complaints, []);
      await search.context.close();
    });
  }

  waits("a GPU that answers too late breaks nothing, and serves who asks again", async (server, open) => {
    inWorker(server, `
      const request = GPU.prototype.requestAdapter;
      GPU.prototype.requestAdapter = async function (...how) {
        await new Promise((done) => setTimeout(done, 15_000));
        return request.apply(this, how);
      };`);
    const search = await open("?device=webgpu");
    assert.match(await search.ready(), /· CPU \(/);
    await search.page.waitForTimeout(15_000);
    assert.match(await search.ready(), /· CPU \(/);
    const asked = "Wie wird Honig gemacht?";
    // Both devices find the same; near ties may stand in another order.
    const found = (hits) => hits.map((hit) => `${hit.id} ${hit.lang}`).sort();
    const hits = await search.ask(asked);
    await search.device.locator("summary").first().click();
    await search.page.getByRole("button", { name: "Load the model again" }).click();
    await search.device.filter({ hasText: "· GPU (" }).waitFor();
    assert.deepEqual(found(await search.ask(asked)), found(hits));
    assert.deepEqual(search.complaints, []);
    await search.context.close();
  });

  waits("storage that does not open: the model comes over the network, which is said", async (server, open) => {
    inWorker(server, "CacheStorage.prototype.open = () => new Promise(() => {});");
    const search = await open("?device=cpu");
    await search.ready();
    assert.match(await details(search), /storage could not be used \(it did not respond within 10 s\), so the model is downloaded again each time\./);
    assert.equal((await search.ask("Wie wird Honig gemacht?")).length, 10);
    // The details were folded when the question was typed.
    await details(search);
    await search.page.getByRole("button", { name: "Remove from this browser’s storage" }).click();
    await search.page.getByRole("alert").filter({ hasText: /did not respond within 10 s\), so nothing can be removed from it\./ }).waitFor();
    assert.deepEqual(search.complaints, []);
    await search.context.close();
  });

  waits("storage that opens and then says nothing is asked once", async (server, open) => {
    inWorker(server, "for (const what of ['match', 'put', 'delete', 'keys']) Cache.prototype[what] = () => new Promise(() => {});");
    const search = await open("?device=cpu");
    const took = await seconds(() => search.ready());
    assert.ok(took < 60, `it was waited for ${took} s`);
    assert.match(await details(search), /storage did not respond when it was asked for .*; they were downloaded again\./);
    assert.deepEqual(search.complaints, []);
    await search.context.close();
  });

  waits("a download that stands still says where, and a second try goes on from there", async (server, open) => {
    const { size } = await stat(join(root, "dist", weights));
    server.slow.set(weights, { pieces: 2, until: never });
    const search = await open("?device=cpu");
    const { page } = search;
    const half = Math.floor(size / 2);
    const alert = page.getByRole("alert").filter({
      hasText: `${weights}: no data for 20 s after ${half} of ${size} bytes; try again, and it continues from there.`,
    });
    await alert.waitFor();
    assert.equal((await search.hits()).length, 10);
    server.slow.clear();
    server.ranges.length = 0;
    await alert.getByRole("button", { name: "Try again" }).click();
    await search.ready();
    assert.deepEqual(server.ranges, [[weights, `bytes=${half}-`]]);
    assert.equal((await search.ask("Wie wird Honig gemacht?")).length, 10);
    assert.deepEqual(search.complaints, []);
    await search.context.close();
  });

  waits("a server that ignores where a second try begins sends the file anew", async (server, open) => {
    server.slow.set(weights, { pieces: 2, until: never });
    server.whole = true;
    const search = await open("?device=cpu");
    const alert = search.page.getByRole("alert").filter({ hasText: "no data for 20 s" });
    await alert.waitFor();
    server.slow.clear();
    await alert.getByRole("button", { name: "Try again" }).click();
    await search.ready();
    assert.deepEqual(search.complaints, []);
    await search.context.close();
  });

  waits("a download that is slow but moves goes on", async (server, open) => {
    server.slow.set(weights, { pieces: 250, until: null });
    const search = await open("?device=cpu");
    const took = await seconds(() => search.ready());
    assert.ok(took > 24, `it came in ${took} s: not slow enough for this test`);
    assert.equal(await search.page.locator(".message.problem").count(), 0);
    assert.deepEqual(search.complaints, []);
    await search.context.close();
  });

  waits("a server that does not answer: try again, or the model that was kept", async (server, open) => {
    const silent = { pieces: 1, until: never };
    server.slow.set("/model/manifest.json", silent);
    // A service worker that has stored the page would answer in the server's place.
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, serviceWorkers: "block" });
    const search = await open("?device=cpu", { context });
    const alert = search.page.getByRole("alert").filter({ hasText: /manifest\.json: it did not respond within 20 s; try again\./ });
    await alert.waitFor();
    server.slow.clear();
    await alert.getByRole("button", { name: "Try again" }).click();
    await search.ready();
    server.slow.set("/model/manifest.json", silent);
    await search.page.reload();
    await search.ready();
    assert.match(await details(search), /The server could not be reached; this is the stored model\./);
    assert.deepEqual(search.complaints, []);
    await search.context.close();
  });

  waits("a list of models, a service worker and a file that do not come are said, and the page answers", async (server, open) => {
    server.slow.set("/models/models.json", { pieces: 1, until: never });
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    await context.addInitScript(() => {
      ServiceWorkerContainer.prototype.register = () => new Promise(() => {});
      Blob.prototype.arrayBuffer = () => new Promise(() => {});
    });
    const search = await open("?device=cpu", { context });
    const { page } = search;
    await search.ownText();
    await page.getByLabel("Or choose files").setInputFiles({ name: "bread.txt", mimeType: "text/plain", buffer: Buffer.from("Bread.\n") });
    await page.getByText(/The list of models could not be read \(models\/models\.json: it did not respond within 20 s\)/).first().waitFor();
    assert.match(await details(search), /to start a service worker, and did not: it did not respond within 10 s\./);
    await page.getByRole("alert").filter({ hasText: /bread\.txt could not be read: nothing more came for 30 s after 0 of 7 bytes/i }).waitFor();
    assert.equal((await search.ask("Wie wird Honig gemacht?")).length, 10);
    assert.deepEqual(search.complaints, []);
    await context.close();
  });

  waits("a worker that says nothing is waited for in words, and can be started again", async (server, open) => {
    server.faults.set("/worker_loader.js", () => Buffer.from("await new Promise(() => {});"));
    const search = await open("?device=cpu");
    const alert = search.page.getByRole("alert").filter({ hasText: "has not started in 30 s" });
    await alert.waitFor();
    server.faults.clear();
    await alert.getByRole("button", { name: "Start again" }).click();
    await search.ready();
    assert.equal(await alert.count(), 0, "what is settled is still said");
    assert.deepEqual(search.complaints, []);
    await search.context.close();
  });
});
