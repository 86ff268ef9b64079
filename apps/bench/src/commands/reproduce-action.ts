import { join } from "node:path";
import { assess, type Chosen, consecutive, jobsOf, keyOf, seedsOf } from "@attnkit/papers/run";
import { built } from "../build.ts";
import { makeFolder } from "../files.ts";
import { EXIT, type Io, UsageError } from "../io.ts";
import { environment } from "../measure/environment.ts";
import { choose } from "../reproduce/choose.ts";
import { conduct } from "../reproduce/conduct.ts";
import { beginJournal, checkSame, continueJournal, type Journal, readJournal } from "../reproduce/journal.ts";
import { listing } from "../reproduce/list.ts";
import { FIRST_SEED, RECORDED, readRecord, writeRecords } from "../reproduce/record.ts";
import { type Header, JOURNAL, type RunSettings } from "../reproduce/results.ts";
import type { Shipped } from "../reproduce/shipped.ts";
import { nameOf, sentenceOf } from "../reproduce/wording.ts";
import type { Flags } from "./reproduce-flags.ts";

/** Measures the chosen claims and writes their reports. Resolves with the exit code. */
export async function reproduce(io: Io, names: readonly string[], flags: Flags, program: Shipped): Promise<number> {
  const chosen = choose(program.experiments, names, flags.claim);
  const settings = settingsOf(chosen, flags);
  const jobs = jobsOf(chosen, settings);
  const record = settings.size === "full" ? [] : recordedOutcomes(chosen, program.records);
  if (flags.list) {
    io.out(listing(chosen, settings, flags.jobs, record));
    return EXIT.ok;
  }
  if (flags.record) await checkRecordable(io, settings, flags, program.records);
  await makeFolder(io, flags.out);
  const path = join(flags.out, "journal.jsonl");
  const header: Header = {
    ...{ format: JOURNAL, started: new Date().toISOString(), settings, jobs: jobs.length },
    environment: await environment(),
  };
  const before = await readJournal(io, path);
  const resumed = before && flags.resume ? before : undefined;
  if (resumed) checkSame(path, resumed.header, header);
  else if (before) refuseUnfinished(flags.out, before);
  if (flags.resume && !before) io.err(`${path} does not exist: the run begins\n`);
  for (const note of moreSeeds(chosen, settings)) io.err(`${note}\n`);
  const journal = await (resumed ? continueJournal(io, path, resumed) : beginJournal(io, path, header));
  const plan = { jobs, known: resumed?.outcomes ?? [], journal, child: program.child, count: flags.jobs, record };
  const outcomes = await conduct(io, plan).finally(() => journal.close());
  if (outcomes.length < jobs.length) {
    io.err(`interrupted after ${outcomes.length} of ${jobs.length} cells; the same command with --resume continues\n`);
    return EXIT.interrupted;
  }
  // Plots and a DOM take long to load. They are not needed before.
  const { illustrate, writeRun } = await import("../reproduce/output.ts");
  const assessed = chosen.map((one) => assess(one, outcomes, settings));
  const { assessments, figures } = illustrate(assessed);
  const { started, environment: where } = resumed?.header ?? header;
  const run = { started, finished: new Date().toISOString(), environment: where, settings, assessments };
  await writeRun(io, flags.out, run, figures);
  const written = [join(flags.out, "report.html"), "report.md", "table.csv", "results.json"];
  const complete = assessments.every(({ withheld }) => withheld === null);
  if (flags.record && complete) written.push(...(await writeRecords(io, program.records, run, outcomes)));
  io.out(`${assessments.map(sentenceOf).join("\n")}\n\nWritten: ${written.join(", ")}\n`);
  if (flags.record && !complete) io.err("no record is written, since a claim was not measured\n");
  return complete ? EXIT.ok : EXIT.failed;
}

function settingsOf(chosen: readonly Chosen[], { seeds = { count: 3 }, seed, full }: Flags): RunSettings {
  if ("list" in seeds && seed !== undefined)
    throw new UsageError("--seed", "cannot be combined with a list of --seeds; give one of them");
  return {
    size: full ? "full" : "default",
    seeds: "list" in seeds ? [...seeds.list] : consecutive(seed ?? FIRST_SEED, seeds.count),
    claims: Object.fromEntries(chosen.map((one) => [nameOf(one), one.claim.rule])),
  };
}

const recordedOutcomes = (chosen: readonly Chosen[], folder: string) =>
  [...new Set(chosen.map(({ experiment }) => experiment.name))].flatMap(
    (name) => readRecord(folder, name)?.outcomes ?? [],
  );

async function checkRecordable(io: Io, { size, seeds }: RunSettings, flags: Flags, folder: string): Promise<void> {
  if (built() !== undefined)
    throw new UsageError(
      "--record",
      "writes a record of attnkit's repository; this is the installed package, so run it in a clone of the repository",
    );
  const usual = size === RECORDED.size && seeds.join() === RECORDED.seeds.join();
  if (!usual || flags.claim)
    throw new UsageError(
      "--record",
      `needs the default size and the seeds ${RECORDED.seeds.join(", ")} for all claims of an experiment; remove --full, --seeds, --seed and --claim`,
    );
  await makeFolder(io, folder);
}

function refuseUnfinished(folder: string, { header, outcomes }: Journal): void {
  const done = new Set(outcomes.map(keyOf)).size;
  if (done < header.jobs)
    throw new UsageError(
      folder,
      `holds an unfinished run of ${header.started} (${done} of ${header.jobs} cells); continue it with --resume, or give another folder with --out`,
    );
}

/** A line for every claim that uses more seeds than the run. */
const moreSeeds = (chosen: readonly Chosen[], { seeds }: RunSettings): string[] =>
  chosen.flatMap(({ experiment, claim }) => {
    const own = seedsOf(claim, seeds);
    return own.length > seeds.length
      ? [`${experiment.name}/${claim.name} needs ${own.length} seeds and uses ${own.join(", ")}`]
      : [];
  });
