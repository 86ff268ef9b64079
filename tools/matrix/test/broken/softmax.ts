import type { Block, Mechanism, Result, State } from "@attnkit/core";
import type { Row } from "@attnkit/core/conformance";
import {
  clip,
  type How,
  knownAxisSize,
  largestScore,
  lowestFinite,
  type Ops,
  transposeLast,
} from "@attnkit/core/program";
import { softmaxReference } from "@attnkit/softmax/reference";

/** One mistake in the program below, each of a kind that libraries have shipped. */
export type SoftmaxFault =
  | "top-left for bottom-right"
  | "bottom-right for top-left"
  | "peeks one ahead"
  | "one query sees every key"
  | "one key is seen by every row"
  | "a key mask of one key is ignored"
  | "no past for one query over several keys"
  | "masks with -1e9"
  | "mean of the values on empty rows"
  | "window one too narrow"
  | "window ignores the past"
  | "softcap ignored"
  | "softcap after bias"
  | "scale ignored"
  | "multiplies by the key mask"
  | "h % Hkv"
  | "no max-subtraction"
  | "one maximum for all heads and batches"
  | "key mask not remembered"
  | "key mask ignored"
  | "mask ignored"
  | "mask does not reach the past"
  | "bias ignored"
  | "-Infinity in the bias averages"
  | "lse in bits"
  | "lse without the maximum"
  | "past keys not in lse"
  | "state lost"
  | "drops the last tile"
  | "last row wrong when L % 16 == 1"
  | "wrong for odd L"
  | "merge in the wrong order"
  | "merge drops the second"
  | "state is modified in place"
  | "state lives outside the tensors"
  | "divides first and selects later"
  | "says lse and gives none"
  | "a bias below -3e38 masks"
  | "scores overflow beside the lowest bias"
  | "a clean-up hides NaN"
  | "the maximum counts masked keys"
  | "row numbers of 8 bits"
  | "a trace of every value"
  | "adds 0 times the sum of all heads"
  | "the fifth head of a group is the fourth"
  | "with a mask, the bias ends after 16 keys"
  | "the state keeps the last 24 entries of a key mask"
  | "keys without queries are not remembered"
  | "parts of a long cache weigh the same"
  | "branches share one buffer"
  | "empty rows are 1e-8"
  | "y is rounded otherwise when lse is asked for"
  | "masked values are zeroed in the caller's v"
  | "the first call of a long block rounds otherwise";

interface Options {
  readonly scale?: number;
  readonly softcap?: number;
  readonly window?: readonly [number, number];
}

const ALWAYS = 1e30;

/** Softmax attention as a textbook would write it, for an eager backend. Right, but for the fault it is given. */
export function softmax(fault?: SoftmaxFault, options: Options = {}): Row {
  const is = (name: SoftmaxFault) => fault === name;
  const elsewhere = new WeakMap<object, unknown>();
  const branches = new WeakMap<object, State<unknown>>();
  const seen = new Set<string>();

  function forward<T>(o: Ops<T>, block: Block<T>, { causal, lse }: How): Result<T> {
    const { q, bias } = block;
    const past =
      is("state lives outside the tensors") && block.state
        ? (elsewhere.get(block.state.v as object) as State<T>)
        : block.state;
    const [B, Hq, L, d] = o.shape(q) as [number, number, number, number];
    const [Hkv, S] = [knownAxisSize(o, block.k, 1), knownAxisSize(o, block.k, 2)];
    const P = past ? knownAxisSize(o, past.k!, 2) : 0;

    const ones = o.constant(Array<number>(B * S).fill(1), [B, S]);
    const unmasked = is("key mask ignored") || (is("a key mask of one key is ignored") && S === 1);
    const own = block.keyMask === undefined || unmasked ? ones : o.where(block.keyMask, 1, 0);
    const column = o.reshape(own, [B, 1, S, 1]);
    const hide = (x: T) => (is("multiplies by the key mask") ? o.mul(x, column) : o.where(column, x, 0));
    const join = (a: T | undefined, b: T, axis: number) => (a === undefined ? b : o.concat([a, b], axis));
    const k = join(past?.k, hide(block.k), 2);
    const v = join(past?.v, hide(block.v), 2);
    const before =
      past && is("the state keeps the last 24 entries of a key mask") && P > 24
        ? o.maximum(past.keep!, firstOf(o, P - 24, P))
        : past?.keep;
    const keep = join(before, own, 1);
    const remembered = is("key mask not remembered") ? join(past?.keep, ones, 1) : keep;

    const heads = Array.from({ length: Hq }, (_, h) => (is("h % Hkv") ? h % Hkv : Math.floor(h / (Hq / Hkv))));
    const [allK, allV] = [o.take(k, 1, heads), o.take(v, 1, heads)];
    if (is("masked values are zeroed in the caller's v")) overwrite(block.v, hide(block.v));
    const factor = is("scale ignored") ? 1 / Math.sqrt(d) : (options.scale ?? 1 / Math.sqrt(d));
    const limit = is("scores overflow beside the lowest bias") ? 1e17 : Math.sqrt(largestScore(o.dtype) / d);
    let s = o.mul(o.matmul(clip(o, q, limit), transposeLast(o, clip(o, allK, limit))), factor); // [B, Hq, L, P + S]
    const cap = (x: T) =>
      options.softcap === undefined || is("softcap ignored")
        ? x
        : o.mul(o.tanh(o.mul(x, 1 / options.softcap)), options.softcap);
    if (!is("softcap after bias")) s = cap(s);
    if (bias !== undefined && !is("bias ignored")) {
      const short = is("with a mask, the bias ends after 16 keys") && block.mask !== undefined && P + S > 16;
      const added = short ? o.where(firstOf(o, 16, P + S), bias, 0) : bias;
      s = o.add(s, is("-Infinity in the bias averages") ? o.maximum(bias, -1e4) : added);
    }
    if (is("softcap after bias")) s = cap(s);

    const [left, right] = options.window ?? [ALWAYS, ALWAYS];
    const offset = causal === "end" ? S - L : 0;
    const shift = is("top-left for bottom-right") ? 0 : is("bottom-right for top-left") ? S - L : offset;
    const sees = (i: number, j: number): boolean => {
      if (is("drops the last tile") && P + S > 16 && j >= P + S - ((P + S) % 16)) return false;
      const at = (is("window ignores the past") ? 0 : P) + i + offset;
      const reach = is("window one too narrow") ? left - 1 : left;
      if (j < at - reach || j > at + right) return false;
      if (is("one query sees every key") && L === 1) return true;
      if (is("one key is seen by every row") && S === 1) return true;
      if (is("no past for one query over several keys") && L === 1 && S > 1 && j < P) return false;
      if (is("row numbers of 8 bits") && causal !== false && i > 255) return j < P || j - P <= (i & 255) + shift;
      return j < P || causal === false || j - P <= i + shift + (is("peeks one ahead") ? 1 : 0);
    };
    const pairs = Array.from({ length: L * (P + S) }, (_, n) => +sees(Math.floor(n / (P + S)), n % (P + S)));
    let visible = o.mul(o.constant(pairs, [L, P + S]), o.reshape(keep, [B, 1, 1, P + S]));
    const mask = is("mask ignored") ? undefined : block.mask;
    if (mask !== undefined) {
      const reaches = is("mask does not reach the past")
        ? o.maximum(o.where(mask, 1, 0), past ? firstOf(o, P, P + S) : 0)
        : mask;
      visible = o.where(reaches, visible, 0);
    }
    if (bias !== undefined && !is("-Infinity in the bias averages"))
      visible = o.where(
        o.exp(o.sub(bias, o.maximum(bias, is("a bias below -3e38 masks") ? -3e38 : lowestFinite(o)))),
        visible,
        0,
      );

    // The score of a hidden key, whose k is 0, in the rows that reach it.
    const masked = () => {
      const hidden = o.mul(o.constant(pairs, [L, P + S]), o.sub(1, o.reshape(keep, [B, 1, 1, P + S])));
      return o.where(hidden, 0, lowestFinite(o));
    };
    const unseen = is("masks with -1e9") ? -1e9 : lowestFinite(o);
    s = o.where(visible, s, unseen);
    const row = o.maximum(o.max(is("the maximum counts masked keys") ? o.maximum(s, masked()) : s, -1), unseen);
    const all = () => o.max(o.max(row, 0), 1);
    const top = is("no max-subtraction")
      ? o.mul(row, 0)
      : is("one maximum for all heads and batches")
        ? o.max(all(), 2)
        : row;
    const e = o.exp(o.sub(s, top));
    const weight = is("masks with -1e9") ? e : o.where(visible, e, 0);
    const total = o.sum(weight, -1);
    const sums = o.matmul(weight, allV);
    let y = is("divides first and selects later")
      ? o.where(total, o.div(sums, total), 0)
      : o.div(sums, o.where(total, total, 1));
    if (is("parts of a long cache weigh the same") && P > 256 && L <= 4) {
      const part = (from: number, to: number) => {
        const own = o.slice(weight, 3, from, to);
        return o.div(o.matmul(own, o.slice(allV, 2, from, to)), o.maximum(o.sum(own, -1), 1e-30));
      };
      y = o.mul(o.add(part(0, 256), part(256, P + S)), 0.5);
    }
    if (is("a trace of every value")) y = o.add(y, o.mul(o.sum(allV, 2), 1e-9));
    if (is("adds 0 times the sum of all heads")) y = o.add(y, o.mul(o.sum(o.sum(o.sum(y, 2), 1), 0), 0));
    if (is("the fifth head of a group is the fourth") && Hq / Hkv > 4)
      y = o.take(
        y,
        1,
        heads.map((_, h) => (h % (Hq / Hkv) === 4 ? h - 1 : h)),
      );
    if (is("empty rows are 1e-8")) y = o.where(total, y, 1e-8);
    const size = `${o.shape(q)} ${causal}`;
    const otherwise =
      (is("y is rounded otherwise when lse is asked for") && lse) ||
      (is("the first call of a long block rounds otherwise") && L > 16 && !seen.has(size));
    seen.add(size);
    if (otherwise) y = o.mul(y, 1 + 2 ** -23);
    if (is("a clean-up hides NaN")) y = o.where(o.sub(y, y), 0, y);
    if (is("mean of the values on empty rows")) y = o.where(total, y, o.div(o.sum(allV, 2), Math.max(1, P + S)));
    if (is("wrong for odd L") && L % 2 === 1 && L > 1)
      y = o.concat([o.slice(y, 2, 0, L - 1), o.mul(o.slice(y, 2, L - 1, L), 0.5)], 2);
    if (is("last row wrong when L % 16 == 1") && L % 16 === 1 && L > 1)
      y = o.concat([o.slice(y, 2, 0, L - 1), o.slice(y, 2, 0, 1)], 2);

    const own0 = { k: hide(block.k), v: hide(block.v), keep: own };
    const nothing = { k: o.slice(own0.k, 2, 0, 0), v: o.slice(own0.v, 2, 0, 0), keep: o.slice(own, 1, 0, 0) };
    const kept: State<T> = is("state lost")
      ? own0
      : is("keys without queries are not remembered") && L === 0
        ? (past ?? nothing)
        : { k, v, keep: remembered };
    if (is("branches share one buffer") && past) {
      const other = branches.get(past.v as object) as State<T> | undefined;
      if (other) for (const name of ["k", "v"] as const) overwrite(other[name]!, kept[name]!);
      branches.set(past.v as object, kept);
    }
    if (is("state is modified in place") && past) (past.v as unknown as { data: Float32Array }).data.fill(0.5);
    if (is("state lives outside the tensors")) elsewhere.set(kept.v as object, kept);
    const shown = is("state lives outside the tensors") ? { ...kept, k: o.mul(k, 0) } : kept;
    if (!lse || is("says lse and gives none")) return { y, state: shown };
    const counted = is("past keys not in lse") ? o.sum(o.slice(weight, 3, P, P + S), -1) : total;
    const natural = o.where(counted, o.log(o.where(counted, counted, 1)), Number.NEGATIVE_INFINITY);
    const log = is("lse in bits") ? o.div(natural, Math.LN2) : natural;
    return { y, state: shown, lse: o.reshape(is("lse without the maximum") ? log : o.add(log, top), [B, Hq, L]) };
  }

  const mechanism: Mechanism = {
    name: "softmax",
    options: { ...options },
    domain: { q: 100, k: 100 },
    takes: { mask: true, bias: true, lse: true },
    state: ({ B, Hkv, d, dv }) => ({
      k: { shape: [B, Hkv, "P", d] },
      v: { shape: [B, Hkv, "P", dv] },
      keep: { shape: [B, "P"] },
    }),
    forward,
    merge(o, a, b) {
      if (is("merge drops the second")) return a;
      const [x, y] = is("merge in the wrong order") ? [b, a] : [a, b];
      const join = (name: string, axis: number) => o.concat([x[name]!, y[name]!], axis);
      return { k: join("k", 2), v: join("v", 2), keep: join("keep", 1) };
    },
  };
  return { mechanism, reference: softmaxReference({ ...options }) };
}

/** Writes the numbers of `value` into the memory of `target`, as far as it reaches. */
function overwrite<T>(target: T, value: T): void {
  const [to, from] = [target, value] as unknown as readonly { data?: Float32Array }[];
  // A gradient runs on tensors of its own, which have no memory to write to.
  if (to!.data && from!.data) to!.data.set(from!.data.subarray(0, to!.data.length));
}

/** 1 for the first n of `total` columns, 0 for the others. */
const firstOf = <T>(o: Ops<T>, n: number, total: number): T =>
  o.constant(
    Array.from({ length: total }, (_, j) => +(j < n)),
    [total],
  );
