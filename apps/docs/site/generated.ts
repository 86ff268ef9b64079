/** The pages and parts of pages that follow from the catalog, the packages and the lock file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { backends } from "../../../tools/catalog/src/index.ts";
import { table } from "../../../tools/repo/derive/derived.ts";
import { rows, supportTable } from "../../bench/src/report/support.ts";
import type { Entry } from "./api.ts";

/** The software whose version decides what a support table means, by its package on npm. */
const SOFTWARE: Readonly<Record<string, string>> = {
  "@tensorflow/tfjs-core": "TensorFlow.js",
  "onnxruntime-node": "ONNX Runtime for Node",
  "onnxruntime-web": "ONNX Runtime for pages (WebAssembly, WebGPU)",
  webgpu: "Dawn, the WebGPU of Node",
  deno: "Deno",
  "@sparticuz/chromium": "Chromium of the page tests (the package has its version)",
  vite: "Vite",
  typescript: "TypeScript",
};

/** Returns the page of the support matrix. */
export function supportPage(root: string): string {
  return [
    "# Support matrix",
    "Every mechanism is a portable program, so it runs on every backend. The columns mask, bias and lse say which optional features " +
      "a mechanism has; a feature that it lacks throws `ATTN_UNSUPPORTED`. The state is that of one head with its default options.",
    supportTable(),
    "## Backends",
    table(
      ["backend", "package", "runs in", "float types"],
      backends.map(({ name, kind, places, dtypes }) => [
        ...[
          `\`${name}\``,
          `[\`@attnkit/${kind}\`](packages/backends/${kind}/index.md)`,
          placesOf(places),
          dtypes.join(", "),
        ],
      ]),
    ),
    "## Versions",
    "The tests run with these versions, which the lock file of the repository pins. " +
      "Other versions may work; the conformance suite tells on your machine: `npx --yes pnpm@12 attnkit conform`.",
    versionTable(root),
  ].join("\n\n");
}

/** Returns the rows of the support matrix that concern a package; an empty text for one that is no row and no column. */
export function whereItRuns(name: string): string {
  const row = rows().find((row) => `@attnkit/${row.name}` === name);
  const own = backends.filter(({ kind }) => `@attnkit/${kind}` === name);
  if (row)
    return table(
      ["mask", "bias", "lse", "state of one head, d = 64", "kernels for", "runs on"],
      [
        [
          row.mask,
          row.bias,
          row.lse,
          row.state,
          row.kernels.join(", ") || "none",
          backends.map(({ name }) => `\`${name}\``).join(", "),
        ],
      ],
    );
  if (own.length === 0) return "";
  return table(
    ["backend", "runs in", "float types", "mechanisms"],
    own.map(({ name, places, dtypes }) => [`\`${name}\``, placesOf(places), dtypes.join(", "), "all"]),
  );
}

/** Returns the text that a package's page has after its README. */
export function packageParts(name: string, up: string, entries: readonly Entry[]): string {
  const where = whereItRuns(name);
  return [
    ...(where && [
      "## Where it runs",
      where,
      `All rows, and the versions that were tested: [support matrix](${up}support.md).`,
    ]),
    "## Reference",
    entries.map(({ specifier, path }) => `- [\`${specifier}\`](${up}${path})`).join("\n"),
  ].join("\n\n");
}

function versionTable(root: string): string {
  const versions = lockedVersions(readFileSync(join(root, "pnpm-lock.yaml"), "utf8"));
  return table(
    ["software", "package", "version"],
    Object.entries(SOFTWARE)
      .filter(([name]) => versions.has(name))
      .map(([name, title]) => [title, `\`${name}\``, versions.get(name)!]),
  );
}

/** Returns the version of each direct dependency; of several, that of the first importer that the lock file lists. */
export function lockedVersions(lockFile: string): Map<string, string> {
  interface Importer {
    readonly [field: string]: Readonly<Record<string, { version: string }>>;
  }
  const { importers }: { importers: Readonly<Record<string, Importer>> } = parse(lockFile);
  const direct = Object.values(importers).flatMap((importer) => Object.values(importer).flatMap(Object.entries));
  const versions = new Map<string, string>();
  for (const [name, { version }] of direct) if (!versions.has(name)) versions.set(name, version.replace(/\(.*$/, ""));
  return versions;
}

const placesOf = (places: readonly string[]): string =>
  places.map((place) => (place === "node" ? "Node" : "browsers")).join(", ");
