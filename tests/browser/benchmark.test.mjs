// The Benchmark view: times that can be true, the same in table and files, stopped, shared by a link.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { launch, patience, start } from "./chromium.mjs";

const { browser, server, open } = await start();

/** The Benchmark view, in the words of its user. */
async function benchmark(address, options) {
  const search = await open(address, options);
  const { page } = search;
  const results = page.getByRole("table", { name: "Benchmark results" });
  return Object.assign(search, {
    progress: page.getByRole("progressbar", { name: /^Benchmark/ }),
    sizes: page.getByLabel(/^Sizes/),
    run: () => page.getByRole("button", { name: "Run", exact: true }).click(),
    done: () => page.getByText(/^Done: /).waitFor(),
    /** Each row by its columns' names. */
    table: () =>
      results.evaluate((table) => {
        const names = [...table.querySelectorAll("thead th")].map((cell) => cell.innerText);
        const rows = [...table.querySelectorAll("tbody tr")];
        return rows.map((row) => Object.fromEntries([...row.cells].map((cell, i) => [names[i], cell.innerText.trim()])));
      }),
    save: async (name) => {
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name }).click();
      const file = await download;
      return { name: file.suggestedFilename(), text: await readFile(await file.path(), "utf8") };
    },
  });
}

const number = (words) => Number(words.replaceAll(",", ""));
/** What is shown is what is meant, to three digits that count. */
const shows = (words, value, what) =>
  assert.ok(Math.abs(number(words) - value) <= Math.max(0.0051, 0.0051 * value), `${what}: ${words} shown, ${value} meant`);

test("times, speeds and cosines on the CPU; the files have the table's figures", { timeout: 2 * patience }, async () => {
  const view = await benchmark("?view=benchmark&devices=cpu&cells=1x8,3x40&repeats=3&warmups=1&texts=th");
  const { page } = view;
  await view.run();
  await view.done();
  const rows = await view.table();
  assert.deepEqual(
    rows.map((row) => [row["texts × tokens"], row.device]),
    ["1 × 8", "3 × 40"].flatMap((size) => [[size, "CPU, exact"], [size, "CPU, fast"]]),
  );
  const { name, text } = await view.save("Save times (JSON)");
  assert.match(name, /^benchmark-.+-\d{4}-\d\d-\d\d\.json$/);
  const report = JSON.parse(text);
  assert.equal(report.finished, true);
  assert.deepEqual(report.notes, []);
  assert.match(report.texts, /sample, Thai/);
  assert.equal(report.browser, await page.evaluate(() => navigator.userAgent));
  assert.equal(report.cores, await page.evaluate(() => navigator.hardwareConcurrency));
  assert.equal(report.isolated, await page.evaluate(() => crossOriginIsolated));
  for (const row of rows) {
    const [batch, tokens] = row["texts × tokens"].split(" × ").map(Number);
    const precision = row.device.split(", ")[1];
    const own = report.rows.find((r) => r.cell.batch === batch && r.cell.tokens === tokens && r.target.precision === precision);
    const sorted = own.calls.toSorted((a, b) => a - b);
    assert.equal(sorted.length, 3);
    assert.ok(sorted[0] > 0, `a call of ${sorted[0]} ms`);
    assert.deepEqual([own.ms.min, own.ms.median, own.ms.max], sorted);
    assert.ok(Math.abs((own.tokens_per_second * own.ms.median) / 1e3 - batch * tokens) < 1e-6);
    assert.ok(own.tokenize_ms > 0 && own.tokenize_ms < own.ms.median, `${own.tokenize_ms} ms to tokenize`);
    shows(row["median, ms"], own.ms.median, "median");
    shows(row["fastest"], own.ms.min, "fastest");
    shows(row["tokenization, ms"], own.tokenize_ms, "tokenization");
    assert.ok(Math.abs(number(row["texts/s"]) - own.texts_per_second) <= 0.5);
    assert.ok(Math.abs(number(row["tokens/s"]) - own.tokens_per_second) <= 0.5);
    const least = precision === "exact" ? 1 - 1e-12 : 0.99;
    assert.ok(own.cosine >= least && own.cosine <= 1 + 1e-12, `${row.device}: cosine ${own.cosine}`);
    assert.equal(row["worst agreement with CPU f32 (cosine)"], own.cosine.toFixed(6));
  }
  const csv = (await view.save("Save times (CSV)")).text.trim().split("\n");
  const [head, ...lines] = csv.filter((line) => !line.startsWith("#")).map((line) => line.split(","));
  assert.equal(lines.length, report.rows.length);
  report.rows.forEach((row, i) => {
    const line = Object.fromEntries(head.map((name, at) => [name, lines[i][at]]));
    assert.deepEqual([line.device, line.precision], [row.target.device, row.target.precision]);
    assert.deepEqual([line.batch, line.tokens, line.median_ms].map(Number), [row.cell.batch, row.cell.tokens, row.ms.median]);
  });
  const facts = page.getByRole("region", { name: "What was timed, and on what" });
  assert.match(await facts.innerText(), new RegExp(`${report.model}[^]*${report.hash}[^]*Chrome \\d+ on Linux`));

  // The search's model comes as before, and the times stay.
  await page.getByRole("link", { name: "Search" }).click();
  assert.match(await view.ready(), /CPU/);
  assert.equal((await view.ask("Why do bees dance?")).length, 10);
  await page.getByRole("link", { name: "Benchmark" }).click();
  assert.deepEqual(await view.table(), rows);
  assert.deepEqual(view.complaints, []);
  await view.context.close();
});

test("a GPU beside the CPU has the same vectors, and one that is imitated is called so", { timeout: 2 * patience }, async (t) => {
  const browser = await launch({ gpu: true });
  t.after(() => browser.close());
  const view = await benchmark("?view=benchmark&precisions=exact&cells=1x8&repeats=1&warmups=0", { browser });
  await view.run();
  await view.done();
  const rows = await view.table();
  assert.deepEqual(rows.map((row) => row.device), ["CPU, exact", "GPU"]);
  rows.forEach((row) => assert.ok(number(row["worst agreement with CPU f32 (cosine)"]) > 0.9999, row["worst agreement with CPU f32 (cosine)"]));
  await view.page.getByText("This GPU is imitated in software: only the ratios of its times mean anything.").waitFor();
  const drawn = await view.page.locator(".chart .value").allInnerTexts();
  assert.deepEqual(drawn, rows.map((row) => `${row["median, ms"]} ms`));
  assert.deepEqual(view.complaints, []);
  await view.context.close();
});

test("a browser without an adapter times the CPU and says what the GPU lacks", { timeout: patience }, async () => {
  const view = await benchmark("?view=benchmark&precisions=fast&cells=1x8&repeats=1&warmups=0");
  await view.run();
  await view.done();
  assert.deepEqual((await view.table()).map((row) => row.device), ["CPU, fast"]);
  const report = JSON.parse((await view.save("Save times (JSON)")).text);
  assert.equal(report.notes.length, 1, report.notes.join(" "));
  assert.match(report.notes[0], /WebGPU/);
  await view.page.getByText(report.notes[0]).waitFor();
});

test("what is stopped keeps its figures; the same model answers searches all the while", { timeout: 2 * patience }, async () => {
  const view = await benchmark("?device=cpu");
  const { page } = view;
  await view.ready();
  await page.getByRole("link", { name: "Benchmark" }).click();
  await page.getByRole("checkbox", { name: "fast" }).uncheck();
  await view.sizes.fill("1x8, 8x8, 2x9");
  await page.getByLabel("Timed calls").fill("100");
  await view.run();
  await page.locator(".figures tbody tr").first().waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await view.progress.waitFor({ state: "detached" });
  await page.getByText(/^Stopped: /).waitFor();
  const rows = await view.table();
  assert.ok(rows.length >= 1 && rows.length < 3, `${rows.length} rows`);
  const report = JSON.parse((await view.save("Save times (JSON)")).text);
  assert.equal(report.finished, false);
  assert.equal(report.rows.length, rows.length);
  await page.getByRole("link", { name: "Search" }).click();
  assert.equal((await view.ask("Why is the sea salty?")).length, 10);
  assert.deepEqual(view.complaints, []);
  await view.context.close();
});

test("a link holds the choices and does not run; what cannot be timed is said", { timeout: 2 * patience }, async () => {
  const context = await browser.newContext({ permissions: ["clipboard-read", "clipboard-write"], viewport: { width: 320, height: 700 } });
  const view = await benchmark("?view=benchmark", { context });
  const { page } = view;
  const wrong = async (typed, sentence) => {
    await view.sizes.fill(typed);
    await view.run();
    await page.getByText(sentence).waitFor();
    assert.equal(await view.sizes.getAttribute("aria-invalid"), "true");
    assert.equal(await view.progress.count(), 0);
    assert.equal(await page.evaluate(() => document.activeElement.id), "sizes");
  };
  await wrong("8by8", "“8by8” is not a size: write texts x tokens, for example 8x114");
  await wrong("1x8, 0x8", "“0x8” cannot be timed: a call takes 1 to 1024 texts");
  await wrong(" ", /No size is given/);

  await view.sizes.fill("1 × 8, 1x600");
  await page.getByLabel("Timed calls").fill("2");
  await page.getByLabel("Warm-up calls").fill("0");
  await page.getByRole("checkbox", { name: "exact" }).uncheck();
  const last = page.getByRole("checkbox", { name: "fast" });
  await last.click();
  assert.ok(await last.isChecked(), "the last precision was taken away");
  await page.getByLabel("Language of the texts").selectOption("ar");
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.getByText("The link is copied.").waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(link, /\?view=benchmark&devices=cpu,webgpu&precisions=fast&cells=1x8,1x600&repeats=2&warmups=0&texts=ar$/);

  const other = await benchmark(link.slice(server.origin.length + 1), { context });
  assert.equal(await other.sizes.inputValue(), "1x8, 1x600");
  assert.equal(await other.page.getByLabel("Timed calls").inputValue(), "2");
  assert.equal(await other.page.getByLabel("Language of the texts").inputValue(), "ar");
  assert.ok(!(await other.page.getByRole("checkbox", { name: "exact" }).isChecked()));
  assert.equal(await other.progress.count(), 0);
  await other.run();
  await other.done();
  // Longer than the model's window; the rest is timed, beside vectors by the CPU in f32.
  await other.page.getByText("1 × 600 was left out: this model reads at most 512 tokens of a text.").waitFor();
  const [row, ...more] = await other.table();
  assert.deepEqual([row["texts × tokens"], row.device, more.length], ["1 × 8", "CPU, fast", 0]);
  assert.ok(number(row["worst agreement with CPU f32 (cosine)"]) > 0.99 && number(row["worst agreement with CPU f32 (cosine)"]) <= 1);
  assert.ok(await other.page.evaluate(() => document.documentElement.scrollWidth <= 320), "it is wider than the window");
  assert.deepEqual([...view.complaints, ...other.complaints], []);
  await context.close();
});
