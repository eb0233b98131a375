// The GPU is lost while the page is open: the CPU takes over, and nothing a person did is gone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";

const { browser, open } = await start({ gpu: true });

/** Above the ids that the page gives its own requests. */
const id = 4_000_000_000;

test("after the GPU is lost, question and text are still there and the CPU answers", { timeout: 3 * patience }, async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  // The page's worker, and what it says, within the test's reach.
  await context.addInitScript(() => {
    window.workers = [];
    window.said = [];
    window.Worker = class extends Worker {
      constructor(...how) {
        super(...how);
        window.workers.push(this);
        this.addEventListener("message", ({ data }) => {
          const [[type, event]] = Object.entries(data);
          window.said.push({ type, ...event });
        });
      }
    };
  });
  const search = await open("?device=webgpu", { context });
  const { page } = search;
  await search.ownText();
  assert.match(await search.device.innerText(), /· GPU \(/);
  await page.getByRole("textbox", { name: "Paste passages, one per line" }).fill(
    ["The library closes at six in the evening.", "Der Bäcker backt das Brot vor Sonnenaufgang.", "El tren sale del andén número cuatro."].join("\n"),
  );
  await page.getByRole("button", { name: "Search this text" }).click();
  await page.getByRole("button", { name: "Back to the sample" }).waitFor();
  const asked = "When is bread baked?";
  const hits = await search.ask(asked);
  assert.equal(hits.length, 3);
  // Typed, and the GPU may still be at work on it.
  const typed = "Which platform does the train leave from?";
  await search.box.fill(typed);

  assert.equal(await page.evaluate(() => window.workers.length), 1);
  await page.evaluate((id) => window.workers[0].postMessage({ type: "debug-lose-gpu", id }), id);
  await search.device.filter({ hasText: "CPU (WebAssembly" }).waitFor();
  await page.getByText(/WebGPU was given up: .*lost.* The model now runs on the CPU\./).first().waitFor();
  await search.device.locator("summary").first().click();
  assert.match(await search.device.innerText(), /lost[^]*The model now runs on the CPU\./);
  const answer = await page.evaluate((id) => window.said.find((event) => event.id === id), id);
  assert.equal(answer.type, "cancelled", JSON.stringify(answer));

  assert.equal(await search.box.inputValue(), typed);
  assert.ok(await page.getByRole("button", { name: "Back to the sample" }).isVisible());
  await search.box.press("Enter");
  await search.answered(typed);
  assert.equal((await search.hits()).length, 3);
  const ids = (list) => list.map((hit) => hit.id);
  assert.deepEqual(ids(await search.ask(asked)), ids(hits), "both devices rank alike");
  assert.match(await search.device.innerText(), /CPU \(WebAssembly/);
  assert.equal(await page.evaluate(() => window.workers.length), 1, "the worker was started anew");
  assert.deepEqual(search.complaints, []);
  await context.close();
});
