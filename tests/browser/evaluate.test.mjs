// The Evaluate view without WebGPU: measured in the page as in the terminal, looked at, kept, stopped.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { patience, start } from "./chromium.mjs";
import { root } from "./server.mjs";

const program = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "release/interlingua");
const near = (a, b, what) => assert.ok(Math.abs(a - b) <= 1e-4, `${what}: ${a} and ${b}`);

const { browser, server, open } = await start();
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
let terminal, report;
/** Five of the sample's languages, in four scripts: all eleven take a minute more. */
const languages = "ar,de,en,th,vi";
const sample = `?view=evaluate&device=cpu&precision=exact&languages=${languages}`;

/** The Evaluate view, in the words of its user. */
async function evaluate(address, options = { context }) {
  const search = await open(address, options);
  const { page } = search;
  const table = (name) => page.getByRole("table", { name });
  return Object.assign(search, {
    progress: page.getByRole("progressbar", { name: /^Evaluating/ }),
    measure: () => page.getByRole("button", { name: /^(Evaluate|Continue)$/ }).click(),
    // It takes minutes where other programs want the processor too.
    report: () => table("Measures by setting").waitFor({ timeout: 3 * patience }),
    difference: table("Difference between the models"),
    notes: () => page.locator("#report .notes").innerText(),
    queries: page.getByRole("list", { name: "Questions", exact: true }),
    /** Waits until so many texts are encoded; how many are. */
    encoded: async (least) => {
      const reached = await page.waitForFunction((least) => {
        const said = document.querySelector('[role="progressbar"][aria-label^="Evaluating"]')?.ariaValueText;
        const count = Number(said?.match(/^Encoding ([\d,]+) of/)?.[1].replace(",", "") ?? -1);
        return count >= least && { count };
      }, least);
      return (await reached.jsonValue()).count;
    },
    save: async (name) => {
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name }).click();
      return readFile(await (await download).path(), "utf8");
    },
    cells: () =>
      table(/by language pair/).locator("tbody tr").evaluateAll((rows) =>
        rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.innerText.trim())),
      ),
  });
}

test("what is measured in the page is what the terminal measures, stopped and reloaded on the way", { timeout: 5 * patience }, async (t) => {
  const arguments_ = ["eval", "--model", "static/model", "--dataset", "sample", "--data", "static/sample", "--languages", languages, "--device", "cpu", "--json"];
  const native = promisify(execFile)(program, arguments_, { cwd: root, maxBuffer: 1 << 26 });
  const view = await evaluate(sample);
  const { page } = view;
  await view.measure();
  const begun = Date.now();
  await view.encoded(130);
  await page.getByRole("button", { name: "Cancel" }).click();
  await view.progress.waitFor({ state: "detached" });
  assert.ok(!page.url().includes("cell="), "a reload would measure what was stopped");
  await page.getByText(/^Stopped at [\d,]+ of 625 texts; finished ones are kept\.$/).waitFor();
  await view.measure();
  const first = await view.encoded(0);
  assert.ok(first >= 125, `after the stop it began at ${first} passages`);
  await view.encoded(260);
  await page.reload();
  const again = await view.encoded(0);
  assert.ok(again >= 250, `after the reload it began at ${again} passages`);
  await view.report();
  t.diagnostic(`${((Date.now() - begun) / 1000).toFixed(0)} s`);
  assert.match(await view.notes(), /The vectors of (2[5-9]\d|[3-9]\d\d) of 1250 texts were stored before/);

  terminal = JSON.parse((await native).stdout);
  report = JSON.parse(await view.save("Save report (JSON)"));
  for (const setting of ["mono", "cross", "multi"]) near(report[setting].map, terminal[setting].map, setting);
  // Mean and median are ranks among 625: one rank of one answer moves them by less than 0.01.
  for (const of of ["mean", "median", "normalised"]) {
    near(report.rank_distance[of] / 624, terminal.rank_distance[of] / 624, `rank distance, ${of}`);
  }
  const cells = await view.cells();
  assert.equal(cells.flat().length, 25);
  terminal.languages.forEach((from, y) =>
    terminal.languages.forEach((to, x) => {
      const expected = terminal.pairs[from][to].map;
      near(report.pairs[from][to].map, expected, `${from} ${to}`);
      // The map has three decimals.
      assert.ok(Math.abs(Number(cells[y][x]) - expected) <= 6e-4, `${from} ${to}: ${cells[y][x]} on the map, ${expected}`);
    }),
  );
  assert.deepEqual(report.hashes, terminal.hashes);
  assert.deepEqual(view.complaints, []);
  await page.close();
});

test("the second time takes the vectors from storage and gives the same figures", async () => {
  const view = await evaluate(sample);
  const begun = Date.now();
  await view.measure();
  await view.report();
  const seconds = (Date.now() - begun) / 1000;
  assert.match(await view.notes(), /The vectors of 1250 of 1250 texts were stored before/);
  assert.ok(seconds < 20, `${seconds} s, though nothing had to be encoded`);
  const second = JSON.parse(await view.save("Save report (JSON)"));
  for (const part of ["mono", "cross", "multi", "rank_distance", "pairs", "intervals", "bias"]) {
    assert.deepEqual(second[part], report[part], part);
  }

  // By the keyboard to a cell, its worst question and that one's ranking.
  const { page } = view;
  await page.locator('[data-at="0 0"]').focus();
  for (const key of ["ArrowRight", "ArrowDown", "End", "ArrowLeft", "Enter"]) await page.keyboard.press(key);
  await page.waitForURL(/cell=de~th/);
  const rows = view.queries.locator("> li");
  await page.getByText("125 questions, asked in German, among Thai passages, worst first.").waitFor();
  assert.equal(await rows.count(), 10);
  const precisions = (await rows.allInnerTexts()).map((row) => Number(row.match(/AP ([\d.]+)/)[1]));
  assert.deepEqual(precisions, precisions.toSorted((a, b) => a - b));
  await page.getByRole("button", { name: "Show more" }).click();
  await rows.nth(29).waitFor();
  const place = Number((await rows.first().innerText()).match(/answer at rank (\d+)/)[1]);
  near(precisions[0], 1 / place, "the worst question's precision");
  await page.keyboard.press("Tab");
  await rows.first().getByRole("button").focus();
  await page.keyboard.press("Enter");
  const ranking = page.getByRole("list", { name: "Ranking" });
  const gold = ranking.locator("li.gold");
  await gold.waitFor();
  assert.equal(await gold.count(), 1);
  assert.match(await gold.innerText(), new RegExp(`Rank\\s*${place}\\s[^]*answers the question`));
  assert.match(await ranking.locator("li").first().innerText(), /wrongly above an answer/);

  const run = await view.save("Save these rankings (TREC run)");
  const line = run.split("\n").find((line) => line.split(" ")[3] === "1").split(" ");
  assert.equal(line.length, 6);
  assert.match(await view.save("Save figures (CSV)"), /^# interlingua/);
  assert.match(await view.save("Save table (LaTeX)"), /\\begin\{tabular\}/);
  assert.equal((await view.save("Save these answers (TREC qrels)")).trim().split("\n").length, 125);
  assert.deepEqual(view.complaints, []);
  await page.close();
});

test("removing leading directions is set against the model as it is, and a link shows the same", async () => {
  const view = await evaluate(sample);
  const { page } = view;
  await page.getByRole("checkbox", { name: /LIR/ }).check();
  await view.measure();
  await view.difference.waitFor();
  const rows = Object.fromEntries(
    (await view.difference.locator("tbody tr").allInnerTexts()).map((row) => {
      const [name, ...values] = row.split("\t").map((value) => value.trim());
      return [name, values];
    }),
  );
  await page.getByRole("radio", { name: /^B: .*1 direction removed/ }).check();
  const changed = JSON.parse(await view.save("Save report (JSON)"));
  assert.equal(changed.lir, 1);
  assert.notEqual(changed.multi.map, report.multi.map);
  for (const setting of ["mono", "cross", "multi"]) {
    const [a, b] = rows[`${setting}, mAP`];
    near(Number(a), report[setting].map, `${setting} of A`);
    near(Number(b), changed[setting].map, `${setting} of B`);
  }
  const [a, b] = rows["rank distance (less is better)"];
  assert.deepEqual([a, b], [report.rank_distance.mean.toFixed(1), changed.rank_distance.mean.toFixed(1)]);

  await page.getByRole("radio", { name: "B minus A" }).check();
  await page.locator('[data-at="2 3"]').click();
  await page.waitForURL(/cell=en~th/);
  const cells = await view.cells();
  // A difference opens the questions that make it.
  const asked = page.getByText(/^125 questions, asked in English, among Thai passages, most (improved|worsened) by B first\.$/);
  await asked.waitFor();
  const ahead = async () =>
    (await view.queries.locator("> li").allInnerTexts()).map((row) => {
      const [a, b, difference] = row.match(/A: AP ([\d.]+)[^]*B: AP ([\d.]+)[^]*B − A ([+−]?[\d.]+)/).slice(1).map((n) => Number(n.replace("−", "-")));
      near(b - a, difference, row);
      return difference;
    });
  const sign = (await asked.innerText()).includes("improved") ? 1 : -1;
  const moved = await ahead();
  assert.deepEqual(moved, moved.toSorted((a, b) => sign * (b - a)));
  const order = page.getByRole("combobox", { name: "Order" });
  await order.selectOption({ label: "largest difference first" });
  await page.getByText("125 questions, asked in English, among Thai passages, largest difference first.").waitFor();
  const apart = (await ahead()).map(Math.abs);
  assert.deepEqual(apart, apart.toSorted((a, b) => b - a));
  assert.ok(apart[0] > 0);
  // A question opens both models' passages.
  await view.queries.getByRole("button").first().click();
  for (const name of [/^A: /, /^B: .*1 direction removed/]) {
    await view.queries.getByRole("region", { name }).getByRole("list", { name: "Ranking" }).locator("li.gold").waitFor();
  }
  await order.selectOption({ label: sign > 0 ? "most improved by B first" : "most worsened by B first" });
  await asked.waitFor();
  const listed = await view.queries.innerText();
  const other = await evaluate(page.url().slice(server.origin.length + 1));
  // A link computes nothing unasked, and says what it costs.
  await other.page.getByText(/at most \d+ MB to download, and about .+ per model/).waitFor();
  await other.page.getByRole("button", { name: "Compute the report" }).click();
  await other.difference.waitFor();
  await other.page.getByText(await asked.innerText()).waitFor();
  assert.deepEqual(await other.cells(), cells);
  assert.equal(await other.queries.innerText(), listed);
  assert.deepEqual([...view.complaints, ...other.complaints], []);
  await Promise.all([page.close(), other.page.close()]);
});

const passages = [
  { id: "p1", lang: "en", text: "The museum opens at nine." },
  { id: "p2", lang: "en", text: "Bees make honey." },
  { id: "p3", lang: "de", text: "Das Museum öffnet um neun." },
  { id: "p4", lang: "de", text: "Bienen machen Honig." },
];
const questions = [
  { query_id: "q1", lang: "en", text: "When does the museum open?", relevant: ["p1", "p3"] },
  { query_id: "q2", lang: "de", text: "Was machen Bienen?", relevant: ["p2", "p4"] },
];
const file = (name, ...lines) => ({ name, mimeType: "application/json", buffer: Buffer.from(lines.map((line) => JSON.stringify(line)).join("\n")) });

test("own files: what cannot count is said and counted, what cannot be used is refused", async () => {
  const view = await evaluate("?view=evaluate&data=own&device=cpu&precision=exact");
  const { page } = view;
  const input = page.locator(".choose").getByLabel("Choose files");
  const alert = page.getByRole("alert");
  const refused = async (file, sentence) => {
    await input.setInputFiles(file);
    await alert.filter({ hasText: sentence }).waitFor();
    await alert.getByRole("button", { name: "Dismiss" }).click();
  };
  await refused(file("lonely.jsonl", ...passages), /lonely\.jsonl has no question that a passage is judged for/);
  await refused(file("asked.jsonl", ...questions), /asked\.jsonl: there are questions but no passages/);
  await refused({ ...file("empty.jsonl"), buffer: Buffer.from("") }, /empty\.jsonl: the file is empty/);
  await refused({ ...file("wide.jsonl"), buffer: Buffer.from("%PDF-1.7\n") }, /wide\.jsonl.*PDF/);

  const broken = [
    { query_id: "q3", lang: "en", text: "Where is nothing?" },
    { query_id: "q4", lang: "en", text: "Who is missing?", relevant: ["p9"] },
    { query_id: "q5", lang: "th", text: "พิพิธภัณฑ์เปิดกี่โมง", relevant: ["p1", "p3"] },
  ];
  await input.setInputFiles(file("mixed.jsonl", ...passages, passages[0], ...questions, questions[0], ...broken));
  const notes = page.locator(".data .notes li");
  await notes.nth(6).waitFor();
  const said = (await notes.allInnerTexts()).join("\n");
  for (const sentence of [
    /1 passage repeats the id .*mixed\.jsonl:5/,
    /1 query repeats an id .*mixed\.jsonl:8/,
    /1 query names no relevant passage .*mixed\.jsonl:9/,
    /1 relevant id does not exist: mixed\.jsonl:10 \(p9\)/,
    /1 judged query has relevant passages, none of which is searched, and counts 0 .*en:q4/,
    /1 query has relevant passages that are not searched.*en:q4/,
    /Questions in th, a language without passages: 1\./,
  ]) {
    assert.match(said, sentence);
  }
  assert.equal(said.split("\n").length, 7, said);
  await view.measure();
  await view.report();
  const own = JSON.parse(await view.save("Save report (JSON)"));
  assert.equal(own.counts.queries, 4);
  assert.equal(own.counts.unanswered, 1);
  assert.equal(own.counts.none_found, 1);
  assert.match(await page.locator("#report > .hint").first().innerText(), /1 question left out because nothing is judged for them/);
  assert.deepEqual((await view.cells())[2].slice(2), ["–"], "Thai has no passages");
  assert.deepEqual(view.complaints, []);
  await page.close();
});

test("a table of one's own: which column is what is shown, and can be chosen anew", async () => {
  const view = await evaluate("?view=evaluate&data=own&device=cpu&precision=exact");
  const { page } = view;
  const table = [
    "id,lang,text,summary,question",
    "p1,en,The museum opens at nine.,On a museum and its hours.,When does it open?",
    "p2,de,Bienen machen Honig aus Nektar.,Von den Bienen.,Was machen Bienen?",
  ];
  const buffer = Buffer.from(table.join("\n"));
  await page.locator(".choose").getByLabel("Choose files").setInputFiles({ name: "mine.csv", mimeType: "text/csv", buffer });
  await page.locator(".choose").getByText("Columns of mine.csv").click();
  const column = (label) => page.locator(".choose .columns-of label").filter({ hasText: new RegExp(`^${label}`) }).locator("select");
  const note = (words) => page.locator(".data .notes li").filter({ hasText: words }).waitFor();
  await note(/text is column 3 "text"/);
  assert.equal(await column("Text").inputValue(), "text");
  assert.equal(await column("Question").inputValue(), "question");
  await column("Text").selectOption("summary");
  await note(/text is column 4 "summary"/);
  assert.equal(await column("Text").inputValue(), "summary");
  await view.measure();
  await view.report();
  assert.equal(JSON.parse(await view.save("Save report (JSON)")).counts.queries, 2);
  assert.deepEqual(view.complaints, []);
  await page.close();
});

test("questions in one language on passages in another: the tab key reaches the map, and the command tells how the page computed", async () => {
  const view = await evaluate("?view=evaluate&data=own&device=cpu");
  const { page } = view;
  const [german] = passages.filter(({ lang }) => lang === "de");
  const lines = [german, { query_id: "only", lang: "en", text: "When does it open?", relevant: [german.id] }];
  await page.locator(".choose").getByLabel("Choose files").setInputFiles(file("one-way.jsonl", ...lines));
  await view.measure();
  await view.report();
  const cells = (await view.cells()).flat();
  assert.equal(cells[0], "–", "nobody asks in German");
  assert.ok(cells.some((cell) => cell !== "–"));
  const reached = page.getByRole("table", { name: /by language pair/ }).locator('button[tabindex="0"]');
  assert.equal(await reached.count(), 1);
  const command = await page.locator("pre").filter({ hasText: "interlingua eval" }).textContent();
  assert.match(command, / --precision fast$/);
  assert.deepEqual(view.complaints, []);
  await page.close();
});

test("a slow worker loses no request; one whose browser stores nothing more says so, and measures all the same", async () => {
  const refuse = 'await new Promise((done) => setTimeout(done, 2000));\nCache.prototype.put = () => Promise.reject(new DOMException("Quota exceeded.", "QuotaExceededError"));\n';
  server.faults.set("worker_loader.js", (bytes) => Buffer.concat([Buffer.from(refuse), bytes]));
  const view = await evaluate("?view=evaluate&data=own&device=cpu&precision=exact", {});
  await view.page.locator(".choose").getByLabel("Choose files").setInputFiles(file("mine.jsonl", ...passages, ...questions));
  await view.measure();
  await view.report();
  await view.page.getByText(/The browser's storage takes no more vectors \(.*Quota exceeded/).waitFor();
  assert.equal((await view.cells()).flat().length, 4);
  server.faults.clear();
  assert.deepEqual(view.complaints, []);
  await view.context.close();
});
