import type { Plugin } from "vite";

/** Lets a test's `../src/x.ts` mean `../dist/x.js`: packages reach each other's dist by their exports already. */
export function builtOutput(): Plugin {
  return {
    name: "attnkit:built-output",
    enforce: "pre",
    resolveId(id, importer) {
      const built = id.replace(/^((?:\.\.\/)+)src\/(.+)\.ts$/, "$1dist/$2.js");
      const ours = importer?.includes("/test/") && !importer.includes("/node_modules/");
      return ours && built !== id ? this.resolve(built, importer, { skipSelf: true }) : undefined;
    },
  };
}
