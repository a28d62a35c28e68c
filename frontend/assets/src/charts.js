// The metrics tab: uPlot over columns that the page brings along; cursors move together, dragging zooms all by the address.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { bytes, colour, dash, mixed, number } from "./lib/plotting.js";

const config = JSON.parse(document.getElementById("chart-config").textContent);
const words = config.words;
let data = finished(config.data);
let plots = [];

// The step that still runs would look like a fall.
function finished(found) {
  if (found.times.length < 3 || found.times.at(-1) + found.step <= Date.now() / 1000) return found;
  const cut = (value) => (Array.isArray(value) && value.length === found.times.length ? value.slice(0, -1) : value);
  const each = (columns) => Object.fromEntries(Object.entries(columns).map(([name, value]) => [name, cut(value)]));
  return {
    ...each(found),
    ...Object.fromEntries(["calls", "latencyMs", "bytes", "replicas"].map((name) => [name, each(found[name])])),
    usage: found.usage.map(each),
    previous: found.previous && { ...each(found.previous), latencyMs: each(found.previous.latencyMs) },
  };
}

// What each chart draws: [{label, values, colour, fill, dash, stepped}], from the columns.
const replicaColours = ["--portal-blue", "--portal-green", "--portal-yellow", "--portal-red", "--portal-grey"];
const each = (name, limit) => {
  const lines = data.usage.map((one, index) => ({
    label: `r${one.revision} …${one.replica.slice(-6)}`,
    values: one[name],
    colour: replicaColours[index % replicaColours.length],
    dash: dash(Math.floor(index / replicaColours.length)),
  }));
  const limits = [...new Set(data.usage.map((one) => one[limit]).filter((value) => value !== null))];
  for (const value of limits) lines.push({ label: words.limit, values: data.times.map(() => value), colour: "--portal-grey", dash: [2, 4] });
  return lines;
};
// The time before: the same steps earlier, a thin dashed line over the present ones.
const earlier = (label, values) =>
  data.previous ? [{ label, values: data.times.map((_, index) => values(data.previous)[index] ?? null), colour: "--portal-grey", dash: [3, 4] }] : [];
const load = () =>
  ["running", "waiting"].map((name, index) => ({
    label: words[name],
    values: data.times.map((_, place) => {
      const told = data.usage.map((one) => one[name][place]).filter((value) => value !== null);
      return told.length ? told.reduce((sum, value) => sum + value, 0) : null;
    }),
    colour: index ? "--portal-yellow" : "--portal-blue",
    dash: dash(index),
  }));
const rate = (name) => data.calls[name].map((count) => count / data.step);
const CHARTS = {
  calls: () => [
    { label: words.answered, values: rate("2xx"), colour: "--portal-green", fill: true, stacked: true },
    { label: words.refused, values: rate("4xx"), colour: "--portal-yellow", fill: true, stacked: true, dash: [6, 3] },
    { label: words.failed, values: rate("5xx"), colour: "--portal-red", fill: true, stacked: true, dash: [2, 2] },
    ...earlier(words.callsBefore, (previous) => previous.calls.map((count) => count / data.step)),
  ],
  latency: () => [
    { label: "p50", values: data.latencyMs.p50, colour: "--portal-blue" },
    { label: "p95", values: data.latencyMs.p95, colour: "--portal-yellow", dash: [6, 3] },
    { label: "p99", values: data.latencyMs.p99, colour: "--portal-red", dash: [2, 2] },
    ...earlier(`p95, ${words.before}`, (previous) => previous.latencyMs.p95),
  ],
  errors: () => [
    { label: words.errors, values: data.errorPercent, colour: "--portal-red", fill: true },
    ...earlier(`${words.errors}, ${words.before}`, (previous) => previous.errorPercent),
  ],
  load,
  replicas: () => [
    { label: words.ready, values: data.replicas.ready, colour: "--portal-green", fill: true, stepped: true },
    { label: words.desired, values: data.replicas.desired, colour: "--portal-grey", dash: [4, 3], stepped: true },
  ],
  bytes: () => [
    { label: words.in, values: data.bytes.in.map((count) => count / data.step), colour: "--portal-blue" },
    { label: words.out, values: data.bytes.out.map((count) => count / data.step), colour: "--portal-green", dash: [6, 3] },
  ],
  cpu: () => each("cpu", "cpuLimit"),
  memory: () => each("memory", "memoryLimit"),
};
const formats = { bytes: (value) => bytes(value), "bytes/s": (value) => `${bytes(value)}/s`, "/s": number, ms: (value) => `${number(value)} ms`, "%": (value) => `${number(value)} %` };

// Where the lines of the grid may stand.
const POWERS = [...Array(41).keys()].map((power) => 2 ** power);
const STEPS = { bytes: POWERS, "bytes/s": POWERS, "": [1, 2, 5, 10, 20, 50, 100] };

function moment(second, days) {
  const at = new Date(second * 1000);
  const day = at.toLocaleDateString(undefined, { month: "short", day: "numeric" });
  const time = `${String(at.getHours()).padStart(2, "0")}:${String(at.getMinutes()).padStart(2, "0")}`;
  return time === "00:00" || days ? (time === "00:00" ? day : `${day} ${time}`) : time;
}

function stacked(lines) {
  // The lowest is drawn last, over the sums above it; the legend still says each line's own value.
  let below = data.times.map(() => 0);
  return lines.map((line) => (line.stacked ? (below = below.map((sum, index) => sum + (line.values[index] ?? 0))) : line.values));
}

function marks(plot) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = colour("--portal-blue");
  ctx.setLineDash([4, 4]);
  for (const mark of data.marks) {
    const x = Math.round(plot.valToPos(mark.at, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

let leaving = false; // the charts share one selection, and each of them tells of it: only the first goes, or it would be broken off by the next
addEventListener("pageshow", () => (leaving = false));

function zoom(plot) {
  if (leaving || plot.select.width < 8) return;
  leaving = true;
  const edge = (position) => Math.floor(plot.posToVal(position, "x") / 10) * 10;
  const from = edge(plot.select.left);
  go({ from, to: Math.max(edge(plot.select.left + plot.select.width), from + 60), range: "", step: "" });
}

function go(changes) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) value ? address.searchParams.set(name, value) : address.searchParams.delete(name);
  location.assign(address);
}

function draw(section) {
  const lines = CHARTS[section.dataset.chart]();
  const unit = section.dataset.unit;
  const write = formats[unit] ?? ((value) => `${number(value)}${unit ? ` ${unit}` : ""}`);
  const sums = lines.some((line) => line.stacked) ? stacked(lines) : lines.map((line) => line.values);
  const layers = lines.filter((line) => line.stacked).length;
  const order = lines.map((_, index) => (index < layers ? layers - 1 - index : index));
  const axis = { stroke: colour("--tblr-secondary-color"), grid: { stroke: colour("--tblr-border-color"), width: 1 }, ticks: { show: false } };
  const clock = (self, splits) => splits.map((second) => moment(second, data.times.at(-1) - data.times[0] > 2 * 86400));
  section.querySelector(".uplot")?.remove();
  const plot = new uPlot(
    {
      width: section.clientWidth - 24,
      height: 220,
      cursor: { sync: { key: "service" }, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
      legend: { live: true },
      scales: { y: { range: (self, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      axes: [{ ...axis, size: 32, values: clock }, { ...axis, size: 64, incrs: STEPS[unit], values: (self, values) => values.map(write) }],
      series: [
        { label: words.time, value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" },
        ...order.map((index) => ({
          label: lines[index].label,
          stroke: colour(lines[index].colour),
          fill: lines[index].fill ? mixed(lines[index].colour, lines[index].stacked ? 40 : 14) : undefined,
          dash: lines[index].dash,
          width: 1.75,
          paths: lines[index].stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
          points: { show: data.times.length < 40, filter: (self, at, all) => (all ? null : alone(self.data[at])) },
          value: (self, value, place, at) => (at === null || lines[index].values[at] == null ? "–" : write(lines[index].values[at])),
        })),
      ],
      hooks: { draw: [marks], setSelect: [zoom] },
    },
    [data.times, ...order.map((index) => sums[index])],
    section,
  );
  plot.over.addEventListener("dblclick", () => go({ from: "", to: "", range: "" }));
  return plot;
}

// Where a value stands between two gaps: no line leads there, so it needs a point to be seen at all.
function alone(values) {
  const found = [];
  values.forEach((value, at) => value != null && values[at - 1] == null && values[at + 1] == null && found.push(at));
  return found.length ? found : null;
}

function table(section) {
  const write = formats[section.dataset.unit] ?? number;
  const lines = CHARTS[section.dataset.chart]();
  const box = document.createElement("div");
  box.className = "table-responsive tall";
  box.tabIndex = 0;
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", section.querySelector("h2").textContent);
  const made = document.createElement("table");
  made.className = "table";
  const row = (parent, tag, cells) => {
    const line = parent.insertRow();
    for (const text of cells) line.appendChild(Object.assign(document.createElement(tag), { textContent: text }));
    if (tag === "th") for (const cell of line.cells) cell.scope = "col";
  };
  row(made.createTHead(), "th", [words.time, ...lines.map((line) => line.label)]);
  const body = made.createTBody();
  for (let index = data.times.length - 1; index >= 0; index -= 1) {
    const values = lines.map((line) => line.values[index]);
    row(body, "td", [new Date(data.times[index] * 1000).toLocaleString(), ...values.map((value) => (value == null ? "" : write(value)))]);
  }
  box.append(made);
  return box;
}

const sections = [...document.querySelectorAll("[data-chart]")];

function drawAll() {
  for (const plot of plots) plot.destroy();
  plots = sections.filter((section) => !section.querySelector(".table-responsive")).map(draw);
}

for (const section of sections) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm btn-ghost-secondary chart-twin", textContent: words.table });
  button.setAttribute("aria-label", `${words.table}: ${section.querySelector("h2").textContent}`);
  button.addEventListener("click", () => {
    const shown = section.querySelector(".table-responsive");
    if (shown) shown.remove();
    else section.append(table(section));
    button.textContent = shown ? words.table : words.chart;
    drawAll();
    if (!shown) section.querySelector(".uplot")?.remove();
  });
  section.querySelector("h2").after(button);
}
for (const time of document.querySelectorAll("time[data-epoch]")) time.textContent = new Date(time.dataset.epoch * 1000).toLocaleString();

drawAll();
document.addEventListener("themechange", drawAll);
new ResizeObserver(() => {
  for (const plot of plots) plot.setSize({ width: plot.root.parentElement.clientWidth - 24, height: 220 });
}).observe(document.getElementById("charts"));

// Own times: the fields count only once somebody has opened them.
document.querySelector(".chart-bar details")?.addEventListener("toggle", (event) => {
  if (!event.target.open) return;
  for (const field of event.target.querySelectorAll("input")) field.disabled = false;
  const range = document.querySelector(".chart-bar input[name=range]");
  if (range) range.disabled = true;
});

async function refresh() {
  if (document.hidden) return;
  const offline = document.getElementById("offline");
  try {
    const answer = await fetch(config.url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    data = finished(await answer.json());
    offline?.setAttribute("hidden", "");
  } catch {
    offline?.removeAttribute("hidden");
    return;
  }
  drawAll();
  const totals = data.totals;
  const shown = { calls: totals.calls, callsPerMinute: number(totals.callsPerMinute), errorPercent: totals.calls ? `${number(totals.errorPercent)} %` : "–" };
  for (const name of ["p50Ms", "p95Ms", "p99Ms"]) shown[name] = totals[name] === null ? "–" : `${number(totals[name])} ms`;
  // The differences were to the numbers at load.
  for (const change of document.querySelectorAll("[data-change]")) change.remove();
  for (const [name, text] of Object.entries(shown)) document.querySelector(`[data-total=${name}]`).textContent = text;
}
if (config.refresh) setInterval(refresh, config.refresh * 1000);
