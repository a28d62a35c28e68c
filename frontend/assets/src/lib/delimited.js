// Cells of a spreadsheet or a CSV file, and values of a column's type.
export function cells(text) {
  const line = text.slice(0, text.search(/\r?\n|$/));
  const mark = ["\t", ";", ","].map((one) => [line.split(one).length, one]).sort((a, b) => b[0] - a[0])[0];
  const separator = mark[0] > 1 ? mark[1] : ",";
  const rows = [[""]];
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    const row = rows.at(-1);
    if (quoted) {
      if (character !== '"') row[row.length - 1] += character;
      else if (text[index + 1] === '"') row[row.length - 1] += text[(index += 1)];
      else quoted = false;
    } else if (character === '"' && row.at(-1) === "") quoted = true;
    else if (character === separator) row.push("");
    else if (character === "\n") rows.push([""]);
    else if (character !== "\r") row[row.length - 1] += character;
  }
  if (rows.at(-1).length === 1 && rows.at(-1)[0] === "") rows.pop();
  return rows;
}

export const typesOf = (schema) => [schema?.type ?? []].flat();
export const nullable = (schema) => typesOf(schema).includes("null") || (schema?.anyOf ?? []).some((one) => one.type === "null");
export const plain = (schema) => (schema?.anyOf ? { ...schema, ...schema.anyOf.find((one) => one.type !== "null") } : schema ?? {});

// What was typed or pasted -> a value of the schema's type; text that does not fit stays text, so that the check can say so.
export function valueOf(text, schema) {
  const types = typesOf(plain(schema));
  if (text === "" && nullable(schema)) return null;
  if (text === "" && !types.includes("string")) return undefined;
  if (types.includes("integer") || types.includes("number")) {
    const found = Number(text.trim());
    return Number.isNaN(found) ? text : found;
  }
  if (types.includes("boolean")) {
    const word = text.trim().toLowerCase();
    return ["true", "yes", "1"].includes(word) ? true : ["false", "no", "0"].includes(word) ? false : text;
  }
  return text;
}
