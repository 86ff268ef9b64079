import type { Causal } from "@attnkit/core";
import type { HostBlock, Past, Random } from "@attnkit/core/conformance";

/** A call to be drawn. */
export interface Wanted {
  readonly L: number;
  /** Default L. */
  readonly S?: number;
  /** Default none. */
  readonly past?: number;
  readonly Hq?: number;
  readonly Hkv?: number;
  readonly d: number;
  readonly dv: number;
  readonly causal: Causal;
  readonly mask?: boolean;
  readonly bias?: boolean;
  readonly keyMask?: boolean;
  readonly lse?: boolean;
}

export interface Drawn {
  readonly own: HostBlock;
  readonly past: Past | undefined;
}

/** Random host arrays, every number a float32; some rows are masked altogether, some biases are -Infinity. */
export function drawn(random: Random, wanted: Wanted): Drawn {
  const { L, S = L, past = 0, Hq = 2, Hkv = Hq, d, dv, mask, bias, keyMask } = wanted;
  const B = 2;
  const array = (shape: readonly number[], fill: (i: number) => number) => ({
    shape,
    data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => fill(i)),
  });
  const floats = (...shape: number[]) => array(shape, () => Math.fround(random.normal()));
  const bools = (shape: number[], p: number) => {
    const { data } = array(shape, () => +random.chance(p));
    return { shape, data: Uint8Array.from(data) };
  };
  const T = past + S;
  const lonely = (i: number, inner: number) => Math.floor(i / inner) % 7 === 3;
  const pairs = bools([B, 1, L, T], 0.7);
  return {
    own: {
      ...{ q: floats(B, Hq, L, d), k: floats(B, Hkv, S, d), v: floats(B, Hkv, S, dv) },
      ...(mask && { mask: { ...pairs, data: pairs.data.map((x, i) => (lonely(i, T) ? 0 : x)) } }),
      ...(bias && {
        bias: array([Hq, 1, T], () => (random.chance(0.1) ? Number.NEGATIVE_INFINITY : Math.fround(random.normal()))),
      }),
      ...(keyMask && { keyMask: bools([B, S], 0.6) }),
    },
    past: past > 0 ? { k: floats(B, Hkv, past, d), v: floats(B, Hkv, past, dv) } : undefined,
  };
}
