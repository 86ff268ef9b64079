import { backends, mechanisms } from "@attnkit/catalog";
import type { Backend, Mechanism, Options } from "@attnkit/core";
import type { Command } from "commander";
import { markdownTable } from "markdown-table";
import type { Io } from "../io.ts";
import { open } from "../select.ts";

export function listCommand(program: Command, io: Io): void {
  program
    .command("list")
    .description("List the mechanisms, the backends, and how each mechanism runs on each backend.")
    .option("--markdown", "print only the support table, as in the README", false)
    .option("--json", "print the same as JSON", false)
    .action(async ({ markdown, json }: { markdown: boolean; json: boolean }) => {
      const rows = mechanisms.map((entry) => describe(entry.name, entry.create(entry.variants[0]), entry.variants));
      const columns = await Promise.all(
        backends.map(async (entry) => ({ entry, backend: await open(entry, entry.dtypes[0]!) })),
      );
      if (json)
        io.out(
          `${JSON.stringify({ mechanisms: rows, backends: columns.map(({ entry, backend }) => about(entry, backend)) }, null, 2)}\n`,
        );
      else io.out(`${markdown ? support(rows, columns) : everything(rows, columns)}\n`);
    });
}

interface Row {
  readonly name: string;
  readonly options: Options;
  readonly variants: readonly Options[];
  readonly mask: string;
  readonly bias: string;
  readonly lse: string;
  readonly state: string;
  readonly kernels: readonly { readonly name: string; readonly backend: string }[];
}

type Column = {
  readonly entry: (typeof backends)[number];
  readonly backend: Backend<unknown> | { unavailable: string };
};

const SIZES = { B: 1, Hq: 1, Hkv: 1, L: 1, S: 1, d: 64, dv: 64 };

function describe(name: string, mechanism: Mechanism, variants: readonly Options[]): Row {
  const entries = Object.entries(mechanism.state(SIZES)).filter(([, e]) => !e.optional);
  const floats = (tokens: number) =>
    entries.reduce((sum, [, e]) => sum + e.shape.reduce((n, s) => n * (s === -1 ? tokens : s), 1), 0);
  const state = floats(1) === floats(2) ? `${floats(1)} floats` : `${floats(2) - floats(1)} floats per token`;
  const says = (takes: true | string) => (takes === true ? "yes" : "no");
  const { mask, bias, lse } = mechanism.takes;
  const kernels = (mechanism.kernels ?? []).map((k) => ({ name: k.name, backend: k.backend }));
  return {
    name,
    options: mechanism.options,
    variants,
    mask: says(mask),
    bias: says(bias),
    lse: says(lse),
    state,
    kernels,
  };
}

const about = ({ name, dtypes }: Column["entry"], backend: Column["backend"]) =>
  "unavailable" in backend
    ? { name, dtypes, unavailable: backend.unavailable }
    : { name, dtypes, kind: backend.kind, device: backend.device, supports: backend.supports };

function support(rows: readonly Row[], columns: readonly Column[]): string {
  const names = columns.map(({ entry }) => entry.name);
  const head = ["mechanism", "mask", "bias", "lse", "state of one head, d = 64", ...names];
  const body = rows.map((row) => [
    row.name,
    row.mask,
    row.bias,
    row.lse,
    row.state,
    ...columns.map((column) => path(row, column)),
  ]);
  return markdownTable([head, ...body]);
}

/**
 * Returns how a mechanism runs on a backend. Every mechanism runs on every backend, because its program is portable.
 */
function path(row: Row, { entry, backend }: Column): string {
  const kind = "unavailable" in backend ? entry.name.split("-")[0] : backend.kind;
  const own = row.kernels.filter((k) => k.backend === kind).map((k) => k.name);
  return own.length ? `yes, kernels: ${own.join(", ")}` : "yes";
}

function everything(rows: readonly Row[], columns: readonly Column[]): string {
  const lines = rows.map((r) => {
    const others = r.variants.slice(1).map((v) => JSON.stringify(v));
    return `${r.name.padEnd(14)}default ${JSON.stringify(r.variants[0] ?? {})}, also tested with ${others.join(" ") || "nothing else"}`;
  });
  const devices = columns.map(({ entry, backend }) => {
    const what =
      "unavailable" in backend
        ? `not available here: ${backend.unavailable}`
        : `${backend.device}${backend.supports.gradients ? ", gradients" : ""}`;
    return `${entry.name.padEnd(14)}${entry.dtypes.join(", ")}; ${what}`;
  });
  return ["Mechanisms", ...lines, "", "Backends", ...devices, "", support(rows, columns)].join("\n");
}
