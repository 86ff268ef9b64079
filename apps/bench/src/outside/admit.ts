import { type BackendEntry, backends, type MechanismEntry, mechanisms } from "@attnkit/catalog";
import { backendsOf } from "./backends.ts";
import { mechanismOf } from "./mechanisms.ts";
import { load } from "./module.ts";

/** The backends and mechanisms from outside that a command names, by what the user wrote. */
const admitted = {
  backends: new Map<string, readonly BackendEntry[]>(),
  mechanisms: new Map<string, MechanismEntry>(),
  cwd: process.cwd(),
};

/**
 * Loads the files and packages among these names, in place of those that were loaded before, so that `backendChoices` and `mechanismNamed` find them. Names of the
 * catalog are left alone, and so are names of which nothing is installed: who looks them up refuses them.
 * @throws UsageError if a module cannot be loaded or holds something else.
 */
export async function admit(
  cwd: string,
  names: { readonly backends?: readonly string[]; readonly mechanisms?: readonly string[] },
): Promise<void> {
  admitted.cwd = cwd;
  admitted.backends.clear();
  admitted.mechanisms.clear();
  for (const name of names.backends ?? []) {
    const module = isKnown(backends, name) ? undefined : await load(cwd, name);
    if (module) admitted.backends.set(name, await backendsOf(module));
  }
  for (const name of names.mechanisms ?? []) {
    const module = isKnown(mechanisms, name) ? undefined : await load(cwd, name);
    if (module) admitted.mechanisms.set(name, mechanismOf(module));
  }
}

export const outsideBackends = (name: string): readonly BackendEntry[] | undefined => admitted.backends.get(name);
export const outsideMechanism = (name: string): MechanismEntry | undefined => admitted.mechanisms.get(name);
/** Returns whether the command names a backend or a mechanism from outside. */
export const anyOutside = (): boolean => admitted.backends.size + admitted.mechanisms.size > 0;
/** The folder from which they were loaded. A child process loads them from there again. */
export const outsideFolder = (): string => admitted.cwd;

const isKnown = (all: readonly { readonly name: string }[], name: string): boolean => all.some((e) => e.name === name);
