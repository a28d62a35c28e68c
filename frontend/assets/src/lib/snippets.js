// The present request as a command or a program; the key stays in $MODELPORT_KEY.
const quoted = (text) => `'${text.replace(/'/g, `'\\''`)}'`;
const compact = (body) => {
  try {
    return JSON.stringify(JSON.parse(body));
  } catch {
    return body;
  }
};

export function curl(url, body, secured) {
  const lines = [`curl ${quoted(url)}`, ...(secured ? ['-H "Authorization: Bearer $MODELPORT_KEY"'] : []), '-H "Content-Type: application/json"', `-d ${quoted(compact(body))}`];
  return lines.join(" \\\n  ");
}

export function python(url, body, secured) {
  // A JSON text in JSON's quotes is a Python text too.
  return [
    "import json",
    ...(secured ? ["import os"] : []),
    "import urllib.error",
    "import urllib.request",
    "",
    `body = ${JSON.stringify(compact(body))}`,
    "request = urllib.request.Request(",
    `    ${JSON.stringify(url)},`,
    "    data=body.encode(),",
    `    headers={"Content-Type": "application/json"${secured ? ', "Authorization": "Bearer " + os.environ["MODELPORT_KEY"]' : ""}},`,
    ")",
    "try:",
    "    with urllib.request.urlopen(request) as answer:",
    "        print(json.load(answer))",
    "except urllib.error.HTTPError as refused:",
    "    raise SystemExit(refused.read().decode())",
  ].join("\n");
}
