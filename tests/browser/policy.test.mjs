// The page's content security policy: what it forbids is not done and is reported, and what the page does is allowed.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { start } from "./chromium.mjs";
import { root, workerPolicy } from "./server.mjs";

const { server, browser, open } = await start();

/** A context whose pages gather violations, from their first script on. */
async function watched(browser) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  await context.addInitScript(() => {
    globalThis.violations = [];
    addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
      violations.push(`${effectiveDirective}: ${blockedURI}`);
    });
  });
  return context;
}

const violations = (page) => page.evaluate(() => violations);

test("what the policy forbids is not done, and reported", async () => {
  const { page } = await open("?device=cpu", { context: await watched(browser) });
  await page.locator("#boot").waitFor({ state: "detached" });
  assert.deepEqual(await violations(page), [], "the page breaks its own policy");
  const attempts = [
    ["an inline script", "script-src-elem: inline", () => {
      document.body.append(Object.assign(document.createElement("script"), { textContent: "globalThis.done = true" }));
    }],
    ["a handler in an attribute", "script-src-attr: inline", () => {
      const button = document.createElement("button");
      button.setAttribute("onclick", "globalThis.done = true");
      button.click();
    }],
    ["a string run as code", "script-src: eval", async () => {
      // In a task of the page's own: what the driver runs may evaluate strings.
      await new Promise((done) => setTimeout(() => {
        try {
          (0, eval)("globalThis.done = true");
        } catch {}
        done();
      }));
    }],
    ["another's script", "script-src-elem: https://example.invalid/x.js", () => {
      document.body.append(Object.assign(document.createElement("script"), { src: "https://example.invalid/x.js" }));
    }],
    ["a worker made of a string", "worker-src: blob", () => {
      new Worker(URL.createObjectURL(new Blob(["globalThis.done = true"], { type: "text/javascript" })));
    }],
    ["a request to another server", "connect-src: https://example.invalid/", () => {
      fetch("https://example.invalid/").then(() => { globalThis.done = true; }, () => {});
    }],
    ["a socket", "connect-src: wss://example.invalid/", () => {
      try {
        new WebSocket("wss://example.invalid/");
      } catch {}
    }],
    ["a style in an attribute", "style-src-attr: inline", () => {
      document.body.setAttribute("style", "color: red");
    }],
    ["a style within the document", "style-src-elem: inline", () => {
      document.body.append(Object.assign(document.createElement("style"), { textContent: "body { color: red }" }));
    }],
    ["another's picture", "img-src: https://example.invalid/x.png", () => {
      document.body.append(Object.assign(document.createElement("img"), { src: "https://example.invalid/x.png" }));
    }],
    ["a frame", "frame-src: https://example.invalid", () => {
      document.body.append(Object.assign(document.createElement("iframe"), { src: "https://example.invalid/" }));
    }],
    ["another base for all addresses", "base-uri: https://example.invalid/", () => {
      document.head.append(Object.assign(document.createElement("base"), { href: "https://example.invalid/" }));
    }],
  ];
  for (const [what, expected, attempt] of attempts) {
    await page.evaluate(() => void (violations.length = 0));
    await page.evaluate(attempt);
    await page.waitForFunction(() => violations.length > 0, undefined, { timeout: 10_000 }).catch(() => {
      assert.fail(`${what} was let through`);
    });
    assert.deepEqual(await violations(page), [expected], what);
  }
  assert.equal(await page.evaluate(() => globalThis.done), undefined);
  await page.context().close();
});

test("a worker has the policy that its file comes with", async () => {
  const context = await watched(browser);
  const page = await context.newPage();
  // A worker that says what it may do.
  server.faults.set("/worker_loader.js", () => Buffer.from(`
    const tried = {};
    addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
      tried[effectiveDirective] = blockedURI;
    });
    try { (0, eval)("1"); } catch {}
    const asked = (url) => fetch(url, { mode: "no-cors" }).then(() => "yes", () => "no");
    await asked("http://example.invalid/");
    await asked("ftp://example.invalid/");
    const same = await asked("model/manifest.json");
    await new Promise((done) => setTimeout(done, 200));
    postMessage({ ...tried, same });
  `));
  server.headers = { "content-security-policy": workerPolicy };
  try {
    await page.goto(`${server.origin}/blank.html`);
    const said = await page.evaluate(() => new Promise((done) => {
      const worker = new Worker("worker_loader.js", { type: "module" });
      worker.onmessage = ({ data }) => done(data);
    }));
    assert.deepEqual(Object.keys(said).sort(), ["connect-src", "same", "script-src"]);
    assert.equal(said.same, "yes");
  } finally {
    server.faults.delete("/worker_loader.js");
    server.headers = {};
    await context.close();
  }
});

test("search, a person's own text, a model by its address and a measurement break no policy", async () => {
  // The model on a server of its own, as a person would name it.
  const { server: other } = await start();
  other.headers = { "access-control-allow-origin": "*" };
  const context = await watched(browser);
  const search = await open("?device=cpu", { context });
  const { page } = search;
  await search.ready();
  assert.ok((await search.ask("Where do bees keep their food?")).length > 0);
  // Colours are set as properties, which the policy does not refuse.
  const given = (locator, name) => locator.evaluate((element, name) => element.style.getPropertyValue(name), name);
  assert.match(await given(search.results.first(), "--language"), /^var\(--c-/);
  await search.ownText();
  await page.getByRole("textbox", { name: "Paste passages, one per line" }).fill("Bees keep honey in combs.\nThe bridge opened in spring.");
  await page.getByRole("button", { name: "Search this text" }).click();
  await page.getByRole("button", { name: "Back to the sample" }).waitFor();
  assert.equal((await search.ask("Where is honey kept?")).length, 2);
  assert.deepEqual(await violations(page), []);

  await page.goto(`${server.origin}/?device=cpu&model=${encodeURIComponent(`${other.origin}/model/`)}`);
  await page.getByRole("button", { name: "Load it from there" }).click();
  await search.ready();
  assert.ok(other.requests.includes("/model/manifest.json"));
  assert.ok((await search.ask("Where do bees keep their food?")).length > 0);
  assert.deepEqual(await violations(page), []);

  await page.goto(`${server.origin}/?view=evaluate&device=cpu&languages=de,en`);
  await page.getByRole("button", { name: "Evaluate", exact: true }).click();
  await page.getByRole("table", { name: "Measures by setting" }).waitFor();
  await page.getByRole("table", { name: /by language pair/ }).locator('td[style*="--l:"]').first().waitFor();
  assert.deepEqual(await violations(page), []);
  await context.close();
});

test("service_worker.js and Trunk.toml say the same of workers", () => {
  const script = readFileSync(`${root}www/service_worker.js`, "utf8");
  const [, text] = script.match(/const policy =\n((?:.*\n)*?.*);\n/);
  const own = [...text.matchAll(/"(.*?)"/g)].map(([, part]) => part).join("");
  const parsed = (policy) => Object.fromEntries(policy.split(";").map((part) => part.trim().split(" ")).map(([name, ...words]) => [name, words]));
  const [here, there] = [parsed(own), parsed(workerPolicy)];
  for (const [name, words] of Object.entries(here)) {
    assert.deepEqual(there[name].filter((word) => word !== "'unsafe-inline'"), words, name);
  }
});
