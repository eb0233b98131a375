// What can be used by whoever uses it: axe-core in every view, the keyboard, small windows.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";

const { browser, open } = await start();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds wrong: rule, and the first element. */
async function faults(page) {
  // The page's policy refuses scripts within the document; the debugger's are not the document's.
  await page.evaluate(`${axe};0`);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document));
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html} ${nodes[0].any.map(({ message }) => message).join("; ")}`);
}

const looks = [
  { name: "light", colorScheme: "light" },
  { name: "dark", colorScheme: "dark" },
  { name: "forced colours", colorScheme: "light", forcedColors: "active" },
];

for (const { name, ...look } of looks) {
  test(`axe-core finds nothing in any view, ${name}`, { timeout: 2 * patience }, async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "en-GB", ...look });
    const search = await open("?device=cpu", { context });
    const { page } = search;
    await search.ready();
    await page.getByRole("button", { name: /^Read in English/ }).first().click();
    await page.locator(".reading").first().waitFor();
    assert.deepEqual(await faults(page), [], "Search");
    await page.getByRole("button", { name: "Your own text" }).click();
    await search.device.locator("summary").first().click();
    assert.deepEqual(await faults(page), [], "Search, own text and device unfolded");
    await search.device.locator("summary").first().press("Escape");
    await page.getByRole("link", { name: "Benchmark" }).click();
    await page.getByRole("button", { name: "Run" }).waitFor();
    assert.deepEqual(await faults(page), [], "Benchmark");
    await page.getByRole("link", { name: "Model", exact: true }).click();
    await page.getByRole("heading", { name: "Files" }).waitFor();
    await page.getByText(/sources of training texts/).click();
    assert.deepEqual(await faults(page), [], "Model");
    await page.getByRole("link", { name: "Evaluate", exact: true }).click();
    await page.getByRole("checkbox", { name: "Deutsch" }).waitFor();
    assert.deepEqual(await faults(page), [], "Evaluate");
    // Two languages: enough for every part of a report.
    for (const language of ["العربية", "Ελληνικά", "English", "Español", "हिन्दी", "Русский", "Türkçe", "Tiếng Việt", "中文"]) {
      await page.locator(".choose").getByRole("checkbox", { name: language }).uncheck();
    }
    await page.getByRole("button", { name: "Evaluate", exact: true }).click();
    await page.getByRole("table", { name: "Measures by setting" }).waitFor({ timeout: patience });
    await page.getByRole("button", { name: /^German to Thai, 0\.\d{3}$/ }).click();
    await page.getByRole("list", { name: "Questions", exact: true }).getByRole("button").first().click();
    await page.getByRole("list", { name: "Ranking" }).waitFor();
    assert.deepEqual(await faults(page), [], "Evaluate, with a report");
    await context.close();
  });
}

test("the bar at the foot never covers what has the focus, and Escape folds what was unfolded", { timeout: patience }, async () => {
  for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 844 }, { width: 320, height: 256 }]) {
    const context = await browser.newContext({ viewport });
    const search = await open("?device=cpu", { context });
    const { page } = search;
    await search.ready();
    for (let i = 0; i < 90; i++) {
      await page.keyboard.press("Tab");
      const covered = await page.evaluate(() => {
        const element = document.activeElement;
        if (element === document.body || element.closest(".machine")) return null;
        const [box] = element.getClientRects();
        const bar = document.querySelector(".machine").getBoundingClientRect();
        const low = bar.top < box.top + box.height / 2 && bar.bottom > box.top && getComputedStyle(document.querySelector(".machine")).position === "sticky";
        return low || box.bottom < 0 || box.top > innerHeight ? element.outerHTML.slice(0, 120) : null;
      });
      assert.equal(covered, null, `${viewport.width} × ${viewport.height}`);
    }
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than the window");
    const summary = search.device.locator("summary").first();
    await summary.click();
    assert.ok(await page.getByLabel("Precision on the CPU").isVisible());
    await summary.press("Escape");
    assert.ok(!(await page.getByLabel("Precision on the CPU").isVisible()));
    await page.getByRole("button", { name: "Your own text" }).click();
    const pasted = page.getByRole("textbox", { name: "Paste passages, one per line" });
    await page.waitForFunction(() => document.activeElement?.id === "pasted");
    await pasted.press("Escape");
    assert.ok(!(await pasted.isVisible()));
    await page.waitForFunction(() => document.activeElement?.id === "own-button");
    await context.close();
  }
});

test("searching waits until an input method has ended its word", { timeout: patience }, async () => {
  const search = await open("?device=cpu");
  await search.ready();
  const { page } = search;
  const before = await page.locator("#results q").innerText();
  await search.box.fill("");
  const client = await page.context().newCDPSession(page);
  await search.box.focus();
  await client.send("Input.imeSetComposition", { text: "てつ", selectionStart: 2, selectionEnd: 2 });
  await page.waitForTimeout(700);
  assert.equal(await page.locator("#results q").innerText(), before, "it searched within a word");
  await client.send("Input.insertText", { text: "鉄のフライパン" });
  await search.answered("鉄のフライパン");
  await search.context.close();
});
