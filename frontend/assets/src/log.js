// Appends an operation's log as it is written, one fold a step; follows the end unless one has scrolled up.
const MOST_LINES = 5000;

for (const box of document.querySelectorAll("[data-log]")) {
  const follow = document.querySelector("[data-follow]");
  const fresh = document.querySelector("[data-fresh]");
  let unseen = 0;
  let lines = box.querySelectorAll("li").length;

  const toEnd = () => {
    box.scrollTop = box.scrollHeight;
    unseen = 0;
    fresh.hidden = true;
  };
  box.addEventListener("scroll", () => {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    follow.checked = atEnd;
    if (atEnd) toEnd();
  });
  follow.addEventListener("change", () => follow.checked && toEnd());
  fresh.addEventListener("click", () => {
    follow.checked = true;
    toEnd();
  });

  const listOf = (step) => {
    let list = box.querySelector(`[data-step="${step.order}"] ol`);
    if (list) return list;
    const fold = document.createElement("details");
    fold.open = true;
    fold.dataset.step = step.order;
    const title = document.createElement("summary");
    title.textContent = step.title;
    list = document.createElement("ol");
    fold.append(title, list);
    box.append(fold);
    box.querySelector("[data-none]")?.remove();
    return list;
  };

  const source = new EventSource(box.dataset.log);
  source.onmessage = (event) => {
    const part = JSON.parse(event.data);
    const list = listOf(part);
    for (const line of part.lines) {
      const item = document.createElement("li");
      item.textContent = line;
      list.append(item);
      lines += 1;
    }
    while (lines > MOST_LINES) {
      box.querySelector("li").remove();
      lines -= 1;
    }
    unseen += part.lines.length;
    if (follow.checked) toEnd();
    else {
      fresh.hidden = false;
      fresh.textContent = `${unseen} new ${unseen === 1 ? "line" : "lines"}`;
    }
    const status = document.getElementById("log-status");
    if (status) status.textContent = `${part.title}: ${part.lines.at(-1) ?? ""}`.slice(0, 160);
  };
  source.addEventListener("end", () => {
    source.close();
    document.body.dispatchEvent(new CustomEvent("log-ended"));
  });
  if (follow.checked) toEnd();
}
