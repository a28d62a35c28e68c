// Beside the form of a service: what it asks for in all, its URL, and the same as a command and a REST call.
const rail = document.querySelector("[data-service-form]");
const form = rail.parentElement.querySelector("form[data-guard]");
const group = rail.dataset.serviceForm;
const value = (name) => form.elements[name]?.value.trim() ?? "";
const quoted = (text) => (/^[\w.:@/-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`);
const UNITS = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12, ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30, ti: 2 ** 40 };

function cores(text) {
  const found = /^(\d+(?:\.\d+)?)(m?)$/.exec(text);
  return found ? Number(found[1]) / (found[2] ? 1000 : 1) : null;
}

function bytes(text) {
  const found = /^(\d+(?:\.\d+)?)\s*([kmgt]i?|)b?$/.exec(text.toLowerCase());
  return found ? Number(found[1]) * UNITS[found[2]] : null;
}

function show() {
  const name = rail.dataset.name || value("name") || "…";
  const replicas = Number(value("replicas")) || 1;
  const [cpu, memory] = [cores(value("cpu")), bytes(value("memory"))];
  const all = rail.querySelector("[data-sum=all]");
  const gigabytes = memory === null ? "?" : Number(((replicas * memory) / 2 ** 30).toFixed(2));
  const count = cpu === null ? "?" : Number((replicas * cpu).toFixed(2));
  all.textContent = `${count} ${count === 1 ? all.dataset.one : all.dataset.words} ${gigabytes} GiB`;
  rail.querySelector("[data-sum=url]").textContent = `${rail.dataset.gateway}/${group}/${name}/score`;
  const image = value("image");
  const words = ["modelport service", rail.dataset.name ? "update" : "create", "realtime", "-g", group, "-n", name];
  if (image) words.push("--image-id", image);
  words.push("-z", String(replicas), "--cpu", value("cpu"), "--memory", value("memory"), "--access", value("access"));
  if (value("environment")) words.push("--environment", value("environment"));
  document.getElementById("sum-cli").textContent = words.filter(Boolean).map((word, index) => (index ? quoted(word) : word)).join(" ");
  const body = { ...(rail.dataset.name ? {} : { name }), image, replicas, cpu: value("cpu"), memory: value("memory"), access: value("access") };
  const address = `/api/v1/groups/${group}/services/${rail.dataset.name ? `${name}/` : ""}`;
  document.getElementById("sum-rest").textContent = `${rail.dataset.name ? "PATCH" : "POST"} ${address}\n${JSON.stringify(body, null, 2)}`;
  for (const snippet of rail.querySelectorAll(".snippet")) snippet.querySelector("button.copy").dataset.copy = snippet.querySelector("code").textContent;
}

form.addEventListener("input", show);
show();
