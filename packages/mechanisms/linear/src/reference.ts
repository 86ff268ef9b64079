import type { Options } from "@attnkit/core";
import type { Reference } from "@attnkit/core/program";

interface LinearOptions {
  readonly featureMap?: string | ((x: Vector) => Vector);
  readonly normalize?: boolean;
  readonly scale?: number;
}
type Vector = readonly number[];
/** phi(q).phi(k) = value * exp(shift); `size` adds up its absolute terms, `loss` each times what its features lost. */
type Kernel = (q: Vector, k: Vector) => { value: number; size: number; loss: number; shift: number };
/** A denominator this much smaller than its absolute terms keeps too few digits in float32 to promise anything. */
const cancelled = 2 ** 16;
/**
 * Linear attention in float64, as the quadratic sum behind its recurrence (Katharopoulos et al. 2020, arXiv 2006.16236,
 * eq. 4). Error scale: numerator and denominator each lose u times their absolute terms, the denominator's counting
 * |y| times; what the features lost is in both, so it counts |v - y| times.
 */
export function linearReference(options: Options = {}): Reference {
  const { featureMap = "elu1", normalize = true, scale = 1 } = options as LinearOptions;
  const kernel = typeof featureMap === "function" ? dot(featureMap) : kernels[featureMap]!;
  return (head) => {
    const rows = head.q.map((q, i) => {
      const raw = head.k.flatMap((k, j) => (head.visible(i, j) ? [{ v: head.v[j]!, ...kernel(q, k) }] : []));
      const peak = normalize ? raw.reduce((most, t) => Math.max(most, t.shift), raw[0]?.shift ?? 0) : 0;
      const terms = raw.map(({ v, value, size, loss, shift }) => {
        const e = scale * Math.exp(shift - peak);
        return { v, weight: e * value, size: abs(e) * size, loss: abs(e) * loss };
      });
      const total = normalize ? sum(terms.map((t) => t.weight)) : 1;
      const lossy = normalize && sum(terms.map((t) => t.size)) > cancelled * abs(total);
      const y = (head.v[0] ?? []).map((_, f) => (total === 0 ? 0 : sum(terms.map((t) => t.weight * t.v[f]!)) / total));
      const lost = (value: (v: Vector) => number, mean: number) => {
        if (total === 0 || lossy) return lossy ? Number.POSITIVE_INFINITY : 0;
        const parts = terms.map((t) => t.size * (abs(value(t.v)) + abs(mean)) + t.loss * abs(value(t.v) - mean));
        return sum(parts) / abs(total);
      };
      const error = y.map((out, f) => lost((v) => v[f]!, normalize ? out : 0) + abs(out));
      return { y, error, lse: peak + Math.log(total), lseScale: lost(() => 1, 0) };
    });
    const result = { y: rows.map((r) => r.y), scale: rows.map((r) => r.error) };
    if (!normalize || featureMap === "identity") return result; // a sum of signed weights has no logarithm
    return { ...result, lse: rows.map((r) => r.lse), lseScale: rows.map((r) => r.lseScale) };
  };
}

function dot(phi: (x: Vector) => Vector): Kernel {
  return (q, k) => {
    const right = phi(k);
    const terms = phi(q).map((x, c) => x * right[c]!);
    return { value: sum(terms), size: sum(terms.map(abs)), loss: 0, shift: 0 };
  };
}

/** Sum over channels of p exp(a + b), where an exponential of a loses |a| and one of b loses |b|. */
const exponential = (part: (q: number, k: number) => [p: number, a: number, b: number]): Kernel => {
  return (q, k) => {
    const parts = q.map((x, c) => part(x, k[c]!));
    const shift = Math.max(...parts.map(([, a, b]) => a + b));
    const terms = parts.map(([p, a, b]) => ({ t: p * Math.exp(a + b - shift), lost: abs(a) + abs(b) }));
    const value = sum(terms.map(({ t }) => t));
    return { value, size: value, loss: sum(terms.map(({ t, lost }) => t * lost)), shift };
  };
};

const kernels: Readonly<Record<string, Kernel>> = {
  // elu(x) + 1 = (1 + max(x, 0)) exp(min(x, 0))
  elu1: exponential((q, k) => [(1 + Math.max(q, 0)) * (1 + Math.max(k, 0)), Math.min(q, 0), Math.min(k, 0)]),
  relu: dot((x) => x.map((value) => Math.max(value, 0))),
  identity: dot((x) => x),
  exp: exponential((q, k) => [1, q, k]),
  taylor2: (q, k) => {
    const terms = q.map((x, c) => (x * k[c]!) / Math.sqrt(q.length)); // of s (Based, arXiv 2402.18668)
    const taylor = (s: number) => 1 + s + s ** 2 / 2;
    return { value: taylor(sum(terms)), size: taylor(sum(terms.map(abs))), loss: 0, shift: 0 };
  },
};

const abs = Math.abs;
const sum = (xs: readonly number[]): number => xs.reduce((total, x) => total + x, 0);
