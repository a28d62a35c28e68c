// Sends chosen files one by one into an upload set, with progress, and then submits the form with the set's id.
const size = (bytes) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
};

class Uploader {
  constructor(box) {
    this.box = box;
    this.url = box.dataset.uploads;
    this.list = box.querySelector("[data-list]");
    this.total = box.querySelector("[data-total]");
    this.field = box.querySelector("input[type=hidden]");
    this.files = new Map(); // path -> {file, row, done}
    for (const input of box.querySelectorAll("input[type=file]")) {
      input.addEventListener("change", () => {
        for (const file of input.files) this.add(file, file.webkitRelativePath || file.name);
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
      const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
      for (const entry of entries) await this.walk(entry);
    });
    for (const button of box.querySelectorAll("button[data-choose]")) {
      button.hidden = false;
      button.addEventListener("click", () => box.querySelector(`input[data-kind=${button.dataset.choose}]`).click());
    }
    for (const plain of box.querySelectorAll("[data-plain]")) {
      plain.classList.add("visually-hidden");
      for (const input of plain.querySelectorAll("input")) input.tabIndex = -1;
    }
  }

  async walk(entry, folder = "") {
    if (entry.isFile) {
      const file = await new Promise((good, bad) => entry.file(good, bad));
      this.add(file, folder + file.name);
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((good, bad) => reader.readEntries(good, bad));
      if (!some.length) return;
      for (const child of some) await this.walk(child, `${folder}${entry.name}/`);
    }
  }

  add(file, path) {
    this.files.get(path)?.row.remove();
    const row = document.createElement("li");
    row.className = "upload";
    const name = document.createElement("span");
    name.className = "upload-name";
    name.textContent = path;
    const state = document.createElement("span");
    state.className = "upload-state";
    state.textContent = size(file.size);
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "btn btn-sm btn-ghost-secondary";
    remove.textContent = "Remove";
    remove.setAttribute("aria-label", `Remove ${path}`);
    remove.addEventListener("click", () => this.remove(path));
    const bar = document.createElement("progress");
    bar.max = file.size || 1;
    bar.value = 0;
    bar.setAttribute("aria-label", path);
    row.append(name, state, remove, bar);
    this.list.append(row);
    this.files.set(path, { file, row, state, bar, remove, done: false });
    this.box.classList.remove("is-invalid");
    this.box.dispatchEvent(new CustomEvent("chosen", { bubbles: true, detail: { path } }));
    this.summary();
  }

  async remove(path) {
    const entry = this.files.get(path);
    entry.row.remove();
    this.files.delete(path);
    if (entry.done) await this.call("DELETE", `${this.url}${this.field.value}/files/${encode(path)}`);
    this.summary();
  }

  summary(extra = "") {
    const all = [...this.files.values()];
    const bytes = all.reduce((sum, entry) => sum + entry.file.size, 0);
    this.total.textContent = all.length ? `${all.length} ${all.length === 1 ? "file" : "files"}, ${size(bytes)}${extra}` : "";
  }

  token() {
    return this.box.closest("form").querySelector("input[name=csrfmiddlewaretoken]").value;
  }

  async call(method, url) {
    const answer = await fetch(url, {
      method,
      headers: { "X-CSRFToken": this.token(), "Content-Type": "application/json", Accept: "application/json" },
      body: method === "POST" ? "{}" : undefined,
    });
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).message || `The portal answered ${answer.status}.`);
    return answer.status === 204 ? null : answer.json();
  }

  put(path, entry) {
    return new Promise((good, bad) => {
      const request = new XMLHttpRequest();
      const began = performance.now();
      request.open("PUT", `${this.url}${this.field.value}/files/${encode(path)}`);
      request.setRequestHeader("X-CSRFToken", this.token());
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.upload.addEventListener("progress", (event) => {
        entry.bar.value = event.loaded;
        const speed = event.loaded / Math.max(0.2, (performance.now() - began) / 1000);
        entry.state.textContent = `${size(event.loaded)} of ${size(event.total)}, ${size(speed)}/s`;
        if (event.loaded === event.total) entry.state.textContent = "Checking…";
      });
      request.addEventListener("load", () => {
        const answer = JSON.parse(request.responseText || "{}");
        if (request.status >= 300) return bad(new Error(answer.message || `The portal answered ${request.status}.`));
        entry.done = true;
        entry.bar.value = entry.bar.max;
        entry.state.textContent = `${size(entry.file.size)}, ${answer.alreadyStored ? "identical content, stored once" : "stored"}`;
        good();
      });
      request.addEventListener("error", () => bad(new Error("The connection broke. Press the button again to go on.")));
      request.send(entry.file);
    });
  }

  waiting() {
    return [...this.files.values()].some((entry) => !entry.done);
  }

  async send() {
    const waiting = [...this.files].filter(([, entry]) => !entry.done);
    if (!waiting.length) return true;
    if (!this.field.value) this.field.value = (await this.call("POST", this.url)).id;
    let sent = this.files.size - waiting.length;
    for (const [path, entry] of waiting) {
      entry.row.classList.remove("failed");
      this.summary(`, sending ${sent + 1} of ${this.files.size}`);
      try {
        await this.put(path, entry);
      } catch (error) {
        entry.row.classList.add("failed");
        entry.state.textContent = error.message;
        entry.state.setAttribute("role", "alert");
        this.summary();
        return false;
      }
      sent += 1;
    }
    this.summary(", all stored");
    return true;
  }
}

const encode = (path) => path.split("/").map(encodeURIComponent).join("/");

for (const form of document.querySelectorAll("form")) {
  const uploaders = [...form.querySelectorAll("[data-uploads]")].map((box) => new Uploader(box));
  if (!uploaders.length) continue;
  let ready = false;
  let sending = false;
  form.addEventListener("submit", async (event) => {
    // Without files to send it is an ordinary form; one that is submitted again before this event has ended would not be sent at all.
    if (ready || !uploaders.some((uploader) => uploader.waiting())) return;
    event.preventDefault();
    event.stopPropagation();
    if (sending) return;
    sending = true;
    const button = event.submitter;
    const words = button?.innerHTML;
    if (button) {
      button.disabled = true;
      button.textContent = "Uploading…";
    }
    let good = true;
    try {
      for (const uploader of uploaders) good = (await uploader.send()) && good;
    } catch (error) {
      good = false;
      uploaders[0].total.textContent = error.message;
    }
    sending = false;
    if (button) {
      button.disabled = false;
      button.innerHTML = words;
    }
    if (good) {
      ready = true;
      form.requestSubmit(button);
    }
  });
  addEventListener("beforeunload", (event) => sending && event.preventDefault());
}

// The name of a model is proposed from its file.
document.addEventListener("chosen", (event) => {
  const name = event.target.closest("form").querySelector("input[data-propose]");
  if (!name || name.value) return;
  const first = event.detail.path.split("/")[0].replace(/\.[^.]+$/, "").toLowerCase().replace(/[^a-z0-9.-]+/g, "-");
  const proposed = first.replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "").slice(0, 32);
  if (proposed.length >= 3) name.value = proposed;
});
