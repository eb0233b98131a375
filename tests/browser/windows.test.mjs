// Passages longer than the model's window: said with how much was not read, and split where one wants that.
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

test("what was not read is said, and windows find it", async () => {
  const search = await open(browser, server, "?device=cpu");
  await search.ownText();
  const { page } = search;
  const long = "The river was calm and the stones were grey. ".repeat(60);
  const lines = [`${long}The treasure lies under the old oak behind the mill.`, "Cats like to sleep in the sun.", "The river was calm."];
  await page.getByLabel("Choose files").setInputFiles({
    name: "notes.txt",
    mimeType: "text/plain",
    buffer: Buffer.from(lines.join("\n")),
  });
  const said = page.getByLabel("Text that is searched").getByText(/1 of 3 passages is longer than the model's 256 tokens: its last \d+ tokens \(\d+ %\) were not read\./);
  await said.waitFor();
  await page.getByLabel("Split long passages").check();
  await page.getByText(/was split into \d+ overlapping windows/).waitFor();
  const [best] = await search.ask("Where is the treasure hidden?");
  assert.match(best.text, /behind the mill/);
  assert.ok(best.text.length < long.length);
  await search.context.close();
});
