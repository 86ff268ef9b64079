import type { Data } from "@attnkit/core";
import { label } from "@attnkit/measure/choice";
import type { BenchOptions } from "@attnkit/measure/results";
import type { Sequence } from "@attnkit/measure/sequence";
import { prefillCost, release, type Subject, stateAfter, stateBytes, subject } from "@attnkit/measure/subject";
import { breathe, UsageError } from "../io.ts";
import { cellOf, guarded, record, type Session, sound } from "../measure/cells.ts";
import { measure } from "../measure/session.ts";
import { backendNamed, mechanismNamed, openNamed } from "../select.ts";
import { accuracyOf, outputOf, type Weighting, weighting } from "./accuracy.ts";
import { type Facts, FORMAT, type Frontier, uniformCausalEntropy } from "./frontier.ts";
import { rowsOf, tooLarge } from "./rows.ts";

/** The most tokens whose weights are read: there are as many columns as tokens, once per channel where each has its own. */
const WEIGHT_TOKENS = 256;

/**
 * Checks every cell, compares its output with softmax's, reads its weights, and times it as `attnkit bench` does. A cell
 * whose answer is wrong is not timed and has no accuracy. Softmax's output is that of the float64 reference backend.
 */
export async function measureFrontier(session: Session, reference: Subject): Promise<Frontier> {
  const { results, signal } = session;
  const tokens = results.options.lengths[0]!;
  const weightTokens = Math.min(tokens, WEIGHT_TOKENS);
  const facts = new Map<string, Facts>();
  const weights = new Map<string, Weighting>();
  await measure(session);
  if (!signal.aborted) {
    session.progress.step("comparing with softmax", "its output in float64");
    const softmax = await referenceOutput(reference, tokens);
    for (const s of sound(session)) {
      if (signal.aborted) break;
      if (tooLarge(results, s) !== undefined) continue;
      session.progress.step("comparing with softmax", s.id);
      await guarded(session, s, async () => {
        facts.set(s.id, await factsOf(session, s, tokens, softmax));
      });
      await breathe();
    }
    await readWeights(session, reference.sequence, weightTokens, weights);
  }
  results.complete = !signal.aborted;
  return {
    ...{ format: FORMAT, complete: results.complete, tokens, weightTokens },
    uniformEntropy: uniformCausalEntropy(weightTokens),
    rows: rowsOf({ results, subjects: session.subjects, facts, weights }),
    measured: results,
  };
}

/**
 * Returns softmax with its default options in float64, with which every output is compared. Throws `UsageError` if its
 * scores at the length of the options would be larger than they allow.
 */
export async function softmaxReference(
  sequence: Sequence,
  { lengths, largest }: Pick<BenchOptions, "lengths" | "largest">,
): Promise<Subject> {
  const host = await openNamed(backendNamed("cpu"), "float64");
  const s = await subject({ entry: mechanismNamed("softmax"), options: {} }, host, "cpu", sequence, "prefer");
  const bytes = 8 * prefillCost(s, lengths[0]!).largest;
  if (bytes <= largest) return s;
  const [needed, limit] = [Math.ceil(bytes / 2 ** 20), Math.floor(largest / 2 ** 20)];
  throw new UsageError(
    "--lengths",
    `${lengths[0]} tokens: the scores of softmax would take ${needed} MiB in float64, the limit is ${limit}; expected fewer tokens or a larger --largest`,
  );
}

/** Returns softmax's output. Throws if it is wrong. */
async function referenceOutput(s: Subject, tokens: number): Promise<Data> {
  const { y, check } = await outputOf(s, tokens);
  if (check.passed) return y;
  throw new Error(`${s.id} is wrong, and nothing can be compared with it: ${check.detail ?? "not finite"}`);
}

async function factsOf(session: Session, s: Subject, tokens: number, softmax: Data): Promise<Facts> {
  const { y, check } = await outputOf(s, tokens);
  record(cellOf(session, s.id), check);
  const state = await stateAfter(s, tokens);
  const bytes = await stateBytes(s, state);
  release(s, Object.values(state));
  return { accuracy: accuracyOf(s, tokens, y, softmax), bytes };
}

/** Reads the weights of every chosen mechanism once: they are the same on every backend, up to rounding. */
async function readWeights(
  session: Session,
  sequence: Sequence,
  tokens: number,
  into: Map<string, Weighting>,
): Promise<void> {
  const host = await openNamed(backendNamed("cpu"), "float64");
  for (const s of sound(session)) {
    const name = label(s.choice);
    if (session.signal.aborted || into.has(name)) continue;
    session.progress.step("reading weights", name);
    into.set(name, await weighting(s.choice, host, sequence, tokens));
    await breathe();
  }
}
