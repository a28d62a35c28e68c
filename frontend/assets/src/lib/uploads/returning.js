// On return: what was begun and not registered, here or in another browser, and what had been typed beside it.
import { ahead, bytes, percent, t } from "./words.js";

// So many stand open; forgotten ones do not push the form out of sight.
const SHOWN = 2;
const key = (id) => `modelport-upload-${id}`;

export class Returning {
  constructor(uploader) {
    this.uploader = uploader;
    this.box = uploader.box.querySelector("[data-returning]");
    if (!this.box) return;
    this.form = uploader.form;
    uploader.box.addEventListener("upload:opened", ({ detail }) => this.hold(detail.id));
    this.form.addEventListener("input", () => this.keep());
    this.form.addEventListener("change", () => this.keep());
    this.ask();
  }

  // Another tab that is sending a set holds its lock; without locks (plain http) every open set is offered.
  hold(id) {
    this.keep();
    navigator.locks?.request(key(id), () => new Promise(() => {}));
  }

  async ask() {
    if (this.uploader.field.value) return;
    const sets = await this.uploader.portal.call("GET", "").catch(() => []);
    const held = new Set(((await navigator.locks?.query())?.held ?? []).map((lock) => lock.name));
    const open = sets.filter((set) => !held.has(key(set.id)) && set.fileCount + set.unfinishedCount);
    this.box.append(...open.slice(0, SHOWN).map((set) => this.offer(set)));
    const rest = open.slice(SHOWN);
    if (!rest.length) return;
    const more = document.createElement("details");
    more.append(document.createElement("summary"), ...rest.map((set) => this.offer(set)));
    more.firstChild.textContent = t("more_sets", { n: rest.length });
    this.box.append(more);
  }

  offer(set) {
    const line = document.createElement("div");
    line.className = "returning";
    const words = document.createElement("p");
    const path = set.firstPath.split("/")[0];
    words.textContent = set.unfinishedCount
      ? t("stopped", { path, size: bytes(set.size), n: percent(set.offset, set.size) })
      : t("unregistered", { path, size: bytes(set.size) });
    const ends = document.createElement("span");
    ends.className = "text-secondary fw-normal";
    ends.textContent = t("removed_at", { time: ahead(set.expiresAt) });
    words.append(" ", ends);
    const button = (name, look, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = `btn btn-sm btn-${look}`;
      made.textContent = t(name);
      made.addEventListener("click", act);
      return made;
    };
    line.append(
      words,
      button(set.unfinishedCount ? "resume" : "go_on", "primary", async () => {
        this.box.replaceChildren();
        this.restore(set.id);
        await this.uploader.adopt(set.id);
        this.uploader.box.querySelector("button[data-choose]").focus();
      }),
      button("discard", "outline-secondary", async () => {
        await this.uploader.portal.call("DELETE", `${set.id}/`);
        localStorage.removeItem(key(set.id));
        line.remove();
      }),
    );
    return line;
  }

  get typed() {
    return [...this.form.elements].filter((field) => field.name && !["hidden", "file", "password", "submit", "button"].includes(field.type));
  }

  keep() {
    const id = this.uploader.field.value;
    if (!id) return;
    const values = this.typed.filter((field) => field.type !== "radio" || field.checked).map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value]);
    localStorage.setItem(key(id), JSON.stringify(values));
  }

  restore(id) {
    const values = new Map(JSON.parse(localStorage.getItem(key(id)) ?? "[]"));
    for (const field of this.typed) {
      if (!values.has(field.name)) continue;
      const value = values.get(field.name);
      if (field.type === "checkbox") field.checked = value;
      else if (field.type === "radio") field.checked = field.value === value;
      else field.value = value;
    }
  }
}
