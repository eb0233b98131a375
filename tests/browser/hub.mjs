// Imitates a model hub on this machine: what it says of a model, its files with a redirection of the large ones to
// another origin, ranges, entity tags, CORS, refusals, and connections that break where a test asks them to.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What opens a gated model. */
export const TOKEN = "hf_imitated";
/** Files of so many bytes lie on the other origin, as weights of any size do. */
const LARGE = 10_000_000;
/** Which headers of the hub another page's script may read. */
const EXPOSED =
  "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag";

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const sha1 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha1")).digest("hex");

/** A file as the hub keeps it: in git, or, weights and what is large, beside it by its SHA-256. */
function kept(path, bytes) {
  const large = bytes.length >= LARGE || /\.(safetensors|bin|onnx|model)$/.test(path);
  return { path, bytes, blob: sha1(`blob ${bytes.length}\0`, bytes), sha256: large ? sha256(bytes) : undefined };
}

/** The files under a folder by their paths there. */
function filesIn(folder, prefix = "") {
  return Object.fromEntries(
    readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
      const path = `${prefix}${entry.name}`;
      return entry.isDirectory() ? Object.entries(filesIn(folder, `${path}/`)) : [[path, readFileSync(join(folder, path))]];
    }),
  );
}

/**
 * Starts the hub and its second origin. `models` maps `owner/name` to `{ files, gated, private, card, tags }`: files by
 * path, or the path of their folder; `gated` ones want the token; `card` is what the model card's head says.
 *
 * - `faults` maps the end of a path to what is done to that file: `{ breaks: [n, …] }` ends the first transfers after
 *   so many bytes, `{ slow: { pieces, until } }` sends it in pieces a tenth of a second apart, the last not before the
 *   promise `until`, `{ status, code }` refuses it, `{ change }` sends other bytes, `{ elsewhere }` redirects to that
 *   address, `{ whole: true }` knows no ranges.
 * - `cors = false` lets no other page read anything; `corsOfLarge = false` no large file.
 * - `offline = true` ends every connection without an answer.
 * - `requests` has what was asked: `{ origin: "hub" | "cdn", method, path, range, authorization }`.
 */
export async function serveHub(models) {
  const all = new Map();
  const handle = { faults: new Map(), requests: [], cors: true, corsOfLarge: true, offline: false };

  /** Puts a model there, or another version of it. */
  handle.put = (name, model) => {
    const given = typeof model.files === "string" ? filesIn(model.files) : model.files;
    const files = Object.entries(given).map(([path, bytes]) => kept(path, Buffer.from(bytes)));
    files.sort((a, b) => (a.path < b.path ? -1 : 1));
    const commit = sha1(name, ...files.map((file) => `${file.path} ${file.blob}\n`));
    const commits = new Map(all.get(name)?.commits);
    commits.set(commit, files);
    all.set(name, { ...model, commit, commits });
    return commit;
  };
  for (const [name, model] of Object.entries(models)) handle.put(name, model);

  const refuse = (response, status, code, message, more = {}) => {
    const headers = { ...more, "x-error-code": code, "x-error-message": message, "content-type": "application/json" };
    response.writeHead(status, headers).end(JSON.stringify({ error: message }));
  };

  /** Who asks may see this model; otherwise it is refused as the hub does, which tells nobody what is private. */
  const opened = (name, request, response, cors) => {
    const model = all.get(name);
    const { authorization } = request.headers;
    const knows = authorization === `Bearer ${TOKEN}`;
    if (authorization && !knows) return refuse(response, 401, "", "Invalid credentials in Authorization header", cors);
    if (!model || (model.private && !knows)) {
      return knows
        ? refuse(response, 404, "RepoNotFound", "Repository not found", cors)
        : refuse(response, 401, "RepoNotFound", "Invalid username or password.", cors);
    }
    return model;
  };

  const told = ({ gated, private: hidden = false, card = {}, tags = [], commit }, name, files, blobs) => ({
    _id: "0",
    id: name,
    modelId: name,
    sha: commit,
    private: hidden,
    gated: gated ? "auto" : false,
    tags: [...tags, ...(card.license ? [`license:${card.license}`] : [])],
    cardData: card,
    siblings: files.map(({ path, bytes, blob, sha256 }) => ({
      rfilename: path,
      ...(blobs && { size: bytes.length, blobId: blob, ...(sha256 && { lfs: { sha256, size: bytes.length, pointerSize: 134 } }) }),
    })),
  });

  /** Sends a file, whole or from a byte on, and breaks what a test wants broken. */
  async function send(request, response, file, headers) {
    const [, fault = {}] = [...handle.faults].find(([end]) => file.path.endsWith(end)) ?? [];
    let bytes = fault.change ? fault.change(file.bytes) : file.bytes;
    const { length } = bytes;
    const { range, "if-range": same } = request.headers;
    const [, begin, end] = range?.match(/^bytes=(\d+)-(\d*)$/) ?? [];
    const part = begin !== undefined && !fault.whole && (!same || same === headers.etag);
    if (part && Number(begin) >= length) return response.writeHead(416, { ...headers, "content-range": `bytes */${length}` }).end();
    const last = part && end ? Math.min(Number(end), length - 1) : length - 1;
    if (part) bytes = bytes.subarray(Number(begin), last + 1);
    response.writeHead(part ? 206 : 200, {
      ...headers,
      ...(part && { "content-range": `bytes ${begin}-${last}/${length}` }),
      ...(!fault.whole && { "accept-ranges": "bytes" }),
      "content-type": file.path.endsWith(".json") ? "application/json" : "application/octet-stream",
      "content-length": bytes.length,
    });
    if (request.method === "HEAD") return response.end();
    const breaks = fault.breaks?.shift();
    if (breaks !== undefined) {
      return response.write(bytes.subarray(0, breaks), () => setTimeout(() => response.destroy(), 50));
    }
    const { pieces = 1, until } = fault.slow ?? {};
    const at = (n) => Math.floor((bytes.length * n) / pieces);
    for (let piece = 0; piece < pieces - 1; piece++) {
      response.write(bytes.subarray(at(piece), at(piece + 1)));
      await new Promise((done) => setTimeout(done, 100));
    }
    await until;
    response.end(bytes.subarray(at(pieces - 1)));
  }

  const noted = (origin, request) => {
    const { method, url, headers } = request;
    const { range, authorization } = headers;
    handle.requests.push({ origin, method, path: decodeURI(url), range, authorization });
  };

  const hub = createServer((request, response) => {
    noted("hub", request);
    if (handle.offline) return response.destroy();
    const { origin } = request.headers;
    const cors = handle.cors && {
      "access-control-allow-origin": origin ?? "*",
      vary: "Origin",
      "access-control-expose-headers": EXPOSED,
    };
    if (request.method === "OPTIONS") {
      const allowed = cors && { ...cors, "access-control-allow-methods": "GET,HEAD", "access-control-allow-headers": "Authorization,Range" };
      return response.writeHead(200, { ...allowed }).end();
    }
    const { pathname, searchParams } = new URL(request.url, "http://hub");
    const path = decodeURIComponent(pathname);
    const ofModel = path.match(/^\/api\/models\/([^/]+\/[^/]+|[^/]+)(?:\/revision\/(.+))?$/);
    const ofFile = path.match(/^\/([^/]+\/[^/]+|[^/]+)\/resolve\/([^/]+)\/(.+)$/);
    const [, name, revision, file] = ofModel ?? ofFile ?? [];
    if (!name) return refuse(response, 404, "", "Sorry, we can't find the page you are looking for.", cors);
    const model = opened(name, request, response, cors);
    if (!model?.commits) return;
    const commit = revision === undefined || revision === "main" ? model.commit : revision;
    const files = model.commits.get(commit);
    if (!files) return refuse(response, 404, "RevisionNotFound", `Invalid rev id: ${revision}`, cors);
    if (ofModel) {
      const body = JSON.stringify(told({ ...model, commit }, name, files, searchParams.has("blobs")));
      return response.writeHead(200, { ...cors, "content-type": "application/json; charset=utf-8" }).end(body);
    }
    const headers = { ...cors, "x-repo-commit": commit };
    if (model.gated && request.headers.authorization !== `Bearer ${TOKEN}`) {
      const message = `Access to model ${name} is restricted. You must have access to it and be authenticated to access it. Please log in.`;
      return refuse(response, 401, "GatedRepo", message, headers);
    }
    const found = files.find(({ path }) => path === file);
    if (!found) return refuse(response, 404, "EntryNotFound", "Entry not found", headers);
    const [, fault = {}] = [...handle.faults].find(([end]) => file.endsWith(end)) ?? [];
    if (fault.status) return refuse(response, fault.status, fault.code ?? "", fault.message ?? "", headers);
    if (fault.elsewhere || found.sha256) {
      const location = fault.elsewhere ?? `${handle.cdn}/${found.sha256}?name=${encodeURIComponent(file)}`;
      const linked = found.sha256 && { "x-linked-size": found.bytes.length, "x-linked-etag": `"${found.sha256}"` };
      return response.writeHead(302, { ...headers, ...linked, location }).end();
    }
    return send(request, response, found, { ...headers, etag: `"${found.blob}"` });
  });

  // Where large files lie answers no question in advance: what a page asks has to do without one.
  const cdn = createServer((request, response) => {
    noted("cdn", request);
    if (handle.offline) return response.destroy();
    const hash = new URL(request.url, "http://cdn").pathname.slice(1);
    const files = [...all.values()].flatMap(({ commits }) => [...commits.values()].flat());
    const found = files.find(({ sha256 }) => sha256 === hash);
    if (request.method === "OPTIONS" || !found) return response.writeHead(request.method === "OPTIONS" ? 403 : 404).end();
    const cors = handle.corsOfLarge && {
      "access-control-allow-origin": "*",
      "access-control-expose-headers": "ETag,Accept-Ranges,Content-Range,Content-Length",
    };
    return send(request, response, found, { ...cors, etag: `"${hash.slice(0, 32)}"` });
  });

  const listen = async (server) => {
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${server.address().port}`;
  };
  handle.origin = await listen(hub);
  handle.cdn = await listen(cdn);
  handle.close = () =>
    Promise.all([hub, cdn].map((server) => {
      server.closeAllConnections();
      return new Promise((done) => server.close(done));
    }));
  return handle;
}

/** The models in a folder of folders, `<folder>/<owner>/<name>/…`, as [`serveHub`] takes them. */
export function modelsIn(folder) {
  const folders = (at) => readdirSync(at, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const names = folders(folder).flatMap((owner) => folders(join(folder, owner)).map((name) => `${owner}/${name}`));
  return Object.fromEntries(names.filter((name) => existsSync(join(folder, name))).map((name) => [name, { files: join(folder, name) }]));
}
