import { checkPrefill } from "@attnkit/measure/check";
import { decodeCost, prefillCost, release, type Subject, stateAfter } from "@attnkit/measure/subject";
import { callsFor, decode, prefill, warm } from "@attnkit/measure/time";
import type { BenchOptions } from "../results.ts";
import type { Candidate } from "./plan.ts";

/** Seconds spent on warming up one pilot, V8 has compiled the loops by then; less where the whole budget is a few seconds. */
const warmUp = (budget: number): number => Math.min(0.15, budget / 60);
/** Pilots climb to longer lengths while a call is predicted to take less than this, for a better prediction. */
const CLIMB = 0.1;
/** Predictions are for a quiet machine; caches and the garbage collector make long calls slower than short ones suggest. */
const MARGIN = 1.15;
/** Loading code and compiling it anew in a process of its own. */
const START = 0.6;
const COLD = 2;
const MOST_CALLS = { prefill: 16, decode: 256 };

const clocked = async <X>(work: () => Promise<X>): Promise<[number, X]> => {
  const start = performance.now();
  const result = await work();
  return [(performance.now() - start) / 1000, result];
};

/** Times the shortest sizes of a checked cell and predicts the others from the work their programs do. */
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
      // One checked call; short ones are warmed up besides.
      setup: check * length + (calls > 1 ? 2 : 1) * call,
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

/** Peak memory of one prefill in a process of its own, for a length whose prefill the plan has. */
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
