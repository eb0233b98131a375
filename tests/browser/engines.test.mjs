// What a visitor does, in Firefox and WebKit: search, own text, the Evaluate view, by keyboard, right to left.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { patience } from "./chromium.mjs";
import { records } from "./corpus.mjs";
import { engines } from "./engines.mjs";
import { serve } from "./server.mjs";

const server = await serve({ isolated: true });
after(() => server.close());

/** The list of results, once it answers this question; false until then. */
const answered = (question) => {
  const list = document.querySelector('ol[aria-label="Results"][aria-busy="false"]');
  const asked = document.querySelector("#results q")?.innerText.trim();
  if (!list || (question && asked !== question)) return false;
  return [...list.children].map((item) => ({ id: item.dataset.id, lang: item.lang, dir: item.dir, text: item.innerText }));
};
const ready = () => document.querySelector('[role="status"][aria-label="Device"]')?.innerText.includes("self-test passed");
const focused = () => document.activeElement?.id || document.activeElement?.innerText;

for (const [name, Engine] of Object.entries(engines)) {
  test(name, { timeout: 6 * patience, skip: Engine.missing ? `needs ${Engine.missing}` : false }, async (t) => {
    const tab = await Engine.open(`${server.origin}/?device=cpu`);
    t.after(() => tab.close());

    await t.test("the first screen answers before the model is there", async () => {
      const hits = await tab.until("the first results", answered);
      assert.equal(hits.length, 10);
      const question = await tab.evaluate(() => document.getElementById("query").value);
      assert.equal(hits[0].id, records.find((record) => Object.values(record.question).includes(question)).id);
    });

    await t.test("a question typed into the box finds its passage in other languages", async () => {
      await tab.until("the model", ready);
      t.diagnostic(await tab.evaluate(() => document.querySelector('[role="status"][aria-label="Device"]').innerText));
      const record = records[3];
      const question = record.question.de;
      // "/" puts the focus into the box, from anywhere.
      await tab.evaluate(() => document.activeElement.blur());
      await tab.key("/");
      await tab.until("the focus in the box", () => document.activeElement?.id === "query");
      await tab.evaluate(() => document.getElementById("query").select());
      await tab.keys(question, "Enter");
      const hits = await tab.until("the answer", answered, question);
      assert.ok(hits.slice(0, 3).some((hit) => hit.id === record.id), JSON.stringify(hits.slice(0, 3)));
      assert.ok(new Set(hits.map((hit) => hit.lang)).size > 3, JSON.stringify(hits.map((hit) => hit.lang)));
    });

    await t.test("Arabic results begin at the right, others at the left", async () => {
      await tab.goto(`${server.origin}/?device=cpu&in=ar,en`);
      await tab.until("Arabic and English results", () =>
        ["ar", "en"].every((lang) => document.querySelector(`ol[aria-label="Results"][aria-busy="false"] > li[lang="${lang}"]`)),
      );
      const gaps = await tab.evaluate(() =>
        ["ar", "en"].map((lang) => {
          const text = document.querySelector(`ol[aria-label="Results"] > li[lang="${lang}"] p`);
          const range = document.createRange();
          range.selectNodeContents(text);
          // The last line of a paragraph is seldom full; marks cut it into pieces.
          const pieces = [...range.getClientRects()];
          const line = pieces.filter((piece) => piece.bottom > pieces.at(-1).top + 1);
          const box = text.getBoundingClientRect();
          return {
            left: Math.min(...line.map((piece) => piece.left)) - box.left,
            right: box.right - Math.max(...line.map((piece) => piece.right)),
          };
        }),
      );
      t.diagnostic(JSON.stringify(gaps));
      assert.ok(gaps[0].right < 2, `Arabic, from the right: ${gaps[0].right}`);
      assert.ok(gaps[1].left < 2, `English, from the left: ${gaps[1].left}`);
    });

    await t.test("the Model view mirrors itself for a reader from right to left, and cuts nothing off", async () => {
      await tab.goto(`${server.origin}/?view=model&device=cpu`);
      await tab.until("the model's files", () => [...document.querySelectorAll("h3")].some((heading) => heading.innerText === "Files"));
      const places = await tab.evaluate(() => {
        const of = () => {
          const article = document.querySelector("article").getBoundingClientRect();
          const edge = (selector) => {
            const range = document.createRange();
            range.selectNodeContents(document.querySelector(selector));
            const box = range.getBoundingClientRect();
            return [box.left - article.left, article.right - box.right];
          };
          const { scrollWidth, clientWidth } = document.documentElement;
          // Hashes and code are written from left to right in every language.
          const code = getComputedStyle(document.querySelector("article pre")).direction;
          return { heading: edge("article h2"), cell: edge("article th[scope=row]"), over: scrollWidth - clientWidth, code };
        };
        const ltr = of();
        document.documentElement.dir = "rtl";
        const rtl = of();
        document.documentElement.removeAttribute("dir");
        return { ltr, rtl };
      });
      t.diagnostic(JSON.stringify(places));
      const { ltr, rtl } = places;
      assert.ok(ltr.heading[0] < 2 && rtl.heading[1] < 2, "the heading begins at the reading side");
      assert.ok(rtl.cell[1] < rtl.cell[0] && ltr.cell[0] < ltr.cell[1], "tables begin at the reading side");
      assert.deepEqual([ltr.over, rtl.over], [0, 0], "nothing is wider than the window");
      assert.equal(rtl.code, "ltr", "code is read from left to right");
    });

    await t.test("arrow keys move among radio buttons", async () => {
      await tab.goto(`${server.origin}/?device=cpu`);
      await tab.until("the first results", answered);
      await tab.evaluate(() => document.querySelector('input[type="radio"]:checked').focus());
      const before = await tab.evaluate(() => document.querySelector('input[type="radio"]:checked').value);
      await tab.key("ArrowLeft");
      await tab.until("another choice", (before) => document.querySelector('input[type="radio"]:checked').value !== before, before);
    });

    await t.test("one's own text is encoded and searched", async () => {
      await tab.goto(`${server.origin}/?device=cpu`);
      await tab.until("the model", ready);
      await tab.press("button", "Your own text");
      await tab.until("the field", () => {
        const field = document.querySelector("textarea");
        field?.focus();
        return field && document.activeElement === field;
      });
      await tab.keys("The ferry to the island leaves at nine in the morning.", "Enter", "Das Museum ist montags geschlossen.");
      await tab.press("button", "Search this text");
      await tab.until("the empty box", () => document.activeElement?.id === "query" && document.activeElement.value === "");
      const question = "On which day can I not visit the museum?";
      await tab.keys(question, "Enter");
      const hits = await tab.until("the answer", answered, question);
      assert.equal(hits.length, 2);
      assert.match(hits[0].text, /Museum/);
    });

    await t.test("the Evaluate view measures the sample", async () => {
      await tab.goto(`${server.origin}/?view=evaluate&device=cpu&languages=en,tr`);
      await tab.press("button", "Evaluate");
      const table = await tab.until("the report", () =>
        [...document.querySelectorAll("#report table")].find((table) => table.caption?.innerText.startsWith("Measures by setting"))?.innerText,
      );
      t.diagnostic(table.replace(/\s+/g, " ").slice(0, 300));
      assert.match(table, /0\.\d{3}/);
    });

    assert.deepEqual(tab.complaints, []);
  });
}
