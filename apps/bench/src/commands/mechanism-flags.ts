import type { Options } from "@attnkit/core";
import { type Command, InvalidArgumentError } from "commander";
import { UsageError } from "../io.ts";
import * as flag from "./flags.ts";

/** Flags that become a mechanism's options of the same name; which of them a mechanism has is for it to say. */
const NAMES = [
  "scale",
  "softcap",
  "window",
  "featureMap",
  "normalize",
  "power",
  "coefficients",
  "normalizer",
  "n",
  "form",
  "logValues",
  "order",
] as const;

/** `without`: names that mean something else to the command; `--option` still reaches the mechanism's own. */
export function mechanismFlags(command: Command, without: readonly "form"[] = []): Command {
  if (!without.includes("form")) command.option("--form <name>", "quadratic or linear");
  return command
    .option("--scale <x>", "factor of q.k", flag.number)
    .option("--softcap <x>", "scores become softcap * tanh(score / softcap)", flag.number)
    .option("--window <left,right>", "keys at most so far before and after the query; -1 is unlimited", flag.numbers)
    .option("--feature-map <name>", "feature map of linear attention")
    .option("--no-normalize", "leave out the denominator")
    .option("--power <p>", "power of the scores", flag.number)
    .option("--coefficients <list>", "coefficients of the polynomial, constant first", flag.numbers)
    .option("--normalizer <name>", "what a polynomial divides by")
    .option("--n <count>", "the sequence length that a fixed normaliser assumes", flag.number)
    .option("--log-values", "values are given as logarithms")
    .option("--order <n>", 'order of the Taylor series, or "exact"', order)
    .option("--option <key=json>", "any other option; repeatable", flag.collect);
}

/** The options that the user wrote as flags. Throws `UsageError`. */
export function optionsFrom(flags: Readonly<Record<string, unknown>>): Options {
  const options: Record<string, unknown> = {};
  // commander sets `normalize` to true where --no-normalize is absent.
  for (const name of NAMES)
    if (flags[name] !== undefined && !(name === "normalize" && flags[name] === true)) options[name] = flags[name];
  for (const item of (flags.option ?? []) as string[]) {
    const [, name, text] = /^([A-Za-z]\w*)=(.*)$/s.exec(item) ?? [];
    if (name === undefined || text === undefined)
      throw new UsageError("--option", `${JSON.stringify(item)} is not key=json`);
    if (Object.hasOwn(options, name)) throw new UsageError("--option", `${name} is given twice`);
    options[name] = value(name, text);
  }
  return options;
}

function value(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError("--option", `${name}=${text} is not JSON; strings need quotes: --option '${name}="..."'`);
  }
}

function order(text: string): number | "exact" {
  if (text === "exact") return "exact";
  const n = Number(text);
  if (text.trim() === "" || !Number.isFinite(n)) throw new InvalidArgumentError('Expected a number or "exact".');
  return n;
}
