// A table that is wider than its box says so at the edge where it goes on: many screens show no scroll bar until one scrolls.
const BOXES = ".table-responsive";

function mark(box) {
  box.toggleAttribute("data-more", box.scrollWidth - box.clientWidth - box.scrollLeft > 1);
}

export function setUp() {
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => mark(entry.target.closest(BOXES) ?? entry.target)));
  const watch = () => {
    sizes.disconnect(); // what was swapped out is let go
    for (const box of document.querySelectorAll(BOXES)) {
      sizes.observe(box);
      if (box.firstElementChild) sizes.observe(box.firstElementChild);
    }
  };
  watch();
  document.addEventListener("htmx:afterSettle", watch);
  // Scrolling does not bubble.
  document.addEventListener("scroll", (event) => event.target.matches?.(BOXES) && mark(event.target), { capture: true, passive: true });
}
