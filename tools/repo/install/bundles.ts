import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright";
import { launch, setup } from "../chromium.ts";
import type { Bundler } from "./cells.ts";
import { emptyProject, run, type Setting } from "./setting.ts";

/** The files that a bundler wrote. */
export interface Bundle {
  readonly output: string;
  /** The text of every chunk. */
  readonly chunks: readonly string[];
}

/** Bundles a program and runs the bundle. */
export async function bundled(cell: Bundler, setting: Setting): Promise<Bundle> {
  const { project, folder } = setting;
  const [entry, name] = cell.runs === "Node" ? ["use.mjs", "main.mjs"] : ["page.mjs", "main.js"];
  const outdir = emptyProject(join(folder, `bundle-${cell.bundler}-${cell.runs}`));
  const script = `bundle-${cell.bundler}-${cell.runs}.mjs`;
  const tools = await Promise.all(cell.tools.map((tool) => setting.tool(tool)));
  const how = { project, entry: join(project, entry), outdir, name, node: cell.runs === "Node" };
  writeFileSync(join(project, script), scripts[cell.bundler](tools.map(importable), JSON.stringify(how)));
  await run(process.execPath, [script], { cwd: project });
  const chunks = readdirSync(outdir, { recursive: true, encoding: "utf8" })
    .filter((file) => /\.m?js$/.test(file))
    .map((file) => readFileSync(join(outdir, file), "utf8"));
  const output = how.node ? await run(process.execPath, [name], { cwd: outdir }) : await inChromium(outdir, name);
  return { output, chunks };
}

/** Returns an import specifier for the main module of a package. */
function importable(folder: string): string {
  const { main, exports: entries } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const entry = entries?.["."];
  const file = entry?.import?.default ?? entry?.import ?? entry?.default ?? entry ?? main;
  return JSON.stringify(pathToFileURL(join(folder, typeof file === "string" ? file : main)).href);
}

/** How each bundler is called, as its manual says: a script in the project. `how` holds paths, as JSON. */
const scripts: Readonly<Record<Bundler["bundler"], (tools: readonly string[], how: string) => string>> = {
  esbuild: ([esbuild], how) => `import { build } from ${esbuild};
const { entry, outdir, name, node } = ${how};
const out = node ? { outExtension: { ".js": ".mjs" } } : {};
await build({ entryPoints: { main: entry }, outdir, bundle: true, splitting: true, format: "esm", platform: node ? "node" : "browser", ...out });`,
  rollup: ([rollup, resolve], how) => `import { rollup } from ${rollup};
import { nodeResolve } from ${resolve};
const { entry, outdir, name } = ${how};
const bundle = await rollup({ input: { main: entry }, plugins: [nodeResolve()], onwarn: (warning) => { throw new Error(warning.message); } });
await bundle.write({ dir: outdir, format: "esm", entryFileNames: name });
await bundle.close();`,
  vite: ([vite], how) => `import { build } from ${vite};
const { project, entry, outdir, name, node } = ${how};
const rolldownOptions = { input: { main: entry }, output: { entryFileNames: name } };
await build({
  root: project, configFile: false, logLevel: "warn",
  ssr: { noExternal: true },
  build: { outDir: outdir, emptyOutDir: false, ssr: node, minify: false, target: "esnext", rolldownOptions },
});`,
  webpack: ([webpack], how) => `import webpack from ${webpack};
const { project, entry, outdir, name, node } = ${how};
webpack({
  context: project, entry, mode: "production", devtool: false, target: node ? "node20" : "web",
  optimization: { minimize: false },
  output: { path: outdir, filename: name, module: true, chunkFormat: "module", chunkLoading: "import", publicPath: node ? undefined : "/" },
}, (error, stats) => {
  if (error || stats.hasErrors()) { console.error(error ?? stats.toString()); process.exitCode = 1; }
});`,
};

/** Loads the bundle into a page. Returns what it logged; a page is secure, so that it has WebGPU. */
async function inChromium(folder: string, name: string): Promise<string> {
  setup();
  const browser = await chromium.launch(launch());
  try {
    const page = await browser.newPage();
    const ended = new Promise<string>((done, fail) => {
      page.on("console", (message) =>
        message.type() === "error" ? fail(new Error(message.text())) : done(message.text()),
      );
      page.on("pageerror", fail);
    });
    await page.route("https://project.test/**", async (route) => {
      const path = new URL(route.request().url()).pathname;
      if (path === "/favicon.ico") return route.fulfill({ status: 204 });
      if (path === "/")
        return route.fulfill({ contentType: "text/html", body: `<script type="module" src="/${name}"></script>` });
      const contentType = extname(path) === ".js" ? "text/javascript" : "application/octet-stream";
      return route.fulfill({ contentType, body: readFileSync(join(folder, path), "utf8") });
    });
    await page.goto("https://project.test/");
    return await ended;
  } finally {
    await browser.close();
  }
}
