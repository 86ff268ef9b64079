import { allowance, type Host, oracle } from "@attnkit/core/conformance";
import type { CheckResult } from "./results.ts";
import { type Part, part } from "./sequence.ts";
import { parts, release, type Subject, upload } from "./subject.ts";

export type { CheckResult } from "./results.ts";

/**
 * Tokens of the two blocks in which every entry is checked: odd, more than one chunk, and cheap for a quadratic oracle.
 */
const BLOCKS = [75, 54] as const;

/** Compares every entry of two blocks, the second with the first's state, with the float64 reference. */
export async function checkOracle(s: Subject): Promise<CheckResult> {
  const sizes = BLOCKS.map((n) => Math.min(n, Math.max(1, Math.floor(s.sequence.length / 2))));
  const split = sizes[0]!;
  const total = split + Math.min(sizes[1]!, s.sequence.length - split);
  const first = upload(s, 0, split);
  const one = await s.attend(first);
  const rows = [...Array(total).keys()];
  const checks = [await compareRows(s, rows.slice(0, split), 0, total, one.y)];
  if (total > split && !s.baseline) {
    const second = upload(s, split, total);
    const two = await s.attend({ ...second, state: one.state });
    checks.push(await compareRows(s, rows.slice(split), split, total, two.y));
    release(s, [...Object.values(second), ...parts(two)], parts(one));
  }
  release(s, [...Object.values(first), ...parts(one)]);
  const worst = checks.reduce((a, b) => (a.used === null || (b.used !== null && b.used <= a.used) ? a : b));
  const count = s.baseline ? split : total;
  return { ...worst, what: "oracle", size: count, rows: count };
}

/**
 * Compares sampled rows of a prefill's output with the reference: the first, the last, the middle, and one that depends
 * on the length.
 */
export function checkPrefill(s: Subject, length: number, y: unknown): Promise<CheckResult> {
  // A multiplicative hash (Knuth 1997, section 6.4) spreads this row over the chunks as the length varies.
  const picked = Math.floor((((length * 2654435769) % 2 ** 32) / 2 ** 32) * length);
  const rows = [...new Set([0, picked, Math.floor(length / 2), length - 1])];
  return compareRows(s, rows, 0, length, y).then((c) => ({ ...c, what: "prefill", size: length }));
}

/** Compares the row that was decoded after `context` tokens with the reference. */
export function checkDecode(s: Subject, context: number, y: unknown): Promise<CheckResult> {
  return compareRows(s, [context], context, context + 1, y).then((c) => ({ ...c, what: "decode", size: context }));
}

/**
 * Compares rows of `y` with the reference. Its first row is token `offset`. Each row costs the oracle one pass over its
 * keys.
 */
async function compareRows(
  s: Subject,
  rows: readonly number[],
  offset: number,
  length: number,
  y: unknown,
): Promise<CheckResult> {
  const { Hq, B, dv, d } = s.sequence;
  if (s.baseline?.other) return product(length, await s.baseline.other.errorUsed(y));
  const got = await s.backend.download(y);
  const count = s.backend.shape(y).at(-2)!;
  let used = 0;
  let detail: string | undefined;
  for (const row of rows) {
    const { q } = part(s.sequence, row, row + 1);
    const { k, v } = part(s.sequence, 0, row + 1);
    const truth = oracle(s.reference, { block: { q: host(q), k: host(k), v: host(v) }, causal: "end" });
    const actual = Float64Array.from(
      { length: B * Hq * dv },
      (_, i) => got[(Math.floor(i / dv) * count + row - offset) * dv + (i % dv)]!,
    );
    for (const [i, value] of actual.entries()) {
      const expected = truth.y.data[i]!;
      const allowed = allowance(s.backend.dtype, length + d, truth.scale.data[i]!);
      const error = Math.abs(value - expected);
      const fraction = Number.isFinite(value) ? error / allowed : Number.POSITIVE_INFINITY;
      if (fraction <= used) continue;
      used = fraction;
      detail = `row ${row} is ${value} where ${expected} is expected (error ${error.toExponential(2)}, allowed ${allowed.toExponential(2)})`;
    }
  }
  const passed = used <= 1;
  return {
    what: "oracle",
    size: length,
    rows: rows.length,
    used: Number.isFinite(used) ? used : null,
    passed,
    ...(!passed && detail !== undefined && { detail }),
  };
}

/** Returns the check of a matrix product. */
function product(size: number, share: number): CheckResult {
  const used = Number.isFinite(share) ? share : null;
  const passed = share <= 1;
  return { what: "oracle", size, rows: 3, used, passed, ...(!passed && { detail: "the matrix product is wrong" }) };
}

const host = ({ data, shape }: Part): Host => ({ shape, data: Float64Array.from(data) });
