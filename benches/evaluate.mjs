// Measures the default model in the page on a folder of XQuAD-R files, on the CPU path, and prints how long
// each stage took, the memory of the page's process, and the largest difference from the terminal's report.
//
//   scripts/serve --build-only && npm ci --prefix tests/browser
//   interlingua eval --model static/model --dataset xquad-r --data data/xquad-r --device cpu --precision fast --json > report.json
//   INTERLINGUA_PATIENCE_MS=7200000 node benches/evaluate.mjs data/xquad-r report.json [en,th]
import { execSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { launch, open } from "../tests/browser/chromium.mjs";
import { serve } from "../tests/browser/server.mjs";

const [folder, terminal, languages] = process.argv.slice(2);
const wanted = languages?.split(",").map((code) => `${code}.json`);
const files = readdirSync(folder).filter((name) => (wanted ? wanted.includes(name) : name.endsWith(".json")));

console.log(`${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0].model}, ${files.length} files`);
const server = await serve();
const browser = await launch({ gpu: false });
const { page } = await open("?view=evaluate&device=cpu", { browser, server });
await page.locator("#evaluate input[type=file], main input[type=file]").last().setInputFiles(files.map((name) => join(folder, name)));
// The list of files moves the button down: a click before it comes is lost.
await page.getByText(/^Chosen:/).waitFor();
await page.getByRole("button", { name: "Evaluate", exact: true }).click();
const table = page.getByRole("table", { name: "Measures by setting" });
let [stage, since] = ["opening", performance.now()];
for (let ready = false; !ready; ) {
  ready = (await table.count()) > 0;
  const said = await page.evaluate(() => document.querySelector('[role="progressbar"][aria-label^="Measuring"]')?.ariaValueText ?? "");
  const now = ready ? "" : said.replace(/\d.*/, "").trim() || stage;
  if (now !== stage) {
    console.log(`${stage}: ${((performance.now() - since) / 1000).toFixed(1)} s`);
    [stage, since] = [now, performance.now()];
  }
  await page.waitForTimeout(200);
}
const resident = execSync("ps -eo rss,args").toString().split("\n").filter((line) => line.includes("--type=renderer"));
console.log(`largest renderer: ${(Math.max(...resident.map((line) => parseInt(line))) / 1e3).toFixed(0)} MB resident`);
const download = page.waitForEvent("download");
await page.getByRole("button", { name: "Save report (JSON)" }).click();
const report = JSON.parse(readFileSync(await (await download).path(), "utf8"));
await browser.close();
await server.close();

const expected = JSON.parse(readFileSync(terminal, "utf8"));
const differences = [];
for (const setting of ["mono", "cross", "multi"]) {
  for (const [name, value] of Object.entries(expected[setting])) differences.push(Math.abs(value - report[setting][name]));
}
for (const [from, row] of Object.entries(expected.pairs)) {
  for (const [to, cell] of Object.entries(row)) differences.push(Math.abs(cell.map - report.pairs[from][to].map));
}
console.log(`same data: ${report.hashes.data === expected.hashes.data}; same model: ${report.hashes["manifest.json"] === expected.hashes["manifest.json"]}`);
console.log(`largest difference in ${differences.length} figures: ${Math.max(...differences).toExponential(1)}`);
