// What scripts/ say and do if something is missing, broken, full or outdated: one sentence with what to do, and a second
// try that continues. Every tool is a stub, so this takes seconds:
//
//   node --test tests/scripts.test.mjs
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, gunzipSync } from "node:zlib";

const root = fileURLToPath(new URL("../", import.meta.url));
const scratch = realpathSync(mkdtempSync(join(tmpdir(), "interlingua-scripts-")));
after(() => rmSync(scratch, { recursive: true, force: true }));

/** What the scripts may use of the system itself. */
const system = "awk basename bash cat chmod cp cut date df dirname env find grep head id ln ls mkdir mktemp mv printf rm sed sh sha256sum shasum sort tail tee touch tr uname wc".split(" ");
const pinned = Object.fromEntries(
  [...readFileSync(join(root, "scripts/setup-web"), "utf8").matchAll(/^(\w+)_version=([\d.]+)/gm)].map(([, tool, version]) => [tool, version]),
);

/** Stubs write what they were asked into `calls`. */
const stubs = {
  rustc: `case "$1" in
    --version) echo "rustc \${STUB_RUST:-1.95.0} (stub)";;
    --print) echo "$STUB_SYSROOT";;
    esac`,
  rustup: `[ -z "$STUB_OFFLINE" ]`,
  cargo: `tool() { printf '#!/bin/sh\\necho %s %s\\n' "$1" "$2" >"$3/bin/$1"; chmod +x "$3/bin/$1"; }
    arguments="$*"
    while case "$1" in --config) true;; *) false;; esac; do shift 2; done
    folder=
    case "$1" in
    binstall)
      [ -n "$STUB_BINSTALL" ] || exit 101
      [ "$2" != -V ] || exit 0
      case "$arguments" in *wasm-bindgen*) name=wasm-bindgen;; *) name=trunk;; esac
      [ "$STUB_BINSTALL" != none ] || exit 1
      tool $name "\${arguments##*@}" "$XDG_CACHE_HOME/interlingua" ;;
    install)
      [ -z "$STUB_OFFLINE" ] || { echo "could not resolve host" >&2; exit 101; }
      case "$arguments" in *--locked*) [ -z "$STUB_WITHDRAWN" ] || exit 101;; esac
      case "$arguments" in *"wasm-bindgen-cli@"*) name=wasm-bindgen;; *) name=trunk;; esac
      version=\${arguments##*@}
      tool $name "\${version%% *}" "$XDG_CACHE_HOME/interlingua"
      [ $name != wasm-bindgen ] || cp "$STUBS/bindgen" "$XDG_CACHE_HOME/interlingua/bin/$name"
      [ $name != trunk ] || cp "$STUBS/trunk" "$XDG_CACHE_HOME/interlingua/bin/$name" ;;
    fetch)
      case "$arguments" in *--offline*) exit 101;; esac
      [ -z "$STUB_OFFLINE" ] ;;
    build)
      case "$PWD" in
      */tools/unfuse)
        mkdir -p "$CARGO_TARGET_DIR/release"
        cp "$STUBS/unfuse" "$CARGO_TARGET_DIR/release/unfuse"
        exit ;;
      esac
      [ -z "$STUB_BREAKS" ] || { echo "error[E0463]: no such crate" >&2; exit 101; }
      while [ $# -gt 0 ]; do [ "$1" != --target-dir ] || folder=$2; shift; done
      mkdir -p "$folder/wasm32-unknown-unknown/worker"
      echo worker >"$folder/wasm32-unknown-unknown/worker/worker.wasm" ;;
    esac`,
  npm: `[ -z "$STUB_OFFLINE" ] || exit 1
    while [ $# -gt 0 ]; do [ "$1" != --prefix ] || folder=$2; shift; done
    mkdir -p "$folder/node_modules/binaryen/bin"
    echo '{}' >"$folder/node_modules/binaryen/bin/package.json"
    cp "$STUBS/wasm-opt" "$folder/node_modules/binaryen/bin/wasm-opt"`,
};

/** Stubs that the cache gets by installing. */
const installed = {
  bindgen: `[ "$1" != --version ] || { echo "wasm-bindgen ${pinned.bindgen}"; exit; }
    while [ $# -gt 0 ]; do [ "$1" != --out-dir ] || folder=$2; shift; done
    mkdir -p "$folder"
    echo "fetch(new URL('worker_bg.wasm', import.meta.url))" >"$folder/worker.js"
    echo worker >"$folder/worker_bg.wasm"`,
  // Imitates Trunk.toml.
  trunk: `[ "$1" != --version ] || { echo "trunk ${pinned.trunk}"; exit; }
    while [ $# -gt 0 ]; do [ "$1" != --dist ] || dist=$2; shift; done
    export TRUNK_STAGING_DIR="$dist/.stage"
    mkdir -p "$TRUNK_STAGING_DIR" "$CARGO_TARGET_DIR/page"
    echo page >"$TRUNK_STAGING_DIR/page_bg.wasm"
    cp www/service_worker.js "$TRUNK_STAGING_DIR"
    scripts/worker --build && scripts/worker --threads && scripts/finish || exit 1
    cp -R "$TRUNK_STAGING_DIR"/. "$dist"
    rm -rf "$TRUNK_STAGING_DIR"`,
  unfuse: `cp "$1" "$2"; [ "$1" = "$3" ] || cp "$1" "$3"`,
  "wasm-opt": `[ "$1" != --version ] || { echo "wasm-opt version \${STUB_BINARYEN:-${pinned.binaryen}}"; exit; }
    [ -z "$STUB_OPT_BREAKS" ] || exit 1
    for out in "$@"; do :; done
    echo small >"$out"`,
};

let number = 0;
/** A clone with an empty cache, in a folder with a blank and letters that are not ASCII. */
function clone() {
  const place = join(scratch, `ein Pfad mit Ümlaut und 空白 ${number++}`);
  const folder = join(place, "clone");
  for (const part of ["scripts", "tools/unfuse/Cargo.toml", "tools/unfuse/Cargo.lock", "tools/unfuse/src", "tools/wasm-opt/package.json", "tools/wasm-opt/package-lock.json", "www/service_worker.js", "Cargo.toml"]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  const stub = join(place, "stubs");
  const bin = join(place, "bin");
  const sysroot = join(place, "sysroot");
  for (const made of [stub, bin]) mkdirSync(made);
  mkdirSync(join(sysroot, "lib/rustlib/wasm32-unknown-unknown"), { recursive: true });
  mkdirSync(join(sysroot, "lib/rustlib/src/rust/library"), { recursive: true });
  const write = (folder, name, body) => {
    writeFileSync(join(folder, name), `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>"$STUB_CALLS"\n${body}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  for (const [name, body] of Object.entries(stubs)) write(bin, name, body);
  for (const [name, body] of Object.entries(installed)) write(stub, name, body);
  for (const name of system) {
    const found = process.env.PATH.split(delimiter).map((folder) => join(folder, name)).find((path) => existsSync(path));
    if (found) symlinkSync(found, join(bin, name));
  }
  const cache = join(place, "cache");
  const calls = join(place, "calls");
  return {
    folder, bin, cache, sysroot,
    stub: (name, body) => write(bin, name, body),
    remove: (name) => rmSync(join(bin, name)),
    /** Runs a script; what it said, how it ended, and what it had others do. */
    run(script, args = [], env = {}) {
      writeFileSync(calls, "");
      const { status, stdout, stderr } = spawnSync(join(bin, "bash"), [join(folder, "scripts", script), ...args], {
        encoding: "utf8",
        env: { PATH: bin, HOME: place, XDG_CACHE_HOME: cache, STUBS: stub, STUB_CALLS: calls, STUB_SYSROOT: sysroot, ...env },
      });
      const asked = readFileSync(calls, "utf8").split("\n").filter((line) => line && !line.endsWith("--version"));
      return { status, stdout, said: stderr, asked, times: (start) => asked.filter((line) => line.startsWith(start)).length };
    },
  };
}

/** It stopped, and its last words are one sentence that matches all of these. */
function stopped({ status, said }, ...patterns) {
  const last = said.trimEnd().split("\n").at(-1);
  assert.notEqual(status, 0, said);
  for (const pattern of patterns) assert.match(last, pattern);
}
function passed(ran) {
  assert.equal(ran.status, 0, ran.said);
  return ran;
}

test("a first build downloads what is missing, a second one nothing", () => {
  const here = clone();
  const first = passed(here.run("serve", ["--build-only"]));
  assert.match(first.said, /about 12 minutes on two cores/);
  assert.match(first.said, /\[1\/7, 0:0\d\] Compiling wasm-bindgen/);
  assert.match(first.said, /\[7\/7, 0:\d\d\] Shrinking the programs/);
  assert.ok(existsSync(join(here.folder, "dist/worker_fused_bg.wasm")));
  assert.match(readFileSync(join(here.folder, "dist/threads/worker.js"), "utf8"), /validate.*worker_fused_bg\.wasm/);
  const kept = readFileSync(join(here.folder, "dist/service_worker.js"), "utf8");
  const small = createHash("sha256").update("small\n").digest("hex");
  assert.ok(kept.includes(`const files = {\n  "page_bg.wasm": "${small}",\n  "threads/worker.js": "`), kept);
  assert.match(kept, /^const fresh = false;$/m);
  assert.equal(first.times("cargo binstall"), 0 + first.times("cargo binstall -V"), "only asked whether it is installed");
  for (const call of first.asked.filter((line) => /^cargo .*\b(install|build|fetch) /.test(line))) assert.match(call, /--locked/, call);
  // Offline, Trunk stops if a package of any other system is missing.
  assert.ok(first.asked.some((line) => /^cargo fetch /.test(line) && !line.includes("--target")), first.asked.join("\n"));

  const second = passed(here.run("serve", ["--build-only"]));
  assert.doesNotMatch(second.said, /minute/);
  for (const call of ["cargo install", "npm", "cargo --config", "wasm-opt"]) assert.equal(second.times(call), 0, call);

  // With another wasm-opt or other flags it is made again.
  const script = join(here.folder, "scripts/finish");
  writeFileSync(script, readFileSync(script, "utf8").replace("(-O2 ", "(-O3 "));
  assert.equal(passed(here.run("serve", ["--build-only"])).times("wasm-opt -O3"), 3);
  assert.equal(passed(here.run("serve", ["--build-only"])).times("wasm-opt"), 0);
});

test("with cargo binstall, tools are downloaded prebuilt from their authors", () => {
  const here = clone();
  const ran = passed(here.run("setup-web", [], { STUB_BINSTALL: "yes" }));
  assert.equal(ran.times("cargo binstall --"), 2);
  for (const call of ran.asked.filter((line) => line.startsWith("cargo binstall --"))) assert.match(call, /--strategies crate-meta-data .*@[\d.]+$/);
  assert.ok(!ran.asked.some((call) => / install /.test(call)));
  // If it has none, they are compiled.
  const none = passed(clone().run("setup-web", [], { STUB_BINSTALL: "none" }));
  assert.equal(none.asked.filter((call) => / install /.test(call)).length, 2);
});

test("a lock file with yanked versions does not stop it", () => {
  const ran = passed(clone().run("setup-web", [], { STUB_WITHDRAWN: "yes" }));
  assert.match(ran.said, /trying with newer ones/);
});

test("no cargo, no rustc, an old one, a missing target", () => {
  const here = clone();
  stopped(here.run("serve", [], { STUB_RUST: "1.94.1" }), /Rust 1\.94\.1 is older than the required 1\.95/, /rustup update/);
  passed(here.run("setup-web", [], { STUB_RUST: "1.100.0-nightly" }));
  here.stub("rustc", "exit 1");
  stopped(here.run("serve"), /rustc does not run/, /rustup self update/);

  const bare = clone();
  rmSync(join(bare.sysroot, "lib/rustlib/wasm32-unknown-unknown"), { recursive: true });
  stopped(bare.run("setup-web", [], { STUB_OFFLINE: "yes" }), /wasm32-unknown-unknown/, /HTTPS_PROXY/);
  assert.ok(passed(bare.run("setup-web")).asked.includes("rustup target add wasm32-unknown-unknown"));
  bare.remove("cargo");
  stopped(bare.run("serve"), /no cargo/, /rustup\.rs/);
});

test("no network, or a proxy: one sentence, and the next try continues", () => {
  const here = clone();
  stopped(here.run("serve", ["--build-only"], { STUB_OFFLINE: "yes" }), /could not install wasm-bindgen-cli/, /HTTPS_PROXY/, /continues from here/);
  passed(here.run("setup-web"));
  stopped(here.run("serve", ["--build-only"], { STUB_OFFLINE: "yes" }), /could not download/, /HTTPS_PROXY/, /continues from here/);
  const last = passed(here.run("serve", ["--build-only"]));
  assert.ok(!last.asked.some((call) => / install /.test(call)), "the tools were there");
});

test("no npm: the page is the same, and larger", () => {
  const here = clone();
  here.remove("npm");
  const ran = passed(here.run("serve", ["--build-only"]));
  assert.match(ran.said, /no npm, so no wasm-opt: the page is the same, but a fifth larger/);
  for (const file of ["page_bg.wasm", "worker_bg.wasm", "worker_fused_bg.wasm", "threads/worker_fused_bg.wasm"]) {
    assert.ok(existsSync(join(here.folder, "dist", file)), file);
  }
});

test("a full disk, before and during the build", () => {
  const here = clone();
  const full = (megabytes) => here.stub("df", `echo h; echo "disk 9 9 ${megabytes * 1024} 99% /"`);
  here.remove("df");
  full(500);
  stopped(here.run("serve", ["--build-only"]), /only 500 MB left/, /XDG_CACHE_HOME/);
  full(5000);
  passed(here.run("serve", ["--build-only"]));
  full(5);
  stopped(here.run("serve", ["--build-only"], { STUB_BREAKS: "yes" }), /is full \(5 MB left\)/, /continues from here/);
});

test("what cannot be built or shrunk is reported", () => {
  const here = clone();
  const broken = here.run("serve", ["--build-only"], { STUB_BREAKS: "yes" });
  stopped(broken, /could not be built/, /continues from here/);
  assert.match(broken.said, /The first errors:\nerror\[E0463\]: no such crate/);
  const ran = here.run("serve", ["--build-only"], { STUB_OPT_BREAKS: "yes" });
  stopped(ran, /could not be built/);
  assert.match(ran.said, /INTERLINGUA_SHRINK=0/);
  passed(here.run("serve", ["--build-only"]));
});

test("a port that is taken, and an invalid port", async () => {
  const here = clone();
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.on("listening", done));
  const { port } = server.address();
  // The server answers from the kernel while this process waits.
  stopped(here.run("serve", [String(port)]), new RegExp(`port ${port} is taken`), /scripts\/serve \d+/);
  server.close();
  for (const port of ["0", "65536"]) stopped(here.run("serve", [port]), /not a port/);
  stopped(here.run("serve", ["--biuld-only"]), /`--biuld-only` is unknown/, /Usage/);
});

test("a cache of an older version is updated", () => {
  const here = clone();
  const old = join(here.cache, "interlingua");
  mkdirSync(join(old, "bin"), { recursive: true });
  mkdirSync(join(old, "shrunk"));
  mkdirSync(join(old, "npm"));
  writeFileSync(join(old, "bin/trunk"), "#!/bin/sh\necho trunk 0.20.0\n", { mode: 0o755 });
  writeFileSync(join(old, "bin/wasm-bindgen"), "not a program", { mode: 0o755 });
  symlinkSync("../npm/node_modules/.bin/wasm-opt", join(old, "bin/wasm-opt"));
  passed(here.run("serve", ["--build-only"]));
  for (const gone of ["shrunk", "npm"]) assert.ok(!existsSync(join(old, gone)), gone);
});

test("a cache, or a clone, that cannot be written to", () => {
  const here = clone();
  writeFileSync(here.cache, "a file where the folder would be");
  stopped(here.run("serve", ["--build-only"]), /cannot be written to/, /XDG_CACHE_HOME/);

  const other = clone();
  writeFileSync(join(other.folder, "dist"), "a file where the folder would be");
  const ran = passed(other.run("serve", ["--build-only"]));
  assert.match(ran.said, /clone cannot be written to, so the page goes into/);
  assert.ok(existsSync(join(other.cache, "interlingua/dist/page_bg.wasm")));
});

test("--dev needs the workers of a full build, and uses them", () => {
  const here = clone();
  stopped(here.run("serve", ["--dev", "--build-only"]), /scripts\/serve --build-only/);
  passed(here.run("serve", ["--build-only"]));
  const ran = passed(here.run("serve", ["--dev", "--build-only"]));
  assert.equal(ran.times("cargo build"), 0);
  assert.ok(existsSync(join(here.cache, "interlingua/target/dev/threads/worker_fused_bg.wasm")));
});

test("system packages are named in one command, and installed only on request", () => {
  const managers = {
    "apt-get": [/apt-get install .*mesa-vulkan-drivers/, /apt-get install .*nodejs npm/],
    dnf: [/dnf install .*vulkan-loader/],
    pacman: [/pacman -S .*vulkan-swrast/],
    none: [/chromium\.org/, /nodejs\.org/],
  };
  for (const [manager, patterns] of Object.entries(managers)) {
    const here = clone();
    here.remove("npm");
    here.stub("ldconfig", "");
    const env = { INTERLINGUA_DRIVERS: join(here.folder, "none"), INTERLINGUA_APPLICATIONS: join(here.folder, "none") };
    if (manager !== "none") here.stub(manager, "");
    here.stub("sudo", 'exec "$@"');
    const ran = here.run("packages", [], env);
    stopped(ran, ...(process.platform === "darwin" ? [] : patterns));
    assert.equal(ran.times(manager), 0, "nothing was installed");
    if (manager === "none") continue;
    here.stub("node", "echo v20.1.0");
    for (const [args, more] of [[["--install"], {}], [[], { CI: "true" }]]) {
      assert.ok(passed(here.run("packages", args, { ...env, ...more })).times(manager) >= 1);
    }
  }
  // Everything is there, but Node is outdated.
  const here = clone();
  const drivers = join(here.folder, "drivers");
  mkdirSync(drivers);
  writeFileSync(join(drivers, "lvp_icd.json"), "{}");
  here.stub("python3", "");
  here.stub("ldconfig", "echo libvulkan.so.1");
  here.stub("node", "echo v18.19.0");
  const env = { CHROMIUM: join(here.bin, "bash"), INTERLINGUA_DRIVERS: drivers };
  stopped(here.run("packages", ["--install"], env), /Node 18\.19\.0 is older than the 20/);
  here.stub("node", "echo v24.1.0");
  passed(here.run("packages", [], env));
  // Other engines are welcome, not needed.
  here.stub("apt-get", '[ "$1" = update ]');
  here.stub("sudo", 'exec "$@"');
  const without = passed(here.run("packages", [], env));
  assert.match(without.said, /not tested in Firefox WebKitGTK, .*\n.*apt-get install .* firefox-esr webkit2gtk-driver xvfb/);
  assert.equal(without.times("apt-get"), 0);
  assert.match(passed(here.run("packages", ["--install"], env)).said, /could not be installed/);
  here.stub("firefox-esr", "");
  assert.match(passed(here.run("packages", [], env)).said, /not tested in WebKitGTK,/);
});

test("compressed copies are the files, and none is left where compression gains nothing", () => {
  const folder = join(scratch, "page");
  mkdirSync(join(folder, "sub"), { recursive: true });
  const text = "ein Wort ".repeat(1000);
  writeFileSync(join(folder, "sub/page.js"), text);
  writeFileSync(join(folder, "noise.bin"), randomBytes(5000));
  writeFileSync(join(folder, "noise.bin.br"), "of an earlier build");
  const script = join(root, "scripts/compress");
  const run = (place) => spawnSync(process.execPath, [script, place], { encoding: "utf8" });
  const { status, stdout } = run(folder);
  assert.equal(status, 0);
  assert.match(stdout, /^All files: 0\.01 MB, sent as 0\.01$/m);
  assert.equal(brotliDecompressSync(readFileSync(join(folder, "sub/page.js.br"))).toString(), text);
  assert.equal(gunzipSync(readFileSync(join(folder, "sub/page.js.gz"))).toString(), text);
  for (const ending of ["br", "gz"]) assert.ok(!existsSync(join(folder, `noise.bin.${ending}`)));
  const missing = run(join(scratch, "nowhere"));
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /there is no .*nowhere: run scripts\/serve --build-only first/);
});

test("what Trunk watches is in a fresh clone: it refuses to serve where a path is missing", () => {
  const watched = /\[watch\]\nwatch = \[(.*)\]\n/.exec(readFileSync(join(root, "Trunk.toml"), "utf8"))[1];
  const paths = [...watched.matchAll(/"(.*?)"/g)].map(([, path]) => path);
  assert.ok(paths.includes("src") && paths.includes("www"));
  for (const path of paths) {
    const { stdout } = spawnSync("git", ["ls-files", path], { cwd: root, encoding: "utf8" });
    assert.notEqual(stdout, "", `${path} is not in a clone`);
  }
});
