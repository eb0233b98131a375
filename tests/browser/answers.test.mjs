// What the default model answers: the examples on the first screen, and all questions of the sample.
import assert from "node:assert/strict";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { records } from "./corpus.mjs";

const { open } = await start();

test("each example on the first screen has its passage, or a translation of it, first", { timeout: patience }, async (t) => {
  const search = await open("?device=cpu");
  await search.ready();
  const buttons = search.page.getByRole("list", { name: "Example questions" }).getByRole("button");
  const examples = await buttons.evaluateAll((all) => all.map((button) => ({ text: button.innerText, lang: button.lang })));
  assert.ok(examples.length >= 4, `${examples.length} examples`);
  const wrong = [];
  for (const [i, { text, lang }] of examples.entries()) {
    const record = records.find((record) => record.question[lang] === text);
    assert.ok(record, `${text} is no question of the sample`);
    await buttons.nth(i).click();
    await search.answered(text);
    const [first] = await search.hits();
    t.diagnostic(`${text} → ${first.id} (${first.lang})`);
    if (first.id !== record.id) wrong.push(`${text} found ${first.id}, not ${record.id}`);
  }
  assert.deepEqual(wrong, []);
  await search.context.close();
});

test("seven of ten questions of the sample have their passage, or a translation of it, first in all languages", { timeout: 2 * patience }, async (t) => {
  const { page, context } = await open("blank.html");
  const questions = records.flatMap((record) =>
    Object.keys(record.question).sort().map((lang) => ({ id: record.id, lang, text: record.question[lang] })),
  );
  // A row for each passage, as the sample has them, and behind those one for each example question.
  const ids = records.flatMap((record) => Object.keys(record.passage).sort().map(() => record.id));
  assert.equal(questions.length, 1375);
  const firsts = await page.evaluate(
    async ([texts, passages]) => {
      const { default: init, load, openVectors, nearest } = await import("/worker.js");
      await init();
      await load("/model/", { device: "cpu" });
      openVectors(new Uint8Array(await (await fetch("/sample/vectors.safetensors")).arrayBuffer()));
      const found = [];
      for (const text of texts) {
        const hits = await nearest(text, { top: 10 });
        found.push(hits.find(({ index }) => index < passages)?.index ?? -1);
      }
      return found;
    },
    [questions.map(({ text }) => text), ids.length],
  );
  const right = {};
  questions.forEach(({ id, lang }, i) => (right[lang] = (right[lang] ?? 0) + (ids[firsts[i]] === id)));
  const all = Object.values(right).reduce((sum, count) => sum + count, 0);
  const each = Object.entries(right).map(([lang, count]) => `${lang} ${count}`);
  t.diagnostic(`${all} of ${questions.length}; of ${records.length} each: ${each.join(", ")}`);
  assert.ok(all >= 0.7 * questions.length, `${all} of ${questions.length}`);
  await context.close();
});
