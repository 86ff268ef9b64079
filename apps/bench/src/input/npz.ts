import type { FileTensor, FileTensors } from "@attnkit/measure/tensor";
import { unzipSync, zipSync } from "fflate";
import { UsageError } from "../io.ts";
import { readNpy, writeNpy } from "./npy.ts";

/** The arrays of a .npz file, stored or deflated, by the names that `numpy.savez` gave them. Throws `UsageError`. */
export function readNpz(who: string, file: Uint8Array): FileTensors {
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(file);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(who, `not a valid .npz file: ${why}; expected a zip of .npy files`);
  }
  const tensors = new Map<string, FileTensor>();
  for (const [path, bytes] of Object.entries(entries)) {
    if (!path.endsWith(".npy"))
      throw new UsageError(who, `not a valid .npz file: it holds ${path}; expected .npy files only`);
    tensors.set(path.slice(0, -4), readNpy(`${who}: ${path}`, bytes));
  }
  if (tensors.size === 0) throw new UsageError(who, "holds no arrays; expected q, k and v");
  return tensors;
}

/** The bytes of a .npz file, as `numpy.savez` writes it: not compressed, floats hardly are compressible. */
export function writeNpz(tensors: FileTensors): Uint8Array {
  const entries = [...tensors].map(([name, t]) => [`${name}.npy`, writeNpy(t)] as const);
  // The earliest date a zip can hold: the same tensors give the same bytes.
  return zipSync(Object.fromEntries(entries), { level: 0, mtime: new Date(1980, 0, 1) });
}
