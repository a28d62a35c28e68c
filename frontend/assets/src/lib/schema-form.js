// A form from a JSON Schema: tables for lists of records and of numbers, fields for single values, JSON text for the rest.
import { cells, nullable, plain, typesOf, valueOf } from "./delimited.js";

const MOST_ROWS = 1000;
const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const escape = (name) => String(name).replace(/~/g, "~0").replace(/\//g, "~1");

function input(schema, value, pointer, label) {
  const kind = plain(schema);
  const types = typesOf(kind);
  const choices = kind.enum ?? (types.includes("boolean") ? [true, false] : null);
  const shown = value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
  let field;
  if (choices) {
    field = make("select", { className: "form-select" }, ...(nullable(schema) || shown === "" ? [make("option", { value: "", textContent: "" })] : []));
    field.append(...choices.filter((one) => one !== null).map((one) => make("option", { value: String(one), textContent: String(one) })));
  } else {
    field = make("input", { className: "form-control", type: "text", autocomplete: "off", spellcheck: false });
    if (types.includes("integer")) field.inputMode = "numeric";
    else if (types.includes("number")) field.inputMode = "decimal";
    if (kind.format) field.placeholder = kind.format === "date-time" ? "2026-05-03T14:00:00" : kind.format === "date" ? "2026-05-03" : "";
    if (nullable(schema)) field.placeholder ||= "null";
  }
  field.value = shown;
  field.dataset.pointer = pointer;
  field.setAttribute("aria-label", label);
  field.read = () => (choices ? (field.value === "" ? null : choices.find((one) => String(one) === field.value)) : valueOf(field.value, schema));
  return field;
}

// How a list can be a table: named columns of records, or numbered ones of rows of numbers.
function columnsOf(schema, sample) {
  const item = plain(plain(schema).items);
  if (typesOf(item).includes("object") && item.properties) return { names: Object.keys(item.properties), schema: (name) => item.properties[name] };
  if (typesOf(item).includes("array")) {
    const count = item.minItems ?? sample?.[0]?.length ?? 1;
    if (count <= 100 && !typesOf(plain(item.items)).includes("array")) return { names: [...Array(count).keys()], schema: () => item.items, rows: true };
  }
  if (["integer", "number", "string", "boolean"].some((one) => typesOf(item).includes(one))) return { names: [0], schema: () => item, flat: true };
  return null;
}

export class SchemaForm {
  // `root` is filled; `changed` is called after each change of a person's.
  constructor(root, schema, words, changed) {
    Object.assign(this, { root, schema, words, changed });
    this.parts = new Map();
    this.tables = [];
  }

  static fits(schema) {
    return typesOf(schema).includes("object") && Object.keys(schema.properties ?? {}).length > 0;
  }

  show(value) {
    this.parts.clear();
    this.tables = [];
    this.root.replaceChildren();
    for (const [name, schema] of Object.entries(this.schema.properties)) this.root.append(this.part(name, schema, value?.[name]));
    this.root.oninput = this.changed;
  }

  read() {
    const found = {};
    for (const [name, read] of this.parts) {
      const value = read();
      if (value !== undefined) found[name] = value;
    }
    return found;
  }

  part(name, schema, value) {
    const kind = plain(schema);
    const title = make("legend", { className: "form-label", textContent: name });
    const box = make("fieldset", { className: "part" }, title);
    const columns = typesOf(kind).includes("array") ? columnsOf(kind, value) : null;
    if (columns) {
      box.append(this.table(name, columns, Array.isArray(value) ? value : []));
    } else if (!typesOf(kind).includes("object") && !typesOf(kind).includes("array") && typesOf(kind).length) {
      const field = input(schema, value, `/${escape(name)}`, name);
      this.parts.set(name, field.read);
      box.append(field);
    } else {
      const area = make("textarea", { className: "form-control code", rows: 6, spellcheck: false, value: value === undefined ? "" : JSON.stringify(value, null, 1) });
      area.dataset.pointer = `/${escape(name)}`;
      area.setAttribute("aria-label", name);
      this.parts.set(name, () => {
        if (area.value.trim() === "") return undefined;
        try {
          return JSON.parse(area.value);
        } catch {
          return area.value;
        }
      });
      box.append(area);
    }
    return box;
  }

  table(name, columns, rows) {
    const body = make("tbody");
    const title = (column) => (columns.flat ? name : columns.rows ? String(column + 1) : column);
    const heads = columns.names.map((column) => {
      const kind = plain(columns.schema(column));
      return make("th", { scope: "col" }, String(title(column)), make("span", { className: "kind", textContent: kind.format ?? typesOf(kind)[0] ?? "" }));
    });
    const cellOf = (row, column) => (columns.flat ? row : row?.[column]);
    const add = (row) => {
      const line = make("tr");
      for (const column of columns.names) line.append(make("td", {}, input(columns.schema(column), cellOf(row, column), "", String(title(column)))));
      const remove = make("button", { type: "button", className: "btn btn-sm btn-ghost-secondary", textContent: "×" });
      remove.setAttribute("aria-label", this.words.removeRow);
      remove.onclick = () => {
        line.remove();
        number();
        this.changed();
      };
      line.append(make("td", {}, remove));
      body.append(line);
      return line;
    };
    const number = () =>
      [...body.rows].forEach((line, index) =>
        columns.names.forEach((column, place) => {
          const field = line.cells[place].firstChild;
          field.dataset.pointer = `/${escape(name)}/${index}${columns.flat ? "" : `/${escape(column)}`}`;
          field.setAttribute("aria-label", `${title(column)}, ${this.words.row} ${index + 1}`);
        }),
      );
    const paste = (text, from = 0, at = 0) => {
      let found = cells(text);
      let places = columns.names.map((_, place) => place + at);
      const names = columns.names.map(String);
      if (found.length && found[0].filter((cell) => names.includes(cell.trim())).length >= Math.max(1, Math.ceil(found[0].length / 2))) {
        places = found[0].map((cell) => names.indexOf(cell.trim()));
        found = found.slice(1);
      }
      found.slice(0, MOST_ROWS - from).forEach((row, index) => {
        const line = body.rows[from + index] ?? add({});
        row.forEach((cell, place) => {
          const field = line.cells[places[place]]?.firstChild;
          if (places[place] >= 0 && field?.dataset) field.value = cell.trim();
        });
      });
      number();
      this.changed();
    };
    body.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text");
      if (!/[\t\n]/.test(text.trim())) return;
      event.preventDefault();
      const cell = event.target.closest("td");
      paste(text, cell.parentElement.sectionRowIndex, cell.cellIndex);
    });
    for (const row of rows.slice(0, MOST_ROWS)) add(row);
    number();
    this.parts.set(name, () =>
      [...body.rows].map((line) => {
        const values = columns.names.map((column, place) => [column, line.cells[place].firstChild.read()]);
        if (columns.flat) return values[0][1];
        if (columns.rows) return values.map(([, value]) => value);
        return Object.fromEntries(values.filter(([, value]) => value !== undefined));
      }),
    );
    this.tables.push({ name, paste: (text) => (body.replaceChildren(), paste(text)), records: columns.flat || columns.rows ? null : columns.names });
    const more = make("button", { type: "button", className: "btn btn-sm btn-outline-secondary", textContent: this.words.addRow });
    more.onclick = () => {
      const line = add({});
      number();
      line.cells[0].firstChild.focus();
      this.changed();
    };
    const scroller = make("div", { className: "table-responsive try-rows", tabIndex: 0 });
    scroller.setAttribute("role", "region");
    scroller.setAttribute("aria-label", name);
    const head = make("thead", {}, make("tr", {}, ...heads, make("td")));
    scroller.append(make("table", { className: "table" }, make("caption", { className: "visually-hidden", textContent: name }), head, body));
    return make("div", {}, scroller, more, make("span", { className: "form-hint", textContent: ` ${this.words.pasteHint}` }));
  }

  // [{pointer, message}]: each at its field; answers those that have no field here.
  mark(faults) {
    for (const field of this.root.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.classList.remove("is-invalid");
      field.title = "";
    }
    return faults.filter(({ pointer, message }) => {
      let at = pointer;
      let field = null;
      while (at && !field) {
        field = [...this.root.querySelectorAll("[data-pointer]")].find((one) => one.dataset.pointer === at);
        at = at.slice(0, at.lastIndexOf("/"));
      }
      if (!field) return true;
      field.setAttribute("aria-invalid", "true");
      field.classList.add("is-invalid");
      field.title = message;
      return false;
    });
  }
}
