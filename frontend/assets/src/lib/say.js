// Says something to who listens to the page instead of looking at it.
export function say(text) {
  const region = document.getElementById("said");
  if (!region) return;
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50);
}
