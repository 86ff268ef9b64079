import { namesOfBlock } from "@attnkit/core/backend";
import { alignPositions, type Call, chunkSizeForFeatures, everyRowSeesAllKeys } from "@attnkit/core/program";
import type { GpuFacts } from "../gpu-facts.ts";
import { columns, type MatrixState } from "./form.ts";

/** Rows, columns and keys of one tile. */
export const TILE = 64;
/** Keys per chunk if every row sees all keys. Only the sum of the chunk is needed then. */
const UNSEEN_CHUNK = 256;

/** The sizes of one call. Every kernel of the call gets all of them. */
export interface ScanSizes extends Readonly<Record<string, number>> {
  readonly G: number;
  readonly Hkv: number;
  readonly L: number;
  readonly S: number;
  readonly d: number;
  readonly dv: number;
  /** r is the number of features, w the number of columns of a state's row. */
  readonly r: number;
  readonly w: number;
  /**
   * Positions per chunk, the number of chunks that are summed, and the number of chunks. The last chunk is not summed if its rows are causal and the state after the block is not wanted.
   */
  readonly chunk: number;
  readonly chunks: number;
  readonly slots: number;
  /** Positions of the first query and of the first key on the common axis. */
  readonly qAt: number;
  readonly kAt: number;
  /** Tiles of 64: the first with a query, the number with queries, the number along dv, the number along r. */
  readonly firstTile: number;
  readonly rowTiles: number;
  readonly columnTiles: number;
  readonly featureTiles: number;
  /** Key and value heads of the whole batch, B Hkv, and query heads, B Hq. */
  readonly heads: number;
  readonly queryHeads: number;
}

/** Splits a call into chunks whose states fit a buffer. Returns the reason as a string if that is impossible. */
export function scanSizesOf(
  form: MatrixState,
  { dims, causal, shapes, state }: Call,
  { largestBuffer }: Pick<GpuFacts, "largestBuffer">,
): ScanSizes | string {
  const { B, Hq, Hkv, L, S, d, dv } = dims;
  for (const [name, shape] of Object.entries(namesOfBlock(shapes))) {
    const bytes = 4 * shape.reduce((a, b) => a * b, 1);
    if (bytes > largestBuffer) return `${name} has ${bytes} bytes; this device binds at most ${largestBuffer} bytes`;
  }
  const r = form.features?.size(d) ?? d;
  const w = columns(form, dv);
  const whole = everyRowSeesAllKeys(L, S, causal);
  const at = whole ? { q: 0, k: 0, length: S } : alignPositions(L, S, causal);
  const bytesOf = (chunk: number) => 4 * B * Hkv * Math.ceil(at.length / chunk) * r * w;
  // More features need longer chunks: the cost of a state does not depend on the chunk's length.
  let chunk = whole ? UNSEEN_CHUNK : chunkSizeForFeatures(r);
  while (bytesOf(chunk) > largestBuffer && chunk < at.length) chunk *= 2;
  const bytes = bytesOf(chunk);
  if (bytes > largestBuffer)
    return `one state per head, ${r} x ${w}, has ${bytes} bytes; this device binds at most ${largestBuffer} bytes`;
  const count = Math.ceil(at.length / chunk);
  const chunks = whole || state !== false ? count : count - 1;
  const firstTile = Math.floor(at.q / TILE);
  return {
    ...{ G: Hq / Hkv, Hkv, L, S, d, dv, r, w, chunk, chunks, slots: count, qAt: at.q, kAt: at.k },
    ...{ firstTile, rowTiles: Math.ceil((at.q + L) / TILE) - firstTile },
    ...{ columnTiles: Math.ceil(dv / TILE), featureTiles: Math.ceil(r / TILE) },
    ...{ heads: B * Hkv, queryHeads: B * Hq },
  };
}
