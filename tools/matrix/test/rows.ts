import { creator, type MechanismEntry, mechanisms } from "@attnkit/catalog/mechanisms";
import type { Options } from "@attnkit/core";
import type { KernelTarget } from "@attnkit/core/backend";
import type { Row } from "@attnkit/core/conformance";

/** Mechanisms for a backend with their oracles: in the option sets that `chosen` takes of each entry. */
export async function rowsOf(
  target: KernelTarget,
  chosen: (entry: MechanismEntry) => readonly Options[],
): Promise<Row[]> {
  const made = mechanisms.map(async (entry) => {
    const create = await creator(entry, target);
    return chosen(entry).map((options) => ({ mechanism: create(options), reference: entry.reference(options) }));
  });
  return (await Promise.all(made)).flat();
}

/** In every variant, or in the first of each, where the same engine runs the rest elsewhere. */
export const rows = (target: KernelTarget, variants: "all" | "first"): Promise<Row[]> =>
  rowsOf(target, (entry) => (variants === "all" ? entry.variants : entry.variants.slice(0, 1)));
