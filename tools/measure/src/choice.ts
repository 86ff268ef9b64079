import { creator, type MechanismEntry } from "@attnkit/catalog/mechanisms";
import type { Mechanism, Options } from "@attnkit/core";

/** A mechanism with its options, as somebody chose it. */
export interface Choice {
  readonly entry: MechanismEntry;
  readonly options: Options;
}

/** `linear`, or `linear{"featureMap":"relu"}` where options differ from the default ones. */
export function label({ entry, options }: Choice): string {
  const plain = JSON.stringify(options) === JSON.stringify(entry.variants[0] ?? {});
  return plain ? entry.name : `${entry.name}${JSON.stringify(options)}`;
}

/** The mechanism of a choice, with its kernels for one kind of backend; throws the mechanism's own `ATTN_OPTION`. */
export const make = async ({ entry, options }: Choice, kind: string): Promise<Mechanism> =>
  (await creator(entry, kind))(options);
