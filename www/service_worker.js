// The page's service worker. It keeps the program and the sample in the browser, so that the page opens without a
// network; the model and a person's own text are kept by the page's worker. And it isolates the page from other origins
// where its server does not send the two headers for that: only such a page may use threads. What else lies in the
// folder it leaves alone.
//
// Files of two versions never mix. A version is a list of files with their hashes; it answers from its own list, or,
// until all of that is kept, leaves every request to the server. A newer version is fetched whole and then waits: the
// page offers it, and a person takes it, or it starts once no tab shows the old one.

// These lines are replaced by scripts/offline: the SHA-256 of this version's files, and whether the server is asked first,
// as during development.
const files = {};
const fresh = true;

// Whether this browser has fused multiply-add, and with it runs the faster of a worker's two programs: whether a program
// with one instruction, the fused multiply-add of three zeros, is valid. scripts/finish writes the same into worker.js.
const fused = WebAssembly.validate(Uint8Array.of(0,97,115,109,1,0,0,0,1,5,1,96,0,1,123,3,2,1,0,10,19,1,17,0,65,0,253,17,65,0,253,17,65,0,253,17,253,133,2,11));
// As in worker_loader.js.
const threads = Boolean(Atomics.waitAsync);

const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
// A worker's policy is that of its own file: what the page says of itself in index.html does not reach it. As in
// Trunk.toml, less what that allows the example.
const policy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
  "connect-src 'self' https: http://localhost:* http://127.0.0.1:*";

const scope = new URL("./", location).href;
// Other pages of this origin have their own. A file is kept by its hash, so what two versions have in common is
// fetched once.
const store = `interlingua-page ${scope}`;
const keyOf = (name) => `${scope}?sha256=${files[name]}`;
// Kept last: all that a visit to this version needs is there then.
const mark = `${scope}?version=`;

/** A file's name in the folder; the page's is index.html. */
const nameOf = (url) => {
  const { href, origin, pathname } = new URL(url);
  const name = href.startsWith(scope) ? (origin + pathname).slice(scope.length) : undefined;
  return name === "" ? "index.html" : name;
};
const isListed = (name) => Object.hasOwn(files, name);

/** What every visit needs. The other files are kept once they are used: those of models to compare with, and the
 * worker's programs for other browsers. */
function isNeeded(name, plain) {
  if (name.startsWith("models/") || name.startsWith("sample/vectors-")) return name === "models/models.json";
  const isThreaded = name.startsWith("threads/");
  if (isThreaded && !threads) return false;
  if (/^worker(_fused)?(_bg)?\.(js|wasm)$/.test(name) && threads && !plain) return false;
  return !name.endsWith("_bg.wasm") || !name.includes("worker") || name.includes("_fused") === fused;
}

async function version() {
  const list = new TextEncoder().encode(JSON.stringify(files));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", list));
  return mark + Array.from(hash.slice(0, 8), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const kept = (key) => caches.match(key, { cacheName: store });

/** Whether all that a visit needs is kept. */
const isComplete = async () => Boolean((await kept(await version())) && (await kept(keyOf("index.html"))));

/** A file of this version, and no other: kept, or from the server, and then kept. */
async function file(name) {
  const key = keyOf(name);
  const found = await kept(key);
  if (found) return found;
  const address = name === "index.html" ? scope : scope + name;
  const bytesOf = files[name].match(/../g).map((byte) => parseInt(byte, 16));
  const integrity = `sha256-${btoa(String.fromCharCode(...bytesOf))}`;
  // What the browser fetched for the page a moment ago is as good, unless it is of another version.
  const response = await fetch(address, { integrity }).catch(() => fetch(address, { integrity, cache: "reload" }));
  if (response.status !== 200) throw new Error(`${name}, the server answers ${response.status}`);
  const headers = new Headers(response.headers);
  // These are about how it came.
  headers.delete("Content-Encoding");
  headers.delete("Content-Length");
  const bytes = await response.arrayBuffer();
  const cache = await caches.open(store);
  await cache.put(key, new Response(bytes, { headers }));
  return new Response(bytes, { headers });
}

/** Keeps all that a visit needs; `plain` is whether that includes the worker without threads. */
async function keep(plain) {
  for (const name of Object.keys(files)) {
    if (!isNeeded(name, plain)) continue;
    await file(name).catch((error) => {
      throw new Error(`${name} could not be stored: ${error.message}`);
    });
  }
  await (await caches.open(store)).put(await version(), new Response(plain ? "plain" : ""));
}

/** What marks a version as complete, of whichever there is. */
async function marks() {
  const cache = await caches.open(store);
  return (await cache.keys()).filter(({ url }) => url.startsWith(mark));
}

addEventListener("install", (event) => event.waitUntil(install()));

async function install() {
  const [before] = await marks().catch(() => []);
  if (before) {
    const keeping = keep((await (await kept(before))?.text()) === "plain");
    // During development, a new version starts at once, whether it could be kept or not.
    await (fresh ? keeping.catch(() => {}) : keeping);
  }
  // Where nothing is kept yet, nothing can mix; the page asks for its files to be kept once its own work is done.
  if (fresh || !before) await skipWaiting();
}

addEventListener("activate", (event) => event.waitUntil(tidy()));

/** Removes what belongs to other versions. */
async function tidy() {
  const ours = new Set([await version(), ...Object.keys(files).map(keyOf)]);
  const cache = await caches.open(store);
  for (const request of await cache.keys()) if (!ours.has(request.url)) await cache.delete(request);
}

addEventListener("message", (event) => {
  const reply = (message) => event.source.postMessage(message);
  const { keep: asked, plain, use } = event.data ?? {};
  if (asked) event.waitUntil(keep(plain).then(() => reply({ kept: true }), (error) => reply({ kept: false, why: error.message })));
  if (use) event.waitUntil(take(reply));
});

/** Starts this version, which waits, unless other tabs would get it in the middle of their work. */
async function take(reply) {
  const windows = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const others = windows.filter(({ url }) => nameOf(url) === "index.html").length - 1;
  if (others > 0) reply({ others });
  else await skipWaiting();
}

addEventListener("fetch", (event) => {
  const { destination, headers, method, url } = event.request;
  const name = nameOf(url);
  if (method !== "GET" || name === undefined || headers.has("Range")) return;
  const isPage = name === "index.html";
  // The page, and its workers, which have to have what it has.
  const isolates =
    (isPage && destination === "document") ||
    (destination === "worker" && (name === "worker_loader.js" || name.startsWith("threads/")));
  // The page's address says what it shows; other files have none of that.
  const isFile = isListed(name) && (isPage ? destination === "document" : !new URL(url).search);
  if (isFile || isolates) event.respondWith(answer(event.request, name, isFile, isolates));
});

async function answer(request, name, isFile, isolates) {
  let response = fresh ? await fetch(request).catch(() => undefined) : undefined;
  if (!response && isFile && (await isComplete().catch(() => false))) response = await file(name);
  response ??= await fetch(request);
  // A redirection or a failure reaches the browser as it is.
  return isolates && response.status ? isolated(response, request.destination) : response;
}

function isolated(response, destination) {
  const { body, status, statusText } = response;
  const changed = new Response(body, { status, statusText, headers: response.headers });
  for (const [header, value] of Object.entries(isolation)) changed.headers.set(header, value);
  if (destination === "worker") changed.headers.set("Content-Security-Policy", policy);
  return changed;
}
