// The manifest form: checked by the server while one writes, kept as a draft, its schema shown as a grid.
import { columnsOf, Grid } from "./lib/manifest/grid.js";
import { restCall } from "./lib/manifest/call.js";
import { say } from "./lib/say.js";

const form = document.querySelector("form[data-manifest]");
const words = JSON.parse(document.getElementById("words").content.textContent);
const t = (key, values = {}) => Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), words[key]);
const base = form.dataset.manifest;
const fields = ["driver", "schema", "sample", "dependencies"];

async function send(method, address, body) {
  const answer = await fetch(base + address, {
    method,
    headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

const models = () => [...form.querySelectorAll("input[name=models]:checked")].map((box) => box.value);
const text = (name) => form.elements[name].value;

function write(name, value) {
  const area = form.elements[name];
  area.value = value;
  area.dispatchEvent(new CustomEvent("set", { detail: value }));
}

// --- checks -----------------------------------------------------------------

function recipe() {
  const said = Object.fromEntries(fields.map((name) => [name, text(name)]));
  return { ...said, runtime: text("runtime"), models: models(), uploadSet: text("upload_set") || null };
}

function show(checked) {
  const byField = group(checked.problems);
  for (const list of form.querySelectorAll("[data-problems]")) {
    const found = byField[list.dataset.problems] ?? [];
    list.replaceChildren(...found.map((problem) => line(list.dataset.problems, problem)));
    form.elements[list.dataset.problems]?.dispatchEvent?.(new CustomEvent("diagnose", { detail: found.filter((one) => one.line) }));
  }
  for (const part of form.querySelectorAll("[data-part]")) {
    const key = part.dataset.part;
    const names = key === "schema" ? ["schema", "sample"] : [key];
    const found = names.flatMap((name) => byField[name] ?? []);
    const errors = found.filter((one) => one.level === "error").length;
    const hints = found.length - errors;
    const filled = key === "models" ? models().length : key === "files" ? text("upload_set") : names.some((name) => text(name).trim());
    const state = part.querySelector(".part-state");
    state.className = `part-state ${errors ? "part-bad" : hints ? "part-warn" : filled ? "part-good" : ""}`;
    if (errors) state.textContent = `✕ ${errors === 1 ? t("problem") : t("problems", { n: errors })}`;
    else if (hints) state.textContent = `! ${hints === 1 ? t("advice") : t("advices", { n: hints })}`;
    else state.textContent = filled ? `✓ ${t("good")}` : t("empty");
  }
  form.querySelector("[data-files]").replaceChildren(
    ...checked.files.map((file) => {
      const item = document.createElement("li");
      item.textContent = file.source ? `${file.path}  (${file.source})` : file.path;
      return item;
    }),
  );
  document.getElementById("rest-call").textContent = restCall(location.origin + base, recipe(), text("name"), text("python"));
}

function group(problems) {
  const found = {};
  for (const one of problems) (found[one.field] ??= []).push(one);
  return found;
}

function line(name, problem) {
  const item = document.createElement("li");
  item.className = problem.level;
  if (!problem.line) {
    item.textContent = problem.message;
    return item;
  }
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = /line \d/.test(problem.message) ? problem.message : `${problem.line}: ${problem.message}`;
  button.addEventListener("click", () => form.elements[name].dispatchEvent(new CustomEvent("line", { detail: problem.line })));
  item.append(button);
  return item;
}

let asked = 0;
async function check() {
  asked += 1;
  const mine = asked;
  try {
    const checked = await send("POST", "check/", recipe());
    if (mine === asked) show(checked);
  } catch {
    // The next change asks again; the button says everything in the end.
  }
}

// --- drafts -----------------------------------------------------------------

let changed = false;
let saving = false;
async function save() {
  if (!changed || saving) return;
  [changed, saving] = [false, true];
  const names = ["name", "description", "python", "runtime", "proposed", "upload_set", ...fields];
  const content = { ...Object.fromEntries(names.map((name) => [name, text(name)])), models: models() };
  const said = form.querySelector("[data-saved]");
  try {
    const id = text("draft");
    const draft = id ? await send("PUT", `drafts/${id}/`, { content }).catch(() => send("POST", "drafts/", { content })) : await send("POST", "drafts/", { content });
    form.elements.draft.value = draft.id;
    history.replaceState(null, "", `?draft=${draft.id}`);
    said.textContent = t("saved", { time: new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) });
  } catch {
    changed = true;
    said.textContent = t("unsaved");
  }
  saving = false;
}

// --- the grid over the schema -------------------------------------------------

const grid = new Grid(form.querySelector("[data-grid]"), t, (schema) => write("schema", schema));
form.querySelector("[data-make-schema]").addEventListener("click", async () => {
  if (!text("sample").trim()) return;
  const { schema, problems } = await send("POST", "check/", { ...recipe(), schema: "" });
  if (!schema) return show({ problems, files: [] });
  write("sample", "");
  write("schema", schema);
  grid.show(columnsOf(schema));
});

let timer = 0;
form.addEventListener("input", (event) => {
  if (event.target.closest("[data-grid]")) return;
  changed = true;
  if (event.target.name === "schema") grid.show(columnsOf(text("schema")));
  clearTimeout(timer);
  timer = setTimeout(check, 600);
});
form.addEventListener("upload:stored", check);
setInterval(save, 5000);
form.addEventListener("submit", () => (saving = true));

// --- models that are found by their name ----------------------------------------

const search = form.elements.more_models;
function choose(name) {
  const boxes = [...form.querySelectorAll("input[name=models]")];
  let box = boxes.find((one) => one.value === name);
  if (!box) {
    const row = boxes[0].closest("label").parentElement.cloneNode(true);
    const label = row.querySelector("label");
    box = label.querySelector("input");
    box.id = `id_models_${boxes.length}`;
    box.value = name;
    label.htmlFor = box.id;
    label.replaceChildren(box, ` ${name}`);
    form.querySelector("[data-picks]").prepend(row);
  }
  box.checked = true;
  search.value = "";
  document.getElementById("found-models").replaceChildren();
  say(t("added", { name }));
  search.focus();
  form.dispatchEvent(new Event("input", { bubbles: true }));
}
document.getElementById("found-models")?.addEventListener("click", (event) => {
  const button = event.target.closest("[data-add-model]");
  if (button) choose(button.dataset.addModel);
});
// What was only looked for is not meant as a choice.
form.addEventListener("submit", () => {
  if (search && !/[:@]/.test(search.value)) search.value = "";
});

grid.show(columnsOf(text("schema")));
check();
