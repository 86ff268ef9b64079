/** The conventions of published packages, as data. The rules in shape.ts compare each package with them. */
import type { Kind } from "./repo.ts";

export const repository = "https://github.com/attnkit/attnkit";

/** The fields of a package.json. */
export const fields = {
  required: [
    ...["name", "version", "description", "keywords", "license", "author", "homepage", "bugs", "repository", "type"],
    ...["sideEffects", "engines", "exports", "files", "scripts", "publishConfig"],
  ],
  optional: ["attnkit", "bin", "dependencies", "devDependencies", "peerDependencies", "peerDependenciesMeta"],
  /** The fields whose value is the same in every package. */
  same: {
    license: "MIT",
    author: "The attnkit authors",
    bugs: `${repository}/issues`,
    type: "module",
    sideEffects: false,
    engines: { node: ">=20.19" },
    files: ["dist", "src", "!dist/.tsbuildinfo"],
    // dist is removed first: tsc does not delete output without a source, and its incremental state can be stale.
    scripts: { build: `node -e "fs.rmSync('dist',{recursive:true,force:true})" && tsc -p tsconfig.json` },
    publishConfig: { access: "public", provenance: true },
  },
  /** The fields whose value follows from the folder. */
  ofFolder: (dir: string) => ({
    // npm finds `npm create attnkit` under this name. It ships its templates as files.
    ...(dir === "tools/create"
      ? { name: "create-attnkit", files: ["dist", "src", "!dist/.tsbuildinfo", "templates"] }
      : { name: `@attnkit/${dir.split("/").at(-1)}` }),
    // A bundle of the private packages. It is made when it is packed.
    ...(dir === "apps/cli" ? { files: ["dist"], scripts: { prepack: "node pack.mjs" } } : {}),
    homepage: `${repository}/tree/main/${dir}#readme`,
    repository: { type: "git", url: `git+${repository}.git`, directory: dir },
  }),
  /** A range for another published package. A peer's range admits minor versions: a narrower one would make its next release major. */
  range: { dependencies: /^workspace:\^$/, peerDependencies: /^workspace:>=\d+\.\d+\.\d+ <\d+\.0\.0$/ },
} as const;

type PublishedKind = Exclude<Kind, "app" | "tool">;

const everywhere = ["README.md", "LICENSE", "tsconfig.json"];

/** The files that a package of each kind has. */
export const files: Readonly<Record<PublishedKind, readonly string[]>> = {
  core: [...everywhere, "src/call/index.ts", "src/program/index.ts", "src/backend/index.ts"],
  wgsl: [...everywhere, "src/index.ts"],
  backend: [...everywhere, "src/index.ts"],
  mechanism: [...everywhere, "src/index.ts", "src/reference.ts", "src/about.ts"],
};

/**
 * The sections of a README, in this order, by the first words of their headings; other sections may stand between them.
 * Before the first come, in every README: the name as title, an introduction, a shell block that installs the package, and
 * an example in TypeScript.
 */
export const sections: Readonly<Record<PublishedKind, readonly string[]>> = {
  core: ["attention(", "For authors", "@attnkit/core/conformance"],
  wgsl: ["Kernels", "Hosts", "Limits"],
  backend: ["Options", "Limits"],
  mechanism: ["Formula", "State", "Cost", "Domain", "Supported", "WebGPU", "Source"],
};
