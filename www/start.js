// Starts the page's program, which Trunk builds beside this file. Trunk would write the same within index.html, where
// the page's policy allows no script (inject_scripts in Trunk.toml).
import init from "./page.js";

// What comes over a slow connection is counted in the line that boot.js writes to. A response in pieces is compiled
// while it comes, as the whole one is.
const line = document.getElementById("boot-line");
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
const answer = await fetch("./page_bg.wasm");
if (!answer.ok) throw new Error(`page_bg.wasm, the server answers ${answer.status}`);
// The length of a compressed file says nothing of what comes out of it.
const length = answer.headers.has("content-encoding") ? 0 : Number(answer.headers.get("content-length"));
let come = 0;
let said = performance.now();
const counted = answer.body.pipeThrough(
  new TransformStream({
    transform(piece, pieces) {
      come += piece.length;
      if (line && performance.now() - said > 500) {
        said = performance.now();
        line.textContent = `Loading the program: ${megabytes(come)}${length ? ` of ${megabytes(length)}` : ""} MB`;
      }
      pieces.enqueue(piece);
    },
  }),
);
await init({ module_or_path: new Response(counted, answer) });
