/** The lanes of one backend, off the page's thread. The page says what comes next; every answer is checked before it is timed. */
import { mechanisms } from "@attnkit/catalog/mechanisms";
import { type CheckResult, checkDecode, checkOracle, checkPrefill } from "@attnkit/measure/check";
import { embed } from "@attnkit/measure/embed";
import {
  decodeCost,
  prefillCost,
  release,
  type Subject,
  stateAfter,
  stateBytes,
  subject,
} from "@attnkit/measure/subject";
import { callsFor, decode, prefill, type Timed, warm } from "@attnkit/measure/time";
import type { BackendName, OpenBackend } from "../device/device.ts";
import { openBackend } from "../device/open.ts";
import { defaultText } from "../train/text.ts";
import type { RaceOptions, What } from "./results.ts";

export interface Entered {
  readonly adapter: string;
  readonly hardware: boolean;
}

export interface Ready {
  readonly check: CheckResult;
  /** Calls that one sample should average. */
  readonly calls: number;
  readonly stateBytes: number;
}

export interface Racer {
  open(name: BackendName, options: RaceOptions): Promise<Entered>;
  lost(): Promise<string>;
  /** Makes a lane and compares two blocks of it, state included, with the float64 reference, entry by entry. */
  enter(mechanism: string): Promise<CheckResult>;
  /** Operations and largest tensor of one call: what longer calls are predicted from. */
  cost(mechanism: string, what: What, size: number): Promise<{ flops: number; bytes: number }>;
  /** Runs one call, checks its answer, and warms up where it was right. */
  ready(mechanism: string, what: What, size: number): Promise<Ready>;
  /** Seconds per call, mean of `calls`. */
  sample(mechanism: string, what: What, size: number, calls: number): Promise<number>;
  /** Frees what `ready` made. */
  done(mechanism: string, what: What, size: number): void;
}

/** Seconds of warming up before the first sample. */
const WARM = 0.05;
const MOST_CALLS = { prefill: 16, decode: 128 };

export function racer(): Racer {
  let opened: OpenBackend | undefined;
  let options: RaceOptions | undefined;
  const subjects = new Map<string, Subject>();
  const made = new Map<string, Timed>();
  const keyOf = (...parts: (string | number)[]) => parts.join();
  const of = (mechanism: string): Subject => {
    const s = subjects.get(mechanism);
    if (s) return s;
    throw new Error(`no lane ${mechanism} was entered`);
  };
  const timed = (key: string): Timed => {
    const t = made.get(key);
    if (t) return t;
    throw new Error(`${key} was not made ready`);
  };

  return {
    async open(name, how) {
      opened = await openBackend(name);
      options = how;
      const { adapter, hardware } = opened;
      return { adapter, hardware };
    },
    lost: () => opened!.lost,
    async enter(mechanism) {
      const { heads, dim, seed, sizes } = options!;
      const entry = mechanisms.find((m) => m.name === mechanism);
      if (!entry) throw new RangeError(`There is no mechanism ${mechanism}.`);
      // A few tokens beyond the longest context, for those that are decoded.
      const length = Math.max(...sizes) + 64;
      const sequence = embed(new TextEncoder().encode(defaultText), { seed, length, heads, kvHeads: heads, dim });
      const choice = { entry, options: entry.variants[0] ?? {} };
      const { backend, name } = opened!;
      const s = await subject(choice, backend, name, sequence, "prefer");
      subjects.set(mechanism, s);
      return checkOracle(s);
    },
    async cost(mechanism, what, size) {
      const { flops, largest } = (what === "prefill" ? prefillCost : decodeCost)(of(mechanism), size);
      return { flops, bytes: 4 * largest };
    },
    async ready(mechanism, what, size) {
      const s = of(mechanism);
      const state = await stateAfter(s, size);
      const weight = await stateBytes(s, state);
      if (what === "prefill") release(s, Object.values(state));
      const t = what === "prefill" ? prefill(s, size) : decode(s, size, state);
      made.set(keyOf(mechanism, what, size), t);
      const y = await t.once();
      const check = await (what === "prefill" ? checkPrefill : checkDecode)(s, size, y);
      release(s, [y]);
      const call = check.passed ? await warm(t, WARM) : 0;
      return { check, calls: callsFor(call, MOST_CALLS[what]), stateBytes: weight };
    },
    sample: (mechanism, what, size, calls) => timed(keyOf(mechanism, what, size)).sample(calls),
    done(mechanism, what, size) {
      const key = keyOf(mechanism, what, size);
      made.get(key)?.dispose();
      made.delete(key);
    },
  };
}
