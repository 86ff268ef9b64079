import { checkPrefill } from "@attnkit/measure/check";
import type { BenchOptions } from "@attnkit/measure/results";
import { decodeCost, prefillCost, release, type Subject, stateAfter } from "@attnkit/measure/subject";
import { callsFor, decode, prefill, warm } from "@attnkit/measure/time";
import type { Candidate } from "./plan.ts";

/** Seconds to warm up one pilot. V8 has compiled the loops by then. It is less if the whole budget is a few seconds. */
const warmUp = (budget: number): number => Math.min(0.15, budget / 60);
/**
 * Pilots continue with longer lengths while a call is predicted to take less than this many seconds, for a better
 * prediction.
 */
const CLIMB = 0.1;
/**
 * The factor from prediction to plan: caches and the garbage collector make long calls slower than short ones suggest.
 */
const MARGIN = 1.15;
/** START: seconds to load code in a new process. COLD: the first call there takes this many times longer. */
const START = 0.6;
const COLD = 2;
const MOST_CALLS = { prefill: 16, decode: 256 };

const clocked = async <X>(work: () => Promise<X>): Promise<[number, X]> => {
  const start = performance.now();
  const result = await work();
  return [(performance.now() - start) / 1000, result];
};

/** Times the shortest sizes of a checked cell. Predicts the others by the operations that their programs count. */
export async function pilot(s: Subject, { lengths, contexts, budget, largest }: BenchOptions): Promise<Candidate[]> {
  return [
    ...(await prefills(s, lengths, warmUp(budget), largest)),
    ...(s.baseline ? [] : await decodes(s, contexts, warmUp(budget))),
  ];
}

async function prefills(
  s: Subject,
  lengths: readonly number[],
  seconds: number,
  largest: number,
): Promise<Candidate[]> {
  const flops = (length: number) => prefillCost(s, length).flops;
  let known = { length: lengths[0]!, call: 0 };
  let check = 0;
  for (const length of lengths.slice(0, 3)) {
    if (known.call > 0 && (known.call * flops(length)) / flops(known.length) > CLIMB) break;
    const timed = prefill(s, length);
    const y = await timed.once();
    const [spent] = await clocked(() => checkPrefill(s, length, y));
    check = spent / length;
    release(s, [y]);
    known = { length, call: await warm(timed, seconds) };
    timed.dispose();
  }
  return lengths.map((length) => {
    const call = MARGIN * known.call * (flops(length) / flops(known.length));
    const calls = callsFor(call, MOST_CALLS.prefill);
    return {
      cell: s.id,
      what: "prefill",
      size: length,
      call,
      calls,
      // One checked call. Short calls are also warmed up.
      setup: check * length + (calls > 1 ? 2 : 1) * call,
      baseline: s.baseline !== undefined,
      impossible: tooLarge(s, length, largest),
    };
  });
}

async function decodes(s: Subject, contexts: readonly number[], seconds: number): Promise<Candidate[]> {
  const shortest = contexts[0];
  if (shortest === undefined) return [];
  const flops = (context: number) => decodeCost(s, context).flops;
  const [absorb, state] = await clocked(() => stateAfter(s, shortest));
  const timed = decode(s, shortest, state);
  const known = await warm(timed, seconds);
  timed.dispose();
  return contexts.map((context) => {
    const call = MARGIN * known * (flops(context) / flops(shortest));
    const calls = callsFor(call, MOST_CALLS.decode);
    return {
      cell: s.id,
      what: "decode",
      size: context,
      call,
      calls,
      setup: MARGIN * absorb * (context / shortest) + 4 * call,
    };
  });
}

/** Returns the candidate for a peak memory measurement, at a length whose prefill is a candidate. */
export function memoryCandidate(prefillCandidates: readonly Candidate[], cell: string, length: number): Candidate {
  const { call } = prefillCandidates.find((c) => c.cell === cell && c.what === "prefill" && c.size === length)!;
  return { cell, what: "memory", size: length, call: START + COLD * call, calls: 1, setup: 0 };
}

function tooLarge(s: Subject, length: number, most: number): string | undefined {
  const elements = s.baseline?.largest(length) ?? prefillCost(s, length).largest;
  const bytes = elements * (s.backend.dtype === "float64" ? 8 : 4);
  if (bytes <= most) return undefined;
  return `its largest tensor would take ${Math.ceil(bytes / 2 ** 20)} MiB, the limit is ${Math.floor(most / 2 ** 20)}`;
}
