import { alignPositions, type Call, chunkSizeForFeatures, everyRowSeesAllKeys } from "@attnkit/core/program";
import type { GpuFacts } from "../gpu-facts.ts";
import type { MatrixState } from "./form.ts";
import { TILE } from "./layout.ts";
import type { Monomials } from "./monomials.ts";

/** Tokens of a chunk if every row sees all keys. Only the sum of the chunks is needed then. */
const UNSEEN_CHUNK = 256;

/** The sizes of a gradient. Both directions have the same. */
export interface GradientSizes extends Readonly<Record<string, number>> {
  /** Key heads of the whole batch, and query heads per key head. */
  readonly heads: number;
  readonly Hkv: number;
  readonly G: number;
  readonly L: number;
  readonly S: number;
  readonly d: number;
  readonly dv: number;
  /** Features, features of the derivative of a polynomial, and columns of a state. */
  readonly r: number;
  readonly slopes: number;
  readonly w: number;
  /** Positions per chunk, a multiple of a tile. */
  readonly chunk: number;
  /** Positions on the common axis of queries and keys, and the first of both. */
  readonly length: number;
  readonly qAt: number;
  readonly kAt: number;
  /** 1 if every row sees all keys. */
  readonly whole: number;
}

/**
 * Splits a call into chunks whose states fit a buffer. Returns undefined if that is impossible. One feature per channel has chunks
 * of one tile, because a state is small. More features need longer chunks: the cost of a state does not depend on the chunk's length.
 */
export function gradientSizesOf(
  { divisor }: MatrixState,
  monomials: Monomials | undefined,
  { dims, causal }: Call,
  { largestBuffer }: Pick<GpuFacts, "largestBuffer">,
): GradientSizes | undefined {
  const { B, Hq, Hkv, L, S, d, dv } = dims;
  const r = monomials?.size(d) ?? d;
  const w = dv + (divisor === "weights" ? 1 : 0);
  const whole = everyRowSeesAllKeys(L, S, causal);
  const at = whole ? { q: 0, k: 0, length: Math.max(L, S) } : alignPositions(L, S, causal);
  const bytesOf = (chunk: number) => 4 * B * Hkv * Math.ceil(at.length / chunk) * r * w;
  let chunk = monomials ? Math.max(whole ? UNSEEN_CHUNK : TILE, chunkSizeForFeatures(r)) : TILE;
  while (monomials && bytesOf(chunk) > largestBuffer && chunk < at.length) chunk *= 2;
  const tokens = 4 * B * Math.max(Hq * L, Hkv * S) * Math.max(d, w);
  if (Math.max(tokens, bytesOf(chunk)) > largestBuffer) return undefined;
  return {
    ...{ heads: B * Hkv, Hkv, G: Hq / Hkv, L, S, d, dv, r, w, slopes: monomials?.slopes(d) ?? 0, chunk },
    ...{ length: at.length, qAt: at.q, kAt: at.k, whole: +whole },
  };
}
