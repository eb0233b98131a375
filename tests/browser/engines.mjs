// Other engines than Chromium: Firefox over WebDriver BiDi, WebKitGTK over WebDriver. One small interface for both.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";
import { first, patience } from "./chromium.mjs";

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

const firefoxPath = first(
  process.env.FIREFOX,
  "/usr/bin/firefox-esr",
  "/usr/bin/firefox",
  "/Applications/Firefox.app/Contents/MacOS/firefox",
);
const driverPath = first("/usr/bin/WebKitWebDriver");
const miniBrowserPath = first(
  ...["webkit2gtk-4.1", "webkit2gtk-4.0", "webkitgtk-6.0"].flatMap((version) => [
    `/usr/lib/x86_64-linux-gnu/${version}/MiniBrowser`,
    `/usr/lib/aarch64-linux-gnu/${version}/MiniBrowser`,
    `/usr/libexec/${version}/MiniBrowser`,
  ]),
);

/** What a test does in a browser. Selectors are CSS; functions run in the page, with arguments that JSON can hold. */
class Tab {
  /** Waits until the function returns something other than false, null or undefined, and returns that. */
  async until(what, does, ...given) {
    const end = Date.now() + patience;
    for (;;) {
      const value = await this.evaluate(does, ...given);
      if (value !== false && value !== null && value !== undefined) return value;
      if (Date.now() > end) {
        const seen = await this.evaluate(() => document.body.innerText.slice(0, 2000));
        assert.fail(`${what} did not come in ${patience / 1000} s; the page says:\n${seen}`);
      }
      await pause(200);
    }
  }

  /** Presses a key by its name (`Enter`, `Tab`, `ArrowDown`), or types a text where the focus is. */
  async keys(...keys) {
    for (const key of keys) await this.key(key);
  }

  /** Clicks the visible element that the selector finds and, where a text is given, whose name is that text. */
  async press(selector, text) {
    await this.until(`${selector} ${text ?? ""}`, (selector, text) => {
      const found = [...document.querySelectorAll(selector)].find(
        (element) => element.checkVisibility() && !element.disabled && (text === undefined || element.innerText.trim() === text),
      );
      found?.click();
      return Boolean(found);
    }, selector, text);
  }
}

class Firefox extends Tab {
  static missing = firefoxPath ? null : "Firefox, which scripts/packages installs";

  static async open(url) {
    const browser = await puppeteer.launch({
      browser: "firefox",
      executablePath: firefoxPath,
      headless: true,
      timeout: patience,
      // ESR 140 knows no override of the viewport.
      defaultViewport: null,
      args: ["--width=1280", "--height=900"],
      extraPrefsFirefox: { "intl.accept_languages": "en-GB" },
    });
    const tab = Object.assign(new Firefox(), { browser, complaints: [] });
    try {
      tab.page = await browser.newPage();
      tab.page.setDefaultTimeout(patience);
      tab.page.on("pageerror", (error) => tab.complaints.push(error.message));
      tab.page.on("console", (message) => {
        if (message.type() === "error") tab.complaints.push(message.text());
      });
      await tab.goto(url);
    } catch (error) {
      await tab.close();
      throw error;
    }
    return tab;
  }

  evaluate(does, ...given) {
    return this.page.evaluate(does, ...given);
  }

  goto(url) {
    return this.page.goto(url);
  }

  key(key) {
    return /^[A-Z][A-Za-z]+$/.test(key) ? this.page.keyboard.press(key) : this.page.keyboard.type(key);
  }

  close() {
    return this.browser.close();
  }
}

/** WebDriver's code points for keys (https://www.w3.org/TR/webdriver2/#keyboard-actions). */
const codes = {
  Enter: "\uE007", Tab: "\uE004", Escape: "\uE00C", Backspace: "\uE003", Space: " ",
  ArrowLeft: "\uE012", ArrowUp: "\uE013", ArrowRight: "\uE014", ArrowDown: "\uE015",
};

class WebKit extends Tab {
  static missing =
    driverPath && miniBrowserPath && existsSync("/usr/bin/Xvfb")
      ? null
      : "WebKitGTK with WebKitWebDriver, and Xvfb, which scripts/packages installs";

  static async open(url) {
    const home = await mkdtemp(join(tmpdir(), "interlingua-webkit-"));
    const display = `:${90 + (process.pid % 900)}`;
    const screen = spawn("Xvfb", [display, "-screen", "0", "1400x1000x24", "-nolisten", "tcp"], { stdio: "ignore" });
    const port = await free();
    // A profile of its own, and no accessibility bus, which a session without a desktop lacks.
    const env = { ...process.env, HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home, DISPLAY: display, NO_AT_BRIDGE: "1", LANG: "en_GB.UTF-8" };
    const driver = spawn(driverPath, [`--port=${port}`], { env, stdio: "ignore" });
    const tab = Object.assign(new WebKit(), { home, screen, driver, base: `http://127.0.0.1:${port}`, complaints: [] });
    try {
      const browserOptions = { binary: miniBrowserPath, args: ["--automation"] };
      const capabilities = { alwaysMatch: { "webkitgtk:browserOptions": browserOptions } };
      for (let attempt = 0; ; attempt++) {
        try {
          tab.session = (await tab.send("POST", "/session", { capabilities })).sessionId;
          break;
        } catch (error) {
          if (attempt === 300) throw error;
          await pause(200);
        }
      }
      await tab.send("POST", "/window/rect", { width: 1280, height: 900 });
      await tab.send("POST", "/timeouts", { script: patience, pageLoad: patience });
      await tab.goto(url);
    } catch (error) {
      await tab.close();
      throw error;
    }
    return tab;
  }

  async send(method, path, body) {
    const url = this.base + (path === "/session" ? path : `/session/${this.session}${path}`);
    const answer = await fetch(url, { method, body: body && JSON.stringify(body) });
    const { value } = await answer.json();
    assert.ok(answer.ok, `${path}: ${value?.error} ${value?.message}`);
    return value;
  }

  evaluate(does, ...args) {
    return this.send("POST", "/execute/sync", { script: `return (${does}).apply(null, arguments);`, args });
  }

  goto(url) {
    return this.send("POST", "/url", { url });
  }

  key(key) {
    const pressed = codes[key] ? [codes[key]] : [...key];
    const actions = pressed.flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]);
    return this.send("POST", "/actions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  async close() {
    if (this.session) await this.send("DELETE", "").catch(() => {});
    this.driver.kill();
    this.screen.kill();
    await pause(300);
    await rm(this.home, { recursive: true, force: true, maxRetries: 5, retryDelay: 300 });
  }
}

/** A free port of this machine. */
async function free() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export const engines = { Firefox, WebKit };
