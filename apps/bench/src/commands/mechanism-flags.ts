import { mechanisms } from "@attnkit/catalog";
import type { Options } from "@attnkit/core";
import type { Option } from "@attnkit/core/program";
import { type Command, Option as Flag, InvalidArgumentError } from "commander";
import { UsageError } from "../io.ts";
import * as flag from "./flags.ts";

/** A mechanism that has an option of some name, and its declaration. */
interface Declared {
  readonly mechanism: string;
  readonly option: Option<unknown, unknown>;
}

/** The declarations of every option name; several mechanisms may share one. */
const declared: ReadonlyMap<string, readonly Declared[]> = mechanisms.reduce((all, { name: mechanism, options }) => {
  for (const [name, option] of Object.entries(options))
    all.set(name, [...(all.get(name) ?? []), { mechanism, option }]);
  return all;
}, new Map<string, Declared[]>());

/** Names that options had before a renaming, and the mechanism that still takes them. */
const former = mechanisms.flatMap(({ name: mechanism, former }) =>
  (former?.names ?? []).filter((name) => !declared.has(name)).map((name) => ({ name, mechanism })),
);

/**
 * Adds a flag for every option that a mechanism of the catalog declares. `without` lists the names that mean something
 * else to the command; `--option name=json` still sets them.
 */
export function mechanismFlags(command: Command, without: readonly string[] = []): Command {
  for (const [name, all] of declared) if (!without.includes(name)) command.addOption(flagOf(name, all));
  for (const { name, mechanism } of former)
    command.addOption(new Flag(`--${dashed(name)} <value>`, `${mechanism}: former option`).argParser(value).hideHelp());
  return command.option("--option <key=json>", "sets any option; repeatable", flag.collect);
}

/** Returns the options that the user wrote as flags. Throws `UsageError`. */
export function optionsFrom(flags: Readonly<Record<string, unknown>>): Options {
  const options: Record<string, unknown> = {};
  for (const name of [...declared.keys(), ...former.map((f) => f.name)]) {
    const x = flags[name];
    // commander sets `normalize` to true where --no-normalize is absent.
    if (x !== undefined && !(x === true && isOnByDefault(name))) options[name] = x;
  }
  for (const item of (flags.option ?? []) as string[]) {
    const [, name, text] = /^([A-Za-z]\w*)=(.*)$/s.exec(item) ?? [];
    if (name === undefined || text === undefined)
      throw new UsageError("--option", `${JSON.stringify(item)} is not key=json`);
    if (Object.hasOwn(options, name)) throw new UsageError("--option", `${name} is given twice`);
    options[name] = json(name, text);
  }
  return options;
}

/** The flag of one option name. Its text is read by any of the declarations; the chosen mechanism checks the range. */
function flagOf(name: string, all: readonly Declared[]): Flag {
  const help = all.map(({ mechanism, option }) => `${mechanism}: ${option.meaning}; ${defaultOf(option)}`).join(". ");
  const reads = new Set(all.map(({ option }) => option.reads));
  if (reads.size === 1 && reads.has("boolean"))
    return new Flag(`--${isOnByDefault(name) ? "no-" : ""}${dashed(name)}`, help);
  const words = all.flatMap(({ option }) => option.words);
  const onlyNumbers = words.length === 0 && reads.size === 1;
  if (onlyNumbers && reads.has("numbers")) return new Flag(`--${dashed(name)} <list>`, help).argParser(flag.numbers);
  if (onlyNumbers && reads.has("number")) return new Flag(`--${dashed(name)} <x>`, help).argParser(flag.number);
  const shown = reads.has("number") ? `x|${words.join("|")}` : "name";
  return new Flag(`--${dashed(name)} <${shown}>`, help).argParser(reads.has("number") ? value : String);
}

const isOnByDefault = (name: string): boolean =>
  declared.get(name)?.every(({ option }) => option.reads === "boolean" && option.default === true) ?? false;

const defaultOf = ({ default: value, absent }: Option<unknown, unknown>) =>
  `default ${value === undefined ? absent : JSON.stringify(value)}`;

/** `featureMap` -> `feature-map`, as commander maps it back. */
const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A number where the text is one, else a word. */
function value(text: string): number | string {
  if (text.trim() === "") throw new InvalidArgumentError("Expected a number or a word.");
  const n = Number(text);
  return Number.isNaN(n) ? text : n;
}

function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError("--option", `${name}=${text} is not JSON; strings need quotes: --option '${name}="..."'`);
  }
}
