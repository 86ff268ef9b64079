import { type BackendEntry, creator, mechanisms } from "@attnkit/catalog";
import { replayCommand } from "@attnkit/catalog/replay";
import type { Backend, Options } from "@attnkit/core";
import type { KernelTarget } from "@attnkit/core/backend";
import { type Filter, markdown, plan, type Report, type Row, runConformance } from "@attnkit/core/conformance";
import type { Command } from "commander";
import { checkWritable, writeOutput } from "../files.ts";
import { EXIT, type Io, UsageError } from "../io.ts";
import { packages } from "../measure/environment.ts";
import { progress } from "../report/progress.ts";
import { backendChoices, dtypeFor, mechanismNamed, open, openNamed, USUAL } from "../select.ts";
import type { Flags } from "./conform-flags.ts";
import * as flag from "./flags.ts";
import { vectors } from "./vectors.ts";

export function conformCommand(program: Command, io: Io, exit: (code: number) => void): void {
  program
    .command("conform")
    .description("run the conformance suite, or golden vectors, on backends")
    .option("--backend <list>", `names; default ${USUAL}, with --vectors cpu`)
    .option("--dtype <type>", "float type of the backend; default every type it has")
    .option("--mechanism <name>", "only this mechanism; `ops` for the operations")
    .option(
      "--options <json>",
      "options of --mechanism; default every option set that the catalog lists",
      flag.jsonObject,
    )
    .option("--law <name>", "only this law")
    .option("--case <n>", "only this case of each law", flag.integer)
    .option("--seed <n>", "seed of the random inputs", flag.integer, 1)
    .option("--vectors <file>", "run the golden vectors in this JSON file instead; repeatable", flag.collect)
    .option("--json <file>", "also write the report as JSON")
    .option("--markdown <file>", "also write the report as Markdown")
    .action(async (flags: Flags) => {
      const written = [flags.json, flags.markdown].filter((path) => path !== undefined);
      for (const [i, path] of written.entries())
        await checkWritable(io, path, [...(flags.vectors ?? []), ...written.slice(i + 1)]);
      exit(flags.vectors ? await vectors(io, flags) : await suite(io, flags));
    });
}

async function suite(io: Io, flags: Flags): Promise<number> {
  // --options has chosen the rows already. A mechanism may add defaults to its options, so they cannot be compared
  // again.
  const filter: Filter = { law: flags.law, mechanism: flags.mechanism, case: flags.case };
  refuseNothing(await rowsOf(flags, { kind: "cpu" }), filter);
  const shown = progress(io);
  const reports: Report[] = [];
  try {
    for await (const { entry, backend } of opened(flags, (text) => shown.note(text))) {
      const { dtype } = backend;
      const { name, expectedFailures = [] } = entry;
      const common = { mechanisms: await rowsOf(flags, backend), seed: flags.seed, versions: packages() };
      const subject = { ...common, backend: () => backend, expectedFailures };
      let failed = 0;
      const report = await runConformance(subject, {
        filter,
        replay: replayCommand,
        onProgress(result, done, total) {
          if (result.status === "fail" || result.status === "unexpected-pass") failed++;
          shown.step(
            `conformance of ${name} ${dtype}`,
            `${done} of ${total}${failed ? `, ${failed} failed` : ""}, ${result.mechanism} ${result.law}`,
          );
        },
      });
      reports.push(report);
    }
  } finally {
    shown.stop();
  }
  if (reports.length === 0)
    throw new UsageError("conform", "no backend is available on this machine, so nothing was tested");
  const text = reports.map(markdown).join("\n");
  io.out(text);
  const conforms = reports.every((r) => r.conforms);
  if (flags.markdown !== undefined) await writeOutput(io, flags.markdown, text);
  if (flags.json !== undefined) {
    const all = { format: "attnkit-conform/1", conforms, reports };
    await writeOutput(io, flags.json, `${JSON.stringify(all, null, 1)}\n`);
  }
  return conforms ? EXIT.ok : EXIT.failed;
}

/**
 * Yields the requested backends in each float type. A backend that this machine lacks is noted; if the user named it,
 * it is an error.
 */
async function* opened(
  flags: Flags,
  note: (text: string) => void,
): AsyncGenerator<{ entry: BackendEntry; backend: Backend<unknown> }> {
  for (const entry of backendChoices(flags.backend)) {
    for (const dtype of flags.dtype === undefined ? entry.dtypes : [dtypeFor(entry, flags.dtype)]) {
      const backend = flags.backend === undefined ? await open(entry, dtype) : await openNamed(entry, dtype);
      if ("unavailable" in backend) note(`${entry.name} ${dtype} is not available here: ${backend.unavailable}`);
      else yield { entry, backend };
    }
  }
}

/**
 * Returns mechanisms for a backend, with their references. Each has every option set of the catalog, or the
 * options of the command line.
 */
async function rowsOf({ mechanism, options }: Flags, target: KernelTarget): Promise<Row[]> {
  if (options !== undefined && (mechanism === undefined || mechanism === "ops")) {
    throw new UsageError("--options", "belongs to one mechanism; name it with --mechanism");
  }
  if (mechanism === "ops") return [];
  const entries = mechanism === undefined ? mechanisms : [mechanismNamed(mechanism)];
  const rows = entries.map(async (entry) => {
    const create = await creator(entry, target);
    const sets: readonly Options[] = options === undefined ? entry.variants : [options];
    return sets.map((set) => ({ mechanism: create(set), reference: entry.reference(set) }));
  });
  return (await Promise.all(rows)).flat();
}

/**
 * Throws `UsageError` if the filter selects no case. The suite would otherwise report success without testing anything.
 */
function refuseNothing(rows: readonly Row[], filter: Filter): void {
  if (plan({ mechanisms: rows }, filter).length > 0) return;
  const all = plan({ mechanisms: rows }, { ...filter, law: undefined, case: undefined });
  const laws = [...new Set(all.map((item) => item.law))];
  if (filter.law !== undefined && !laws.includes(filter.law)) {
    throw new UsageError("--law", `there is no law ${JSON.stringify(filter.law)} here; expected ${laws.join(", ")}`);
  }
  throw new UsageError(
    "--case",
    `no law has a case ${filter.case} here; expected a case number from a report, which start at 0`,
  );
}
