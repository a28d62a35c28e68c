// Single keys, never while one writes; a person can switch them off (WCAG 2.1.4). Ctrl-K always opens the search.
const PAGES = { h: "home", m: "models", f: "manifests", i: "images", s: "services", e: "environments", o: "operations" };

export function setUp({ search, help }) {
  const off = document.body.dataset.shortcuts === "off";
  let waiting = 0;

  const rows = () => [...document.querySelectorAll("main table tbody tr a[href]:first-of-type, main .rows a[href]")].filter((link) => {
    const row = link.closest("tr");
    return !row || row.querySelector("a[href]") === link;
  });

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1)].focus();
  }

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      search();
      return;
    }
    const writing = event.target.closest("input, textarea, select, [contenteditable=true], .cm-editor, dialog");
    if (off || writing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (waiting && Date.now() - waiting < 1500) {
      waiting = 0;
      const link = PAGES[event.key] && document.querySelector(`.rail a[data-page=${PAGES[event.key]}]`);
      if (link) {
        event.preventDefault();
        location.href = link.href;
        return;
      }
    }
    waiting = 0;
    if (event.key === "g") waiting = Date.now();
    else if (event.key === "/") search();
    else if (event.key === "?") help();
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "x") document.activeElement.closest("tr")?.querySelector(".pick")?.click();
    else if (event.key === "c") document.querySelector("a[data-shortcut=create]")?.click();
    else return;
    event.preventDefault();
  });
}
