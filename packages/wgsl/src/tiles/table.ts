import { requireOption } from "@attnkit/core/program";
import { gpuFacts } from "../gpu-facts.ts";
import { quads, type Tile, tileCode } from "./tile.ts";
import { MOST_ROWS, rowsOfWalk, type Walk } from "./walk.ts";

/** The numbers of rows of a key head, `(Hq / Hkv) L`, that share a tile: 1, at most 4, at most 16, and more. */
const ROWS = { one: 1, few: MOST_ROWS, some: 16, many: Number.POSITIVE_INFINITY } as const;
/** The larger of d and dv, at most. */
const CHANNELS = [64, 128, 256] as const;

/** Calls that share a tile, for example `"many rows, 64 channels"`. */
export type CallClass = `${"one" | "few" | "some" | "many"} rows, ${64 | 128 | 256} channels`;
/** The tile of calls with more than 4 rows of a key head, and the walk of calls with fewer. */
export type Tiles = Readonly<Partial<Record<CallClass, Tile | Walk>>>;
/** Tiles by adapter, as `adapterKey` names it. `attnkit tune` measures them. */
export type TileTable = Readonly<Record<string, Tiles>>;

/** All classes of calls, from few rows and channels to many. */
export const CALL_CLASSES: readonly CallClass[] = Object.keys(ROWS).flatMap((rows) =>
  CHANNELS.map((channels) => `${rows as keyof typeof ROWS} rows, ${channels} channels` as const),
);

/**
 * Returns the class of a call.
 * @param rows The rows of a key head, `(Hq / Hkv) L`.
 * @param widest The larger of d and dv, at most 256.
 */
export function classOf(rows: number, widest: number): CallClass {
  const [name] = Object.entries(ROWS).find(([, most]) => rows <= most)!;
  return `${name as keyof typeof ROWS} rows, ${CHANNELS.find((n) => widest <= n) ?? 256} channels`;
}

/** Returns the name of a device's adapter in a table: vendor and architecture, for example `"nvidia ampere"`. */
export function adapterKey({ adapterInfo }: GPUDevice): string {
  const { vendor, architecture } = adapterInfo ?? {};
  return [vendor, architecture].filter(Boolean).join(" ") || "unknown";
}

const chosen = new WeakMap<GPUDevice, Tiles>();

/**
 * Makes the kernels on a device use the tiles that a table has for its adapter, instead of the portable ones. A later call
 * replaces an earlier one; `{}` restores the portable tiles.
 *
 * @param table Tiles by adapter. `attnkit tune` writes one as JSON, under `tiles`.
 * @returns The tiles that are now in use. They are empty if the table does not know the adapter.
 * @throws `ATTN_OPTION` if a tile of this adapter does not fit the device or its class of calls.
 * @example
 * ```ts
 * const { tiles } = JSON.parse(await readFile("tiles.json", "utf8"));
 * useTiles(device, tiles);
 * const attend = attention(softmax(), webgpu({ device }), { causal: true });
 * ```
 */
export function useTiles(device: GPUDevice, table: TileTable): Tiles {
  const key = adapterKey(device);
  const tiles = table[key] ?? {};
  for (const [name, way] of Object.entries(tiles)) {
    const wrong = tileMisfit(device, name as CallClass, way);
    requireOption(wrong === undefined, "useTiles", `table["${key}"]["${name}"]`, JSON.stringify(way), `${wrong}`);
  }
  chosen.set(device, tiles);
  return tiles;
}

/**
 * Returns the tile or the walk of a call: that of the table in use, or the portable one, which needs 16 KiB of workgroup
 * memory. @see useTiles
 * @param rows The rows of a key head, `(Hq / Hkv) L`.
 * @example
 * ```ts
 * const way = tileFor(host.device, (Hq / Hkv) * L, { d, dv });
 * ```
 */
export function tileFor(device: GPUDevice, rows: number, { d, dv }: { d: number; dv: number }): Tile | Walk {
  const widest = Math.max(d, dv);
  const { workgroupMemory, subgroups = 1 } = gpuFacts(device);
  const known = chosen.get(device)?.[classOf(rows, widest)];
  if (known) return known;
  if (rows <= MOST_ROWS) return { threads: 128, lanes: lanesFor(rows, dv, subgroups), keys: 256 };
  if (rows <= 16) {
    const own = rows <= 8 ? 2 : 4;
    return { rows: own, rowGroups: 4, columnGroups: 32, slice: own === 4 ? 8 : 16 };
  }
  // Twice the arithmetic per number read, if workgroup memory and registers allow it.
  if (workgroupMemory >= 32768 && widest <= 128) return { rows: 8, rowGroups: 8, columnGroups: 16, slice: 16 };
  return { rows: 4, rowGroups: 16, columnGroups: 8, slice: 16 };
}

/** Returns as few lanes as keep the sums of a thread in 8 vectors, and 8 where lanes can share the products. */
function lanesFor(rows: number, dv: number, subgroups: number): number {
  let lanes = subgroups >= 8 ? 8 : 1;
  while (rowsOfWalk(rows) * Math.ceil(quads(dv) / lanes) > 8) lanes *= 2;
  return lanes;
}

/** The most vectors of four channels that a thread may sum: more than these are no longer held in registers. */
const MOST_VECTORS = 32;

/**
 * Returns the rule that the tile or walk of a class of calls breaks on a device, as words that follow "expected", or
 * undefined if it breaks none.
 * @example
 * ```ts
 * const usable = walks.filter((walk) => tileMisfit(device, "one rows, 64 channels", walk) === undefined);
 * ```
 */
export function tileMisfit(device: GPUDevice, name: CallClass, way: Tile | Walk): string | undefined {
  const { limits } = device;
  if (!CALL_CLASSES.includes(name)) return `one of the classes ${CALL_CLASSES.join("; ")}`;
  const [row, channels] = [ROWS[name.split(" ")[0] as keyof typeof ROWS], Number(name.split(" ")[2])];
  const fields = row <= MOST_ROWS ? WALK : TILE;
  const numbers = Object.entries({ ...way });
  const right = numbers.length === fields.length && fields.every((f) => isSize(numbers.find(([n]) => n === f)?.[1]));
  if (!right) return `powers of two: ${fields.join(", ")}`;
  const threads = "lanes" in way ? way.threads : way.rowGroups * way.columnGroups;
  const most = limits.maxComputeInvocationsPerWorkgroup;
  if (threads > most) return `at most ${most} threads of a workgroup`;
  if ("lanes" in way && way.lanes > threads) return `at most ${threads} lanes`;
  const [rows, lanes] = "lanes" in way ? [row, way.lanes] : [way.rows, way.columnGroups];
  const vectors = rows * Math.ceil(quads(channels) / lanes);
  if (vectors > MOST_VECTORS) return `at most ${MOST_VECTORS} vectors per thread, not ${vectors}`;
  if ("lanes" in way) return undefined;
  if (way.slice < 4) return "a slice of at least 4 channels";
  const { bytes } = tileCode(way, channels);
  const memory = limits.maxComputeWorkgroupStorageSize;
  return bytes > memory ? `at most ${memory} bytes of workgroup memory, not ${bytes}` : undefined;
}

const TILE: readonly (keyof Tile)[] = ["rows", "rowGroups", "columnGroups", "slice"];
const WALK: readonly (keyof Walk)[] = ["threads", "lanes", "keys"];
/** Shuffles and packed maxima count on powers of two. */
const isSize = (n: number | undefined): boolean => n !== undefined && Number.isInteger(Math.log2(n)) && n >= 1;
