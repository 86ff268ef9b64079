import { backends, type MechanismEntry, mechanisms } from "@attnkit/catalog";
import type { Options } from "@attnkit/core";
import { markdownTable } from "markdown-table";

/** The features of a mechanism with its default options. */
export interface Row {
  readonly name: string;
  readonly options: Options;
  readonly variants: readonly Options[];
  readonly mask: string;
  readonly bias: string;
  readonly lse: string;
  /** The size of the state of one head with d = dv = 64. */
  readonly state: string;
  /** The kinds of backend with kernels of this mechanism. */
  readonly kernels: readonly string[];
}

const SIZES = { B: 1, Hq: 1, Hkv: 1, L: 1, S: 1, d: 64, dv: 64 };

/** The rows of the support table, one per mechanism of the catalog. */
export const rows = (): Row[] => mechanisms.map(rowOf);

function rowOf({ name, create, variants, kernels = {} }: MechanismEntry): Row {
  const { state: entriesOf, takes, options } = create(variants[0]);
  const entries = Object.values(entriesOf(SIZES)).filter(({ optional }) => !optional);
  const floats = (tokens: number) =>
    entries.reduce((sum, { shape }) => sum + shape.reduce<number>((n, s) => n * (s === "P" ? tokens : s), 1), 0);
  const state = floats(1) === floats(2) ? `${floats(1)} floats` : `${floats(2) - floats(1)} floats per token`;
  const says = (feature: true | string) => (feature === true ? "yes" : "no");
  const [mask, bias, lse] = [says(takes.mask), says(takes.bias), says(takes.lse)];
  return { name, options, variants, mask, bias, lse, state, kernels: Object.keys(kernels) };
}

/** Returns the support table in Markdown: every mechanism beside every backend of the catalog. */
export function supportTable(): string {
  const head = [
    "mechanism",
    "mask",
    "bias",
    "lse",
    "state of one head, d = 64",
    "kernels for",
    ...backends.map(({ name }) => name),
  ];
  const body = rows().map((row) => [
    ...[row.name, row.mask, row.bias, row.lse, row.state, [...row.kernels].sort().join(", ") || "none"],
    // Every mechanism runs on every backend: it is a portable program.
    ...backends.map(() => "yes"),
  ]);
  return markdownTable([head, ...body]);
}

/** Returns the table of backends in Markdown: their float types, and where their tests run. */
export function backendTable(): string {
  const title = { node: "Node", browser: "Chromium" } as const;
  const body = backends.map(({ name, dtypes, places, testedOn }) => [
    ...[name, dtypes.join(", "), (testedOn ?? places.map((place) => title[place])).join(", ")],
  ]);
  return markdownTable([["backend", "float types", "tested on"], ...body]);
}
