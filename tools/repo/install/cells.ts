/** The matrix of installations, as data. A cell is one way to use the packages in a project outside this repository. */

/** An npm package at an exact version, or, without a version, the one that this repository has installed. */
export type Tool = string;

/** A package manager that installs the tarballs. */
export interface Manager {
  readonly kind: "manager";
  readonly manager: string;
  /** The npm package that holds the program, and the program's path in it. Without it, the command is on every machine. */
  readonly tool?: readonly [tool: Tool, program: string];
  readonly command: readonly string[];
  /** Files of the project besides package.json. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  /** The project names the tarballs as `resolutions`: without them, Yarn gives each package its own copies of the others. */
  readonly resolutions?: true;
}

/** A version of Node that runs a script: with `import`, or with `require`. */
export interface Node {
  readonly kind: "node";
  /** Without it, the Node that runs the test. */
  readonly version?: string;
  readonly script: "use.mjs" | "use.cjs";
}

/** A bundler, and where its bundle runs: without node_modules beside it. */
export interface Bundler {
  readonly kind: "bundler";
  readonly bundler: "esbuild" | "rollup" | "vite" | "webpack";
  readonly tools: readonly Tool[];
  readonly runs: "Node" | "Chromium";
}

/** A version of TypeScript that compiles strictly, with `skipLibCheck: false`. Its output runs in Node. */
export interface TypeScript {
  readonly kind: "typescript";
  readonly tool: Tool;
  readonly resolution: "bundler" | "node16" | "nodenext";
  /** Where the types of WebGPU come from; without it, only packages without WebGPU are compiled. */
  readonly webgpu?: "lib.dom" | "@webgpu/types";
}

/** `pnpm test` runs the cells that are marked as `part`. They need no registry. */
export type Cell = (Manager | Node | Bundler | TypeScript) & { readonly part?: true };

const nodes = ["20.19.0", "20.20.2", "22.23.3", "24.21.0"];
const bundlers: Readonly<Record<Bundler["bundler"], readonly Tool[]>> = {
  esbuild: ["esbuild"],
  vite: ["vite"],
  rollup: ["rollup@4.68.8", "@rollup/plugin-node-resolve@16.0.3"],
  webpack: ["webpack@5.113.0"],
};
const compilers: readonly Pick<TypeScript, "tool" | "webgpu">[] = [
  { tool: "typescript@5.4.5" },
  { tool: "typescript@5.7.3", webgpu: "@webgpu/types" },
  { tool: "typescript@5.9.3", webgpu: "@webgpu/types" },
  { tool: "typescript@6.0.3", webgpu: "lib.dom" },
  { tool: "typescript", webgpu: "lib.dom" },
];

export const cells: readonly Cell[] = [
  { kind: "manager", manager: "npm", command: ["npm", "install", "--no-audit", "--no-fund"] },
  { kind: "manager", manager: "pnpm", command: ["npx", "--yes", "pnpm@12", "add"] },
  {
    kind: "manager",
    manager: "Yarn 1",
    tool: ["yarn@1.22.22", "bin/yarn.js"],
    command: ["add"],
    resolutions: true,
  },
  {
    kind: "manager",
    manager: "Yarn 4, node-modules",
    tool: ["@yarnpkg/cli-dist@4.18.1", "bin/yarn.js"],
    command: ["add"],
    resolutions: true,
    files: { ".yarnrc.yml": "nodeLinker: node-modules\nenableTelemetry: false\n", "yarn.lock": "" },
    // In a pull request of a public repository, Yarn would refuse to write its lockfile.
    env: { YARN_ENABLE_IMMUTABLE_INSTALLS: "false", YARN_ENABLE_HARDENED_MODE: "false" },
  },
  { kind: "node", script: "use.mjs", part: true },
  { kind: "node", script: "use.cjs", part: true },
  ...nodes.flatMap((version) =>
    (["use.mjs", "use.cjs"] as const).map((script) => ({ kind: "node" as const, version, script })),
  ),
  ...Object.entries(bundlers).flatMap(([bundler, tools]) =>
    (["Node", "Chromium"] as const).map((runs) => ({
      ...{ kind: "bundler" as const, bundler: bundler as Bundler["bundler"], tools, runs },
      ...(bundler === (runs === "Node" ? "esbuild" : "vite") && { part: true as const }),
    })),
  ),
  ...compilers.flatMap((compiler) =>
    (["bundler", "node16", "nodenext"] as const).map((resolution) => ({
      ...{ kind: "typescript" as const, ...compiler, resolution },
      ...(compiler.tool === "typescript" && resolution === "nodenext" && { part: true as const }),
    })),
  ),
];

/** Returns the name of a cell's test. */
export function nameOf(cell: Cell): string {
  switch (cell.kind) {
    case "manager":
      return `${cell.manager} installs every package`;
    case "node":
      return `Node ${cell.version ?? process.versions.node} runs ${cell.script}`;
    case "bundler":
      return `${cell.tools[0]} bundles for ${cell.runs}`;
    case "typescript":
      return `${cell.tool} compiles with moduleResolution ${cell.resolution}`;
  }
}
