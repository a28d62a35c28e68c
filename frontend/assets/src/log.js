// An operation's log: appended as it is written, loaded in windows, searched on the server, addressed by line.
// Lines count through all steps. A fold holds a window of one step's lines; all folds together hold at most `most`.
import { say } from "./lib/say.js";

const PART = 1000;
const STATUS_EVERY = 10_000;
const DRAW_EVERY = 200;

const card = document.getElementById("log");
const box = card.querySelector(".log");
const { lines: linesUrl, find: findUrl } = card.dataset;
const most = Number(card.dataset.most);
const fresh = card.querySelector("[data-fresh]");
const follow = card.querySelector("[data-follow]");
let unseen = 0;

class Fold {
  constructor(details) {
    this.details = details;
    this.list = details.querySelector("ol");
    for (const name of ["begin", "first", "last", "total"]) this[name] = Number(details.dataset[name]);
    this.earlier = details.querySelector("[data-earlier]");
    this.later = details.querySelector("[data-later]");
    this.earlier.addEventListener("click", (event) => {
      event.preventDefault();
      this.load(Math.max(this.begin, this.first - PART), this.first - 1);
    });
    this.later.addEventListener("click", (event) => {
      event.preventDefault();
      this.load(this.last + 1, this.last + PART);
    });
    this.links();
  }

  get isWhole() {
    return this.last >= this.total;
  }

  links() {
    this.earlier.hidden = this.first <= this.begin;
    this.later.hidden = this.isWhole;
  }

  /** Appends what was written since the last look; while a person reads an earlier part, it is only counted. */
  append(parts) {
    const attached = this.isWhole;
    const last = parts.at(-1);
    this.total = last.first + last.count - 1;
    if (attached) {
      // Of a flood only its end is drawn; the rest is there to be loaded.
      const kept = parts.filter((part) => part.first + part.count > this.total - 2 * PART);
      if (kept.length < parts.length) {
        this.list.replaceChildren();
        this.first = kept[0].first;
      }
      this.list.insertAdjacentHTML("beforeend", kept.map((part) => part.html).join(""));
      this.last = this.total;
      this.trim("start");
    }
    this.links();
  }

  /** Lines from..to: beside what is shown they are added, elsewhere they replace it. */
  async load(from, to) {
    const answer = await fetch(`${linesUrl}?from=${from}&count=${to - from + 1}`);
    if (!answer.ok) return;
    const part = await answer.json();
    const anchor = box.scrollHeight - box.scrollTop;
    this.total = Math.max(this.total, part.total);
    if (part.last + 1 === this.first) {
      this.list.insertAdjacentHTML("afterbegin", part.html);
      this.first = part.first;
      this.trim("end");
      box.scrollTop = box.scrollHeight - anchor;
    } else if (part.first === this.last + 1) {
      this.list.insertAdjacentHTML("beforeend", part.html);
      this.last = part.last;
      this.trim("start");
    } else {
      this.list.innerHTML = part.html;
      this.first = part.first;
      this.last = part.last;
    }
    this.links();
    if (follow.checked && !this.isWhole) follow.checked = false;
  }

  trim(end) {
    let over = shownLines() - most;
    while (over > 0 && this.list.childElementCount > 1) {
      if (end === "start") {
        this.list.firstElementChild.remove();
        this.first += 1;
      } else {
        this.list.lastElementChild.remove();
        this.last -= 1;
      }
      over -= 1;
    }
  }
}

const folds = new Map([...box.querySelectorAll("details")].map((details) => [Number(details.dataset.step), new Fold(details)]));
const shownLines = () => [...folds.values()].reduce((sum, fold) => sum + fold.list.childElementCount, 0);

function foldOf(part) {
  if (folds.has(part.step)) return folds.get(part.step);
  const details = document.getElementById("fold").content.firstElementChild.cloneNode(true);
  details.querySelector("summary").textContent = part.title;
  Object.assign(details.dataset, { step: part.step, begin: part.first, first: part.first, last: part.first - 1, total: part.first - 1 });
  box.append(details);
  box.querySelector("[data-none]")?.remove();
  folds.set(part.step, new Fold(details));
  return folds.get(part.step);
}

// --- following -----------------------------------------------------------------------------------

async function toEnd() {
  const last = [...folds.values()].at(-1);
  if (last && !last.isWhole) await last.load(Math.max(last.begin, last.total - PART + 1), last.total);
  if (last) last.details.open = true;
  box.scrollTop = box.scrollHeight;
  unseen = 0;
  fresh.hidden = true;
}

if (card.dataset.stream) {
  let told = 0;
  box.addEventListener("scroll", () => {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    if (!atEnd) follow.checked = false;
    else if (fresh.hidden) follow.checked = true;
  });
  follow.addEventListener("change", () => follow.checked && toEnd());
  fresh.addEventListener("click", () => {
    follow.checked = true;
    toEnd();
  });

  let waiting = [];
  const draw = () => {
    const parts = waiting;
    waiting = [];
    for (const step of new Set(parts.map((part) => part.step))) {
      const own = parts.filter((part) => part.step === step);
      foldOf(own[0]).append(own);
    }
    const last = parts.at(-1);
    card.querySelector("[data-total]").textContent = last.first + last.count - 1;
    unseen += parts.reduce((sum, part) => sum + part.count, 0);
    if (follow.checked) toEnd();
    else {
      fresh.hidden = false;
      fresh.textContent = `${unseen} ${card.dataset.wordsNew}`;
    }
    // A screen reader hears where it is, not every line.
    if (Date.now() - told > STATUS_EVERY) {
      told = Date.now();
      document.getElementById("log-status").textContent = `${last.title}: ${last.said}`;
    }
  };

  const source = new EventSource(card.dataset.stream);
  source.onmessage = (event) => {
    if (!waiting.length) setTimeout(draw, DRAW_EVERY);
    waiting.push(JSON.parse(event.data));
  };
  source.addEventListener("end", () => {
    source.close();
    card.querySelector("[data-follow-box]").hidden = true;
    document.body.dispatchEvent(new CustomEvent("log-ended"));
  });
  // The window stays at the lines that an address names.
  if (/^#L\d/.test(location.hash)) follow.checked = false;
  if (follow.checked) toEnd();
}

// --- lines by address: #L120 or #L120-L128 ---------------------------------------------------------

async function show(number) {
  if (!document.getElementById(`L${number}`)) {
    const answer = await fetch(`${linesUrl}?from=${Math.max(1, number - 100)}&count=1`);
    const near = answer.ok ? await answer.json() : null;
    let fold = near && folds.get(near.step);
    // The line may be in the step behind the one that lies a hundred lines before it.
    if (!fold || number > fold.total) fold = [...folds.values()].find((one) => number >= one.begin && number <= one.total);
    if (!fold) return null;
    const from = Math.max(fold.begin, number - 100);
    await fold.load(from, from + 399);
  }
  const line = document.getElementById(`L${number}`);
  if (!line) return null;
  line.closest("details").open = true;
  box.scrollTop += line.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
  return line;
}

async function pick() {
  for (const line of box.querySelectorAll(".picked")) line.classList.remove("picked");
  const found = /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash);
  if (!found) return;
  const [from, to] = [Number(found[1]), Number(found[2] ?? found[1])].sort((a, b) => a - b);
  if (!(await show(from))) return;
  card.scrollIntoView({ block: "nearest" });
  for (let number = from; number <= Math.min(to, from + most); number += 1) document.getElementById(`L${number}`)?.classList.add("picked");
}

box.addEventListener("click", (event) => {
  const line = event.target.closest("li");
  // The number stands in the item's left margin; a click on the text is the text's.
  if (!line || event.clientX - line.getBoundingClientRect().left > 56) return;
  const number = Number(line.id.slice(1));
  const before = /^#L(\d+)/.exec(location.hash);
  history.replaceState(null, "", event.shiftKey && before ? `#L${before[1]}-L${number}` : `#L${number}`);
  follow.checked = false;
  pick();
});
addEventListener("hashchange", pick);
pick();

// --- search ----------------------------------------------------------------------------------------

const search = card.querySelector("[data-search]");
const words = search.querySelector("input");
const hits = search.querySelector("[data-hits]");
let found = [];
let asked = "";
let at = -1;

async function go(step) {
  if (words.value !== asked) {
    asked = words.value;
    const answer = asked.trim() ? await (await fetch(`${findUrl}?q=${encodeURIComponent(asked)}`)).json() : { lines: [] };
    found = answer.lines;
    at = step > 0 ? -1 : found.length;
  }
  box.querySelector(".hit")?.classList.remove("hit");
  if (!found.length) {
    hits.textContent = asked.trim() ? card.dataset.wordsNone : "";
    return;
  }
  at = (at + step + found.length) % found.length;
  follow.checked = false;
  hits.textContent = `${at + 1}/${found.length}`;
  (await show(found[at]))?.classList.add("hit");
}

search.addEventListener("submit", (event) => {
  event.preventDefault();
  go(1);
});
search.querySelector("[data-previous]").addEventListener("click", () => go(-1));
words.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.shiftKey) {
    event.preventDefault();
    go(-1);
  }
});

// --- how it is shown: kept in this browser ------------------------------------------------------------

for (const toggle of card.querySelectorAll("[data-toggle]")) {
  const name = `log-${toggle.dataset.toggle}`;
  const kept = localStorage.getItem(name);
  if (kept !== null) toggle.checked = kept === "1";
  const show = () => {
    box.classList.toggle(name, toggle.checked);
    box.classList.toggle(`${name}-off`, !toggle.checked);
  };
  toggle.addEventListener("change", () => {
    localStorage.setItem(name, toggle.checked ? "1" : "0");
    show();
  });
  show();
}

// --- the tab's title and icon follow the state ----------------------------------------------------------

document.body.addEventListener("htmx:afterSwap", () => {
  const live = document.getElementById("live");
  document.title = live.dataset.title;
  document.querySelector("link[rel=icon]").href = live.dataset.icon;
});
