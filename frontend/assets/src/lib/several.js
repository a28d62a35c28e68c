// Choosing rows of a list: how many are chosen is said, all of the page at once, and with Shift all from the last one on.
const boxes = () => [...document.querySelectorAll("#results .pick")];
let last = null;

function tell() {
  const said = document.querySelector(".several-said");
  if (!said) return;
  const all = boxes();
  const count = all.filter((box) => box.checked).length;
  const words = count === 1 ? said.dataset.one : said.dataset.many.replace("{count}", count);
  if (said.textContent !== words) said.textContent = words;
  const whole = document.querySelector(".pick-all");
  if (whole) Object.assign(whole, { checked: count > 0 && count === all.length, indeterminate: count > 0 && count < all.length });
}

function choose(some, checked) {
  for (const box of some) box.checked = checked;
  tell();
}

export function setUp() {
  document.addEventListener("click", ({ target, shiftKey }) => {
    const button = target.closest("[data-pick]");
    if (button) choose(boxes(), button.dataset.pick === "all");
    if (!target.matches(".pick")) return;
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(target)].sort((a, b) => a - b);
    if (shiftKey && from >= 0) choose(all.slice(from, to + 1), target.checked);
    last = target;
  });
  document.addEventListener("change", ({ target }) => {
    if (target.matches(".pick-all")) choose(boxes(), target.checked);
    else if (target.matches(".pick")) tell();
  });
  const rest = (resting) => {
    for (const button of document.querySelectorAll("#several button[type=submit]")) button.disabled = resting;
  };
  // Pressed twice, it is sent once; the button that was pressed is still in what is sent.
  document.addEventListener("submit", ({ target }) => target.id === "several" && setTimeout(() => rest(true)));
  // A browser that goes back brings the chosen ones with it.
  addEventListener("pageshow", () => {
    rest(false);
    tell();
  });
}
