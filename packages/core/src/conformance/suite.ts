import type { Backend } from "../backend/backend.ts";
import type { Options } from "../program/call.ts";
import { AttentionError } from "../program/errors.ts";
import type { DType } from "../program/ops.ts";
import { Checker, Denied, LawBroken } from "./checker.ts";
import { type ExpectedFailure, lawNames } from "./expected-failures.ts";
import { Lab, type Row } from "./lab.ts";
import { laws } from "./laws/index.ts";
import { opsLaws } from "./ops/index.ts";
import { random } from "./random.ts";
import { wrongOracle } from "./wrong-oracle.ts";

/** The backend and mechanisms to test. Their declarations decide which cases run: there are no other switches. */
export interface Subject {
  backend(): Backend<unknown> | Promise<Backend<unknown>>;
  /**
   * Makes the backend in a float type, for the law `supports`: `(dtype) => mine({ dtype })`. Without it, that law only tests
   * that the backend's own type is declared.
   */
  backendIn?(dtype: DType): Backend<unknown> | Promise<Backend<unknown>>;
  /** Each with its oracle. None: the operations alone are tested. */
  readonly mechanisms: readonly Row[];
  /** Cases that are known to fail. `readExpectedFailures` reads them from a JSON file. */
  readonly expectedFailures?: readonly ExpectedFailure[];
  /**
   * The name of one kernel: only the mechanisms that have it are tested, with it and without their other kernels. The laws of
   * operations are left out. A run in which it never ran does not conform.
   */
  readonly kernel?: string;
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
export function plan(subject: Pick<Subject, "mechanisms" | "backendIn">, filter: Selection = {}): Item[] {
  const { mechanisms } = subject;
  const backendIn = subject.backendIn?.bind(subject);
  const ops = opsLaws.flatMap(({ name, rules, says, cases }) =>
    cases.map(({ title, run }, n): Item => {
      const id = { law: name, rules, says, mechanism: "ops", options: "{}", case: n, title };
      return {
        ...id,
        async run(backend, seed) {
          return use(new Checker(backend, random(keyOf(id, seed)), backendIn), run);
        },
      };
    }),
  );
  const rows = mechanisms.flatMap((row) => {
    const suspect = suspectOf(row);
    return laws.flatMap(({ name, rules, says, cases }) =>
      cases(row).map(({ title, run }, n): Item => {
        const options = optionsText(row.mechanism.options);
        const id = { law: name, rules, says, mechanism: row.mechanism.name, options, case: n, title };
        return {
          ...id,
          async run(backend, seed) {
            const lab = new Lab(backend, random(keyOf(id, seed)), row);
            return use(lab, async () => {
              try {
                await run(lab);
              } catch (error) {
                if (!(error instanceof LawBroken)) throw error;
                const sentence = await suspect(backend);
                throw sentence === undefined ? error : new LawBroken(`${error.message}\n${sentence}`);
              }
            });
          },
        };
      }),
    );
  });
  return [...ops, ...rows].filter(typeof filter === "function" ? filter : (item) => matches(item, filter));
}

/** `wrongOracle` of a row, asked once for each backend and only after a law was broken. */
function suspectOf(row: Row): (backend: Backend<unknown>) => Promise<string | undefined> {
  const answers = new Map<Backend<unknown>, Promise<string | undefined>>();
  return (backend) => {
    const lab = new Lab(backend, random("wrong oracle"), row);
    // A call that fails says nothing about the oracle, and the broken law is reported as it is.
    const answer =
      answers.get(backend) ??
      wrongOracle(lab)
        .catch(() => undefined)
        .finally(() => lab.free());
    answers.set(backend, answer);
    return answer;
  };
}

async function use<B extends Checker>(checker: B, run: (checker: B) => Promise<void>): Promise<number> {
  try {
    await run(checker);
    return checker.used;
  } catch (error) {
    if (error instanceof Denied) return checker.used;
    throw error;
  } finally {
    checker.free();
  }
}

/** The fields that identify a case of a subject. */
export type Id = Pick<Item, "law" | "mechanism" | "options" | "case">;

/** All that the randomness of a case depends on. */
const keyOf = (id: Id, seed: number): string => [seed, id.mechanism, id.options, id.law, id.case].join("|");

export function matches(id: Id, filter: Filter): boolean {
  return FIELDS.every((field) => filter[field] === undefined || filter[field] === id[field]);
}

const FIELDS = ["law", "mechanism", "options", "case"] as const;

/**
 * Returns the cases that a filter selects.
 * @throws `ATTN_OPTION` if the filter has a field that filters do not have, or if it selects no case.
 */
export function select(
  subject: Pick<Subject, "mechanisms" | "expectedFailures" | "backendIn">,
  filter: Selection = {},
): Item[] {
  const all = plan(subject);
  const known = lawNames;
  for (const [n, expected] of (subject.expectedFailures ?? []).entries()) {
    const { law, mechanism, options } = expected;
    const cases = all.filter((item) => matches(item, { law, mechanism, options }));
    if (cases.length > 0 && !cases.some((item) => matches(item, expected))) {
      const numbers = [...new Set(cases.map((item) => String(item.case)))];
      throw wrongFilter(`expectedFailures[${n}] names the case ${expected.case} of ${law}`, numbers);
    }
  }
  if (typeof filter !== "function") {
    const field = Object.keys(filter).find((name) => !(FIELDS as readonly string[]).includes(name));
    if (field !== undefined) throw wrongFilter(`the filter has the field "${field}"`, FIELDS);
  }
  const chosen = all.filter(typeof filter === "function" ? filter : (item) => matches(item, filter));
  if (chosen.length > 0) return chosen;
  if (typeof filter === "function")
    throw wrongFilter("the filter selects no case: it was false for each of these laws", known);
  for (const [n, field] of FIELDS.entries()) {
    const before = Object.fromEntries(FIELDS.slice(0, n).map((name) => [name, filter[name]]));
    const left = all.filter((item) => matches(item, before));
    if (left.some((item) => matches(item, { ...before, [field]: filter[field] }))) continue;
    const values = new Set(left.map((item) => String(item[field])));
    throw wrongFilter(`the filter selects no case: there is no ${field} ${JSON.stringify(filter[field])} here`, [
      ...values,
    ]);
  }
  return chosen;
}

const wrongFilter = (got: string, expected: readonly string[]): AttentionError =>
  new AttentionError("ATTN_OPTION", "conformance", `${got}, expected one of: ${expected.join(", ")}`);
