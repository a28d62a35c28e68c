// Numbers and colours as charts write them.
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function number(value) {
  if (value === null || value === undefined) return "";
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(digits)));
}

export function bytes(value) {
  let unit = 0;
  let size = value ?? 0;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${number(size)} ${UNITS[unit]}`;
}

// Lines are told apart by their dashes too, not by colour alone.
export const dash = (index) => [undefined, [6, 3], [2, 2], [8, 3, 2, 3]][index % 4];

// The value of a CSS colour as a canvas understands it, whatever it is mixed from.
const probe = document.createElement("span");

function resolved(text) {
  probe.style.color = text;
  if (!probe.isConnected) document.body.append(probe);
  return getComputedStyle(probe).color;
}

export const colour = (name) => resolved(`var(${name})`);
export const mixed = (name, percent) => resolved(`color-mix(in srgb, var(${name}) ${percent}%, var(--tblr-bg-surface))`);
