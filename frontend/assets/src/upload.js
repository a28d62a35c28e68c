// Forms with a drop zone: sends chosen files into an upload set while the form is filled in; the form waits for them.
import { Returning } from "./lib/uploads/returning.js";
import { Uploader } from "./lib/uploads/uploader.js";
import { percent, t } from "./lib/uploads/words.js";

const everyone = [];
for (const form of document.querySelectorAll("form")) {
  const uploaders = [...form.querySelectorAll("[data-uploads]")].map((box) => new Uploader(box));
  if (!uploaders.length) continue;
  for (const uploader of uploaders) new Returning(uploader);
  everyone.push(...uploaders);
  let ready = false;
  let sending = false;
  form.addEventListener("submit", async (event) => {
    // Without files to send it is an ordinary form; one that is submitted again before this event has ended would not be sent at all.
    if (ready || !uploaders.some((uploader) => uploader.waiting)) return;
    event.preventDefault();
    event.stopPropagation();
    if (sending) return;
    sending = true;
    const button = event.submitter;
    const words = button?.innerHTML;
    if (button) button.disabled = true;
    const count = setInterval(() => {
      const all = uploaders.flatMap((uploader) => uploader.all);
      const [sent, size] = ["sent", "size"].map((key) => all.reduce((sum, entry) => sum + entry[key], 0));
      if (button) button.textContent = t("uploading", { n: percent(sent, size) });
    }, 250);
    for (const uploader of uploaders) uploader.each((entry) => ["paused", "failed"].includes(entry.state), "resume");
    const good = (await Promise.all(uploaders.map((uploader) => uploader.settled()))).every(Boolean);
    clearInterval(count);
    sending = false;
    if (button) {
      button.disabled = false;
      button.innerHTML = words;
    }
    if (good) {
      ready = true;
      form.requestSubmit(button);
    } else {
      for (const uploader of uploaders) uploader.redraw();
      form.querySelector(".upload.failed button, .upload[data-state=missing] button")?.focus();
    }
  });
  addEventListener("beforeunload", (event) => !ready && uploaders.some((uploader) => uploader.moving) && event.preventDefault());
}

// Signed out in the middle: what arrived stays; after signing in, in another tab, it goes on.
const dialog = document.querySelector("dialog[data-signed-out]");
document.addEventListener("upload:signedout", () => dialog && !dialog.open && dialog.showModal());
dialog?.querySelector("[data-go-on]").addEventListener("click", async () => {
  if (await everyone[0].portal.renew()) {
    dialog.close();
    for (const uploader of everyone) uploader.each((entry) => entry.state === "failed", "retry");
  } else dialog.querySelector("[data-still]").hidden = false;
});

// The name and the framework are proposed from the files; what somebody typed stays.
document.addEventListener("upload:chosen", (event) => {
  const name = event.target.closest("form").querySelector("input[data-propose]");
  if (!name || name.value) return;
  const first = event.detail.path.split("/")[0].replace(/\.[^.]+$/, "").toLowerCase().replace(/[^a-z0-9.-]+/g, "-");
  const proposed = first.replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "").slice(0, 32).replace(/[^a-z0-9]+$/, "");
  if (proposed.length < 3) return;
  name.value = proposed;
  name.dispatchEvent(new Event("input", { bubbles: true }));
});
document.addEventListener("upload:recognised", (event) => {
  const framework = event.target.closest("form").querySelector("input[name$=framework]");
  if (framework && !framework.value) framework.value = event.detail.framework;
});
