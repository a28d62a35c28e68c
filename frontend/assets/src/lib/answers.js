// An answer as people read it. Everything is text: what a service says never becomes markup.
const MOST_ROWS = 1000;
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const scalar = (value) => value === null || typeof value !== "object";
const text = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

// Score files often answer with JSON inside of a JSON text.
export function decoded(body) {
  let value;
  try {
    value = JSON.parse(body);
  } catch {
    return { found: false };
  }
  if (typeof value === "string") {
    try {
      const inner = JSON.parse(value);
      if (!scalar(inner)) return { found: true, value: inner, twice: true };
    } catch {
      // It is a text.
    }
  }
  return { found: true, value, twice: false };
}

// {names, rows} when the value is tabular, else null.
export function tabular(value) {
  if (Array.isArray(value) && value.length) {
    if (value.every((row) => row && !scalar(row) && !Array.isArray(row) && Object.values(row).every(scalar))) {
      const names = [...new Set(value.flatMap(Object.keys))];
      return { names, rows: value.map((row) => names.map((name) => row[name])) };
    }
    if (value.every((row) => Array.isArray(row) && row.every(scalar))) {
      const width = Math.max(...value.map((row) => row.length));
      return { names: [...Array(width).keys()].map((place) => String(place + 1)), rows: value };
    }
    if (value.every(scalar)) return { names: [""], rows: value.map((one) => [one]) };
  }
  if (value && !scalar(value) && !Array.isArray(value)) {
    const columns = Object.values(value);
    if (columns.length && columns.every((column) => Array.isArray(column) && column.length === columns[0].length && column.every(scalar)) && columns[0].length)
      return { names: Object.keys(value), rows: columns[0].map((_, index) => columns.map((column) => column[index])) };
    if (columns.length === 1 && Array.isArray(columns[0])) return tabular(columns[0]);
  }
  return null;
}

export function table({ names, rows }, label) {
  const head = make("tr", {}, make("th", { scope: "col", textContent: "#" }), ...names.map((name) => make("th", { scope: "col", textContent: name || label })));
  const body = rows.slice(0, MOST_ROWS).map((row, index) => make("tr", {}, make("td", { className: "text-secondary", textContent: index + 1 }), ...row.map((cell) => make("td", { textContent: text(cell) }))));
  const box = make("div", { className: "table-responsive tall", tabIndex: 0 }, make("table", { className: "table" }, make("caption", { className: "visually-hidden", textContent: label }), make("thead", {}, head), make("tbody", {}, ...body)));
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", label);
  return box;
}

export function tree(value, name = "", depth = 0) {
  const title = name === "" ? [] : [make("span", { className: "tok-propertyName", textContent: `${name}: ` })];
  if (scalar(value)) {
    const kind = { string: "tok-string", number: "tok-number", boolean: "tok-bool" }[typeof value] ?? "tok-atom";
    return make("div", { className: "leaf" }, ...title, make("span", { className: kind, textContent: JSON.stringify(value) }));
  }
  const entries = Object.entries(value);
  const count = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  const fold = make("details", { open: depth < 2 }, make("summary", {}, ...title, count));
  const fill = () => fold.append(...entries.slice(0, MOST_ROWS).map(([key, each]) => tree(each, key, depth + 1)));
  if (fold.open) fill();
  else fold.addEventListener("toggle", fill, { once: true });
  return fold;
}
