import type { Backend } from "../backend/backend.ts";
import { checkBackend, checkRunner, checkSubject } from "./check-subject.ts";
import { isLawBroken } from "./checker.ts";
import { neverRan, type OneKernel, oneKernel } from "./one-kernel.ts";
import { type Replay, replayByFilter } from "./replay.ts";
import { type CaseResult, type Report, reportOf } from "./report.ts";
import type { Runner } from "./runner.ts";
import { type Item, matches, type Selection, type Subject, select } from "./suite.ts";

/**
 * Registers the suite with a test runner: one test for each case.
 * @throws `ATTN_OPTION` if the runner, the subject or the filter is not one, and if the filter selects no case.
 * @example
 * conformance({ describe, test }, { backend: () => cpu(), mechanisms: [{ mechanism: softmax(), reference: softmaxReference() }] });
 */
export function conformance(runner: Runner, subject: Subject, filter: Selection = {}): void {
  checkRunner(runner);
  checkSubject(subject);
  const { describe, test, replay = replayByFilter } = runner;
  const backend = once(subject);
  const { tested, kernel } = withOneKernel(subject);
  for (const [mechanism, ofMechanism] of groups(selected(tested, filter), titleOf)) {
    describe(mechanism, () => {
      for (const [law, items] of groups(ofMechanism, lawTitle)) {
        describe(law, () => {
          for (const item of items) {
            test(caseTitle(item), async () => {
              const result = await runItem(item, await backend(), subject, replay);
              if (result.status === "fail" || result.status === "unexpected-pass") throw new Error(result.error);
            });
          }
        });
      }
    });
  }
  if (kernel === undefined) return;
  // Runners run tests in the order in which they are registered.
  describe(`kernel ${subject.kernel}`, () => {
    test("ran in one case at least", async () => {
      if (kernel.calls() === 0) throw new Error(neverRan(`${subject.kernel}`, await backend()));
    });
  });
}

export interface RunOptions {
  readonly filter?: Selection;
  /** The line that runs one case again, for the messages of failures. Default: a call of `runConformance` with a filter. */
  readonly replay?: Replay;
  /** Called and awaited after every case, so that a page can give time to the browser. */
  onProgress?(result: CaseResult, done: number, total: number): unknown;
  /** An `AbortSignal`: ends the run. The case that ran at the time is dropped, and the report says that it is not complete. */
  readonly signal?: { readonly aborted: boolean };
}

/**
 * Runs the suite without a test runner. A case that fails does not throw: read `conforms`.
 * @throws `ATTN_OPTION` if the subject or the filter is not one, and if the filter selects no case.
 * @example
 * const report = await runConformance({ backend: () => cpu(), mechanisms: [] }, { filter: { law: "op-add" } });
 * console.log(report.conforms, markdown(report));
 */
export async function runConformance(
  subject: Subject,
  { filter = {}, replay = replayByFilter, onProgress, signal }: RunOptions = {},
): Promise<Report> {
  checkSubject(subject);
  const { tested, kernel } = withOneKernel(subject);
  const items = selected(tested, filter);
  const backend = await made(subject);
  const results: CaseResult[] = [];
  for (const item of items) {
    if (signal?.aborted) break;
    const result = await runItem(item, backend, subject, replay);
    await onProgress?.(result, results.length + 1, items.length);
    if (!signal?.aborted) results.push(result);
  }
  const complete = results.length === items.length;
  return reportOf(backend, {
    seed: subject.seed ?? 1,
    versions: subject.versions ?? {},
    kernel: kernel && { name: `${subject.kernel}`, calls: kernel.calls() },
    cases: results,
    complete,
  });
}

/** The subject as it is tested: with `kernel`, its mechanisms have that kernel alone. */
function withOneKernel(subject: Subject): { readonly tested: Subject; readonly kernel?: OneKernel } {
  if (subject.kernel === undefined) return { tested: subject };
  const kernel = oneKernel(subject.mechanisms, subject.kernel);
  const { backendIn } = subject;
  const tested = { ...subject, backend: () => subject.backend(), mechanisms: kernel.rows };
  return { tested: { ...tested, ...(backendIn && { backendIn: backendIn.bind(subject) }) }, kernel };
}

/** The cases that a filter selects; without those of operations where one kernel is tested, which they do not run. */
function selected(subject: Subject, filter: Selection): Item[] {
  const items = select(subject, filter);
  return subject.kernel === undefined ? items : items.filter((item) => item.mechanism !== "ops");
}

async function runItem(item: Item, backend: Backend<unknown>, subject: Subject, replayOf: Replay): Promise<CaseResult> {
  const { seed = 1, expectedFailures = [] } = subject;
  const expected = expectedFailures.find((entry) => matches(item, entry));
  const { law, rules, mechanism, options, title } = item;
  const id = { law, rules, mechanism, options, case: item.case, title };
  const names = [titleOf(item), lawTitle(item), caseTitle(item)];
  const replay = () =>
    `replay: ${replayOf({ law, mechanism, options, case: item.case, seed, backend: backend.name, dtype: backend.dtype, names })}`;
  const start = Date.now();
  try {
    const used = await item.run(backend, seed);
    const ms = Date.now() - start;
    if (!expected) return { ...id, status: "pass", used, ms };
    const error = `${law}: the case was expected to fail (${expected.reason}) and passed; remove the expected failure\n${replay()}`;
    return { ...id, status: "unexpected-pass", used, ms, error };
  } catch (thrown) {
    const ms = Date.now() - start;
    const broken = isLawBroken(thrown);
    const crash = broken ? "" : "crashed, which is no broken law: ";
    const error = `${law} (${rules}): ${crash}${describeError(thrown)}\n${replay()}`;
    return { ...id, status: expected && broken ? "expected-failure" : "fail", used: 0, ms, error };
  }
}

/** The message of a broken law. Everything else is unexpected, and the stack says where it comes from. */
function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return isLawBroken(error) ? error.message : (error.stack ?? `${error.name}: ${error.message}`);
}

const titleOf = ({ mechanism, options }: Item): string => (options === "{}" ? mechanism : `${mechanism} ${options}`);
const lawTitle = ({ law, rules, says }: Item): string => `${law} (${rules}): ${says}`;
const caseTitle = (item: Item): string => `${item.case} ${item.title}`;

function groups<X>(items: readonly X[], name: (item: X) => string): Map<string, X[]> {
  const all = new Map<string, X[]>();
  for (const item of items) all.set(name(item), [...(all.get(name(item)) ?? []), item]);
  return all;
}

async function made(subject: Subject): Promise<Backend<unknown>> {
  const backend = await subject.backend();
  checkBackend(backend);
  return backend;
}

/** Returns a function that makes the subject's backend at its first call. */
function once(subject: Subject): () => Promise<Backend<unknown>> {
  let first: Promise<Backend<unknown>> | undefined;
  return () => {
    first ??= made(subject);
    return first;
  };
}
