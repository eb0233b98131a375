// A service worker that isolates the page from other origins where its server does not send the two headers
// for that: only such a page may use threads. Workers get a content security policy as well. It keeps nothing, and
// leaves all else in the folder alone.
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
// A worker's policy is that of its own file: what the page says of itself in index.html does not reach it. As in
// Trunk.toml, less what that allows the example.
const policy =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; " +
  "connect-src 'self' https: http://localhost:* http://127.0.0.1:*";
const page = new URL("./", location).pathname;
const documents = [page, `${page}index.html`];

addEventListener("install", () => skipWaiting());
addEventListener("fetch", (event) => {
  const { destination, url } = event.request;
  const { pathname } = new URL(url);
  // The page, and its workers, which have to have what it has.
  const ours =
    (destination === "document" && documents.includes(pathname)) ||
    (destination === "worker" && (pathname === `${page}worker_loader.js` || pathname.startsWith(`${page}threads/`)));
  if (ours) event.respondWith(isolated(event.request));
});

async function isolated(request) {
  const response = await fetch(request);
  // A redirection or a failure reaches the browser as it is.
  if (!response.status) return response;
  const { status, statusText } = response;
  const changed = new Response(response.body, { status, statusText, headers: response.headers });
  for (const [name, value] of Object.entries(headers)) changed.headers.set(name, value);
  if (request.destination === "worker") changed.headers.set("Content-Security-Policy", policy);
  return changed;
}
