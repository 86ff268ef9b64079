import type { Mechanism } from "../program/mechanism.ts";
import type { Backend } from "./backend.ts";
import type { Kernel } from "./kernel.ts";

/** The kinds of kernels that a backend runs, its own first. */
export const kernelKinds = ({ kind, hosts = [] }: Pick<Backend<unknown>, "kind" | "hosts">): readonly string[] => [
  kind,
  ...hosts,
];

/** Returns the kernels of a mechanism that are for a backend, in the order in which they are asked. */
export const kernelsFor = <T>(mechanism: Mechanism, backend: Backend<T>): readonly Kernel<T>[] =>
  (mechanism.kernels ?? []).filter(({ kind }) => kernelKinds(backend).includes(kind)) as readonly Kernel<T>[];
