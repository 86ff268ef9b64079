import { type CallClass, type Tile, tileFor, tileMisfit, type Walk } from "@attnkit/wgsl";

/** A call that stands for its class: `q [1, Hq, L, d]`, `k` and `v [1, Hkv, S, d]`, causal with the last query at the end. */
export interface Call {
  readonly Hq: number;
  readonly Hkv: number;
  readonly L: number;
  readonly S: number;
  readonly d: number;
}

/** The heads keep a GPU busy: `channels` of them are a model's 2048 in decode, and 1024 in prefill. */
export function callOf(name: CallClass, smoke: boolean): Call {
  const [rows, , channels] = name.split(" ");
  const d = Number(channels);
  const [groups, L] = ({ one: [1, 1], few: [4, 1], some: [8, 2] } as const)[rows as "one"] ?? [1, smoke ? 20 : 1024];
  const heads = smoke ? 1 : (L > 16 ? 1024 : 2048) / d;
  return { Hq: heads * groups, Hkv: heads, L, S: smoke ? 40 : Math.max(L, 4096 * +(L <= 16)), d };
}

const each = <A, B>(xs: readonly A[], make: (x: A) => readonly B[]): B[] => xs.flatMap(make);

const WALKS: readonly Walk[] = each([64, 128, 256], (threads) =>
  each([1, 4, 8, 16, 32], (lanes) => [128, 512].map((keys) => ({ threads, lanes, keys }))),
);

/** Tiles of 64 to 256 threads. */
const TILES: readonly Tile[] = each([1, 2, 4, 8], (rows) =>
  each([4, 8, 16], (rowGroups) =>
    each([8, 16, 32], (columnGroups) => [8, 16, 32].map((slice) => ({ rows, rowGroups, columnGroups, slice }))),
  ),
).filter(({ rowGroups, columnGroups }) => rowGroups * columnGroups >= 64 && rowGroups * columnGroups <= 256);

/**
 * Returns the tiles or walks to time for a class of calls, the portable one first. `most` limits their number; those that
 * remain are spread over all.
 */
export function candidates(device: GPUDevice, name: CallClass, { Hq, Hkv, L, d }: Call, most: number): (Tile | Walk)[] {
  const rows = (Hq / Hkv) * L;
  const portable = tileFor(device, rows, { d, dv: d });
  const text = JSON.stringify(portable);
  // A block of many more rows than the call has would compute for nothing; one of few rows reads every key too often.
  const apt = (way: Tile | Walk) => "lanes" in way || (rows > 16 ? blockOf(way) >= 32 : blockOf(way) <= 32);
  const others = (rows <= 4 ? WALKS : TILES)
    .filter((way) => apt(way) && tileMisfit(device, name, way) === undefined)
    .filter((way) => JSON.stringify({ ...portable, ...way }) !== text);
  const step = Math.max(1, others.length / (most - 1));
  const spread = Array.from({ length: Math.min(most - 1, others.length) }, (_, i) => others[Math.floor(i * step)]!);
  return [portable, ...spread];
}

const blockOf = ({ rows, rowGroups }: Tile): number => rows * rowGroups;
