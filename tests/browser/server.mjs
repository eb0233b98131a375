// Serves dist/, or another folder, on this machine, and breaks what a test asks it to break.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants } from "node:zlib";

export const root = fileURLToPath(new URL("../../", import.meta.url));
const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** What `scripts/serve` lets workers do. */
export const [, workerPolicy] = readFileSync(join(root, "Trunk.toml"), "utf8").match(/^Content-Security-Policy = "(.*)"$/m);

const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "content-security-policy": workerPolicy,
};

/**
 * Starts a server; `faults` maps the end of a path to a function that changes the bytes (null: 404), and `slow` to
 * `{ pieces, until }`: the bytes come in so many pieces, a tenth of a second apart, the last not before `until`
 * (a promise); where it is one piece, nothing comes before. Who asks for a file from a byte on gets that part, unless
 * the server is told to send all as `whole`, and is noted in `ranges`; with `compressed`, whole files come in Brotli. Pages that are `isolated` from other origins
 * may use threads; they come with all headers of `scripts/serve`. `headers` are sent with every file. `folder` is what
 * is served; after `close`, `again` serves at the same address. `rate`, in bytes per second, is shared by all connections.
 */
export async function serve({ isolated = false } = {}) {
  const faults = new Map();
  const slow = new Map();
  const requests = [];
  const ranges = [];
  const handle = { whole: false, compressed: false, headers: {}, folder: join(root, "dist"), rate: Infinity };
  // When the line is free again.
  let free = 0;
  const throttled = async (bytes, send) => {
    const piece = 8192;
    for (let at = 0; at < bytes.length; at += piece) {
      const part = bytes.subarray(at, at + piece);
      free = Math.max(free, performance.now()) + (1000 * part.length) / handle.rate;
      await new Promise((done) => setTimeout(done, free - performance.now()));
      if (!send(part)) return;
    }
  };
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    requests.push(path);
    const file = join(handle.folder, normalize(path.endsWith("/") ? `${path}index.html` : path));
    let bytes;
    try {
      // A page with nothing on it, for tests that bring their own script.
      bytes = path === "/blank.html" ? Buffer.from('<!doctype html><link rel="icon" href="data:,">') : await readFile(file);
    } catch {
      bytes = null;
    }
    for (const [end, change] of faults) if (path.endsWith(end)) bytes = change(bytes);
    if (!bytes) {
      response.writeHead(404).end("not here");
      return;
    }
    const { range } = request.headers;
    const [, begin] = range?.match(/^bytes=(\d+)-$/) ?? [];
    if (range) ranges.push([path, range]);
    const length = bytes.length;
    const part = begin && !handle.whole;
    if (part) bytes = bytes.subarray(Number(begin));
    const compressed = handle.compressed && !part && /\bbr\b/.test(request.headers["accept-encoding"] ?? "");
    if (compressed) bytes = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
    response.writeHead(part ? 206 : 200, {
      ...(part ? { "content-range": `bytes ${begin}-${length - 1}/${length}` } : {}),
      "content-type": types[extname(file)] ?? "application/octet-stream",
      "content-length": bytes.length,
      ...(compressed ? { "content-encoding": "br" } : {}),
      "cache-control": "no-cache",
      ...(isolated ? isolation : {}),
      ...handle.headers,
    });
    if (handle.rate !== Infinity) {
      await throttled(bytes, (part) => !response.destroyed && (response.write(part), true));
      response.end();
      return;
    }
    const [, how] = [...slow].find(([end]) => path.endsWith(end)) ?? [];
    for (let piece = 0; how && piece < how.pieces - 1; piece++) {
      const at = (n) => Math.floor((bytes.length * n) / how.pieces);
      response.write(bytes.subarray(at(piece), at(piece + 1)));
      await new Promise((done) => setTimeout(done, 100));
    }
    await how?.until;
    response.end(bytes.subarray(how ? Math.floor((bytes.length * (how.pieces - 1)) / how.pieces) : 0));
  });
  const listen = (port) => new Promise((done) => server.listen(port, "127.0.0.1", done));
  await listen(0);
  const { port } = server.address();
  const origin = `http://127.0.0.1:${port}`;
  const close = () => {
    // A test that failed leaves a browser behind, which keeps its connections.
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return Object.assign(handle, { origin, again: () => listen(port), faults, slow, requests, ranges, close });
}
