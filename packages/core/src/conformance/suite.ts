import type { Backend } from "../backend/backend.ts";
import type { Options } from "../program/call.ts";
import { Bench } from "./bench.ts";
import { Lab, type Row } from "./lab.ts";
import { laws } from "./laws/index.ts";
import { opsLaws } from "./ops/index.ts";
import { random } from "./random.ts";

/** A case that is known to fail, and why. One that passes is a failure: the entry must go. */
export interface ExpectedFailure {
  readonly law: string;
  /** Absent: every mechanism (and the operations). */
  readonly mechanism?: string;
  /** `optionsText` of one variant of the mechanism. Absent: every variant. */
  readonly options?: string;
  /** Absent: every case of the law. */
  readonly case?: number;
  readonly reason: string;
}

/** The backend and mechanisms to test. Their declarations decide which cases run: there are no other switches. */
export interface Subject {
  backend(): Backend<unknown> | Promise<Backend<unknown>>;
  /** Each with its oracle. None: the operations alone are tested. */
  readonly mechanisms: readonly Row[];
  readonly expectedFailures?: readonly ExpectedFailure[];
  /** Default 1. */
  readonly seed?: number;
  /** Versions of what was tested, for the report: `{ "@attnkit/cpu": "1.2.0" }`. */
  readonly versions?: Readonly<Record<string, string>>;
}

/** Which cases: each given field must match. The fields of a replay line select exactly the case that it came from. */
export interface Filter {
  readonly law?: string | undefined;
  readonly mechanism?: string | undefined;
  readonly options?: string | undefined;
  readonly case?: number | undefined;
}

/** Which cases, by their fields or by a function of them. */
export type Selection = Filter | ((item: Item) => boolean);

/** One case of one law for one mechanism, or for the operations alone. */
export interface Item {
  readonly law: string;
  readonly rules: string;
  readonly says: string;
  /** Name of the mechanism; `"ops"` for the laws of operations. */
  readonly mechanism: string;
  readonly options: string;
  readonly case: number;
  readonly title: string;
  /** Throws if the law is broken; returns the largest fraction of the error budget that was used. */
  run(backend: Backend<unknown>, seed: number): Promise<number>;
}

/** Options as text, the same for equal options: keys sorted. `"{}"` for none. */
export function optionsText(options: Options): string {
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(Object.fromEntries(sorted));
}

/** Every case that a subject is tested by, in order. */
export function plan({ mechanisms }: Pick<Subject, "mechanisms">, filter: Selection = {}): Item[] {
  const ops = opsLaws.flatMap(({ name, rules, says, cases }) =>
    cases.map(({ title, run }, n): Item => {
      const id = { law: name, rules, says, mechanism: "ops", options: "{}", case: n, title };
      return {
        ...id,
        async run(backend, seed) {
          return use(new Bench(backend, random(keyOf(id, seed))), run);
        },
      };
    }),
  );
  const rows = mechanisms.flatMap((row) =>
    laws.flatMap(({ name, rules, says, cases }) =>
      cases(row).map(({ title, run }, n): Item => {
        const options = optionsText(row.mechanism.options);
        const id = { law: name, rules, says, mechanism: row.mechanism.name, options, case: n, title };
        return {
          ...id,
          async run(backend, seed) {
            return use(new Lab(backend, random(keyOf(id, seed)), row), run);
          },
        };
      }),
    ),
  );
  return [...ops, ...rows].filter(typeof filter === "function" ? filter : (item) => matches(item, filter));
}

async function use<B extends Bench>(bench: B, run: (bench: B) => Promise<void>): Promise<number> {
  try {
    await run(bench);
    return bench.used;
  } finally {
    bench.free();
  }
}

type Id = Pick<Item, "law" | "mechanism" | "options" | "case">;

/** All that the randomness of a case depends on. */
const keyOf = (id: Id, seed: number): string => [seed, id.mechanism, id.options, id.law, id.case].join("|");

export function matches(id: Id, filter: Filter): boolean {
  return (["law", "mechanism", "options", "case"] as const).every(
    (field) => filter[field] === undefined || filter[field] === id[field],
  );
}

/** The command that runs one case again. */
export function replayLine(id: Id, backend: Pick<Backend<unknown>, "name" | "dtype">, seed: number): string {
  const options = id.options === "{}" ? "" : ` --options '${id.options}'`;
  return (
    `replay: attnkit conform --backend ${backend.name} --dtype ${backend.dtype} --mechanism ${id.mechanism}${options}` +
    ` --law ${id.law} --seed ${seed} --case ${id.case}`
  );
}
