// Bundles the pages' scripts and styles into frontend/static/frontend/built/. Run after `npm ci`: node build.mjs
import { build } from "esbuild";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, "node_modules");
const out = join(here, "..", "static", "frontend", "built");

// Each script of src/ is one of the site; what several of them share lies in src/lib/.
const sources = (await readdir(join(here, "src"))).filter((name) => name.endsWith(".js"));
await mkdir(out, { recursive: true });

await build({
  absWorkingDir: here,
  entryPoints: sources.map((name) => `src/${name}`),
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: ["es2021"],
  legalComments: "linked",
  logLevel: "warning",
});

// Hashed static names follow sourceMappingURL comments to files that are not there, so the comments go.
const css = await readFile(join(modules, "@tabler/core/dist/css/tabler.min.css"), "utf8");
await writeFile(join(out, "tabler.css"), css.replace(/\/\*# sourceMappingURL=.*?\*\//g, ""));

// One sprite of only the icons in use: <svg><use href="icons.svg#box"/></svg>
const names = JSON.parse(await readFile(join(here, "icons.json"), "utf8"));
const symbols = await Promise.all(
  names.map(async (name) => {
    const svg = await readFile(join(modules, "@tabler/icons/icons/outline", `${name}.svg`), "utf8");
    const inside = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).replace(/\s+/g, " ").trim();
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${inside}</symbol>`;
  }),
);
await writeFile(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
