import type { Mechanism } from "../program/mechanism.ts";
import type { Backend } from "./backend.ts";
import type { Kernel } from "./kernel.ts";

/** The properties of a backend by which kernels are chosen. */
export type KernelTarget = Pick<Backend<unknown>, "kind" | "hosts">;

/** Returns the kinds of kernels that a backend runs, its own first. */
export const kernelKinds = ({ kind, hosts = [] }: KernelTarget): readonly string[] => [kind, ...hosts];

/** Returns the kernels of a mechanism that are for a backend, in the order in which they are asked. */
export const kernelsFor = <T>(mechanism: Mechanism, backend: Backend<T>): readonly Kernel<T>[] =>
  (mechanism.kernels ?? []).filter(({ kind }) => kernelKinds(backend).includes(kind)) as readonly Kernel<T>[];
