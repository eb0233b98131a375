// The sample corpus, read from its source.
import { readFileSync } from "node:fs";
import { root } from "./server.mjs";

export const records = readFileSync(`${root}static/sample/passages.jsonl`, "utf8")
  .split("\n")
  .filter((line) => line.trim())
  .map((line) => JSON.parse(line));

/** The questions that the page offers, the first in each language first. */
export const examples = JSON.parse(readFileSync(`${root}static/sample/examples.json`, "utf8"));

/** How many of the questions in `lang` (every `step`th record) have a passage that answers among the first k. */
export async function found(page, lang, step, k, ask = (question) => page.ask(question)) {
  let right = 0;
  let asked = 0;
  for (let i = 0; i < records.length; i += step) {
    const hits = await ask(records[i].question[lang]);
    right += hits.slice(0, k).some((hit) => hit.id === records[i].id);
    asked += 1;
  }
  return { right, asked };
}
