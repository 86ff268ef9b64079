import type { DType } from "@attnkit/core";
import type { Choice } from "@attnkit/measure/choice";
import { label } from "@attnkit/measure/choice";
import { gpuUse } from "@attnkit/measure/gpu-meter";
import type { GpuResult } from "@attnkit/measure/results";
import { part, type Sequence } from "@attnkit/measure/sequence";
import { parts, prefillWork, release, type Subject, stateAfter, upload } from "@attnkit/measure/subject";
import { type Cell, clocked } from "./cell.ts";
import type { Columns } from "./columns.ts";
import type { Truths } from "./truth.ts";

/** The input of a group, its truths, and the backends. */
export interface Setting {
  readonly columns: Columns;
  readonly sequence: Sequence;
  readonly truths: Truths;
  /** Applications in one graph of an operator of ONNX Runtime. */
  readonly repeats: number;
}

const TRANSFERS =
  "ONNX Runtime takes inputs from memory of the processor at every call here; its times include that copy";

/** One prefill per call. Inputs are on the device and outputs stay there. */
export const prefillCell = (choice: Choice, column: string, dtype: DType, how: Setting): Cell => ({
  ...{ column, role: "attnkit", name: label(choice), dtype },
  async open() {
    const { s, checked } = await how.columns.subject(choice, column, dtype, how.sequence);
    const { length } = how.sequence;
    const block = upload(s, 0, length);
    const { y, state } = await s.attend(block);
    const answer = { data: await s.backend.download(y), rows: length, offset: 0 };
    release(s, [y, ...Object.values(state)]);
    return {
      checks: [checked, how.truths.check(label(choice), s.reference, dtype, answer)],
      flops: prefillWork(s, length),
      bytes: null,
      gpu: await useOf(s, Object.values(block), async () => release(s, parts(await s.attend(block)))),
      ...(column === "ort-webgpu" && { note: TRANSFERS }),
      sample: async (calls) =>
        (await clocked(async () => {
          for (let i = 0; i < calls; i++) {
            const result = await s.attend(block);
            if (i === calls - 1) await s.settle(result.y);
            release(s, parts(result));
          }
        })) / calls,
      dispose: () => release(s, Object.values(block)),
    };
  },
});

/**
 * One token per call, after a cache of all tokens but the last. Each call continues the state of the call before; calls are
 * not waited for one by one.
 */
export const decodeCell = (choice: Choice, column: string, dtype: DType, how: Setting): Cell => ({
  ...{ column, role: "attnkit", name: label(choice), dtype },
  async open() {
    const { s, checked } = await how.columns.subject(choice, column, dtype, how.sequence);
    const { B, Hkv, d, dv, length } = how.sequence;
    const context = length - 1;
    const state = await stateAfter(s, context);
    const token = upload(s, context, length);
    const { y, ...first } = await s.attend({ ...token, state });
    const answer = { data: await s.backend.download(y), rows: 1, offset: context };
    const inputs = [...Object.values(token), ...Object.values(state)];
    release(s, [y, ...Object.values(first.state)], inputs);
    const keeps = Object.values(s.mechanism.state({ B, Hq: Hkv, Hkv, L: 1, S: 1, d, dv })).some((e) =>
      e.shape.includes("P"),
    );
    return {
      checks: [checked, how.truths.check(label(choice), s.reference, dtype, answer)],
      flops: null,
      bytes: keeps ? B * Hkv * length * (d + dv) * (dtype === "float16" ? 2 : 4) : null,
      gpu: await useOf(s, inputs, async () => release(s, parts(await s.attend({ ...token, state })), inputs)),
      ...(column === "ort-webgpu" && { note: TRANSFERS }),
      sample: async (calls) =>
        (await clocked(async () => {
          let last = state;
          for (let i = 0; i < calls; i++) {
            const result = await s.attend({ ...token, state: last });
            if (i === calls - 1) await s.settle(result.y);
            release(s, [result.y, ...(last === state ? [] : Object.values(last))], Object.values(result.state));
            last = result.state;
          }
          release(s, Object.values(last), Object.values(state));
        })) / calls,
      dispose: () => release(s, inputs),
    };
  },
});

/** Returns the dispatches and bytes of one call, or null if the device cannot be metered. */
export async function useOf(
  s: Subject,
  inputs: readonly unknown[],
  call: () => Promise<unknown>,
): Promise<GpuResult | null> {
  const used = s.metered && (await gpuUse(s.metered, call));
  if (!used) return null;
  const width = s.backend.dtype === "float16" ? 2 : 4;
  const bytes = inputs.reduce((n: number, x) => n + width * s.backend.shape(x).reduce((a, b) => a * b, 1), 0);
  return { dispatches: used.dispatches, inputs: bytes, added: used.bytes };
}

/** Uploads q, k and v of the whole sequence. */
export const whole = (sequence: Sequence): ReturnType<typeof part> => part(sequence, 0, sequence.length);
