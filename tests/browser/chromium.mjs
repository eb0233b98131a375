// A real headless Chromium, with WebGPU on its software adapter or with none.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after } from "node:test";
import { chromium } from "playwright-core";
import { serve } from "./server.mjs";

const quiet = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-quic",
];
const webgpu = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

/** A software adapter takes seconds for what a GPU does in milliseconds. */
export const patience = Number(process.env.INTERLINGUA_PATIENCE_MS ?? 400_000);

/** The first of these files that exists. */
export const first = (...places) => places.find((place) => place && existsSync(place));

export async function launch({ gpu }) {
  const executablePath = first(
    process.env.CHROMIUM,
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  );
  assert.ok(executablePath, "no Chromium found: scripts/packages says how to install one; or name one in CHROMIUM");
  const flags = gpu ? webgpu : ["--disable-features=WebGPU", "--disable-gpu"];
  return chromium.launch({ executablePath, args: [...quiet, ...flags] });
}

/**
 * A server and a browser for the tests of a file, closed after the last of them, and `open`, which opens a page of this
 * server in this browser, unless its options name others, or a context.
 */
export async function start({ gpu = false, isolated = false } = {}) {
  const server = await serve({ isolated });
  let browser;
  after(async () => {
    await browser?.close();
    await server.close();
  });
  browser = await launch({ gpu });
  return { server, browser, open: (path, options) => open(path, { browser, server, ...options }) };
}

/** A page that remembers what it must not do: errors in the console, requests to other origins. */
export async function open(path, { browser, server, context }) {
  context ??= await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(server.origin) && !/^(blob|data):/.test(url)) complaints.push(`request to ${url}`);
  });
  await page.goto(`${server.origin}/${path}`);
  return Object.assign(new Search(page), { page, context, complaints });
}

/** The search page, in the words of its user. */
class Search {
  constructor(page) {
    this.page = page;
    this.box = page.getByRole("searchbox", { name: "Search passages" });
    this.results = page.getByRole("list", { name: "Results" }).getByRole("listitem");
    this.device = page.getByRole("status", { name: "Device" });
  }

  /** Waits for the model; the device line. */
  async ready() {
    await this.device.filter({ hasText: "self-test passed" }).waitFor();
    return this.device.innerText();
  }

  /** Unfolds the panel for one's own text, once the model runs. */
  async ownText() {
    await this.ready();
    await this.page.getByRole("button", { name: "Your own text" }).click();
  }

  /** Asks, waits for the answer to this very question, and returns the hits. */
  async ask(question) {
    await this.box.fill(question);
    await this.box.press("Enter");
    await this.answered(question);
    return this.hits();
  }

  /** Waits until the list is the answer to this very question; its heading quotes it. */
  async answered(question) {
    await this.page.locator("#results q").getByText(question, { exact: true }).waitFor();
    await this.page.locator('ol[aria-label="Results"][aria-busy="false"]').waitFor();
  }

  hits() {
    return this.results.evaluateAll((items) =>
      items.map((item) => ({ id: item.dataset.id, lang: item.lang, dir: item.dir, text: item.innerText })),
    );
  }
}
