import { defineConfig } from "vite";

export default defineConfig({
  // Relative, so that the built page works from any folder of any static server.
  base: "./",
  // Browsers with WebGPU have top-level await.
  build: { target: "es2022" },
});
