import type { DType } from "@attnkit/core";
import { allowance } from "@attnkit/core/conformance";
import type { Head, Reference } from "@attnkit/core/program";
import type { CheckResult } from "@attnkit/measure/results";
import type { Sequence } from "@attnkit/measure/sequence";

/** The row of one query, as the float64 reference computes it. */
interface Truth {
  readonly b: number;
  readonly h: number;
  readonly row: number;
  readonly y: readonly number[];
  readonly scale: readonly number[];
}

/** Where an output lies in the sequence: its rows are the tokens from `offset` on. */
export interface Output {
  readonly data: ArrayLike<number>;
  readonly rows: number;
  readonly offset: number;
}

/**
 * Sampled rows of causal attention over a sequence: the first token, one in the middle, one that depends on the length, and
 * the last, each in another head. Cells of one group share them.
 */
export class Truths {
  readonly #sequence: Sequence;
  readonly #from: number;
  readonly #known = new Map<string, Truth[]>();

  /** Samples the tokens from `from` on. */
  constructor(sequence: Sequence, from = 0) {
    this.#sequence = sequence;
    this.#from = from;
  }

  /** Compares an output with the reference of the mechanism named `id`. `repeats`: the output was used as q that often. */
  check(id: string, reference: Reference, dtype: DType, got: Output, repeats = 1): CheckResult {
    const key = `${id} ${repeats}`;
    const truths = this.#known.get(key) ?? this.#compute(reference, repeats);
    this.#known.set(key, truths);
    const { Hq, dv, d, length } = this.#sequence;
    let used = 0;
    let detail = "";
    for (const { b, h, row, y, scale } of truths) {
      for (const [c, expected] of y.entries()) {
        const value = got.data[((b * Hq + h) * got.rows + row - got.offset) * dv + c] ?? Number.NaN;
        const allowed = repeats * allowance(dtype, row + 1 + d, scale[c]!);
        const share = Number.isFinite(value) ? Math.abs(value - expected) / allowed : Number.POSITIVE_INFINITY;
        if (share <= used) continue;
        used = share;
        detail = `row ${row} of head ${h} is ${value} where ${expected} is expected (allowed ${allowed.toExponential(2)})`;
      }
    }
    return verdict(got.rows === 1 ? "decode" : "prefill", length, truths.length, used, detail);
  }

  #compute(reference: Reference, repeats: number): Truth[] {
    const { B, Hq, length } = this.#sequence;
    // A multiplicative hash (Knuth 1997, section 6.4).
    const picked = Math.floor((((length * 2654435769) % 2 ** 32) / 2 ** 32) * length);
    const rows = [0, picked, Math.floor(length / 2), length - 1].filter((row) => row >= this.#from);
    return rows.map((row, n) => {
      const index = Math.floor(((n + 1) * (B * Hq - 1)) / rows.length);
      const [b, h] = [Math.floor(index / Hq), index % Hq];
      let head = headAt(this.#sequence, b, h, row);
      let result = reference(head);
      for (let i = 1; i < repeats; i++) {
        head = { ...head, q: [result.y[0]!] };
        result = reference(head);
      }
      return { b, h, row, y: result.y[0]!, scale: result.scale[0]! };
    });
  }
}

/** Returns the head of one query: the tokens up to its own. */
export function headAt({ q, k, v, Hq, Hkv, length, d, dv }: Sequence, b: number, h: number, row: number): Head {
  const kv = b * Hkv + Math.floor(h / (Hq / Hkv));
  const rows = (data: ArrayLike<number>, at: number, width: number, from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) =>
      Array.from({ length: width }, (_, c) => data[(at * length + from + i) * width + c]!),
    );
  return {
    q: rows(q, b * Hq + h, d, row, row + 1),
    k: rows(k, kv, d, 0, row + 1),
    v: rows(v, kv, dv, 0, row + 1),
    visible: () => true,
    bias: () => 0,
    position: () => row,
  };
}

export function verdict(
  what: CheckResult["what"],
  size: number,
  rows: number,
  used: number,
  detail: string,
): CheckResult {
  const passed = used <= 1;
  return { what, size, rows, used: Number.isFinite(used) ? used : null, passed, ...(!passed && { detail }) };
}
