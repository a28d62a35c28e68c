// Try it: a form or JSON over the same request, the call through the gateway, and its answer.
import { Validator } from "@cfworker/json-schema";
import { decoded, table, tabular, tree } from "./lib/answers.js";
import { cells } from "./lib/delimited.js";
import { JsonEditor } from "./lib/json-editor.js";
import { SchemaForm } from "./lib/schema-form.js";
import { curl, python } from "./lib/snippets.js";

const config = JSON.parse(document.getElementById("try-config").textContent);
const { words, schema } = config;
const find = (name) => document.querySelector(`[data-try="${name}"]`);
const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
const MOST_CALLS = 20;
const MOST_KEPT = 20_000;
const SETTLING = 15_000; // until the gateway must know a key that was just made

// --- the request ------------------------------------------------------------------------------------
const validator = new Validator(schema, "2020-12", false);
// The outer faults only repeat, in general words, what the inner ones say.
const check = (value) => {
  const faults = validator.validate(value).errors.map((one) => ({ pointer: one.instanceLocation.slice(1), message: one.error }));
  return faults.filter((one) => !faults.some((other) => other.pointer.startsWith(`${one.pointer}/`)));
};
const withForm = SchemaForm.fits(schema);
const form = withForm ? new SchemaForm(find("form"), schema, words, () => remember()) : null;
const editor = new JsonEditor(find("json"), words.body, { check, changed: () => remember() });
let shown = "json";
let pending = 0;

function remember() {
  clearTimeout(pending);
  pending = setTimeout(() => {
    find("faults").hidden = true;
    if (shown === "form") form.mark(check(form.read()));
    keep("draft", body());
  }, 400);
}

const store = (name) => `modelport-try-${config.service}-${name}`;
const keep = (name, value) => {
  try {
    sessionStorage.setItem(store(name), JSON.stringify(value));
  } catch {
    // Full, or not allowed: the tab then forgets.
  }
};
const kept = (name) => JSON.parse(sessionStorage.getItem(store(name)) ?? "null");
const body = () => (shown === "form" ? JSON.stringify(form.read(), null, 2) : editor.text);

function load(text) {
  editor.text = text;
  if (shown === "form") show("form");
}

function show(name) {
  if (name === "form") {
    try {
      form.show(editor.text.trim() ? JSON.parse(editor.text) : config.sample);
    } catch {
      complain([{ pointer: "", message: words.notJson }]);
      name = "json";
    }
  } else if (shown === "form") editor.text = JSON.stringify(form.read(), null, 2);
  shown = name;
  for (const view of ["form", "json"]) find(view).hidden = view !== name;
  for (const button of document.querySelectorAll("[data-view]")) button.setAttribute("aria-pressed", String(button.dataset.view === name));
}

function complain(faults) {
  const box = find("faults");
  box.hidden = !faults.length;
  box.querySelector("ul").replaceChildren(
    ...faults.slice(0, 20).map(({ pointer, message }) => {
      const line = document.createElement("li");
      if (pointer) line.append(Object.assign(document.createElement("code"), { textContent: pointer }), " ");
      line.append(message);
      return line;
    }),
  );
  if (shown === "form") form.mark(faults);
  else editor.mark(faults);
}

// --- the key ----------------------------------------------------------------------------------------
let session = { value: "", made: 0 };

async function keyOf() {
  if (!config.secured) return "";
  const pasted = find("key").value.trim();
  if (pasted || !config.keyUrl) return pasted;
  if (session.value && Date.now() - session.made < 13 * 60_000) return session.value;
  const answer = await fetch(config.keyUrl, { method: "POST", headers: { "X-CSRFToken": token, Accept: "application/json" } });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message);
  session = { value: said.value, made: Date.now() };
  return session.value;
}

// --- the call ---------------------------------------------------------------------------------------
let flight = null;

async function send() {
  if (flight) return;
  const text = body();
  flight = new AbortController();
  // A button that is disabled loses the keyboard's place; it goes to *Cancel* and back.
  const pressed = document.activeElement === find("send");
  find("send").disabled = true;
  find("cancel").hidden = false;
  if (pressed) find("cancel").focus();
  complain([]);
  find("status").textContent = words.calling;
  const call = { at: Date.now(), body: text };
  try {
    const key = await keyOf();
    const deadline = Date.now() + SETTLING;
    for (;;) {
      const begun = performance.now();
      const headers = { "Content-Type": "application/json", Accept: "application/json", ...(key ? { Authorization: `Bearer ${key}` } : {}) };
      const answer = await fetch(config.url, { method: "POST", headers, body: text, signal: flight.signal, credentials: "omit", cache: "no-store" });
      const said = await answer.text();
      Object.assign(call, {
        status: answer.status,
        ms: performance.now() - begun,
        size: new Blob([said]).size,
        answer: said,
        length: said.length,
        headers: [...answer.headers],
        id: answer.headers.get("X-Request-Id") ?? "",
      });
      // A key that was just made is known to the gateway a moment later; a refused call never reached the model.
      if (answer.status !== 401 || key !== session.value || Date.now() > deadline || Date.now() - session.made > SETTLING) break;
      await new Promise((done) => setTimeout(done, 300));
    }
  } catch (error) {
    if (error.name === "AbortError") call.failed = words.cancelled;
    else call.failed = error instanceof TypeError ? words.unreachable : error.message;
  }
  flight = null;
  find("send").disabled = false;
  if (document.activeElement === find("cancel")) find("send").focus();
  find("cancel").hidden = true;
  tell(call);
  record(call);
}

// --- the answer -------------------------------------------------------------------------------------
let last = null;
let look = "";

const hint = (status) =>
  ({ 401: words.hint401, 408: words.hintTime, 413: words.hint413, 429: words.hint429, 500: words.hint500, 503: words.hint503, 504: words.hintTime })[status] ?? "";

function tell(call) {
  last = call;
  const status = find("status");
  status.className = `try-status ${call.failed || call.status >= 500 ? "state-red" : call.status >= 400 ? "state-yellow" : "state-green"}`;
  status.textContent = call.failed ?? `${call.status} ${words.statuses[call.status] ?? ""}`.trim();
  find("facts").textContent = call.failed ? "" : `${call.ms.toFixed(call.ms < 10 ? 1 : 0)} ms · ${call.size.toLocaleString()} ${words.bytes}`;
  const link = find("request");
  find("traced").hidden = !call.id;
  link.href = `${config.logsUrl}?q=${encodeURIComponent(call.id ?? "")}`;
  link.textContent = call.id ?? "";
  const note = find("hint");
  note.textContent = call.failed ? "" : hint(call.status);
  note.hidden = !note.textContent;
  find("answer").hidden = Boolean(call.failed);
  if (call.failed && find("golden")) find("golden").hidden = true;
  if (call.failed) return;
  const json = decoded(call.answer);
  if (json.found && call.status >= 400 && json.value?.message) {
    const details = (json.value.details ?? []).filter((one) => one.pointer !== undefined || one.field);
    complain([...(details.length ? [] : [{ pointer: "", message: json.value.message }]), ...details.map((one) => ({ pointer: one.pointer ?? one.field, message: one.message }))]);
  }
  const golden = find("golden");
  if (golden) {
    // What was cut off for the history of this tab is not the answer any more.
    golden.hidden = !json.found || call.status !== 200 || call.answer.length !== call.length;
    golden.elements.body.value = call.body;
    golden.elements.expected.value = call.answer;
  }
  const views = { table: json.found && call.status < 400 ? tabular(json.value) : null, tree: json.found, raw: true, headers: true };
  for (const button of document.querySelectorAll("[data-answer]")) button.hidden = !views[button.dataset.answer];
  find("twice").hidden = !json.twice;
  const best = Object.keys(views).find((name) => views[name]);
  read(views[look] ? look : best, json);
}

function read(name, json = decoded(last.answer)) {
  for (const button of document.querySelectorAll("[data-answer]")) button.setAttribute("aria-pressed", String(button.dataset.answer === name));
  const text = (value) => Object.assign(document.createElement("pre"), { className: "code-box", tabIndex: 0, textContent: value });
  const made = {
    table: () => table(tabular(json.value), words.answer),
    tree: () => Object.assign(document.createElement("div"), { className: "json-tree" }),
    raw: () => text(last.answer),
    headers: () => text(last.headers.map(([header, value]) => `${header}: ${value}`).join("\n")),
  }[name]();
  if (name === "tree") made.append(tree(json.value));
  find("shown").replaceChildren(made);
}

// --- the calls of this tab --------------------------------------------------------------------------
function record(call) {
  const calls = [call, ...(kept("calls") ?? [])].slice(0, MOST_CALLS);
  keep("calls", calls.map((one) => ({ ...one, answer: (one.answer ?? "").slice(0, MOST_KEPT), body: one.body.slice(0, MOST_KEPT) })));
  listCalls();
}

function listCalls() {
  const calls = kept("calls") ?? [];
  find("history").hidden = !calls.length;
  find("calls").replaceChildren(
    ...calls.map((call) => {
      const line = document.createElement("li");
      const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm btn-ghost-secondary" });
      button.textContent = `${new Date(call.at).toLocaleTimeString()} · ${call.failed ?? `${call.status} · ${call.ms.toFixed(0)} ms`}`;
      button.onclick = () => {
        load(call.body);
        tell(call);
      };
      line.append(button);
      return line;
    }),
  );
}

// --- files and examples -----------------------------------------------------------------------------
async function readFile(file) {
  const text = await file.text();
  if (/\.(csv|tsv|txt)$/i.test(file.name) && withForm) {
    show("form");
    const target = form.tables.find((one) => one.records) ?? form.tables[0];
    if (target) return target.paste(text);
  }
  try {
    const value = JSON.parse(text);
    const rows = Array.isArray(value) ? Object.keys(schema.properties ?? {}).find((name) => schema.properties[name].type === "array") : null;
    load(JSON.stringify(rows ? { ...config.sample, [rows]: value.slice(0, 1000) } : value, null, 2));
  } catch {
    if (/\.(csv|tsv)$/i.test(file.name)) {
      const [names, ...rows] = cells(text).slice(0, 1001);
      return load(JSON.stringify(rows.map((row) => Object.fromEntries(names.map((name, place) => [name, row[place]]))), null, 2));
    }
    complain([{ pointer: "", message: words.notJson }]);
  }
  return undefined;
}

async function ask(method, url, sent) {
  const answer = await fetch(url, { method, headers: { "X-CSRFToken": token, Accept: "application/json", "Content-Type": "application/json" }, body: sent && JSON.stringify(sent) });
  const said = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(said.message);
  return said;
}

async function listExamples() {
  const examples = await ask("GET", config.examplesUrl);
  find("examples").replaceChildren(
    ...examples.map((example) => {
      const line = document.createElement("li");
      const use = Object.assign(document.createElement("button"), { type: "button", textContent: example.name });
      use.append(Object.assign(document.createElement("span"), { className: "text-secondary", textContent: ` ${example.shared ? `${words.shared}, ${example.createdBy}` : words.mine}` }));
      use.onclick = () => {
        load(example.body);
        find("examples").closest("details").open = false;
      };
      const drop = Object.assign(document.createElement("button"), { type: "button", className: "drop-example", textContent: "×" });
      drop.setAttribute("aria-label", `${words.remove}: ${example.name}`);
      drop.onclick = () => ask("DELETE", `${config.examplesUrl}${example.id}/`).then(listExamples, (error) => complain([{ pointer: "", message: error.message }]));
      line.append(use, ...(config.mayScore && (example.createdBy === config.user || (example.shared && config.mayWrite)) ? [drop] : []));
      return line;
    }),
  );
}

find("save")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(event.target);
  try {
    await ask("POST", config.examplesUrl, { name: fields.get("name"), body: body(), shared: fields.get("shared") === "on" });
    event.target.reset();
    await listExamples();
  } catch (error) {
    complain([{ pointer: "", message: error.message }]);
  }
});

// --- buttons ----------------------------------------------------------------------------------------
async function copy(text, button) {
  await navigator.clipboard.writeText(text);
  button.classList.add("copied");
  document.getElementById("said").textContent = words.copied;
  setTimeout(() => button.classList.remove("copied"), 1500);
}
const acts = {
  send,
  cancel: () => flight?.abort(),
  sample: () => load(JSON.stringify(config.sample ?? {}, null, 2)),
  last: () => load((kept("calls") ?? [])[0]?.body ?? ""),
  curl: (button) => copy(curl(config.url, body(), config.secured), button),
  python: (button) => copy(python(config.url, body(), config.secured), button),
};
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) acts[button.dataset.act](button);
  const view = event.target.closest("[data-view]");
  if (view && view.dataset.view !== shown) show(view.dataset.view);
  const answer = event.target.closest("[data-answer]");
  if (answer) read((look = answer.dataset.answer));
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    send();
  } else if (event.key === "Escape" && flight) flight.abort();
}, true);
find("file").addEventListener("change", (event) => {
  if (event.target.files[0]) readFile(event.target.files[0]);
  event.target.value = "";
});

editor.text = kept("draft") ?? JSON.stringify(config.sample ?? {}, null, 2);
if (withForm) show("form");
else show("json");
listCalls();
listExamples().catch(() => {});
