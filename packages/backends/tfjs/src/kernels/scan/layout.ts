import { namesOfBlock } from "@attnkit/core/backend";
import { alignPositions, type Call, everyRowSeesAllKeys } from "@attnkit/core/program";
import type { Gpu } from "../gpu.ts";
import { columns, type MatrixState } from "./form.ts";

/** Rows, columns and keys of one tile. */
export const TILE = 64;
/** Keys of a chunk where every row sees all of them: only its sum is wanted. */
const UNSEEN_CHUNK = 256;

/** The sizes of one call; every kernel of it gets them all. */
export interface Layout extends Readonly<Record<string, number>> {
  readonly G: number;
  readonly Hkv: number;
  readonly L: number;
  readonly S: number;
  readonly d: number;
  readonly dv: number;
  /** Features, and columns of a state's row. */
  readonly r: number;
  readonly w: number;
  /** Positions of a chunk, chunks, and how many states before a chunk are kept. */
  readonly chunk: number;
  readonly chunks: number;
  readonly slots: number;
  /** Positions of the first query and the first key on the common axis. */
  readonly qAt: number;
  readonly kAt: number;
  /** Tiles: the first that holds a query, those that do, those of dv and of r. */
  readonly firstTile: number;
  readonly rowTiles: number;
  readonly columnTiles: number;
  readonly featureTiles: number;
  /** Key/value heads of the whole batch, and query heads. */
  readonly heads: number;
  readonly queryHeads: number;
}

/** How a call is cut into chunks whose states fit a buffer, or why it cannot be. */
export function layoutOf(form: MatrixState, { dims, causal, shapes }: Call, { largestBuffer }: Gpu): Layout | string {
  const { B, Hq, Hkv, L, S, d, dv } = dims;
  for (const [name, shape] of Object.entries(namesOfBlock(shapes))) {
    const bytes = 4 * shape.reduce((a, b) => a * b, 1);
    if (bytes > largestBuffer) return `${name} has ${bytes} bytes; expected at most ${largestBuffer}`;
  }
  const r = form.features?.size(d) ?? d;
  const w = columns(form, dv);
  const whole = everyRowSeesAllKeys(L, S, causal);
  const at = whole ? { q: 0, k: 0, length: S } : alignPositions(L, S, causal);
  const bytesOf = (chunk: number) => 4 * B * Hkv * Math.ceil(at.length / chunk) * r * w;
  // Longer chunks where there are many features: a state costs the same whatever the chunk's length.
  let chunk = whole ? UNSEEN_CHUNK : Math.min(512, Math.max(TILE, 2 ** Math.round(Math.log2(r) / 2 + 3)));
  while (bytesOf(chunk) > largestBuffer && chunk < at.length) chunk *= 2;
  const bytes = bytesOf(chunk);
  if (bytes > largestBuffer)
    return `one state per head, ${r} x ${w}, has ${bytes} bytes; expected at most ${largestBuffer}`;
  const chunks = Math.ceil(at.length / chunk);
  const firstTile = Math.floor(at.q / TILE);
  return {
    ...{ G: Hq / Hkv, Hkv, L, S, d, dv, r, w, chunk, chunks, slots: whole ? 1 : chunks, qAt: at.q, kAt: at.k },
    ...{ firstTile, rowTiles: Math.ceil((at.q + L) / TILE) - firstTile },
    ...{ columnTiles: Math.ceil(dv / TILE), featureTiles: Math.ceil(r / TILE) },
    ...{ heads: B * Hkv, queryHeads: B * Hq },
  };
}
