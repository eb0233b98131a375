// What the default model answers: the examples on the first screen, and all questions of the sample.
import assert from "node:assert/strict";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { examples, records } from "./corpus.mjs";
import { weightsOf } from "./safetensors.mjs";

const { server, browser, open } = await start();

for (const locale of ["ar-EG", "de-AT", "el-GR", "en-GB", "es-MX", "hi-IN", "ru-RU", "th-TH", "tr-TR", "vi-VN", "zh-TW"]) {
  test(`${locale}: the page begins with a question in the visitor's language, and every example's answer is first`, async () => {
    // No weights come: what the first screen shows is what ships with the page.
    server.faults.set(weightsOf("model"), () => null);
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale });
    const search = await open("", { context });
    await search.results.first().waitFor();
    const question = await search.box.inputValue();
    const own = locale.slice(0, 2);
    const record = records.find((record) => record.question[own] === question);
    assert.ok(record, `${question} is not asked in ${own}`);
    assert.equal((await search.hits())[0].id, record.id);
    // The first result says that it answers; another in a foreign language can be read in the visitor's own.
    await search.results.first().getByText("answer, rank 1", { exact: true }).waitFor();
    const buttons = search.page.getByRole("list", { name: "Example questions" }).getByRole("button");
    const texts = await buttons.allInnerTexts();
    assert.ok(texts.length >= 3 && texts[0] === question, texts.join(" | "));
    for (const text of texts.slice(1)) {
      await buttons.getByText(text, { exact: true }).click();
      await search.answered(text);
      const asked = records.find((record) => Object.values(record.question).includes(text));
      assert.equal((await search.hits())[0].id, asked.id, text);
    }
    server.faults.clear();
    await context.close();
  });
}

test("a result in a foreign language can be read in one's own, and harder examples come last and say so", async () => {
  server.faults.set(weightsOf("model"), () => null);
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: "fr-FR" });
  const search = await open("", { context });
  const { page } = search;
  await search.results.first().waitFor();
  // French is none of the sample's languages: English it is.
  const begins = examples.find((example) => example.language === "en");
  const first = records.find((record) => record.id === begins.answer_id);
  assert.equal(await search.box.inputValue(), begins.text);
  assert.equal((await search.hits())[0].id, first.id);
  const foreign = page.locator('ol[aria-label="Results"] > li:not([lang="en"])').filter({ hasText: "answer, rank" }).first();
  await foreign.getByRole("button", { name: /^Read in English/ }).click();
  await foreign.getByText(first.passage.en).waitFor();
  await foreign.getByRole("button", { name: /^Hide English/ }).click();
  await foreign.getByText(first.passage.en).waitFor({ state: "detached" });

  const harder = page.getByText("Harder: the answer is not the first result");
  for (let turn = 0; turn < 20 && !(await harder.isVisible()); turn++) {
    await page.getByRole("button", { name: /^(Other|Harder) examples$/ }).click();
  }
  const example = page.getByRole("list", { name: "Example questions" }).getByRole("button").first();
  const text = await example.innerText();
  await example.click();
  await search.answered(text);
  const asked = records.find((record) => Object.values(record.question).includes(text));
  const rank = (await search.hits()).findIndex((hit) => hit.id === asked.id) + 1;
  assert.notEqual(rank, 1);
  const said = rank ? page.getByText(`answer, rank ${rank}`, { exact: true }) : page.getByText(/^Known answer at rank \d+$/);
  await said.first().waitFor();
  server.faults.clear();
  await context.close();
});

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
