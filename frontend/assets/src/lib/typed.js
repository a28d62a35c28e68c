// What was typed survives signing in again, a page of an error, and the Back button: the browser keeps none of our pages.
import { say } from "./say.js";

const KEY = "modelport-typed";
const HOUR = 3600_000;
const LEFT_OUT = ["hidden", "file", "password", "submit", "button"];
const here = () => location.pathname + location.search;
const choice = (field) => field.type === "checkbox" || field.type === "radio";
const fields = (form) => [...form.elements].filter((field) => field.name && field.type && !LEFT_OUT.includes(field.type));

export function keep(form) {
  const values = fields(form).map((field) => [field.name, field.value, choice(field) ? field.checked : null]);
  // What is kept here need not be kept on the server as well.
  if (write({ page: here(), at: Date.now(), values })) form.querySelector("[name=typed-by]")?.remove();
}

function write(kept) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
    return true;
  } catch {
    // More than the browser keeps: what was there before must not come back in its place.
    sessionStorage.removeItem(KEY);
    return false;
  }
}

// Asked once a page, before other scripts look at the fields.
export function bringBack() {
  const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (!kept || Date.now() - kept.at > HOUR) return;
  if (document.querySelector("[data-interrupted]")) {
    // The sign-in page that stands in the form's place, or the page of an error that did.
    const next = new URLSearchParams(location.search).get("next");
    if (kept.page === next || kept.page === here()) write({ ...kept, interrupted: true });
    return;
  }
  const form = document.querySelector("form[data-guard]");
  const back = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  // A form that the portal shows again has its values, and says what is wrong with them.
  if (!form || kept.page !== here() || !(kept.interrupted || back) || document.querySelector("[data-focus]")) return;
  restore(form, kept.values);
  write({ ...kept, interrupted: false });
  say(document.getElementById("said").dataset.typed);
}

function restore(form, values) {
  const left = [...values];
  for (const field of fields(form)) {
    const at = left.findIndex(([name, value, checked]) => name === field.name && (checked === null || value === field.value));
    if (at < 0) continue;
    const [[, value, checked]] = left.splice(at, 1);
    if (checked === null) field.value = value;
    else field.checked = checked;
  }
  form.dispatchEvent(new Event("input", { bubbles: true }));
}
