import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { defaultClientConditions, defineConfig } from "vite";

const git = (...args: string[]) => spawnSync("git", args, { encoding: "utf8" }).stdout?.trim() ?? "";
const changes = git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+changes";
/** A report says what it is about. */
const commit = `${git("rev-parse", "--short=12", "HEAD") || "unknown"}${changes}`;

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  // Relative, so that the page works from any folder of any static server.
  base: "./",
  resolve: { conditions: ["@attnkit/source", ...defaultClientConditions] },
  define: { __COMMIT__: JSON.stringify(commit) },
  // Workers load frameworks when first needed, as the page does.
  worker: { format: "es" },
  build: {
    target: "es2023",
    // Inlined into scripts, wasm files would grow by a third and could not be compiled while they arrive.
    assetsInlineLimit: 0,
    // tfjs and ONNX Runtime are loaded when first needed, and are what they are.
    chunkSizeWarningLimit: 2000,
  },
});
