import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { BenchOptions } from "@attnkit/measure/results";
import { built } from "../build.ts";
import { makeFolder, writeOutput } from "../files.ts";
import type { Input } from "../input/load.ts";
import { EXIT, type Io, UsageError } from "../io.ts";
import { own, packagesIn } from "../measure/against/builds.ts";
import { compare, type Outcome } from "../measure/against/compare.ts";
import { stage } from "../measure/against/stage.ts";
import { environment } from "../measure/environment.ts";
import { againstCsv, againstTable } from "../report/against.ts";
import { progress } from "../report/progress.ts";

/** How two builds are compared. */
export interface AgainstFlags {
  readonly against: string;
  /** Percent. */
  readonly threshold: number;
  readonly onlySlower: boolean;
  readonly out: string;
}

/** The schema name of the file of a comparison. */
const SCHEMA = "attnkit-against/1";

/**
 * Compares this build with another one and writes `DIR/against-<date>.json` and `.csv`. Resolves with exit code 1 if an
 * answer was wrong, if nothing was compared, or if one build is slower than the other beyond the threshold; with
 * `onlySlower`, this one.
 */
export async function against(io: Io, flags: AgainstFlags, asked: BenchOptions, input: Input): Promise<number> {
  if (built() !== undefined)
    throw new UsageError(
      "--against",
      "compares a checkout of attnkit with another build; this is the installed package, so run it in a clone of the repository",
    );
  await makeFolder(io, flags.out);
  const options: BenchOptions = { ...asked, baselines: false, memory: 0 };
  const threshold = flags.threshold / 100;
  const started = new Date().toISOString();
  const temporary = await mkdtemp(join(tmpdir(), "attnkit-against-"));
  const shown = progress(io);
  let outcome: Outcome;
  try {
    const self = await own();
    const other = await packagesIn(
      resolve(io.cwd, flags.against),
      [...self.packages.keys()],
      join(temporary, "packed"),
    );
    shown.step("copying both builds", flags.against);
    // Folder names of equal length: paths are part of a process's memory.
    const scripts = [
      await stage(join(temporary, "a"), self.packages, self),
      await stage(join(temporary, "b"), other, self),
    ] as const;
    const { signal } = io;
    const { sequence } = input;
    outcome = await compare({ scripts, dir: flags.against, options, sequence, threshold, progress: shown, signal });
  } finally {
    shown.stop();
    await rm(temporary, { recursive: true, force: true });
  }
  const file = join(flags.out, `against-${started.slice(0, 19).replaceAll(":", "-")}Z`);
  const { source, sha256 } = input;
  const record = {
    ...{ schema: SCHEMA, started, finished: new Date().toISOString(), environment: await environment() },
    ...{ against: flags.against, threshold, options, input: { source, sha256 } },
    ...outcome,
  };
  await writeOutput(io, `${file}.json`, `${JSON.stringify(record, null, 1)}\n`);
  await writeOutput(io, `${file}.csv`, againstCsv(outcome));
  io.out(`${againstTable(outcome, threshold)}\n\nWritten: ${file}.json and ${file}.csv\n`);
  if (!outcome.complete) return EXIT.interrupted;
  const flagged = outcome.compared.some(
    ({ verdict }) => verdict === "slower" || (verdict === "faster" && !flags.onlySlower),
  );
  return flagged || outcome.failed.length > 0 || outcome.compared.length === 0 ? EXIT.failed : EXIT.ok;
}
