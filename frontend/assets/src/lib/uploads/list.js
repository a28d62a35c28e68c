// The rows of the list: what each file is, how far it is, and the buttons it has now.
import { bytes, duration, files, percent, t } from "./words.js";

const SHOWN = 200;

export class List {
  constructor(box, act) {
    this.list = box.querySelector("[data-list]");
    this.total = box.querySelector("[data-total]");
    this.bar = box.querySelector("[data-bar]");
    this.more = box.querySelector("[data-more]");
    this.act = act;
    this.rows = new Map();
    this.rate = new Rate();
  }

  // Ten thousand rows help nobody: the first are shown, and those in trouble.
  draw(entries) {
    const shown = [...entries].filter((entry, index) => index < SHOWN || entry.state === "failed").slice(0, 2 * SHOWN);
    const kept = new Set(shown);
    for (const [entry, row] of this.rows) {
      if (kept.has(entry)) continue;
      row.item.remove();
      this.rows.delete(entry);
    }
    for (const entry of shown) {
      if (!this.rows.has(entry)) this.rows.set(entry, this.row(entry));
      this.update(entry);
    }
    const hidden = entries.length - shown.length;
    this.more.hidden = !hidden;
    this.more.textContent = hidden ? t("more", { n: hidden.toLocaleString() }) : "";
  }

  row(entry) {
    const item = make("li", "upload");
    const name = make("span", "upload-name");
    const [folder, base] = entry.path.includes("/") ? [entry.path.slice(0, entry.path.lastIndexOf("/") + 1), entry.path.split("/").at(-1)] : ["", entry.path];
    // Names of right-to-left scripts must not turn the line around.
    name.append(make("bdi", "upload-folder", folder), make("bdi", "upload-base", base));
    const state = make("span", "upload-state");
    const buttons = make("span", "upload-buttons");
    const bar = document.createElement("progress");
    bar.max = entry.size || 1;
    bar.setAttribute("aria-label", entry.path);
    const note = make("span", "upload-note");
    item.append(name, state, buttons, bar, note);
    this.list.append(item);
    return { item, state, buttons, bar, note, rate: new Rate(), shownState: "" };
  }

  update(entry) {
    const row = this.rows.get(entry);
    if (!row) return;
    row.bar.value = entry.finished ? row.bar.max : entry.sent;
    row.state.textContent = this.words(entry, row);
    row.note.textContent = entry.note;
    if (row.shownState === entry.state) return;
    row.shownState = entry.state;
    row.item.dataset.state = entry.state;
    row.item.classList.toggle("failed", entry.state === "failed");
    if (entry.state === "failed") row.state.setAttribute("role", "alert");
    else row.state.removeAttribute("role");
    const focused = row.buttons.contains(document.activeElement);
    row.buttons.replaceChildren(...this.buttons(entry));
    if (focused) row.buttons.querySelector("button")?.focus();
  }

  buttons(entry) {
    const names = {
      waiting: ["pause", "remove"],
      sending: ["pause", "remove"],
      checking: [],
      paused: ["resume", "remove"],
      missing: ["choose", "remove"],
      failed: ["retry", "remove"],
      stored: ["remove"],
    }[entry.state];
    return names.map((name) => {
      const button = make("button", "btn btn-sm btn-ghost-secondary", t(name));
      button.type = "button";
      button.setAttribute("aria-label", t(`${name}_path`, { path: entry.path }));
      button.addEventListener("click", () => this.act(name, entry));
      return button;
    });
  }

  words(entry, row) {
    const share = t("of", { done: bytes(entry.sent), all: bytes(entry.size) });
    switch (entry.state) {
      case "sending": {
        if (entry.message) return entry.message;
        const { speed, left } = row.rate.after(entry.sent, entry.size);
        return entry.size <= 2 ** 20 || !speed ? share : `${share}, ${bytes(speed)}/s, ${duration(left)}`;
      }
      case "checking":
        return t("checking");
      case "paused":
        return `${t("paused")}, ${share}`;
      case "missing":
        return t("missing", { n: percent(entry.sent, entry.size) });
      case "failed":
        return entry.message;
      case "stored":
        return `${bytes(entry.size)}, ${entry.known ? t("known") : t("stored")} ${entry.digest ? `SHA-256 ${entry.digest.slice(0, 12)}` : ""}`.trim();
      default:
        return bytes(entry.size);
    }
  }

  summary(entries) {
    const size = sum(entries, "size");
    const sent = sum(entries, "sent");
    const done = entries.filter((entry) => entry.finished).length;
    this.bar.hidden = !entries.length;
    this.bar.max = size || 1;
    this.bar.value = sent;
    if (!entries.length) return (this.total.textContent = "");
    const { speed, left } = this.rate.after(sent, size);
    let words = `${files(entries.length)}, ${bytes(size)}`;
    if (done === entries.length) words += `, ${t("all_stored")}`;
    else if (entries.some((entry) => entry.state === "sending")) {
      words = t("total", { done: done.toLocaleString(), files: files(entries.length), sent: bytes(sent), size: bytes(size) });
      if (speed) words += `, ${bytes(speed)}/s, ${t("about", { left: duration(left) })}`;
    }
    if (this.total.textContent !== words) this.total.textContent = words;
  }
}

// Speed over the last seconds, so that a stall shows and a spike does not.
class Rate {
  constructor() {
    this.points = [];
  }

  after(sent, size) {
    const now = performance.now() / 1000;
    this.points.push([now, sent]);
    while (this.points.length > 2 && now - this.points[0][0] > 8) this.points.shift();
    const [then, before] = this.points[0];
    const speed = now - then > 0.8 ? Math.max(0, Math.round((sent - before) / (now - then))) : 0;
    return { speed, left: speed ? (size - sent) / speed : Infinity };
  }
}

function make(name, classes, words = "") {
  const element = document.createElement(name);
  element.className = classes;
  element.textContent = words;
  return element;
}

const sum = (entries, key) => entries.reduce((total, entry) => total + entry[key], 0);
