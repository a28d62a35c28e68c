// A drop zone of a form: files begin to move as soon as they are chosen, while the rest of the form is filled in.
// The form's hidden field gets the id of the upload set; that is all the form knows of it.
import { say } from "../say.js";
import { Entry, sendTogether, SMALL, TINY } from "./entry.js";
import { Hasher } from "./hashing.js";
import { List } from "./list.js";
import { encode, Portal } from "./portal.js";
import { look, refusal } from "./preflight.js";
import { bytes, files, t } from "./words.js";

const AT_ONCE = 4;
// Files that share a request, and their bytes: few requests for a folder of thousands, and bars that still move.
const TOGETHER = 200;
const TOGETHER_BYTES = 8 * 2 ** 20;

export class Uploader {
  constructor(box) {
    this.box = box;
    this.form = box.closest("form");
    this.portal = new Portal(this.form, box.dataset.uploads);
    this.field = box.querySelector("input[type=hidden]");
    this.limits = { bytes: Number(box.dataset.maxBytes), files: Number(box.dataset.maxFiles) };
    this.entries = new Map(); // path -> Entry
    this.running = 0;
    this.list = new List(box, (name, entry) => this[name](entry));
    this.said = box.querySelector("[data-said]");
    this.wire();
  }

  wire() {
    const { box } = this;
    for (const input of box.querySelectorAll("input[type=file]")) {
      input.addEventListener("change", () => {
        this.add([...input.files].map((file) => [file.webkitRelativePath || file.name, file]));
        input.value = "";
        input.required = false;
      });
    }
    box.addEventListener("dragover", (event) => {
      event.preventDefault();
      box.classList.add("over");
    });
    box.addEventListener("dragleave", () => box.classList.remove("over"));
    box.addEventListener("drop", async (event) => {
      event.preventDefault();
      box.classList.remove("over");
      const found = [];
      const dropped = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
      for (const entry of dropped) await walk(entry, "", found);
      this.add(found);
    });
    for (const button of box.querySelectorAll("button[data-choose]")) {
      button.hidden = false;
      button.addEventListener("click", () => this.pick(button.dataset.choose));
    }
    for (const plain of box.querySelectorAll("[data-plain]")) {
      plain.classList.add("visually-hidden");
      for (const input of plain.querySelectorAll("input")) input.tabIndex = -1;
    }
    box.querySelector("[data-all=pause]").addEventListener("click", () => this.each((entry) => ["waiting", "sending"].includes(entry.state), "pause"));
    box.querySelector("[data-all=resume]").addEventListener("click", () => this.each((entry) => ["paused", "failed"].includes(entry.state), "resume"));
    addEventListener("online", () => this.each((entry) => entry.state === "failed" && entry.offline, "retry"));
  }

  get all() {
    return [...this.entries.values()];
  }

  pick(kind) {
    this.box.querySelector(`input[data-kind=${kind}]`).click();
  }

  // [[path, file]]: what was chosen or dropped. A file that was begun before goes on, wherever it was begun.
  async add(chosen) {
    if (!chosen.length) return;
    const fresh = chosen.map(([path, file]) => [this.meant(path.normalize("NFC"), file), file]);
    const replaced = new Set(fresh.map(([path]) => path));
    const unwanted = refusal([...this.all.filter((entry) => !replaced.has(entry.path)), ...fresh.map(([path, file]) => ({ path, size: file.size }))], this.limits);
    this.complain(unwanted);
    if (unwanted) return;
    for (const [path, file] of fresh) {
      this.entries.get(path)?.pause();
      const entry = new Entry(path, { file });
      entry.changed = () => this.list.update(entry);
      this.entries.set(path, entry);
    }
    this.box.classList.remove("is-invalid");
    this.tick();
    this.redraw();
    this.tell("chosen", { path: fresh[0][0] });
    this.inspect(fresh.slice(0, 50));
    this.work();
  }

  // In a set that was begun elsewhere a file may be chosen by itself, though it lies in a folder there.
  meant(path, file) {
    if (this.entries.has(path)) return path;
    const same = this.all.filter((entry) => entry.state === "missing" && entry.size === file.size && entry.path.endsWith(`/${file.name}`));
    return same.length === 1 ? same[0].path : path;
  }

  async inspect(fresh) {
    for (const [path, file] of fresh) {
      const { framework, notes } = await look(file, path);
      const entry = this.entries.get(path);
      if (!entry) continue;
      entry.note = notes.join(" ");
      this.list.update(entry);
      if (framework) this.tell("recognised", { path, framework });
    }
  }

  async open() {
    if (this.field.value) return;
    this.opening ??= this.portal.call("POST", "").finally(() => (this.opening = null));
    const { id } = await this.opening;
    if (this.field.value) return; // another file of the same choice was quicker
    this.field.value = id;
    this.tell("opened", { id });
  }

  async work() {
    while (this.running < AT_ONCE) {
      const waiting = this.all.filter((entry) => entry.state === "waiting");
      // Small files first, and of the large ones two at a time: each has the line to itself sooner.
      const large = this.all.filter((entry) => entry.size > SMALL && ["sending", "checking"].includes(entry.state)).length;
      const next = waiting.find((entry) => entry.size <= SMALL) ?? (large < 2 ? waiting[0] : undefined);
      if (!next) break;
      const together = next.size <= TINY ? batch(waiting) : [next];
      this.running += 1;
      for (const entry of together) entry.state = "sending";
      this.send(together).finally(() => {
        this.running -= 1;
        this.work();
      });
    }
    this.tick();
  }

  async send(together) {
    try {
      this.hasher ??= new Hasher(this.box.dataset.hasher, SMALL);
      await this.open();
      if (together.length > 1) await sendTogether(together, this.portal, this.field.value, this.hasher);
      else await together[0].send(this.portal, this.field.value, this.hasher);
    } catch (error) {
      for (const entry of together) {
        entry.offline = !error.status;
        if (entry.state !== "failed") entry.become("failed", error.message);
      }
      this.redraw();
      if (error.status === 401 || error.status === 403) this.tell("signedout", { message: error.message });
    }
    if (this.all.length && this.all.every((one) => one.finished)) {
      say(t("all_stored"));
      this.tell("stored", { id: this.field.value });
    }
    this.tick();
  }

  // The numbers move four times a second while bytes do, however many events there are.
  tick() {
    this.list.summary(this.all);
    const moving = this.all.filter((entry) => entry.state === "sending" || entry.state === "checking");
    for (const entry of moving) this.list.update(entry);
    this.box.querySelector("[data-all=pause]").hidden = !this.all.some((entry) => ["waiting", "sending"].includes(entry.state));
    this.box.querySelector("[data-all=resume]").hidden = !this.all.some((entry) => ["paused", "failed"].includes(entry.state));
    clearTimeout(this.timer);
    if (moving.length) this.timer = setTimeout(() => this.tick(), 250);
  }

  redraw() {
    this.list.draw(this.all);
    this.tick();
  }

  each(wanted, act) {
    for (const entry of this.all.filter(wanted)) this[act](entry);
  }

  pause(entry) {
    entry.pause();
    this.tick();
  }

  resume(entry) {
    entry.become("waiting");
    this.complain("");
    this.work();
  }

  retry(entry) {
    this.resume(entry);
  }

  choose(entry) {
    this.pick(entry.path.includes("/") && this.box.querySelector("input[data-kind=folder]") ? "folder" : "files");
  }

  async remove(entry) {
    this.entries.delete(entry.path);
    entry.pause();
    this.redraw();
    if (this.field.value && (entry.sent || entry.digest)) {
      await this.portal.call("DELETE", `${this.field.value}/files/${encode(entry.path)}`).catch(() => {}); // it was not there yet
    }
    this.tell("removed", { path: entry.path });
  }

  // A set that was begun before: its whole files stay, the others wait for their file.
  async adopt(id) {
    const set = await this.portal.call("GET", `${id}/`);
    this.field.value = id;
    for (const file of set.files) this.entries.set(file.path, Object.assign(new Entry(file.path, { size: file.size, sent: file.size, state: "stored" }), { digest: file.sha256 }));
    for (const file of set.unfinished) this.entries.set(file.path, new Entry(file.path, { size: file.size, sent: file.offset, state: "missing" }));
    for (const entry of this.all) entry.changed = () => this.list.update(entry);
    this.redraw();
    this.complain("");
    const late = set.unfinished.length;
    if (late) this.complain(t("choose_again", { files: files(late), size: bytes(set.unfinished.reduce((sum, file) => sum + file.size, 0)) }), true);
    else this.tell("stored", { id });
    this.tell("opened", { id });
  }

  get waiting() {
    return this.all.some((entry) => !entry.finished);
  }

  get moving() {
    return this.all.some((entry) => ["waiting", "sending", "checking"].includes(entry.state));
  }

  // True when everything is stored, false when somebody has to look.
  settled() {
    return new Promise((done) => {
      const look = () => {
        if (!this.waiting) done(true);
        else if (!this.moving) done(false);
        else setTimeout(look, 200);
      };
      look();
    });
  }

  complain(words, mild = false) {
    this.said.textContent = words;
    this.said.hidden = !words;
    this.said.classList.toggle("trouble", Boolean(words) && !mild);
  }

  tell(name, detail) {
    this.box.dispatchEvent(new CustomEvent(`upload:${name}`, { bubbles: true, detail }));
  }
}

function batch(waiting) {
  const tiny = waiting.filter((entry) => entry.size <= TINY).slice(0, TOGETHER);
  let size = 0;
  return tiny.filter((entry) => (size += entry.size) <= TOGETHER_BYTES);
}

async function walk(entry, folder, found) {
  if (entry.isFile) {
    const file = await new Promise((good, bad) => entry.file(good, bad));
    found.push([folder + file.name, file]);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const some = await new Promise((good, bad) => reader.readEntries(good, bad));
    if (!some.length) return;
    for (const child of some) await walk(child, `${folder}${entry.name}/`, found);
  }
}
