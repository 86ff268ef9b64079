import type { Backend } from "@attnkit/core";
import { adapterKey, hostOf, type TileTable, useTiles } from "@attnkit/wgsl";
import { UsageError } from "../io.ts";

/**
 * Makes the kernels on the backend's device use the tiles of a table, or the portable ones if there is no table. A backend without
 * kernels for WebGPU is left as it is. Throws `UsageError` if the table is not for the device's adapter, and `ATTN_OPTION` if a tile
 * does not fit the device.
 */
export function useTilesOn(backend: Backend<unknown>, tiles: TileTable | undefined): void {
  const host = hostOf(backend);
  if (typeof host === "string") return;
  const key = adapterKey(host.device);
  if (tiles && !(key in tiles)) {
    const known = Object.keys(tiles);
    throw new UsageError(
      "--tiles",
      `${known.length > 0 ? `was tuned on ${known.join(", ")}` : "has no tiles of any adapter"}; this adapter is ${key}`,
    );
  }
  useTiles(host.device, tiles ?? {});
}
