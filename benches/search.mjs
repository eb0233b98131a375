// Times exact search in a browser by number of passages, and draws it.
//
//   scripts/serve --build-only && node benches/search.mjs [--plot docs/search.svg]
//
// Vectors of 384 numbers in 8 bits, drawn evenly; `nearest` for one vector, the 10 best; medians of 15 calls
// after two that are not counted. MB is the module's whole memory, and the index in it. Needs tests/browser's
// node_modules (npm ci --prefix tests/browser).
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { launch, open } from "../tests/browser/chromium.mjs";
import { serve } from "../tests/browser/server.mjs";

const sizes = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
const dimension = 384;
const server = await serve();
const browser = await launch({ gpu: false });
const rows = [];
for (const n of sizes) {
  // A page for each: a module's memory never shrinks.
  const { page } = await open("blank.html", { browser, server });
  const row = await page.evaluate(
    async ([n, d]) => {
      const header = JSON.stringify({
        scales: { dtype: "F32", shape: [n], data_offsets: [0, 4 * n] },
        vectors: { dtype: "I8", shape: [n, d], data_offsets: [4 * n, 4 * n + n * d] },
      });
      const head = new TextEncoder().encode(header.padEnd(Math.ceil(header.length / 8) * 8));
      const file = new Uint8Array(8 + head.length + 4 * n + n * d);
      new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
      file.set(head, 8);
      const at = 8 + head.length + 4 * n;
      let state = 1;
      for (let i = at; i < file.length; i += 1) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        file[i] = state >>> 24;
      }
      const module = await import("/worker.js");
      const { memory } = await module.default();
      module.openVectors(file);
      const query = Float32Array.from({ length: d }, (_, i) => Math.sin(i + 1));
      const times = [];
      for (let call = 0; call < 17; call += 1) {
        const start = performance.now();
        const found = await module.nearest(query, { top: 10 });
        if (found.length !== 10) throw new Error(`${found.length} found`);
        if (call >= 2) times.push(performance.now() - start);
      }
      times.sort((a, b) => a - b);
      return { n, ms: times[times.length >> 1], memory: memory.buffer.byteLength / 1e6 };
    },
    [n, dimension],
  );
  rows.push(row);
  await page.close();
}
const machine = `${new Date().toISOString().slice(0, 10)}, ${cpus()[0].model}, Chromium ${browser.version()}, one thread`;
await browser.close();
server.close();
console.log(machine);
console.log(`${"vectors".padStart(9)}${"ms".padStart(10)}${"ns per vector".padStart(16)}${"index MB".padStart(10)}${"all MB".padStart(9)}`);
for (const { n, ms, memory } of rows) {
  console.log(`${String(n).padStart(9)}${ms.toFixed(2).padStart(10)}${((ms * 1e6) / n).toFixed(1).padStart(16)}${((n * (dimension + 4)) / 1e6).toFixed(1).padStart(10)}${memory.toFixed(0).padStart(9)}`);
}

const plot = process.argv.indexOf("--plot");
if (plot > 0) {
  const [width, height, left, bottom] = [560, 320, 64, 48];
  const x = (n) => left + ((Math.log10(n) - 3) / 3) * (width - left - 24);
  const y = (ms) => height - bottom - ((Math.log10(ms) + 2) / 4.5) * (height - bottom - 24);
  const text = (at, up, words, anchor = "middle") => `<text x="${at.toFixed(1)}" y="${up.toFixed(1)}" text-anchor="${anchor}">${words}</text>`;
  const line = (points, style) => `<polyline fill="none" ${style} points="${points.map(([n, ms]) => `${x(n).toFixed(1)},${y(ms).toFixed(1)}`).join(" ")}"/>`;
  const last = rows.at(-1);
  writeFileSync(
    process.argv[plot + 1],
    `${[
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img" aria-label="Milliseconds of one exact search by number of vectors">`,
      `<rect width="${width}" height="${height}" fill="#fff"/>`,
      ...[1e3, 1e4, 1e5, 1e6].map((n) => text(x(n), height - bottom + 18, n.toLocaleString("en"))),
      ...[0.01, 0.1, 1, 10, 100].flatMap((ms) => [line([[1e3, ms], [1e6, ms]], 'stroke="#ddd"'), text(left - 8, y(ms) + 4, String(ms), "end")]),
      text((left + width) / 2, height - 10, "vectors (384 numbers in 8 bits)"),
      text(left, 16, "ms a search; dashed: as many times slower as there are more vectors", "start"),
      line([[1e3, last.ms / 1e3], [1e6, last.ms]], 'stroke="#888" stroke-dasharray="4 4"'),
      line(rows.map(({ n, ms }) => [n, ms]), 'stroke="#0b6e99" stroke-width="2"'),
      ...rows.map(({ n, ms }) => `<circle cx="${x(n).toFixed(1)}" cy="${y(ms).toFixed(1)}" r="3.5" fill="#0b6e99"><title>${n}: ${ms.toFixed(2)} ms</title></circle>`),
      "</svg>",
    ].join("\n")}
`.replace(/<svg/, `<!-- ${machine}; benches/search.mjs -->\n<svg`),
  );
}
