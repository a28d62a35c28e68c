// The one-page deployment: a chosen model is looked at by itself, the address follows the name, calls carry the new key.
const form = document.querySelector("form[data-deploy]");
if (form) {
  const look = form.querySelector("button[data-look]");
  const model = form.querySelector("[data-uploads]");
  model?.addEventListener("upload:chosen", () => setTimeout(() => form.requestSubmit(look)));

  const name = form.querySelector("input[name=name]");
  const shown = form.querySelector("[data-name]");
  name.addEventListener("input", () => (shown.textContent = name.value || "…"));

  if (document.getElementById("found")) document.getElementById("found").focus();
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
