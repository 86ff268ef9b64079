import type { Block, Mechanism, Result } from "@attnkit/core";
import type { Row } from "@attnkit/core/conformance";
import { type How, knownAxisSize, type Ops, transposeLast } from "@attnkit/core/program";
import { linearReference } from "@attnkit/linear/reference";
import { logsumexpReference } from "@attnkit/logsumexp/reference";

/** One mistake in the linear attention below. */
export type LinearFault =
  | "normaliser counts masked keys"
  | "state keeps masked keys"
  | "float16 state"
  | "earlier rows by subtraction"
  | "merge adds the normaliser once"
  | "state of the last block only"
  | "features overflow"
  | "adds 1e-6 to the normaliser"
  | "forgets the chunk before the last";

const CHUNK = 16;

/** Linear attention with the elu + 1 map, chunk by chunk in a loop, for an eager backend. Right, but for its fault. */
export function linear(fault?: LinearFault): Row {
  const is = (name: LinearFault) => fault === name;
  const phi = <T>(o: Ops<T>, x: T) =>
    is("features overflow") ? o.exp(x) : o.add(o.exp(o.minimum(x, 0)), o.minimum(o.maximum(x, 0), 1e15));

  function forward<T>(o: Ops<T>, { q, k, v, keyMask, state }: Block<T>, { causal }: How): Result<T> {
    const [B, Hq, L] = o.shape(q) as [number, number, number];
    const [Hkv, S, dv] = [knownAxisSize(o, k, 1), knownAxisSize(o, k, 2), knownAxisSize(o, v, 3)];
    const heads = Array.from({ length: Hq }, (_, h) => Math.floor(h / (Hq / Hkv)));
    const keep = keyMask === undefined ? undefined : o.reshape(keyMask, [B, 1, S, 1]);
    const hide = (x: T) => (keep === undefined ? x : o.where(keep, x, 0));
    const ones = o.constant(Array<number>(B * Hkv * S).fill(1), [B, Hkv, S, 1]);
    const values = o.concat([hide(v), is("normaliser counts masked keys") ? ones : hide(ones)], 3);
    const fq = phi(o, q);
    const fk = phi(o, hide(k));
    const zero = o.mul(o.matmul(transposeLast(o, o.slice(fk, 2, 0, 0)), o.slice(values, 2, 0, 0)), 0);
    const before = state?.s ?? zero;
    const wide = (x: T) => o.take(x, 1, heads);
    const own = o.matmul(transposeLast(o, fk), values);
    const all = is("state of the last block only") && S > 0 ? own : o.add(before, own);

    let sums = o.matmul(fq, wide(all));
    if (causal !== false) {
      const offset = causal === "end" ? S - L : 0;
      const rows: T[] = [o.slice(sums, 2, 0, 0)];
      for (let at = 0; at < L; at += CHUNK) {
        const end = Math.min(L, at + CHUNK);
        const known = Math.max(0, Math.min(S, at + offset));
        const last = Math.max(known, Math.min(S, end + offset));
        const part = (x: T, from: number, to: number) => o.slice(x, 2, from, to);
        const queries = part(fq, at, end);
        const skip = is("forgets the chunk before the last") && known > CHUNK ? known - CHUNK : known;
        const seen = is("earlier rows by subtraction")
          ? o.sub(all, o.matmul(transposeLast(o, part(fk, known, S)), part(values, known, S)))
          : o.add(before, o.matmul(transposeLast(o, part(fk, 0, skip)), part(values, 0, skip)));
        const near = o.matmul(queries, transposeLast(o, wide(part(fk, known, last))));
        const pairs = Array.from({ length: (end - at) * (last - known) }, (_, n) => {
          const [i, j] = [Math.floor(n / (last - known)), n % (last - known)];
          return +(known + j <= at + i + offset);
        });
        const visible = o.constant(pairs, [end - at, last - known]);
        const inside = o.matmul(o.where(visible, near, 0), wide(part(values, known, last)));
        rows.push(o.add(o.matmul(queries, wide(seen)), inside));
      }
      sums = o.concat(rows, 2);
    }
    const total = o.slice(sums, 3, dv, dv + 1);
    const safe = is("adds 1e-6 to the normaliser") ? o.add(total, 1e-6) : o.where(total, total, 1);
    const next = is("state keeps masked keys")
      ? o.add(before, o.matmul(transposeLast(o, phi(o, k)), o.concat([v, ones], 3)))
      : all;
    return { y: o.div(o.slice(sums, 3, 0, dv), safe), state: { s: is("float16 state") ? half(next) : next } };
  }

  const mechanism: Mechanism = {
    name: "linear",
    options: {},
    domain: { q: 40, k: 40 },
    takes: { mask: "no", bias: "no", lse: "no" },
    state: ({ B, Hkv, d, dv }) => ({ s: { shape: [B, Hkv, d, dv + 1] } }),
    forward,
    merge(o, a, b) {
      const sum = o.add(a.s!, b.s!);
      const dv = knownAxisSize(o, sum, 3) - 1;
      if (!is("merge adds the normaliser once")) return { s: sum };
      return { s: o.concat([o.slice(sum, 3, 0, dv), o.slice(a.s!, 3, dv, dv + 1)], 3) };
    },
  };
  return { mechanism, reference: linearReference(is("features overflow") ? { featureMap: "exp" } : {}) };
}

const SPLIT = 2 ** 42 + 1;

/** Eleven significant bits (Dekker 1971). */
function half<T>(x: T): T {
  const { shape, data } = x as { shape: number[]; data: Float32Array };
  const cut = (value: number) => value * SPLIT - (value * SPLIT - value);
  return { shape, data: data.map((value) => Math.fround(cut(value))) } as T;
}

/**
 * Log-sum-exp attention with one maximum per channel for the whole block, as MATH 2.6 warns: exact on paper, and wrong
 * in rows whose keys lie far below a later one.
 */
export function logsumexp(fault?: "one maximum for the block"): Row {
  function forward<T>(o: Ops<T>, { q, k, v, keyMask, state }: Block<T>, { causal }: How): Result<T> {
    const [B, Hq, L] = o.shape(q) as [number, number, number];
    const [Hkv, S] = [knownAxisSize(o, k, 1), knownAxisSize(o, k, 2)];
    const heads = Array.from({ length: Hq }, (_, h) => Math.floor(h / (Hq / Hkv)));
    const join = (a: T | undefined, b: T, axis: number) => (a === undefined ? b : o.concat([a, b], axis));
    const keep = keyMask === undefined ? undefined : o.reshape(keyMask, [B, 1, S, 1]);
    const hide = (x: T, value: number) => (keep === undefined ? x : o.where(keep, x, value));
    const [allK, allV] = [join(state?.k, hide(k, -1e30), 2), join(state?.v, hide(v, 0), 2)];
    const [P, offset] = [knownAxisSize(o, allK, 2) - S, causal === "end" ? S - L : 0];
    const [fk, fv] = [o.take(allK, 1, heads), o.take(allV, 1, heads)];
    const pairs = Array.from({ length: L * (P + S) }, (_, n) => {
      const [i, j] = [Math.floor(n / (P + S)), n % (P + S)];
      return +(j < P || causal === false || j - P <= i + offset);
    });
    const visible = o.constant(pairs, [L, P + S]);
    const present = o.maximum(o.add(transposeLast(o, o.slice(fk, 3, 0, 1)), 1e29), 0); // 0 where absent
    const mu = o.maximum(o.max(fk, 2), -1e4);
    let weight: T;
    if (fault) {
      const shifted = o.add(q, mu);
      const e = o.exp(o.sub(shifted, o.max(shifted, -1)));
      weight = o.matmul(e, transposeLast(o, o.exp(o.sub(fk, mu))));
    } else {
      const wide = (x: T, axis: number) => o.reshape(x, o.shape(x).toSpliced(axis, 0, 1));
      const sums = o.add(wide(q, 3), wide(fk, 2)); // [B, Hq, L, P + S, d]
      const seen = o.where(o.reshape(visible, [1, 1, L, P + S, 1]), sums, -1e30);
      const top = o.maximum(o.max(o.max(seen, 4), 3), -1e20);
      weight = o.reshape(o.sum(o.exp(o.sub(seen, top)), 4), [B, Hq, L, P + S]);
    }
    const seen = o.where(visible, o.where(present, weight, 0), 0);
    const total = o.sum(seen, 3);
    return { y: o.div(o.matmul(seen, fv), o.where(total, total, 1)), state: { k: allK, v: allV } };
  }
  const mechanism: Mechanism = {
    name: "logsumexp",
    options: {},
    domain: { q: 1000, k: 1000 },
    takes: { mask: "no", bias: "no", lse: "no" },
    state: ({ B, Hkv, d, dv }) => ({ k: { shape: [B, Hkv, "P", d] }, v: { shape: [B, Hkv, "P", dv] } }),
    forward,
    merge: (o, a, b) => ({ k: o.concat([a.k!, b.k!], 2), v: o.concat([a.v!, b.v!], 2) }),
  };
  return { mechanism, reference: logsumexpReference() };
}
