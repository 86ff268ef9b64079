import { fileURLToPath } from "node:url";
import { defaultClientConditions, defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  // Relative, so that the page works from any folder of any static server.
  base: "./",
  resolve: { conditions: ["@attnkit/source", ...defaultClientConditions] },
  build: {
    target: "es2023",
    // Inlined into scripts, wasm files would grow by a third and could not be compiled while they arrive.
    assetsInlineLimit: 0,
    // tfjs and ONNX Runtime are loaded when first needed, and are what they are.
    chunkSizeWarningLimit: 2000,
  },
});
