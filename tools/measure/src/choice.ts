import { creator, type MechanismEntry } from "@attnkit/catalog/mechanisms";
import type { Mechanism, Options } from "@attnkit/core";
import type { KernelTarget } from "@attnkit/core/backend";

/** A mechanism with options that the user chose. */
export interface Choice {
  readonly entry: MechanismEntry;
  readonly options: Options;
}

/** Returns `linear`, or `linear{"featureMap":"relu"}` if the options differ from the default. */
export function label({ entry, options }: Choice): string {
  const plain = JSON.stringify(options) === JSON.stringify(entry.variants[0] ?? {});
  return plain ? entry.name : `${entry.name}${JSON.stringify(options)}`;
}

/**
 * Makes the mechanism of a choice, with its kernels for a backend. Throws the mechanism's own `ATTN_OPTION`.
 */
export const make = async ({ entry, options }: Choice, target: KernelTarget): Promise<Mechanism> =>
  (await creator(entry, target))(options);
