import type { Backend } from "../backend/backend.ts";
import { AttentionError } from "../program/errors.ts";
import { draw, fit } from "./draw.ts";
import { checkExpectedFailure } from "./expected-failures.ts";
import type { Row } from "./lab.ts";
import { oracle } from "./oracle.ts";
import { random } from "./random.ts";
import type { Runner } from "./runner.ts";
import type { Subject } from "./suite.ts";

const refuse = (what: string, got: unknown, expected: string): AttentionError =>
  new AttentionError("ATTN_OPTION", "conformance", `${what}: got ${kindOf(got)}, expected ${expected}`);

function kindOf(x: unknown): string {
  if (x === null || x === undefined) return String(x);
  if (Array.isArray(x)) return `an array of ${x.length} entries`;
  if (typeof x !== "object")
    return typeof x === "function" ? `the function ${x.name || "(anonymous)"}` : JSON.stringify(x);
  const { name } = x as { name?: unknown };
  const keys = Object.keys(x).slice(0, 6).join(", ");
  return `an object${typeof name === "string" ? ` named "${name}"` : ""} with the fields ${keys || "(none)"}`;
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && !Array.isArray(x);

/** Refuses what is not a test runner. @throws `ATTN_OPTION` */
export function checkRunner(runner: Runner): void {
  for (const name of ["describe", "test"] as const) {
    if (!isRecord(runner) || typeof runner[name] !== "function")
      throw refuse(
        `runner.${name}`,
        (runner as Partial<Runner> | undefined)?.[name],
        "a function, as in conformance({ describe, test }, subject)",
      );
  }
}

/** Refuses what is not a subject: every mistake that would otherwise show as a TypeError in each case. @throws `ATTN_OPTION` */
export function checkSubject(subject: Subject): void {
  if (!isRecord(subject)) throw refuse("subject", subject, "{ backend, mechanisms }");
  const fields = subject as unknown as Record<string, unknown>;
  const { backend, backendIn, mechanisms, seed, kernel, expectedFailures = [] } = fields;
  if (typeof backend !== "function") {
    throw refuse("subject.backend", backend, "a function that makes the backend, such as () => cpu()");
  }
  if (backendIn !== undefined && typeof backendIn !== "function")
    throw refuse("subject.backendIn", backendIn, "a function of a float type, such as (dtype) => cpu({ dtype })");
  if (!Array.isArray(mechanisms)) {
    throw refuse(
      "subject.mechanisms",
      mechanisms,
      "an array of { mechanism, reference }; an empty one tests the operations alone",
    );
  }
  if (seed !== undefined && !Number.isSafeInteger(seed)) throw refuse("subject.seed", seed, "a whole number");
  if (!Array.isArray(expectedFailures)) throw refuse("subject.expectedFailures", expectedFailures, "an array");
  for (const [n, entry] of expectedFailures.entries()) checkExpectedFailure(entry, `subject.expectedFailures[${n}]`);
  if (kernel !== undefined && typeof kernel !== "string")
    throw refuse("subject.kernel", kernel, "the name of a kernel of the mechanisms");
  for (const [n, row] of mechanisms.entries()) checkRow(row, `subject.mechanisms[${n}]`);
}

const ROW = "{ mechanism, reference }, such as { mechanism: softmax(), reference: softmaxReference() }";

function checkRow(row: unknown, where: string): asserts row is Row {
  if (typeof row === "function") throw refuse(where, row, `${ROW}; call the factory`);
  if (!isRecord(row)) throw refuse(where, row, ROW);
  if (typeof row.forward === "function")
    throw refuse(where, row, `${ROW}; a mechanism alone has no oracle to be compared with`);
  const { mechanism, reference } = row;
  if (typeof mechanism === "function") throw refuse(`${where}.mechanism`, mechanism, "a mechanism; call the factory");
  if (!isRecord(mechanism) || typeof mechanism.forward !== "function" || !isRecord(mechanism.takes)) {
    throw refuse(`${where}.mechanism`, mechanism, "a mechanism, such as softmax()");
  }
  if (typeof reference !== "function")
    throw refuse(`${where}.reference`, reference, "the mechanism's reference in float64, such as softmaxReference()");
  const name = String(mechanism.name);
  const given = row as unknown as Row;
  const dims = fit(given.mechanism, { B: 1, Hq: 1, Hkv: 1, L: 1, S: 1 });
  const watched: Row["reference"] = (head) => {
    const answer = given.reference(head);
    if (isRecord(answer) && Array.isArray(answer.y) && Array.isArray(answer.scale)) return answer;
    const expected = "{ y, scale }; a factory of references must be called first";
    throw refuse(`${where}.reference of ${name}, called with one head,`, answer, expected);
  };
  oracle(watched, { block: draw(random("check"), (x) => x, given.mechanism, dims), causal: false });
}

const METHODS = ["upload", "download", "shape", "free", "compile", "vjp"] as const;

/** Refuses what `subject.backend()` made if it is not a backend. @throws `ATTN_OPTION` */
export function checkBackend(backend: Backend<unknown>): void {
  if (!isRecord(backend)) throw refuse("subject.backend()", backend, "a backend");
  const missing = METHODS.filter((name) => typeof backend[name] !== "function");
  if (missing.length > 0)
    throw refuse("subject.backend()", backend, `a backend; it lacks the functions ${missing.join(", ")}`);
  if (!isRecord(backend.supports))
    throw refuse("subject.backend().supports", backend.supports, "{ gradients: true } or false");
  const { dtypes = [] } = backend.supports;
  if (!Array.isArray(dtypes)) throw refuse("subject.backend().supports.dtypes", dtypes, 'a list such as ["float32"]');
  for (const [op, factor] of Object.entries(backend.supports.accuracy ?? {})) {
    if (typeof factor === "number" && factor >= 1 && Number.isFinite(factor)) continue;
    throw refuse(`subject.backend().supports.accuracy.${op}`, factor, "a finite number from 1");
  }
}
