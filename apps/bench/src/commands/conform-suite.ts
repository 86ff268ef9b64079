import { type BackendEntry, creator, mechanisms } from "@attnkit/catalog";
import { replayCommand } from "@attnkit/catalog/replay";
import type { Backend, Options } from "@attnkit/core";
import type { KernelTarget } from "@attnkit/core/backend";
import {
  badge,
  type ExpectedFailure,
  type Filter,
  markdown,
  overview,
  plan,
  type Replay,
  type Report,
  type Row,
  readExpectedFailures,
  runConformance,
} from "@attnkit/core/conformance";
import { readJson, writeOutput } from "../files.ts";
import { EXIT, type Io, messageOf, UsageError, userMessage } from "../io.ts";
import { packages } from "../measure/environment.ts";
import { progress } from "../report/progress.ts";
import { backendChoices, dtypeFor, mechanismNamed, open, openNamed } from "../select.ts";
import type { Flags } from "./conform-flags.ts";

/** Runs the suite on every backend of the flags, prints and writes the reports, and resolves with the exit code. */
export async function suite(io: Io, flags: Flags): Promise<number> {
  // --options has chosen the rows already. A mechanism may add defaults to its options, so they cannot be compared
  // again.
  const rows = await rowsOf(flags, { kind: "cpu" });
  const filter: Filter = { law: flags.law, mechanism: ownName(flags, rows), case: flags.case };
  // Which cases a kernel has is known once its backend is open.
  if (flags.kernel === undefined) refuseNothing(rows, filter);
  const known = await expectedIn(io, flags);
  const shown = progress(io);
  const reports: Report[] = [];
  try {
    for await (const { entry, backend } of opened(flags, (text) => shown.note(text))) {
      const { dtype } = backend;
      const { name, expectedFailures = [] } = entry;
      const subject = {
        backend: () => backend,
        mechanisms: await rowsOf(flags, backend),
        seed: flags.seed,
        versions: packages(),
        expectedFailures: [...known, ...expectedFailures],
        ...(flags.kernel !== undefined && { kernel: flags.kernel }),
      };
      let failed = 0;
      const report = await runConformance(subject, {
        filter,
        replay: replayOf(name, flags),
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
  const several = reports.length > 1 ? [`${overview(reports)}`] : [];
  const text = [...several, ...reports.map(markdown)].join("\n");
  io.out(text);
  const conforms = reports.every((r) => r.conforms);
  if (flags.markdown !== undefined) await writeOutput(io, flags.markdown, text);
  if (flags.badge !== undefined) await writeOutput(io, flags.badge, badge(reports));
  if (flags.json !== undefined) {
    const all = { format: "attnkit-conform/1", conforms, reports };
    await writeOutput(io, flags.json, `${JSON.stringify(all, null, 1)}\n`);
  }
  return conforms ? EXIT.ok : EXIT.failed;
}

/** The name under which the cases of --mechanism run. A mechanism from outside is named by its file on the command line. */
const ownName = ({ mechanism }: Flags, [first]: readonly Row[]): string | undefined =>
  mechanism === undefined || mechanism === "ops" ? mechanism : first?.mechanism.name;

/** The line that runs a case again. It names backend and mechanism as the command did, also those from outside. */
function replayOf(entryName: string, flags: Flags): Replay {
  const more = (["kernel", "expected"] as const).flatMap((name) =>
    flags[name] === undefined ? [] : [`--${name} ${quoted(flags[name])}`],
  );
  return (found) => {
    const mechanism = found.mechanism === "ops" ? "ops" : (flags.mechanism ?? found.mechanism);
    return [replayCommand({ ...found, backend: quoted(entryName), mechanism: quoted(mechanism) }), ...more].join(" ");
  };
}

const quoted = (text: string): string =>
  /^[\w@%+=:,./\\-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** The expected failures of the file that the user named. Throws `UsageError`. */
async function expectedIn(io: Io, { expected }: Flags): Promise<readonly ExpectedFailure[]> {
  if (expected === undefined) return [];
  const content = await readJson(io, expected);
  try {
    return readExpectedFailures(content);
  } catch (error) {
    throw new UsageError(expected, userMessage(error) ?? messageOf(error));
  }
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
