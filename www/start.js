// Starts the page's program, which Trunk builds beside this file. Trunk would write the same within index.html, where
// the page's policy allows no script (inject_scripts in Trunk.toml).
import init from "./page.js";

await init({ module_or_path: "./page_bg.wasm" });
