import type { Options } from "@attnkit/core";
import { type Command, InvalidArgumentError } from "commander";
import { UsageError } from "../io.ts";
import * as flag from "./flags.ts";

/** The flags that become options of the same name. Each mechanism decides which of them it accepts. */
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

/**
 * Adds the flags of mechanism options to a command. `without` lists names that have another meaning in this command.
 * `--option` can still set them.
 */
export function mechanismFlags(command: Command, without: readonly "form"[] = []): Command {
  if (!without.includes("form")) command.option("--form <name>", "quadratic or linear");
  return command
    .option("--scale <x>", "factor of the scores q.k", flag.number)
    .option("--softcap <x>", "cap scores: softcap * tanh(score / softcap)", flag.number)
    .option(
      "--window <left,right>",
      "largest distance of keys before and after the query; -1 is unlimited",
      flag.numbers,
    )
    .option("--feature-map <name>", "feature map of linear attention")
    .option("--no-normalize", "do not divide by the sum of the weights")
    .option("--power <p>", "exponent of the scores", flag.number)
    .option("--coefficients <list>", "coefficients of the polynomial, constant term first", flag.numbers)
    .option("--normalizer <name>", "divisor of polynomial attention")
    .option("--n <count>", "the sequence length that a fixed normaliser assumes", flag.number)
    .option("--log-values", "the values are logarithms")
    .option("--order <n>", 'order of the Taylor series, or "exact"', order)
    .option("--option <key=json>", "any other option; repeatable", flag.collect);
}

/** Returns the options that the user gave as flags. Throws `UsageError`. */
export function optionsFrom(flags: Readonly<Record<string, unknown>>): Options {
  const options: Record<string, unknown> = {};
  // commander sets `normalize` to true if --no-normalize is absent.
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
