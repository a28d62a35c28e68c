// What every page has: theme, menus, copying, forms that say what they do, polling that rests with the tab.
import * as palette from "./lib/palette.js";
import { say } from "./lib/say.js";
import * as several from "./lib/several.js";
import * as shortcuts from "./lib/shortcuts.js";
import { bringBack, keep } from "./lib/typed.js";
import * as wide from "./lib/wide.js";

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

function paint(choice) {
  root.dataset.theme = choice;
  root.dataset.bsTheme = choice === "system" ? (system.matches ? "dark" : "light") : choice;
  for (const button of document.querySelectorAll("button[name=theme]")) {
    button.setAttribute("aria-pressed", String(button.value === choice));
  }
  root.classList.toggle("dark-mode", root.dataset.bsTheme === "dark"); // Swagger UI listens to this class
  document.dispatchEvent(new CustomEvent("themechange"));
}

system.addEventListener("change", () => root.dataset.theme === "system" && paint("system"));

async function copy(button) {
  const source = button.dataset.copyFrom ? document.querySelector(button.dataset.copyFrom) : null;
  const text = source ? ("value" in source ? source.value : source.textContent) : button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text.trim());
    button.classList.add("copied");
    say(document.getElementById("said").dataset.copied);
    setTimeout(() => button.classList.remove("copied"), 1500);
  } catch {
    // No permission for the clipboard: select the text, so that the keyboard can copy it.
    const target = source || button.parentElement.querySelector("code, input");
    if (!target) return;
    if ("select" in target) target.select();
    else getSelection().selectAllChildren(target);
    say(document.getElementById("said").dataset.selected);
  }
}

// The search and the help of shortcuts; without script the first is a page of its own.
const acts = {
  theme: () => document.querySelector(`button[name=theme][value=${root.dataset.bsTheme === "dark" ? "light" : "dark"}]`)?.click(),
  shortcuts: () => document.getElementById("shortcuts")?.showModal(),
};
const search = palette.setUp(acts);
palette.remember();
shortcuts.setUp({ search, help: acts.shortcuts });
several.setUp();
wide.setUp();

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-palette]") && document.getElementById("palette")) {
    event.preventDefault();
    search();
  }
  const act = event.target.closest("button[data-act]");
  if (act) acts[act.dataset.act]?.();
  const theme = event.target.closest("button[name=theme]");
  if (theme) {
    event.preventDefault();
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `modelport-theme=${theme.value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    paint(theme.value);
  }
  const copied = event.target.closest("button[data-copy], button[data-copy-from]");
  if (copied) copy(copied);
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const disabled = event.target.closest("[aria-disabled=true]");
  if (disabled) event.preventDefault();
});

// A menu that the keyboard has left would cover what comes next.
document.addEventListener("focusin", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});

// Forms: one submit, with what is happening on the button; leaving with changes asks once.
let changed = false;
document.addEventListener("input", (event) => {
  if (event.target.closest("form[data-guard]")) changed = true;
});
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (event.target.matches("form[data-guard]")) keep(event.target);
  changed = false;
  const button = event.target.querySelector("button[data-busy]");
  if (!button) return;
  button.dataset.rest = button.innerHTML;
  setTimeout(() => {
    button.disabled = true;
    button.textContent = button.dataset.busy;
  });
});
addEventListener("beforeunload", (event) => {
  if (changed) event.preventDefault();
});
addEventListener("pagehide", () => {
  const form = changed && document.querySelector("form[data-guard]");
  if (form) keep(form);
});
bringBack();
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button[data-rest]")) {
    button.disabled = false;
    button.innerHTML = button.dataset.rest;
  }
});

// A long table that is whole in the page is narrowed to the rows that hold what one types.
document.addEventListener("input", ({ target }) => {
  if (!target.dataset.rows) return;
  const wanted = target.value.trim().toLowerCase();
  for (const row of document.querySelectorAll(`${target.dataset.rows} > tr`)) row.hidden = !row.textContent.toLowerCase().includes(wanted);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
});

// A list's other tools follow the address that the quick search has put there.
document.addEventListener("htmx:pushedIntoHistory", () => {
  for (const field of document.querySelectorAll("input[data-query]")) field.value = location.search.slice(1);
  for (const link of document.querySelectorAll("[data-exports] a")) {
    const wanted = new URLSearchParams(location.search);
    wanted.set("export", new URL(link.href).searchParams.get("export"));
    link.href = `?${wanted}`;
  }
});

// Live parts: polling rests while nobody looks, and a lost connection is said quietly.
const bar = (name, shown) => document.getElementById(name)?.toggleAttribute("hidden", !shown);
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.matches("[data-live]")) event.preventDefault();
});
// What polls replaces its links and buttons; the keyboard stays at the one that says the same.
const STOPS = "a[href], button, summary, [tabindex]";
const says = (one) => `${one.getAttribute("href")} ${one.textContent.trim()}`;
let place = null;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const at = document.activeElement;
  place = detail.target.id && at !== detail.target && detail.target.contains(at) ? { box: detail.target.id, says: says(at) } : null;
});
document.addEventListener("htmx:afterSwap", () => {
  if (!place || document.activeElement !== document.body) return;
  const stops = [...(document.getElementById(place.box)?.querySelectorAll(STOPS) ?? [])];
  stops.find((one) => says(one) === place.says)?.focus({ preventScroll: true });
});
document.addEventListener("htmx:sendError", () => bar("offline", true));
document.addEventListener("htmx:afterOnLoad", ({ detail }) => {
  bar("signed-out", detail.xhr.status === 401);
  if (detail.xhr.status === 401) document.querySelector("#signed-out a").search = new URLSearchParams({ next: location.pathname + location.search });
  bar("offline", detail.xhr.status >= 400 && detail.xhr.status !== 401);
});

// Filters of a list apply as one chooses; without script there is a button.
paint(root.dataset.theme || "system");
document.querySelector("[data-focus]")?.focus();
