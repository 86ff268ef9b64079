/** The tables of READMEs that follow from what packages declare in `src/about.ts`. */
import { backendTable, supportTable } from "../../../apps/bench/src/report/support.ts";
import type { AboutMechanism, Option } from "../../../packages/core/src/program/index.ts";
import { mechanisms } from "../../catalog/src/mechanisms.ts";
import { readRepo } from "../structure/repo.ts";
import { between, type Derived, table } from "./derived.ts";

/** Every README with a derived table. */
export function tables(root: string): Derived[] {
  const dirs = new Map(readRepo(root).packages.map(({ manifest, dir }) => [manifest.name, dir]));
  const dirOf = (name: string) => dirs.get(`@attnkit/${name}`) ?? "";
  const options = mechanisms.map((about) => {
    const path = `${dirOf(about.name)}/README.md`;
    return between(root, path, "options", optionTable(about));
  });
  const packages = between(root, "README.md", "packages", packageTable(dirOf));
  const support = between(root, "README.md", "support", `${supportTable()}\n`, packages.text);
  return [between(root, "README.md", "backends", `${backendTable()}\n`, support.text), ...options];
}

function packageTable(dirOf: (name: string) => string): string {
  const rows = mechanisms.map(({ name, summary: { what, weight, state } }) => [
    ...[`[\`@attnkit/${name}\`](${dirOf(name)})`, what, weight, state],
  ]);
  return table(["package", "what it is", "a row attends by", "state per head"], rows);
}

function optionTable({ options }: AboutMechanism): string {
  const rows = Object.entries(options).map(([name, option]) => [
    ...[`\`${name}\``, option.expected, defaultOf(option), sentence(option.meaning)],
  ]);
  return table(["option", "value", "default", "meaning"], rows);
}

function defaultOf({ default: value, absent }: Option<unknown, unknown>): string {
  if (value !== undefined) return `\`${JSON.stringify(value)}\``;
  return absent === "none" ? absent : `\`${absent}\``;
}

const sentence = (words: string): string => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
