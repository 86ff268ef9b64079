import type { Dims } from "../program/call.ts";
import { type ErrorCode, isAttentionError } from "../program/errors.ts";
import type { Mechanism } from "../program/mechanism.ts";
import { bools, type Host, host } from "./host.ts";
import type { HostBlock } from "./oracle.ts";
import type { Random } from "./random.ts";

/** The inputs of a drawn block besides q, k and v. */
export interface Extras {
  /** Keys already in the state: the last axis of `mask` and `bias` is this much longer than S. */
  readonly past?: number;
  readonly mask?: boolean;
  readonly bias?: boolean;
  readonly keyMask?: boolean;
  /** Multiplies q and k; default 1. */
  readonly spread?: number;
}

/** The sizes that laws start from: all axes different, so that a mix-up shows. */
const DEFAULT: Dims = { B: 2, Hq: 3, Hkv: 3, L: 5, S: 5, d: 4, dv: 3 };

/** Sizes that the mechanism takes: `wanted`, with dv = d where it has one similarity per channel. */
export function fit(mechanism: Mechanism, wanted: Partial<Dims> = {}): Dims {
  const dims = { ...DEFAULT, ...wanted };
  return accepts(mechanism, dims) ? dims : { ...dims, dv: dims.d };
}

/** The codes by which a mechanism says that it does not take these sizes. */
const SIZES: readonly ErrorCode[] = ["ATTN_SHAPE", "ATTN_OPTION", "ATTN_UNSUPPORTED"];

/**
 * Tells whether the mechanism's own rules allow these sizes.
 * @throws what `mechanism.check` throws, unless it is an `AttentionError` of code `ATTN_SHAPE`, `ATTN_OPTION` or `ATTN_UNSUPPORTED`.
 */
export function accepts(mechanism: Mechanism, dims: Dims): boolean {
  const { B, Hq, Hkv, L, S, d, dv } = dims;
  const shapes = { q: [B, Hq, L, d], k: [B, Hkv, S, d], v: [B, Hkv, S, dv] };
  try {
    mechanism.check?.({
      ...{ causal: false, lse: false, state: true, mechanism: mechanism.name, options: mechanism.options },
      dims,
      shapes,
    });
    return true;
  } catch (error) {
    if (SIZES.some((code) => isAttentionError(error, code))) return false;
    throw error;
  }
}

/** A random block: q, k, v near normal, within the mechanism's domain, every number one that the backend has. */
export function draw(
  random: Random,
  round: (x: number) => number,
  mechanism: Mechanism,
  dims: Dims,
  { past = 0, mask = false, bias = false, keyMask = false, spread = 1 }: Extras = {},
): HostBlock {
  const { B, Hq, Hkv, L, S, d, dv } = dims;
  const { domain } = mechanism;
  const normal = (width: number, most: number) => () =>
    round(Math.max(-most, Math.min(most, width * spread * random.normal())));
  return {
    q: host([B, Hq, L, d], normal(Math.min(1, domain.q), domain.q)),
    k: host([B, Hkv, S, d], normal(Math.min(1, domain.k), domain.k)),
    v: host([B, Hkv, S, dv], () => round(random.normal())),
    ...(mask && { mask: drawMask(random, dims, past) }),
    ...(bias && { bias: drawBias(random, round, dims, past) }),
    ...(keyMask && { keyMask: bools([B, S], () => random.chance(0.7)) }),
  };
}

/** A shape that broadcasts to `[B, Hq, L, P + S]`: leading axes may be 1 or absent. */
function broadcasting(random: Random, { B, Hq, L, S }: Dims, past: number): number[] {
  const lead = [B, Hq, L].map((n) => (random.chance(0.3) ? 1 : n));
  return [...lead.slice(random.integer(0, 2)), past + S];
}

const drawMask = (random: Random, dims: Dims, past: number): Host =>
  bools(broadcasting(random, dims, past), () => random.chance(0.7));

const drawBias = (random: Random, round: (x: number) => number, dims: Dims, past: number): Host =>
  host(broadcasting(random, dims, past), () =>
    random.chance(0.1) ? Number.NEGATIVE_INFINITY : round(random.normal()),
  );
