import type { Causal } from "../program/block.ts";
import type { Head, Matrix, Reference } from "../program/reference.ts";
import { get, type Host, host } from "./host.ts";

/** Keys and values that earlier blocks brought, rank 4, with their key masks. */
export interface Past {
  readonly k: Host;
  readonly v: Host;
  readonly keyMask?: Host | undefined;
}

/** One block of host arrays: q, k, v of rank 4, masks and bias of any rank that broadcasts, keyMask `[B, S]`. */
export interface HostBlock extends Past {
  readonly q: Host;
  readonly mask?: Host | undefined;
  readonly bias?: Host | undefined;
}

export interface OracleCall {
  readonly block: HostBlock;
  readonly causal: Causal;
  /** Earlier blocks of the sequence, oldest first. */
  readonly past?: readonly Past[] | undefined;
  /** Evaluate these query rows only, for calls where all would take too long. */
  readonly rows?: readonly number[] | undefined;
}

export interface OracleResult {
  /** `[B, Hq, L, dv]`, L being the rows that were asked for */
  readonly y: Host;
  /** The scale of the rounding error of y, in its shape: see `HeadResult.scale`. */
  readonly scale: Host;
  /** `[B, Hq, L]`, or `[B, Hq, L, d]` where the normaliser is per channel; absent where there is none. */
  readonly lse?: Host;
  /**
   * Returns the scale of the rounding error of `lse`, in its shape: see `HeadResult.lseScale`. It includes the rounding
   * of the logarithm.
   */
  lseScale?(): Host;
  /** Length of the sums behind an entry: all keys plus the channels. */
  readonly terms: number;
}

/**
 * Computes the result that a call must give, head by head in float64. The rules that all mechanisms share (SEMANTICS
 * S1-S9) are implemented here from their text; the mechanism's `Reference` does the rest. It shares no code with core's
 * programs.
 */
export function oracle(reference: Reference, { block, causal, past = [], rows: asked }: OracleCall): OracleResult {
  const [B, Hq, L, d] = block.q.shape as [number, number, number, number];
  const [, Hkv, S, dv] = block.v.shape as [number, number, number, number];
  const sequence = [...past, block];
  const P = past.reduce((n, x) => n + x.k.shape[2]!, 0);
  const T = P + S;
  const at = asked ?? Array.from({ length: L }, (_, i) => i);

  const heads: Head[] = [];
  for (let b = 0; b < B; b++) {
    const present = sequence.flatMap((x) => keysPresent(x, b));
    for (let h = 0; h < Hq; h++) {
      const kv = Math.floor(h / (Hq / Hkv)); // S2
      const queries = rows(block.q, b, h);
      heads.push({
        q: at.map((i) => queries[i]!),
        // A reference reads the width of y from v, so a sequence of no keys is one of a single absent key.
        k: T > 0 ? sequence.flatMap((x) => rows(x.k, b, kv)) : [Array<number>(d).fill(0)],
        v: T > 0 ? sequence.flatMap((x) => rows(x.v, b, kv)) : [Array<number>(dv).fill(0)],
        visible: (n, j) => {
          const i = at[n]!;
          if (!present[j] || (block.mask && get(block.mask, [b, h, i, j]) === 0)) return false; // S4
          if (block.bias && get(block.bias, [b, h, i, j]) === Number.NEGATIVE_INFINITY) return false; // S5
          return j < P || causal === false || j - P <= (causal === "end" ? i + S - L : i); // S3
        },
        bias: (n, j) => (block.bias ? get(block.bias, [b, h, at[n]!, j]) : 0),
        position: (n) => P + at[n]! + (causal === "end" ? S - L : 0), // S3, S7
      });
    }
  }
  const results = heads.map(reference);
  const of = (b: number, h: number) => results[b * Hq + h]!;
  const y = host([B, Hq, at.length, dv], (_, [b, h, i, c]) => of(b!, h!).y[i!]![c!]!);
  const scale = host([B, Hq, at.length, dv], (_, [b, h, i, c]) => of(b!, h!).scale[i!]![c!]!);
  const terms = T + d;
  const sample = results[0]?.lse;
  if (!sample) return { y, scale, terms };
  const perChannel = Array.isArray(sample[0]);
  const lse = host(perChannel ? [B, Hq, at.length, d] : [B, Hq, at.length], (_, [b, h, i, c]) => {
    const row = of(b!, h!).lse![i!]!;
    return typeof row === "number" ? row : row[c!]!;
  });
  const lseScale = () =>
    host(lse.shape, (n, [b, h, i, c]) => {
      const size = Math.abs(lse.data[n]!);
      const row = of(b!, h!).lseScale?.[i!];
      if (row === undefined) throw new Error("the reference gives lse and no lseScale, so its error has no measure");
      return (Number.isFinite(size) ? 1 + size : 1) + (typeof row === "number" ? row : row[c!]!);
    });
  return { y, scale, lse, lseScale, terms };
}

/** `[tokens][channels]` of one head. */
function rows(x: Host, b: number, h: number): Matrix {
  const [, heads, tokens, width] = x.shape as [number, number, number, number];
  const from = (b * heads + h) * tokens * width;
  return Array.from({ length: tokens }, (_, i) => [...x.data.subarray(from + i * width, from + (i + 1) * width)]);
}

/** Which keys of one block exist for batch `b`. (S4) */
const keysPresent = (x: Past, b: number): boolean[] =>
  Array.from({ length: x.k.shape[2]! }, (_, j) => !x.keyMask || get(x.keyMask, [b, j]) !== 0);
