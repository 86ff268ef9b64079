import type { Mechanism, Options } from "@attnkit/core";
import { type KernelTarget, kernelKinds } from "@attnkit/core/backend";
import type { AboutMechanism } from "@attnkit/core/program";
import * as list from "./mechanism-list.ts";

/** One row of the matrix. Its functions also take the option names that a mechanism had before a renaming. */
export type MechanismEntry = AboutMechanism;

/** Every mechanism of `mechanism-list.ts`, ordered by the date of its paper. */
export const mechanisms: readonly MechanismEntry[] = Object.values(list)
  .map(withFormerNames)
  .sort((a, b) => a.paper.published.localeCompare(b.paper.published) || a.name.localeCompare(b.name));

/** Returns the function that makes the mechanism for a backend: with its kernels if it has any that the backend runs. */
export async function creator(
  { create, kernels = {} }: MechanismEntry,
  target: KernelTarget,
): Promise<(options?: Options) => Mechanism> {
  const kind = kernelKinds(target).find((kind) => kind in kernels);
  return (kind === undefined ? undefined : await kernels[kind]?.()) ?? create;
}

/** Files of format attnkit-vectors/1 and command lines outlive the renaming of an option. */
function withFormerNames(about: AboutMechanism): MechanismEntry {
  const { former, create, reference, kernels = {} } = about;
  if (!former) return about;
  const translated =
    <R>(make: (options?: Options) => R) =>
    (options: Options = {}): R =>
      make(former.translate(options));
  const loaders = Object.entries(kernels).map(([kind, load]) => [kind, async () => translated(await load())] as const);
  return {
    ...about,
    create: translated(create),
    reference: translated(reference),
    kernels: Object.fromEntries(loaders),
  };
}
