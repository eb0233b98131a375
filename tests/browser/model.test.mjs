// The Model view: what it shows is what the manifest says, and a model has one name in all views.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { patience, start } from "./chromium.mjs";
import { built, sha256 } from "./safetensors.mjs";

const { browser, server, open } = await start();
const models = JSON.parse(readFileSync(new URL("../../static/models/models.json", import.meta.url)));

/** The Model view, in the words of its user. */
async function opened(address, options) {
  const search = await open(address, options);
  const { page } = search;
  return Object.assign(search, {
    article: page.getByRole("article"),
    choice: page.getByRole("combobox", { name: "Model", exact: true }),
    described: () => page.getByRole("heading", { name: "Files" }).waitFor(),
    table: (name) => page.getByRole("table", { name }),
    /** The rows of a table, each cell's lines apart. */
    cells: (name) =>
      page.getByRole("table", { name }).locator("tbody tr").evaluateAll((rows) =>
        rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.innerText.trim().split(/\s+/))),
      ),
  });
}

for (const { folder, name } of models) {
  test(`${name}: every figure, hash and word is its manifest's`, { timeout: patience }, async () => {
    const text = built(`${folder}manifest.json`);
    const manifest = JSON.parse(text);
    const view = await opened(`?view=model&device=cpu${folder === "model/" ? "" : `&model=${folder}`}`);
    const { page, article } = view;
    await view.described();
    await page.getByRole("heading", { name: manifest.name, level: 2 }).waitFor();
    assert.equal(await page.title(), `${name} · interlingua`);

    const [report] = manifest.results;
    const settings = await view.cells("xquad-r: scores by setting");
    ["mono", "cross", "multi"].forEach((setting, y) =>
      ["map", "recall@1", "recall@10", "ndcg@10"].forEach((measure, x) => {
        const { low, high } = report.intervals[setting];
        const expected = [report[setting][measure].toFixed(4), `${low[measure].toFixed(3)}–${high[measure].toFixed(3)}`];
        assert.deepEqual(settings[y][x], expected, `${setting} ${measure}`);
      }),
    );
    const pairs = await view.cells("xquad-r: mAP by language pair");
    assert.equal(pairs.flat().length, 121);
    report.languages.forEach((from, y) =>
      report.languages.forEach((to, x) => {
        const [low, high] = report.intervals.pairs[from][to];
        const expected = [report.pairs[from][to].map.toFixed(3), `${low.toFixed(3)}–${high.toFixed(3)}`];
        assert.deepEqual(pairs[y][x], expected, `${from} ${to}`);
      }),
    );

    const files = await view.cells("Files and hashes");
    assert.deepEqual(files.map((row) => row.at(-1)[0]), manifest.files.map((file) => file.sha256));
    const said = await article.innerText();
    for (const hash of [sha256(text), manifest.weights_sha256]) assert.ok(said.includes(hash), hash);
    for (const words of ["MIT", "Vietnamese", "512 tokens", "4-bit weights", "“query: ”", "Not stored in this browser", "Removed: 1."]) {
      assert.ok(said.includes(words), `${words} in ${said}`);
    }
    // Told in sentences: no path of whoever trained it, no JSON.
    assert.doesNotMatch(said, /recipes\/|\.\.\/|"config"|\{\s*"/);
    assert.match(said, /was made from multilingual-e5-small\. Its vocabulary has 64,000 of its 250,002 tokens/);
    await page.getByText(/sources of training texts/).click();
    assert.match(await view.table("Sources of training texts").innerText(), /tatoeba\s+81,012\s+CC BY 2\.0 FR/);

    const snippet = await page.getByLabel("Code for your page").innerText();
    assert.ok(snippet.includes(`await load("${server.origin}/${folder}")`), snippet);
    // Where it is told, nothing of the model itself is asked for.
    assert.deepEqual(server.requests.filter((path) => path.endsWith(".safetensors") && path.startsWith("/model")), []);
    for (const link of await article.getByRole("link").all()) {
      const to = new URL(await link.getAttribute("href"), page.url());
      if (to.origin === server.origin) assert.equal((await page.request.get(to.href)).status(), 200, to.href);
      else assert.equal(to.host, "arxiv.org");
    }
    assert.deepEqual(view.complaints, []);
    await view.context.close();
    server.requests.length = 0;
  });
}

test("one name in every view, stored and checked once it runs, removed when told so", { timeout: patience }, async () => {
  const [{ name }] = models;
  const view = await opened("?device=cpu");
  const { page } = view;
  assert.ok((await view.ready()).startsWith(`${name} · 34 MB · 4-bit`));
  for (const label of ["Search", "Evaluate", "Benchmark", "Model"]) {
    await page.getByRole("link", { name: label, exact: true }).click();
    await view.choice.waitFor();
    const options = await view.choice.locator("option").allTextContents();
    models.forEach((model, i) => assert.ok(options[i].startsWith(`${model.name} (`), `${label}: ${options}`));
    assert.equal(options.at(-1), "Other model (name, URL or folder) …");
    assert.match(await view.choice.evaluate((select) => select.selectedOptions[0].label), new RegExp(`^${name} \\(`));
    await page.getByText(models[0].about).filter({ visible: true }).waitFor();
  }

  await view.described();
  await page.getByText(/Stored in this browser: 34 MB, last used \d{4}-\d\d-\d\d\./).waitFor();
  const { cases } = JSON.parse(built("model/manifest.json")).self_test;
  const words = new RegExp(`passed with ${cases.length} texts: the worst agreement with the CPU in f32 is a cosine of`);
  const checked = await page.getByText(words).first().innerText();
  const [cosine, difference, limit] = checked.match(/cosine of ([\d.]+); .* is ([\d.]+), the limit is ([\d.]+)/).slice(1).map(Number);
  assert.ok(cosine > 0.99 && cosine < 1 && difference > 0 && difference <= limit, checked);
  await page.getByRole("button", { name: `Remove from this browser’s storage: ${name}` }).click();
  await page.getByText("Not stored in this browser.").waitFor();

  // The code is copied as it stands there.
  await view.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy the code" }).click();
  await page.getByText("The code is copied.").waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.getByLabel("Code for your page").innerText());

  // Another one, by the keyboard, and back.
  await view.choice.focus();
  await view.choice.press("ArrowDown");
  await page.getByRole("heading", { name: models[1].name, level: 2 }).waitFor();
  await page.waitForURL(/view=model&device=cpu&model=models\/monolingual\/$/);
  await page.getByRole("link", { name: `Evaluate it: ${models[1].name}` }).click();
  await page.waitForURL(/view=evaluate&device=cpu&model=models\/monolingual\/$/);
  assert.match(await view.choice.evaluate((select) => select.selectedOptions[0].label), new RegExp(`^${models[1].name} \\(`));
  await page.getByRole("link", { name: `About this model: ${models[1].name}` }).click();
  await page.getByRole("heading", { name: models[1].name, level: 2 }).waitFor();
  assert.deepEqual(view.complaints, []);
  await view.context.close();
});

test("it fits a narrow window, and numbers are the visitor's", { timeout: patience }, async () => {
  const context = await browser.newContext({ viewport: { width: 320, height: 700 }, locale: "de-DE" });
  const view = await opened("?view=model&device=cpu", { context });
  await view.described();
  assert.ok(await view.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "wider than the window");
  const said = await view.article.innerText();
  const { mono } = JSON.parse(built("model/manifest.json")).results[0];
  for (const words of ["64.000 of its 250.002", mono.map.toFixed(4).replace(".", ",")]) assert.ok(said.includes(words), words);
  assert.deepEqual(view.complaints, []);
  await context.close();
});

test("a model that cannot be read is told, and one on another server is not asked unasked", { timeout: patience }, async (t) => {
  t.after(() => server.faults.clear());
  server.faults.set("model/manifest.json", () => null);
  const view = await opened("?view=model&device=cpu");
  const { page, article } = view;
  await article.getByText(/model\/manifest\.json/).waitFor();
  server.faults.clear();
  await article.getByRole("button", { name: "Try again" }).click();
  await view.described();
  await view.context.close();

  const far = await opened("?view=model&device=cpu&model=https://elsewhere.invalid/m/");
  await far.article.getByText(/on another server, elsewhere\.invalid, which has not been contacted/).waitFor();
  assert.deepEqual(far.complaints, []);
  await far.context.close();
});
