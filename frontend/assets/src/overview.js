// A service's overview: puts a session key into the calls that are there to be pasted.
const button = document.getElementById("put-key");
const note = document.getElementById("put-key-note");
const PLACES = /" \+ os\.environ\["MODELPORT_KEY"\]|\$\{process\.env\.MODELPORT_KEY\}|\$env:MODELPORT_KEY|\$MODELPORT_KEY/g;
const calls = [...document.querySelectorAll(".snippets .snippet")].map((box) => {
  const code = box.querySelector("code");
  return { code, copy: box.querySelector("[data-copy]"), text: code.textContent };
});

async function put() {
  const token = document.querySelector("input[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(button.dataset.url, { method: "POST", headers: { "X-CSRFToken": token, Accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message);
  for (const { code, copy, text } of calls) {
    // Python adds the key to a text that ends before it.
    code.textContent = text.replace(PLACES, (place) => (place.startsWith('"') ? `${body.value}"` : body.value));
    copy.dataset.copy = code.textContent;
  }
}

button?.addEventListener("click", async () => {
  button.disabled = true;
  try {
    await put();
    note.textContent = button.dataset.done;
  } catch (error) {
    note.textContent = error.message;
  }
  button.disabled = false;
});
