// Says why the page does not come, should it not. The page itself removes #boot.
(() => {
  const line = document.getElementById("boot-line");
  const fail = (why) => {
    if (!document.getElementById("boot")) return;
    line.textContent = "The page could not be started: " + why +
      " It needs a browser with WebAssembly and its SIMD instructions: Chrome or Edge 97, Firefox 89, Safari 16.4, or later. Update the browser, or reload the page if the connection broke.";
    // Should what the browser kept of the page be at fault, the next visit is to the server.
    if (navigator.onLine) navigator.serviceWorker?.getRegistration().then((kept) => kept?.unregister(), () => {});
  };
  if (typeof WebAssembly !== "object") fail("this browser has no WebAssembly.");
  addEventListener("unhandledrejection", (event) => fail(String(event.reason && event.reason.message || event.reason) + "."));
  addEventListener("error", (event) => fail((event.message || "a file did not load") + "."), true);
  setTimeout(() => {
    line.textContent ||= "The page’s program has not come in 30 s. It may still be on its way over a slow connection; should nothing move, reload the page.";
  }, 30_000);
})();
