// Passages longer than the model's window: said with how much was not read, and split where one wants that.
import assert from "node:assert/strict";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";

const long = "The river was calm and the stones were grey. ".repeat(120);
const passages = [`${long}The treasure lies under the old oak behind the mill.`, "Cats like to sleep in the sun.", "The river was calm."];
const question = "Where is the treasure hidden?";

const { open } = await start();

test("what was not read is said, and windows find it", { timeout: patience }, async () => {
  const search = await open("?device=cpu");
  await search.ownText();
  const { page } = search;
  await page.getByLabel("Or choose files").setInputFiles({
    name: "notes.txt",
    mimeType: "text/plain",
    buffer: Buffer.from(passages.join("\n")),
  });
  const said = page.getByLabel("About the text that is searched").getByText(/1 of 3 passages is longer than the model's 512 tokens: its last \d+ tokens \(\d+ %\) were not read\./);
  await said.waitFor();
  await page.getByRole("button", { name: "Your own text" }).click();
  await page.getByLabel("Split long passages").check();
  await page.getByText(/was split into \d+ overlapping windows/).waitFor();
  const [best] = await search.ask(question);
  assert.match(best.text, /behind the mill/);
  assert.ok(best.text.length < long.length);
  await search.context.close();
});

test("the module tells what was cut, and splits", { timeout: patience }, async () => {
  const { page, context } = await open("blank.html");
  const { told, best } = await page.evaluate(
    async ([passages, question]) => {
      const module = await import("/worker.js");
      await module.default();
      await module.load("/model/", { device: "cpu" });
      const told = [];
      const onCut = (cut, sentence) => told.push({ ...cut, sentence });
      await module.encode(passages, { kind: "passage", onCut });
      await module.index(passages, { onCut });
      await module.index(passages, { windows: true, onCut });
      const [best] = await module.search(question, { top: 1, onCut });
      return { told, best };
    },
    [passages, question],
  );
  assert.equal(told.length, 3, JSON.stringify(told));
  assert.match(told[0].sentence, /^1 of 3 texts is longer than the model's 512 tokens: its last \d+ tokens/);
  assert.ok(told[0].unread > 0 && told[0].unread === told[1].unread);
  assert.match(told[2].sentence, /was split into \d+ overlapping windows/);
  assert.ok(told[2].windows > 2 && told[2].unread === 0);
  assert.match(best.text, /behind the mill\.$/);
  assert.equal(best.part[2], passages[0].length);
  await context.close();
});
