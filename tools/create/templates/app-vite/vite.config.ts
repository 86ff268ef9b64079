import { defineConfig } from "vite";

export default defineConfig({
  build: { target: "es2022" }, // src/main.ts awaits at the top of the module
});
