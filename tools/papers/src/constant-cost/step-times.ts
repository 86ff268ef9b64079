import type { State } from "@attnkit/core";
import { allowance, type Host, oracle } from "@attnkit/core/conformance";
import type { NdArray } from "@attnkit/cpu";
import { time } from "@attnkit/measure/format";
import { growth } from "@attnkit/measure/statistics";
import { median } from "simple-statistics";
import type { CellContext, Size, Values } from "../experiment.ts";
import type { Spread } from "../table.ts";
import type { Contender } from "./contenders.ts";
import { columnAt, LONG } from "./contexts.ts";
import { type Stream, WIDTH } from "./stream.ts";

/** Seconds of sampling per cell. */
const BUDGET: Readonly<Record<Size, number>> = { default: 1, full: 8 };
/** Seconds until V8 has compiled the step. */
const WARM_UP = 0.3;
/** Seconds of single calls per context and round. The median of single calls ignores those that were interrupted. */
const TURN = 0.004;
const FEWEST_ROUNDS = 3;

/** The quantity of the columns: microseconds per decoded token. */
export const TIME = "us";

/** A stream with the states that it has after each context. */
export interface Reached {
  readonly s: Stream;
  readonly contexts: readonly number[];
  readonly states: readonly State<NdArray>[];
}

/**
 * Times one decoded token at every context, and fits the growth from {@link LONG} tokens on.
 *
 * @throws Error if a token has a larger error than the mechanism's reference allows.
 */
export function stepTimes(
  contender: Contender,
  mechanism: string,
  { s, contexts, states }: Reached,
  { size, signal, progress }: CellContext,
): Values {
  const share = errorUsed(contender, s, contexts[0]!, states[0]!);
  if (!(share <= 1))
    throw new Error(`${mechanism}: the decoded token is ${share} times the allowed error from the reference`);
  for (const end = now() + WARM_UP; now() < end; ) s.step(contexts[0]!, states[0]!);
  const samples = contexts.map((): number[] => []);
  const start = now();
  // Rounds over all contexts, so that a slow moment of the machine hits all alike.
  for (let round = 0; !signal.aborted && (round < FEWEST_ROUNDS || now() < start + BUDGET[size]); round++) {
    for (const [i, context] of contexts.entries()) {
      for (const end = now() + TURN; ; ) {
        const before = now();
        s.step(context, states[i]!);
        const after = now();
        samples[i]!.push(after - before);
        if (after >= end) break;
      }
    }
    progress(Math.min(1, (now() - start) / BUDGET[size]));
  }
  const times = contexts.map((context, i) => ({ size: context, value: 1e6 * median(samples[i]!) }));
  const fit = growth(times.filter(({ size: context }) => context >= LONG))!;
  return {
    ...Object.fromEntries(times.map((t) => [columnAt(TIME, t.size), t.value])),
    exponent: fit.exponent,
    "standard error": fit.error,
    "error used": share,
  };
}

/** Formats microseconds and their standard deviation. */
export const duration = ({ mean, deviation }: Spread): string => `${time(mean * 1e-6)} ± ${time(deviation * 1e-6)}`;

const now = (): number => performance.now() / 1000;

/** Returns the largest |error| of the token after `context` tokens over the error that the reference allows. */
function errorUsed(contender: Contender, s: Stream, context: number, state: State<NdArray>): number {
  const got = s.step(context, state).y.data;
  const { q } = s.tokens(context, context + 1);
  const { k, v } = s.tokens(0, context + 1);
  const host = (x: Float32Array): Host => ({ shape: [1, 1, x.length / WIDTH, WIDTH], data: Float64Array.from(x) });
  const reference = contender.about.reference(contender.options);
  const { y, scale, terms } = oracle(reference, { block: { q: host(q), k: host(k), v: host(v) }, causal: "end" });
  const shares = [...y.data].map((exact, i) => Math.abs(got[i]! - exact) / allowance("float32", terms, scale.data[i]!));
  return Math.max(...shares);
}
