// The columns of a table in a schema file, as rows that one can change. The schema's text stays the truth.

// kind of column -> [dtype, dtype when it may be empty]
const TYPES = {
  number: ["float64", "Float64"],
  integer: ["int64", "Int64"],
  boolean: ["bool", "boolean"],
  text: ["text", "text"],
  datetime: ["datetime64[ns]", "datetime64[ns]"],
  object: ["object", "object"],
};
const ALWAYS = ["text", "object"]; // take null in any table

const kindOf = (dtype) => Object.keys(TYPES).find((kind) => TYPES[kind].includes(dtype)) ?? "";

// {schema, input, columns: [{name, dtype, example}]} of the only table in it; null when there is none.
export function columnsOf(text) {
  let schema;
  try {
    schema = JSON.parse(text);
  } catch {
    return null;
  }
  const inputs = Object.entries(schema?.input ?? {});
  const [name, entry] = inputs[0] ?? [];
  if (inputs.length !== 1 || entry?.type !== 3 || !Array.isArray(entry.internal?.columns)) return null;
  const row = entry.swagger?.example?.[0] ?? {};
  return { schema, input: name, columns: entry.internal.columns.map((one) => ({ ...one, example: row[one.name] })) };
}

function parsed(text, kind) {
  if (text === "") return null;
  if (kind === "number" || kind === "integer") return Number.isFinite(Number(text)) ? Number(text) : text;
  if (kind === "boolean") return text === "true";
  return text;
}

export class Grid {
  constructor(box, t, changed) {
    Object.assign(this, { box, t, changed, found: null });
    box.querySelector("[data-add-column]").addEventListener("click", () => {
      const number = this.found.columns.length + 1;
      this.found.columns.push({ name: `column_${number}`, dtype: "float64", example: 0 });
      this.draw();
      this.store();
      this.box.querySelector("tbody tr:last-child input").focus();
    });
  }

  show(found) {
    if (this.storing) return;
    this.found = found;
    this.box.hidden = !found;
    if (found) this.draw();
  }

  draw() {
    this.box.querySelector("tbody").replaceChildren(...this.found.columns.map((column) => this.row(column)));
  }

  row(column) {
    const row = document.createElement("tr");
    const kind = kindOf(column.dtype);
    const name = this.input("text", String(column.name), this.t("column", { n: this.found.columns.indexOf(column) + 1 }));
    const type = document.createElement("select");
    type.className = "form-select form-select-sm";
    type.setAttribute("aria-label", this.t("type", { name: column.name }));
    for (const one of kind ? Object.keys(TYPES) : ["", ...Object.keys(TYPES)]) type.add(new Option(one || column.dtype, one, false, one === kind));
    const empty = this.input("checkbox", "", this.t("may_be_empty", { name: column.name }));
    empty.className = "form-check-input";
    empty.checked = kind !== "" && (TYPES[kind][1] === column.dtype || column.example === null);
    empty.disabled = !kind || ALWAYS.includes(kind);
    const example = this.input("text", column.example ?? "", this.t("example", { name: column.name }));
    const remove = document.createElement("button");
    remove.type = "button";
    remove.className = "btn btn-sm btn-ghost-secondary";
    remove.textContent = "✕";
    remove.setAttribute("aria-label", this.t("remove", { name: column.name }));
    remove.addEventListener("click", () => {
      this.found.columns.splice(this.found.columns.indexOf(column), 1);
      this.draw();
      this.store();
    });
    const store = () => {
      const chosen = type.value;
      column.name = name.value;
      if (chosen) column.dtype = TYPES[chosen][empty.checked ? 1 : 0];
      empty.disabled = !chosen || ALWAYS.includes(chosen);
      column.example = parsed(example.value, chosen);
      this.store();
    };
    for (const part of [name, type, empty, example]) part.addEventListener("change", store);
    for (const part of [name, type, empty, example, remove]) row.insertCell().append(part);
    return row;
  }

  input(type, value, label) {
    const input = document.createElement("input");
    Object.assign(input, { type, value, className: "form-control form-control-sm" });
    input.setAttribute("aria-label", label);
    return input;
  }

  // The text is written anew; what the swagger part says of the columns is made by the server from these.
  store() {
    const { schema, input, columns } = this.found;
    const entry = schema.input[input];
    entry.internal.columns = columns.map(({ name, dtype }) => ({ name, dtype }));
    entry.swagger = { ...entry.swagger, example: [Object.fromEntries(columns.map(({ name, example }) => [name, example ?? null]))] };
    this.storing = true;
    this.changed(JSON.stringify(schema, null, 2));
    this.storing = false;
  }
}
