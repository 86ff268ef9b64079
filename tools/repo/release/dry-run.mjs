import { spawn } from "node:child_process";
import { createServer } from "node:http";
import { root } from "./published.mjs";

/**
 * @typedef {object} Listed
 * @property {string} name
 * @property {string} version
 * @property {{ path: string }[]} files The content of the tarball.
 */

/**
 * Runs `pnpm publish --dry-run` for the whole workspace against an empty registry on this machine. Returns what pnpm would
 * publish, and the requests that the registry got. A dry run sends nothing but questions.
 * @returns {Promise<{ listed: Listed[], requests: string[] }>}
 */
export async function publishDryRun() {
  const requests = /** @type {string[]} */ ([]);
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${decodeURIComponent(request.url ?? "")}`);
    response.writeHead(404, { "content-type": "application/json" }).end("{}");
  });
  await /** @type {Promise<void>} */ (new Promise((done) => server.listen(0, "127.0.0.1", done)));
  try {
    const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
    const registry = `http://127.0.0.1:${port}/`;
    const output = await run([
      "publish",
      "--recursive",
      "--dry-run",
      "--no-git-checks",
      "--json",
      "--registry",
      registry,
    ]);
    return { listed: JSON.parse(output.slice(output.search(/^\[/m))), requests };
  } finally {
    server.close();
  }
}

/** Runs pnpm and returns its standard output. The event loop stays free for the registry. */
function run(/** @type {string[]} */ args) {
  return /** @type {Promise<string>} */ (
    new Promise((done, fail) => {
      const shell = process.platform === "win32";
      const child = spawn("npx", ["--yes", "pnpm@12", ...args], { cwd: root, shell });
      let [out, err] = ["", ""];
      child.stdout.on("data", (chunk) => (out += chunk));
      child.stderr.on("data", (chunk) => (err += chunk));
      child.on("error", fail);
      child.on("close", (code) =>
        code === 0 ? done(out) : fail(new Error(`pnpm ${args.join(" ")} ended with ${code}:\n${out}${err}`)),
      );
    })
  );
}
