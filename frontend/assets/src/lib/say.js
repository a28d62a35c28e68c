// Says something to who looks at the page and to who listens to it.
let timer = 0;

export function say(text) {
  const region = document.getElementById("said");
  if (!region) return;
  region.textContent = "";
  clearTimeout(timer);
  setTimeout(() => (region.textContent = text), 50);
  timer = setTimeout(() => (region.textContent = ""), 3000);
}
