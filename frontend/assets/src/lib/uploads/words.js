// Words and numbers as people read them. The sentences come with the page, in its language.
const found = document.getElementById("upload-words");
const sentences = found ? JSON.parse(found.textContent) : {};

// t("of", {done: 1, all: 2}): the sentence of that name with its {gaps} filled.
export const t = (name, gaps = {}) => (sentences[name] ?? name).replace(/\{(\w+)\}/g, (_, key) => gaps[key] ?? "");

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return `${unit ? count.toFixed(1) : count} ${units[unit]}`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return t("seconds", { n: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return t("minutes", { n: Math.round(seconds / 60) });
  return t("hours", { n: (seconds / 3600).toFixed(1) });
}

export const percent = (part, whole) => (whole ? Math.floor((100 * part) / whole) : 100);
export const files = (n) => (n === 1 ? t("one_file") : t("files", { n: n.toLocaleString() }));

// A time to come, as people say it: "in 23 hours".
export function ahead(iso) {
  const minutes = Math.max(1, Math.round((new Date(iso) - Date.now()) / 60000));
  const said = new Intl.RelativeTimeFormat(document.documentElement.lang || "en");
  if (minutes < 90) return said.format(minutes, "minute");
  return minutes < 2880 ? said.format(Math.round(minutes / 60), "hour") : said.format(Math.round(minutes / 1440), "day");
}
