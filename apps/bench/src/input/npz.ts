import type { FileEntries, FileTensor, FileTensors, UnreadTensor } from "@attnkit/measure/tensor";
import { zipSync } from "fflate";
import { UsageError } from "../io.ts";
import { isNpy, readNpy, writeNpy } from "./npy.ts";
import { readZip, type ZipEntry } from "./zip.ts";

/**
 * Returns the arrays of a .npz file, stored or deflated, by the names that `numpy.savez` gave them. Entries that cannot
 * be read are `UnreadTensor`s. Throws `UsageError`.
 */
export function readNpz(who: string, file: Uint8Array): FileEntries {
  const entries = readZip(file, (what, entry) => {
    if (entry !== undefined) throw new UsageError(`${who}: ${entry}`, `a broken entry of the .npz file: ${what}`);
    throw new UsageError(who, `not a valid .npz file: ${what}; expected a zip of .npy files`);
  });
  const tensors = new Map<string, FileTensor | UnreadTensor>();
  const times = new Map<string, number>();
  for (const entry of entries) {
    // `numpy.load` also reads an entry without the extension as an array, if its bytes begin like one.
    const name = entry.name.endsWith(".npy") ? entry.name.slice(0, -4) : entry.name;
    const n = (times.get(name) ?? 0) + 1;
    times.set(name, n);
    const tensor = tensorOf(who, entry);
    tensors.set(name, n === 1 ? tensor : { unread: `${n} entries of this name`, remedy: ONE, shape: [] });
  }
  if (![...tensors.values()].some((t) => "dtype" in t || t.remedy !== NO_ARRAY)) {
    const held = tensors.size === 0 ? "" : ` (it holds ${[...tensors.keys()].join(", ")})`;
    throw new UsageError(who, `holds no arrays${held}; expected q, k and v`);
  }
  return tensors;
}

const ONE = "expected one: save the file again with one array of this name";
const NO_ARRAY = "expected an array, as np.savez writes it";
const STORAGE = "expected a stored or deflated entry, as np.savez and np.savez_compressed write it";

function tensorOf(who: string, entry: ZipEntry): FileTensor | UnreadTensor {
  if (entry.unread !== undefined) return { unread: entry.unread, remedy: STORAGE, shape: [] };
  const bytes = entry.bytes();
  if (!entry.name.endsWith(".npy") && !isNpy(bytes)) return { unread: "no .npy file", remedy: NO_ARRAY, shape: [] };
  return readNpy(`${who}: ${entry.name}`, bytes);
}

/** Writes a .npz file as `numpy.savez` does: without compression, because floats hardly compress. */
export function writeNpz(tensors: FileTensors): Uint8Array {
  const entries = [...tensors].map(([name, t]) => [`${name}.npy`, writeNpy(t)] as const);
  // The earliest date that a zip can hold: the same tensors always give the same bytes.
  return zipSync(Object.fromEntries(entries), { level: 0, mtime: new Date(1980, 0, 1) });
}
