/** Builds the page once and serves it from a folder of a plain static server, as a visitor would get it. */
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the built page is served. */
    site: string;
    /** The folder that it was built into. */
    dist: string;
  }
}

const root = fileURLToPath(new URL("..", import.meta.url));
/** Beside `dist`, so that tests do not take away what `pnpm demo` serves. */
const dist = join(root, "node_modules/.cache/site");
const folder = "/some/folder/";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

export async function setup({ provide }: TestProject): Promise<() => void> {
  await build({
    configFile: join(root, "vite.config.ts"),
    logLevel: "warn",
    build: { outDir: dist, emptyOutDir: true },
  });
  const server = createServer(({ url = "" }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const path = normalize(pathname === folder ? "index.html" : pathname.slice(folder.length));
    const file = join(dist, path);
    if (!pathname.startsWith(folder) || path.startsWith("..") || !isFile(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
    response.end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  provide("site", `http://127.0.0.1:${(server.address() as AddressInfo).port}${folder}`);
  provide("dist", dist);
  return () => server.close();
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
