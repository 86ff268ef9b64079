import { creator, type MechanismEntry, mechanisms } from "@attnkit/catalog/mechanisms";
import type { Options } from "@attnkit/core";
import type { KernelTarget } from "@attnkit/core/backend";
import type { Item, Row } from "@attnkit/core/conformance";

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

/** In every option set, in the first of each mechanism, or in the others. */
export const rows = (target: KernelTarget, sets: "all" | "first" | "rest"): Promise<Row[]> =>
  rowsOf(target, ({ variants }) =>
    sets === "all" ? variants : sets === "first" ? variants.slice(0, 1) : variants.slice(1),
  );

/** The first case of each law of mechanisms: for option sets whose every case runs elsewhere. */
export const firstCases = (item: Item): boolean => item.case === 0 && item.mechanism !== "ops";
