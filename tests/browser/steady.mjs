// How much a page moves by itself while it loads: layout shifts, as browsers report them.

/** Pages of this context remember their shifts, other than those that follow a person's input. */
export const watchShifts = (context) =>
  context.addInitScript(() => {
    globalThis.shifts = [];
    new PerformanceObserver((list) => {
      for (const { hadRecentInput, value, sources } of list.getEntries()) {
        if (hadRecentInput) continue;
        const moved = sources.map(({ node }) => (node?.nodeType === 1 ? node : node?.parentElement)?.outerHTML?.slice(0, 80) ?? "?");
        shifts.push({ value, at: Math.round(performance.now()), moved });
      }
    }).observe({ type: "layout-shift", buffered: true });
  });

/** The shifts of a page so far, and their sum, which is at least the cumulative layout shift. */
export async function shifts(page) {
  // They are reported with the next frame.
  const list = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(shifts), 100))));
  return { list, sum: list.reduce((sum, { value }) => sum + value, 0) };
}

/** The views with what shows that each has come to rest. */
export const views = {
  search: { address: "?device=cpu", rests: (search) => search.ready() },
  evaluate: { address: "?view=evaluate&device=cpu&languages=de,th", rests: ({ page }) => page.getByRole("checkbox", { name: "Deutsch" }).waitFor() },
  benchmark: { address: "?view=benchmark&device=cpu", rests: ({ page }) => page.getByRole("button", { name: "Run", exact: true }).waitFor() },
  model: { address: "?view=model&device=cpu", rests: ({ page }) => page.getByRole("heading", { name: "Files" }).waitFor() },
};
