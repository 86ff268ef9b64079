/** The tables of docs/support.md: what the matrix of installations runs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Cell, cells } from "../install/cells.ts";
import { between, type Derived, table } from "./derived.ts";

const page = "docs/support.md";

export function support(root: string): Derived {
  const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  /** Returns the name and the version of a tool; one without a version is installed in this repository. */
  const at = (tool: string) => (/.@/.test(tool) ? tool : `${tool}@${devDependencies[tool]}`);
  const of = <K extends Cell["kind"]>(kind: K) =>
    cells.filter((cell): cell is Extract<Cell, { kind: K }> => cell.kind === kind);
  const where = (some: readonly Cell[]) => (some.some(({ part }) => part) ? "`pnpm test`" : "`pnpm test:install`");
  const group = <C extends Cell>(some: readonly C[], by: (cell: C) => string) =>
    [...new Set(some.map(by))].map((name) => [name, some.filter((cell) => by(cell) === name)] as const);

  const managers = of("manager").map(({ manager, tool, command }) => [
    ...[
      "package manager",
      tool ? at(tool[0]) : (/pnpm@\d+/.exec(command.join(" "))?.[0] ?? `${manager} of the Node that runs the test`),
    ],
    "installs the tarballs of all packages and their third-party peers; every package is imported, and finds one copy of each other",
    where([]),
  ]);
  const nodes = group(of("node"), ({ version }) => version ?? "the one that runs the tests").map(([version, some]) => [
    ...["Node", version],
    "runs an ES module with `import` and a CommonJS module with `require`",
    where(some),
  ]);
  const bundlers = group(of("bundler"), ({ tools }) => at(tools[0]!)).map(([tool, some]) => [
    ...["bundler", tool],
    `its bundles run: ${some.map((cell) => `in ${cell.runs}${cell.part ? " (`pnpm test`)" : ""}`).join(", ")}`,
    "`pnpm test:install`",
  ]);
  const compilers = group(of("typescript"), ({ tool }) => at(tool)).map(([tool, some]) => [
    ...["TypeScript", tool],
    `compiles strictly, \`skipLibCheck: false\`, with \`moduleResolution\` ${some.map(({ resolution }) => resolution).join(", ")}; ${webgpuTypes(some[0]!.webgpu)}`,
    where(some),
  ]);
  return between(
    root,
    page,
    "matrix",
    table(["", "version", "test", "run by"], [...nodes, ...managers, ...bundlers, ...compilers]),
  );
}

const webgpuTypes = (from: "lib.dom" | "@webgpu/types" | undefined) =>
  from === undefined ? "without `@attnkit/webgpu` and `@attnkit/wgsl`" : `the types of WebGPU come from \`${from}\``;
