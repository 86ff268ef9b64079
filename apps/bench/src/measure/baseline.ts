import type { Shape } from "@attnkit/core";
import type { BaselineEntry } from "@attnkit/measure/baselines";
import { label } from "@attnkit/measure/choice";
import { rounded, type Sequence } from "@attnkit/measure/sequence";
import type { Subject } from "@attnkit/measure/subject";
import { messageOf } from "../io.ts";
import { mechanismNamed } from "../select.ts";

/** Returns a baseline as a subject of its own, or the reason why it does not run here. */
export async function baselineSubject(
  entry: BaselineEntry,
  beside: Subject,
  sequence: Sequence,
  threads: number,
): Promise<Subject | { id: string; refused: string }> {
  const id = `${entry.name} on ${entry.backend} float32`;
  const { B, Hq, Hkv, d, dv } = sequence;
  const computed = mechanismNamed(entry.computes?.mechanism ?? "softmax");
  const choice = { entry: computed, options: entry.computes?.options ?? {} };
  try {
    const own = await entry.create({ Hq, Hkv, d, dv }, { threads });
    const { device, shape, free, flops, errorUsed } = own;
    const qOf = (length: number) => [B, Hq, length, d];
    return {
      id,
      choice,
      mechanism: computed.create(choice.options),
      backend: {
        ...{ device, shape, free, dtype: "float32" },
        upload: (data: unknown, of?: Shape) => own.upload(data as Float32Array, of!),
        download: own.download,
      },
      entryName: entry.backend,
      reference: computed.reference(choice.options),
      sequence: rounded(sequence, "float32"),
      adapter: beside.adapter,
      metered: own.metered ?? null,
      attend: async ({ q, k, v }) => ({ y: await own.attend({ q, k, v }), state: {} }),
      absorb: () => Promise.reject(new Error(`${label(choice)} as ${entry.name} has no state`)),
      settle: own.settle,
      baseline: {
        name: entry.name,
        beside: entry.beside ?? null,
        largest: (length) => own.largest(qOf(length)),
        other: flops && errorUsed ? { flops: (length) => flops(qOf(length)), errorUsed } : null,
      },
    };
  } catch (error) {
    return { id, refused: messageOf(error) };
  }
}
