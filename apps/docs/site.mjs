/**
 * Builds, serves and checks the documentation site: `node site.mjs build | dev | serve | check`. The environment variable
 * ATTNKIT_SITE_BASE is the path under which the site is served, with slashes around it; the default is "/".
 */
import { existsSync, watch } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build as buildDemo, runnerImport } from "vite";

const app = fileURLToPath(new URL(".", import.meta.url));
const root = join(app, "../..");
const dist = join(app, "dist");
const commands = { build, dev, serve, check };
const name = process.argv[2] ?? "build";
if (!Object.hasOwn(commands, name)) {
  console.error(`site: there is no command ${name}; expected one of ${Object.keys(commands).join(", ")}`);
  process.exit(2);
}
try {
  await commands[/** @type {keyof typeof commands} */ (name)]();
  // Servers keep the process alive; tools that were only loaded must not.
  if (name === "build" || name === "check") process.exit(0);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}

async function build() {
  const started = Date.now();
  const { assemble } = await load("assemble.ts");
  const { pages } = await assemble(root, join(app, ".site"));
  const vitepress = await import("vitepress");
  await vitepress.build(app);
  await buildDemo({
    configFile: join(root, "apps/demo/vite.config.ts"),
    // The demo's own build shows its warnings.
    logLevel: "error",
    build: { outDir: join(dist, "demo"), emptyOutDir: true },
  });
  console.log(
    `${relative(process.cwd(), dist)}: ${pages.length} written pages, ${Math.round((Date.now() - started) / 1000)} s`,
  );
}

/** Serves the pages while they are written. A change of TSDoc or of the catalog needs a restart. */
async function dev() {
  const { assemble } = await load("assemble.ts");
  const { pages, refresh } = await assemble(root, join(app, ".site"));
  const vitepress = await import("vitepress");
  const server = await vitepress.createServer(app);
  await server.listen();
  server.printUrls();
  for (const { source } of pages)
    watch(join(root, source), () => {
      if (existsSync(join(root, source))) refresh(source);
    });
}

async function serve() {
  const { serve } = await import("vitepress");
  await serve({ root: app, port: Number(process.env.PORT ?? 4173) });
}

async function check() {
  const { check } = await load("check.ts");
  await check(dist, process.env.ATTNKIT_SITE_BASE ?? "/");
}

/** Node 20 reads no TypeScript, so that Vite does. */
async function load(/** @type {string} */ file) {
  const resolve = { conditions: ["@attnkit/source", "node"], noExternal: [/^@attnkit\//] };
  const { module } = await runnerImport(join(app, "site", file), {
    ...{ configFile: false, root, logLevel: "warn" },
    environments: { inline: { resolve } },
  });
  return /** @type {any} */ (module);
}
