import type { Baseline, BaselineEntry } from "@attnkit/measure/baselines";
import { deviceOf } from "@attnkit/measure/gpu-meter";
import type { CheckResult } from "@attnkit/measure/results";
import { part, type Sequence } from "@attnkit/measure/sequence";
import { mechanismNamed } from "../select.ts";
import type { Setting } from "./attnkit.ts";
import { attentionFlops, type Cell, clocked, Refusal } from "./cell.ts";
import { verdict } from "./truth.ts";

/** Tries of one sample that a busy transfer spoiled. */
const TRIES = 3;

const SLOPE = (n: number) =>
  `the time of ${n} applications in one graph less the time of one, over ${n - 1}: without the transfer of inputs`;

/** A program of tfjs that a user would write: the composition, or its plain product of matrices. */
export const tfjsCell = (entry: BaselineEntry, how: Setting): Cell => ({
  ...{ column: entry.backend, role: entry.computes ? "composition" : "matmul", name: entry.name, dtype: "float32" },
  async open() {
    const own = await entry.create(sizesOf(how.sequence));
    refuseTooLarge(own, how.sequence);
    const x = uploaded(own, how.sequence, 0);
    const y = await own.attend(x);
    const checks = [await checked(entry, own, y, how)];
    own.free(y);
    return {
      checks,
      ...{ flops: flopsOf(own, how.sequence), bytes: null, gpu: null },
      sample: async (calls) => (await timed(own, x, calls)) / calls,
      dispose: () => Object.values(x).forEach(own.free),
    };
  },
});

/**
 * An operator of ONNX Runtime. In Node it takes inputs from memory of the processor at every call. Its time is therefore that of a graph
 * with several applications, each to the output of the one before, less that of a graph with one.
 */
export const ortCell = (entry: BaselineEntry, how: Setting, queries: "all" | "last" = "all"): Cell => ({
  ...{ column: entry.backend, role: entry.computes ? "operator" : "matmul", name: entry.name, dtype: "float32" },
  async open() {
    const { sequence } = how;
    const from = queries === "all" ? 0 : sequence.length - 1;
    const both: { own: Baseline; x: ReturnType<typeof uploaded> }[] = [];
    const checks: CheckResult[] = [];
    for (const repeats of [1, how.repeats]) {
      const own = await entry.create(sizesOf(sequence), { repeats });
      const x = uploaded(own, sequence, from);
      const y = await own.attend(x);
      checks.push(await checked(entry, own, y, how, repeats));
      own.free(y);
      both.push({ own, x });
    }
    const [one, many] = both as [(typeof both)[0], (typeof both)[0]];
    return {
      checks,
      flops: queries === "all" ? flopsOf(one.own, sequence) : null,
      bytes: queries === "all" ? null : 4 * sequence.B * sequence.Hkv * sequence.length * (sequence.d + sequence.dv),
      ...{ gpu: null, note: SLOPE(how.repeats) },
      async sample(calls) {
        for (let i = 0; i < TRIES; i++) {
          const less = await timed(one.own, one.x, calls);
          const seconds = ((await timed(many.own, many.x, calls)) - less) / (calls * (how.repeats - 1));
          if (seconds > 0) return seconds;
        }
        throw new Error(
          `${how.repeats} applications took no longer than one in ${TRIES} tries: the transfers hide its time`,
        );
      },
      dispose() {
        for (const { own, x } of both) Object.values(x).forEach(own.free);
      },
    };
  },
});

const sizesOf = ({ Hq, Hkv, d, dv }: Sequence) => ({ Hq, Hkv, d, dv });

/** Uploads k and v of all tokens, and q of the tokens from `from` on. */
export function uploaded(own: Baseline, sequence: Sequence, from: number): Record<"q" | "k" | "v", unknown> {
  const { k, v } = part(sequence, 0, sequence.length);
  const { q } = part(sequence, from, sequence.length);
  const up = ({ data, shape }: typeof q) => own.upload(data as Float32Array, shape);
  return { q: up(q), k: up(k), v: up(v) };
}

async function timed(own: Baseline, x: Record<"q" | "k" | "v", unknown>, calls: number): Promise<number> {
  return clocked(async () => {
    for (let i = 0; i < calls; i++) {
      const y = await own.attend(x);
      if (i === calls - 1) await own.settle(y);
      own.free(y);
    }
  });
}

async function checked(
  entry: BaselineEntry,
  own: Baseline,
  y: unknown,
  how: Setting,
  repeats = 1,
): Promise<CheckResult> {
  const { sequence, truths } = how;
  if (own.errorUsed)
    return verdict("prefill", sequence.length, 3, await own.errorUsed(y), "the matrix product is wrong");
  const { mechanism, options } = entry.computes ?? { mechanism: "softmax", options: {} };
  const rows = own.shape(y).at(-2)!;
  const answer = { data: await own.download(y), rows, offset: sequence.length - rows };
  return truths.check(mechanism, mechanismNamed(mechanism).reference(options), "float32", answer, repeats);
}

const flopsOf = (own: Baseline, { B, Hq, length, d }: Sequence): number =>
  own.flops?.([B, Hq, length, d]) ?? attentionFlops(length, length, B * Hq, d);

/** WebGPU ends a program that binds more than the device allows, so it is refused before. */
export function refuseTooLarge(own: Baseline, { B, Hq, length, d }: Sequence): void {
  const device = own.metered && deviceOf(own.metered);
  if (!device) return;
  const [bytes, most] = [4 * own.largest([B, Hq, length, d]), device.limits.maxStorageBufferBindingSize];
  if (bytes > most) throw new Refusal(`its largest tensor would take ${bytes} bytes, this device can bind ${most}`);
}
