import type { Command } from "commander";
import { checkWritable } from "../files.ts";
import { type Io, UsageError } from "../io.ts";
import { admitNamed, USUAL } from "../select.ts";
import { compareFiles } from "./conform-compare.ts";
import type { Flags } from "./conform-flags.ts";
import { suite } from "./conform-suite.ts";
import * as flag from "./flags.ts";
import { vectors } from "./vectors.ts";

export function conformCommand(program: Command, io: Io, exit: (code: number) => void): void {
  const command = program
    .command("conform")
    .description("run the conformance suite, or golden vectors, on backends")
    .argument("[backend]", "the same as --backend: names, files such as ./my-backend.js, or packages")
    .option("--backend <list>", `names, files or packages; default ${USUAL}, with --vectors cpu`)
    .option("--dtype <type>", "float type of the backend; default every type it has")
    .option("--mechanism <name>", "only this mechanism: a name, a file or a package; `ops` for the operations")
    .option(
      "--options <json>",
      "options of --mechanism; default every option set that the catalog lists",
      flag.jsonObject,
    )
    .option("--law <name>", "only this law")
    .option("--case <n>", "only this case of each law", flag.integer)
    .option("--kernel <name>", "only the mechanisms that have this kernel, with it and without their other kernels")
    .option("--expected <file>", "JSON list of cases that are known to fail: [{ law, mechanism?, case?, reason }]")
    .option("--seed <n>", "seed of the random inputs", flag.integer, 1)
    .option("--vectors <file>", "run the golden vectors in this JSON file instead; repeatable", flag.collect)
    .option("--json <file>", "also write the report as JSON")
    .option("--markdown <file>", "also write the report as Markdown")
    .option("--badge <file>", "also write an SVG badge: how many cases passed")
    .option(
      "--compare <files...>",
      "run nothing; compare two files of --json, the old one first, and exit with code 1 if a case newly fails",
    )
    .action(async (backend: string | undefined, flags: Flags) => {
      if (backend !== undefined && flags.backend !== undefined)
        throw new UsageError("--backend", `cannot be combined with the argument ${backend}; give one of them`);
      exit(await conform(io, backend === undefined ? flags : { ...flags, backend }, given(command)));
    });
}

async function conform(io: Io, flags: Flags, written: readonly string[]): Promise<number> {
  const outputs = [flags.json, flags.markdown, flags.badge].filter((path) => path !== undefined);
  const inputs = [...(flags.vectors ?? []), ...(flags.compare ?? []), ...(flags.expected ? [flags.expected] : [])];
  for (const [i, path] of outputs.entries()) await checkWritable(io, path, [...inputs, ...outputs.slice(i + 1)]);
  if (flags.compare) {
    const clash = [...written, ...(flags.backend === undefined ? [] : ["backend"])].find(
      (name) => !["compare", "markdown"].includes(name),
    );
    if (clash) throw new UsageError("--compare", `runs nothing; it cannot be combined with --${clash}`);
    return compareFiles(io, flags.compare, flags.markdown);
  }
  const mechanism = flags.mechanism === "ops" ? null : (flags.mechanism ?? null);
  await admitNamed(io.cwd, flags.backend ?? null, mechanism);
  return flags.vectors ? vectors(io, flags) : suite(io, flags);
}

/** Returns the names of the flags that the user gave. */
const given = (command: Command): string[] =>
  command.options.map((o) => o.attributeName()).filter((name) => command.getOptionValueSource(name) === "cli");
