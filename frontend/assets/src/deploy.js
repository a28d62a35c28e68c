// The one-page deployment: a model that has arrived is looked at by itself, the address follows the name, calls carry the new key.
import { say } from "./lib/say.js";

const FILLED = ["name", "proposed", "driver", "schema", "sample", "dependencies", "runtime", "python"];
const form = document.querySelector("form[data-deploy]");

function write(field, value) {
  if (field.value === value) return;
  field.value = value;
  field.dispatchEvent(new CustomEvent("set", { detail: value }));
}

// The server's own page, asked for beside this one: what was chosen and typed here stays.
async function look() {
  const sent = new FormData(form);
  for (const input of form.querySelectorAll("input[type=file]")) sent.delete(input.name);
  sent.set("look", "1");
  const answer = await fetch(form.action, { method: "POST", body: sent });
  if (!answer.ok) return form.requestSubmit(form.querySelector("button[data-look]"));
  const shown = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = shown.getElementById("found");
  if (!found) return; // signed out meanwhile: the button says so
  document.getElementById("found")?.remove();
  form.querySelector("[data-found]").append(found);
  const there = shown.querySelector("[data-there]");
  form.querySelector("[data-there]").replaceChildren(...there.childNodes);
  say(`${found.querySelector("h2").textContent} ${form.querySelector("[data-there]").textContent}`.replace(/\s+/g, " ").trim());
  // Files of one's own say what the texts would.
  if (form.elements.driver_file.files.length) return;
  for (const name of FILLED) {
    const field = shown.querySelector(`form[data-deploy] [name=${name}]`);
    if (field) write(form.elements[name], field.value);
  }
  follow();
}

function follow() {
  form.querySelector("[data-name]").textContent = form.elements.name.value || "…";
}

if (form) {
  form.addEventListener("click", (event) => {
    const link = event.target.closest("[data-open]");
    if (link) document.getElementById(link.dataset.open).open = true;
  });
  form.elements.name.addEventListener("input", follow);
  // Under this name there may be a service already: looking again says so.
  form.elements.name.addEventListener("change", () => document.getElementById("found") && look());
  form.querySelector("[data-uploads]").addEventListener("upload:stored", look);
  // One's own scoring file goes with a schema of one's own, or with none.
  form.elements.driver_file.addEventListener("change", () => {
    if (form.elements.proposed.value) write(form.elements.schema, "");
  });
}

// The value of a new key stands on the page once: what is copied from here then runs as it is.
function fill() {
  const key = document.getElementById("key-primary")?.value;
  if (!key) return;
  const curl = document.getElementById("call-curl");
  if (!curl || !curl.textContent.includes("$MODELPORT_KEY")) return;
  curl.textContent = curl.textContent.replace("$MODELPORT_KEY", key);
  const copy = curl.closest(".snippet")?.querySelector("button[data-copy]");
  if (copy) copy.dataset.copy = curl.textContent;
  const said = document.querySelector("[data-keyless]");
  if (said) said.hidden = true;
}
fill();
document.addEventListener("htmx:afterSettle", fill);
