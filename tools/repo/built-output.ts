import type { Plugin } from "vite";

/** Resolves `../src/x.ts` in a test to `../dist/x.js`. Packages find each other's dist through their exports. */
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
