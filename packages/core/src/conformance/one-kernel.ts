import type { Kernel } from "../backend/kernel.ts";
import { AttentionError } from "../program/errors.ts";
import type { Row } from "./lab.ts";

/** Rows whose mechanisms have one kernel alone, and how often it ran so far. */
export interface OneKernel {
  readonly rows: readonly Row[];
  calls(): number;
}

/**
 * Returns the rows that have a kernel of this name, without their other kernels, so that a call either runs this kernel or
 * the portable program.
 * @throws `ATTN_OPTION` if no row has such a kernel.
 */
export function oneKernel(rows: readonly Row[], name: string): OneKernel {
  let calls = 0;
  const counted = (kernel: Kernel<unknown>): Kernel<unknown> => ({
    name: kernel.name,
    kind: kernel.kind,
    accepts: (call, backend) => kernel.accepts(call, backend),
    run(block, call, backend) {
      calls++;
      return kernel.run(block, call, backend);
    },
  });
  const kernelsOf = ({ mechanism }: Row) => (mechanism.kernels ?? []) as readonly Kernel<unknown>[];
  const own = rows.flatMap((row): Row[] => {
    const kernels = kernelsOf(row).filter((kernel) => kernel.name === name);
    return kernels.length === 0
      ? []
      : [{ ...row, mechanism: { ...row.mechanism, kernels: kernels.map(counted) } as Row["mechanism"] }];
  });
  if (own.length === 0) {
    const all = [...new Set(rows.flatMap((row) => kernelsOf(row).map((kernel) => kernel.name)))];
    const got = `no mechanism here has a kernel named ${JSON.stringify(name)}`;
    const expected =
      all.length === 0 ? "mechanisms with kernels, as withKernels makes them" : `one of: ${all.join(", ")}`;
    throw new AttentionError("ATTN_OPTION", "conformance", `subject.kernel: ${got}, expected ${expected}`);
  }
  return { rows: own, calls: () => calls };
}

/** The sentence for a run in which the kernel never ran: every case then tested the portable program alone. */
export const neverRan = (name: string, backend: { readonly name: string; readonly kind: string }): string =>
  `the kernel ${name} never ran: it refused every call, or ${backend.name} (kind ${backend.kind}) does not host its kind. ` +
  `attention(mechanism, backend, { kernels: "require" }) says why a call is refused`;
