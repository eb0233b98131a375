// Threads for the program in worker.js: workers that run it too, in the same memory.
const NAME = "interlingua helper";
// Nobody else holds them.
const helpers = [];

/** Starts helpers. One that cannot start is not missed: the others do its work. */
export function start(count, module, memory) {
  for (let i = 0; i < count; i++) {
    const helper = new Worker(import.meta.url, { type: "module", name: NAME });
    helper.onerror = (event) => {
      event.preventDefault();
      console.warn(`A thread of interlingua ended: ${event.message}`);
    };
    helper.postMessage({ module, memory });
    helpers.push(helper);
  }
}

/** Whether this is one of them. */
export const isHelper = () => globalThis.name === NAME && typeof document === "undefined";

if (isHelper()) {
  globalThis.onmessage = async ({ data: { module, memory } }) => {
    const program = await import("../../../../worker.js");
    await program.default({ module_or_path: module, memory });
    try {
      program.help();
    } catch (error) {
      // Whoever waits for it must not wait for ever.
      program.helperFailed();
      throw error;
    }
  };
}
