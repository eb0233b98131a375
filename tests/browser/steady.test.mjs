// Nothing moves under a reader's eyes while a view loads.
import assert from "node:assert/strict";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { shifts, views, watchShifts } from "./steady.mjs";

const { browser, open } = await start();
/** What search engines call good is 0.1. */
const most = 0.05;

for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 844 }]) {
  for (const [name, { address, rests }] of Object.entries(views)) {
    test(`${name}, ${viewport.width} px: what is read stays where it is while the view loads`, { timeout: patience }, async (t) => {
      const context = await browser.newContext({ viewport });
      await watchShifts(context);
      const search = await open(address, { context });
      await rests(search);
      const { list, sum } = await shifts(search.page);
      t.diagnostic(`layout shift ${sum.toFixed(4)}`);
      assert.ok(sum < most, JSON.stringify(list, null, 1));
      await context.close();
    });
  }
}

test("a report that grows, and an answer that comes, move nothing that is read", { timeout: 3 * patience }, async (t) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await watchShifts(context);
  const search = await open(views.evaluate.address, { context });
  const { page } = search;
  await views.evaluate.rests(search);
  await page.getByRole("button", { name: "Evaluate", exact: true }).click();
  await page.getByRole("list", { name: /^Questions/ }).getByRole("listitem").first().waitFor();
  const report = await shifts(page);
  t.diagnostic(`layout shift of Evaluate with a report ${report.sum.toFixed(4)}`);
  assert.ok(report.sum < most, JSON.stringify(report.list, null, 1));
  await page.getByRole("link", { name: "Search", exact: true }).click();
  await search.ready();
  await search.ask("Wie wird Honig gemacht?");
  const { list, sum } = await shifts(page);
  assert.ok(sum < most, JSON.stringify(list, null, 1));
  await context.close();
});
