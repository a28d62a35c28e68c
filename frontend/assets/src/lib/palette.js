// The palette: one input, results from the server, arrows and Enter; recent pages when nothing is typed.
const RECENT = "recent-pages";
const MOST_RECENT = 6;

export function remember() {
  const main = document.querySelector("main[data-recent]");
  if (!main) return;
  const kept = JSON.parse(localStorage.getItem(RECENT) || "[]").filter((one) => one.url !== location.pathname);
  localStorage.setItem(RECENT, JSON.stringify([{ url: location.pathname, words: main.dataset.recent }, ...kept].slice(0, MOST_RECENT)));
}

export function setUp(acts) {
  const dialog = document.getElementById("palette");
  if (!dialog) return () => {};
  const input = dialog.querySelector("input");
  const list = dialog.querySelector(".hits");
  let chosen = null;
  let asked = null;
  let timer = 0;

  const options = () => [...list.querySelectorAll("[role=option]")];

  function choose(option) {
    chosen?.setAttribute("aria-selected", "false");
    chosen = option ?? null;
    chosen?.setAttribute("aria-selected", "true");
    chosen?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", chosen?.id ?? "");
  }

  function recents() {
    const kept = JSON.parse(localStorage.getItem(RECENT) || "[]").filter((one) => one.url !== location.pathname);
    if (!kept.length) return null;
    const group = document.createElement("div");
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", dialog.dataset.recent);
    const title = document.createElement("p");
    title.className = "menu-title";
    title.textContent = dialog.dataset.recent;
    group.append(title);
    kept.forEach((one) => {
      const link = document.createElement("a");
      Object.assign(link, { href: one.url, textContent: one.words });
      group.append(link);
    });
    return group;
  }

  async function ask() {
    asked?.abort();
    asked = new AbortController();
    const text = input.value;
    try {
      const answer = await fetch(`${dialog.dataset.search}?q=${encodeURIComponent(text)}`, {
        headers: { "HX-Request": "true" },
        signal: asked.signal,
      });
      if (!answer.ok) return;
      list.innerHTML = await answer.text();
    } catch {
      return; // a later question has taken its place, or the connection is away
    }
    const before = text.trim() ? null : recents();
    if (before) list.prepend(before);
    // On a page of their own the results are links; here the field keeps the focus, and they are its options.
    list.querySelectorAll("a").forEach((link, index) => {
      Object.assign(link, { id: `hit-${index}`, tabIndex: -1 });
      link.setAttribute("role", "option");
      link.setAttribute("aria-selected", "false");
    });
    choose(options()[0]);
  }

  function go(option, event) {
    if (!option) return;
    if (option.dataset.act) {
      event.preventDefault();
      dialog.close();
      acts[option.dataset.act]?.();
    } else if (event.type === "keydown") {
      location.href = option.href;
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 120);
  });
  input.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.indexOf(chosen);
    if (event.key === "ArrowDown") choose(all[(at + 1) % all.length]);
    else if (event.key === "ArrowUp") choose(all[(at - 1 + all.length) % all.length]);
    else if (event.key === "Home" && !input.value) choose(all[0]);
    else if (event.key === "Enter") go(chosen, event);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => go(event.target.closest("[role=option]"), event));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());

  return () => {
    if (dialog.open) return;
    input.value = "";
    list.replaceChildren();
    dialog.showModal();
    ask();
  };
}
