import { backends } from "@attnkit/catalog";
import type { Backend } from "@attnkit/core";
import type { Command } from "commander";
import type { Io } from "../io.ts";
import { type Row, rows, supportTable } from "../report/support.ts";
import { open } from "../select.ts";

export function listCommand(program: Command, io: Io): void {
  program
    .command("list")
    .description("list the mechanisms, the backends, and what runs where")
    .option("--markdown", "only the support table, for the README", false)
    .option("--json", "the same as data", false)
    .action(async ({ markdown, json }: { markdown: boolean; json: boolean }) => {
      if (markdown) {
        io.out(`${supportTable()}\n`);
        return;
      }
      const columns = await Promise.all(
        backends.map(async (entry) => ({ entry, backend: await open(entry, entry.dtypes[0]!) })),
      );
      if (json)
        io.out(
          `${JSON.stringify({ mechanisms: rows(), backends: columns.map(({ entry, backend }) => about(entry, backend)) }, null, 2)}\n`,
        );
      else io.out(`${everything(rows(), columns)}\n`);
    });
}

type Column = {
  readonly entry: (typeof backends)[number];
  readonly backend: Backend<unknown> | { unavailable: string };
};

const about = ({ name, dtypes }: Column["entry"], backend: Column["backend"]) =>
  "unavailable" in backend
    ? { name, dtypes, unavailable: backend.unavailable }
    : { name, dtypes, kind: backend.kind, device: backend.device, supports: backend.supports };

function everything(all: readonly Row[], columns: readonly Column[]): string {
  const lines = all.map((r) => {
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
  return ["Mechanisms", ...lines, "", "Backends", ...devices, "", supportTable()].join("\n");
}
