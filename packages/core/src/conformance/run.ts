import type { Backend } from "../backend/backend.ts";
import { type CaseResult, type Report, reportOf } from "./report.ts";
import { type Filter, type Item, matches, plan, replayLine, type Selection, type Subject } from "./suite.ts";

/** The two functions of a test runner that the suite needs: vitest's, jest's, node:test's or one's own. */
export interface Runner {
  describe(name: string, body: () => void): unknown;
  test(name: string, body: () => Promise<void>): unknown;
}

/** Register the suite with a test runner: one test per case, so that the runner lists them one by one. */
export function conformance({ describe, test }: Runner, subject: Subject, filter: Filter = {}): void {
  const backend = once(subject);
  for (const [mechanism, ofMechanism] of groups(plan(subject, filter), titleOf)) {
    describe(mechanism, () => {
      for (const [law, items] of groups(ofMechanism, (item) => `${item.law} (${item.rules}): ${item.says}`)) {
        describe(law, () => {
          for (const item of items) {
            test(`${item.case} ${item.title}`, async () => {
              const result = await runItem(item, await backend(), subject);
              if (result.status === "fail" || result.status === "unexpected-pass") throw new Error(result.error);
            });
          }
        });
      }
    });
  }
}

export interface RunOptions {
  readonly filter?: Selection;
  /** Called after every case, and awaited: a page gives the browser time here. */
  onProgress?(result: CaseResult, done: number, total: number): unknown;
  /** An `AbortSignal`: ends the run. The case that ran at the time is dropped, and the report says that it is not complete. */
  readonly signal?: { readonly aborted: boolean };
}

/** Run the suite without a test runner. Never throws because a case failed: read `conforms`. */
export async function runConformance(
  subject: Subject,
  { filter = {}, onProgress, signal }: RunOptions = {},
): Promise<Report> {
  const backend = await subject.backend();
  const items = plan(subject, filter);
  const results: CaseResult[] = [];
  for (const item of items) {
    if (signal?.aborted) break;
    const result = await runItem(item, backend, subject);
    await onProgress?.(result, results.length + 1, items.length);
    if (!signal?.aborted) results.push(result);
  }
  const complete = results.length === items.length;
  return reportOf(backend, subject.seed ?? 1, subject.versions ?? {}, results, complete);
}

async function runItem(item: Item, backend: Backend<unknown>, subject: Subject): Promise<CaseResult> {
  const { seed = 1, expectedFailures = [] } = subject;
  const expected = expectedFailures.find((entry) => matches(item, entry));
  const { law, rules, mechanism, options, title } = item;
  const id = { law, rules, mechanism, options, case: item.case, title };
  const replay = replayLine(item, backend, seed);
  const start = Date.now();
  try {
    const used = await item.run(backend, seed);
    const ms = Date.now() - start;
    if (!expected) return { ...id, status: "pass", used, ms };
    const error = `${law}: was expected to fail (${expected.reason}) and passed; remove the expected failure\n${replay}`;
    return { ...id, status: "unexpected-pass", used, ms, error };
  } catch (thrown) {
    const ms = Date.now() - start;
    const message = thrown instanceof Error ? describeError(thrown) : String(thrown);
    const error = `${law} (${rules}): ${message}\n${replay}`;
    return { ...id, status: expected ? "expected-failure" : "fail", used: 0, ms, error };
  }
}

/** A broken law explains itself; anything else is a surprise, and where it came from matters. */
const describeError = (error: Error): string =>
  error.name === "LawBroken" ? error.message : (error.stack ?? `${error.name}: ${error.message}`);

const titleOf = ({ mechanism, options }: Item): string => (options === "{}" ? mechanism : `${mechanism} ${options}`);

function groups<X>(items: readonly X[], name: (item: X) => string): Map<string, X[]> {
  const all = new Map<string, X[]>();
  for (const item of items) all.set(name(item), [...(all.get(name(item)) ?? []), item]);
  return all;
}

/** The subject's backend, made when the first test wants it. */
function once(subject: Subject): () => Promise<Backend<unknown>> {
  let made: Promise<Backend<unknown>> | undefined;
  return () => {
    made ??= Promise.resolve(subject.backend());
    return made;
  };
}
