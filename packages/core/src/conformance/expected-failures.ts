import { AttentionError } from "../program/errors.ts";
import { laws } from "./laws/index.ts";
import { opsLaws } from "./ops/index.ts";

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

/** The fields of an expected failure, and the values that each takes. */
const FIELDS: Readonly<Record<keyof ExpectedFailure, readonly [right: (x: unknown) => boolean, expected: string]>> = {
  law: [(x) => typeof x === "string", "the name of a law, as a report prints it"],
  mechanism: [(x) => x === undefined || typeof x === "string", 'the name of a mechanism, or "ops"'],
  options: [
    (x) => x === undefined || typeof x === "string",
    "options as a report prints them, such as '{\"order\":2}'",
  ],
  case: [(x) => x === undefined || (Number.isSafeInteger(x) && (x as number) >= 0), "a case number, from 0"],
  reason: [(x) => typeof x === "string" && x.trim() !== "", "a text: every entry comes with a reason in words"],
};

/**
 * Reads expected failures from the content of a JSON file: `[{ "law", "mechanism"?, "options"?, "case"?, "reason" }]`.
 * @param content The parsed JSON.
 * @throws `ATTN_OPTION` if it is not a list of such entries, and if an entry names a law that does not exist.
 * @example
 * conformance({ describe, test }, { backend, mechanisms, expectedFailures: readExpectedFailures(expected) });
 */
export function readExpectedFailures(content: unknown): ExpectedFailure[] {
  if (!Array.isArray(content))
    throw refused("the expected failures", content, 'a list such as [{ "law": "op-exp", "reason": "why" }]');
  for (const [n, entry] of content.entries()) checkExpectedFailure(entry, `expectedFailures[${n}]`);
  return content as ExpectedFailure[];
}

/** Refuses what is not an expected failure of a law that exists. @throws `ATTN_OPTION` */
export function checkExpectedFailure(entry: unknown, where: string): asserts entry is ExpectedFailure {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry))
    throw refused(where, entry, "{ law, reason } with a reason in words");
  const unknown = Object.keys(entry).find((name) => !(name in FIELDS));
  if (unknown !== undefined)
    throw refused(where, unknown, `an entry with the fields ${Object.keys(FIELDS).join(", ")} alone`);
  for (const [name, [right, expected]] of Object.entries(FIELDS)) {
    const value = (entry as Record<string, unknown>)[name];
    if (!right(value)) throw refused(`${where}.${name}`, value, expected);
  }
  const { law } = entry as ExpectedFailure;
  if (!lawNames.includes(law)) throw refused(`${where}.law`, law, `one of: ${lawNames.join(", ")}`);
}

/** The names of all laws, those of operations first. */
export const lawNames: readonly string[] = [...opsLaws, ...laws].map((law) => law.name);

const refused = (what: string, got: unknown, expected: string): AttentionError =>
  new AttentionError("ATTN_OPTION", "conformance", `${what}: got ${JSON.stringify(got)}, expected ${expected}`);
