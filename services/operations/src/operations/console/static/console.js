// Loads the page again every few seconds while it is looked at, and changes what has changed. Without it pages are the same.
(() => {
  "use strict";
  const button = document.getElementById("live");
  let isPaused = false;
  let timer;

  const told = (main) => [...main.querySelectorAll("[data-told]")].map((each) => each.textContent.trim().replace(/\s+/g, " ")).join(" ");
  const typing = () => document.activeElement && document.activeElement.matches("main input:not([type=hidden]), main select, main textarea");

  const callbacks = {
    // What a reader has opened or scrolled to stays as it is.
    beforeAttributeUpdated: (name) => name !== "open",
  };

  async function refresh() {
    const main = document.getElementById("main");
    const before = told(main);
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store", redirect: "error" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById("main");
      if (!next || typing()) return;
      Idiomorph.morph(main, next, { callbacks, ignoreActiveValue: true });
      document.title = page.title;
      document.getElementById("as-of").replaceChildren(...page.getElementById("as-of").childNodes);
      document.body.classList.remove("lost");
      const after = told(document.getElementById("main"));
      if (after !== before) document.getElementById("told").textContent = after;
    } catch {
      if (!document.body.classList.contains("lost")) {
        document.body.classList.add("lost");
        document.getElementById("told").textContent = "The console does not answer; what is shown is old.";
      }
    }
  }

  function schedule() {
    clearTimeout(timer);
    const seconds = Number(document.getElementById("main").dataset.live);
    if (!seconds || isPaused || document.hidden) return;
    timer = setTimeout(async () => {
      await refresh();
      schedule();
    }, seconds * 1000);
  }

  button.addEventListener("click", () => {
    isPaused = !isPaused;
    button.textContent = isPaused ? "Go on" : "Pause";
    schedule();
  });
  document.addEventListener("visibilitychange", async () => {
    if (!document.hidden && !isPaused && document.getElementById("main").dataset.live) await refresh();
    schedule();
  });
  button.hidden = !document.getElementById("main").dataset.live;
  schedule();
})();
