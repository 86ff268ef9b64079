import type { GpuTensor } from "../tensor.ts";
import type { Around } from "./around.ts";
import { beginElement, type Gpu, numberAt, run, THREADS } from "./gpu.ts";

/** The entries that one thread adds up. */
const CHUNK = 64;

/**
 * Inclusive running sums along the axis of length n. Threads scan chunks of it. The totals of the chunks are scanned in the same way,
 * and each chunk adds the sum of those before it: three dispatches for up to 4096 entries, two more for each factor of 64.
 */
export function cumulative(gpu: Gpu, x: GpuTensor, { outer, n, inner }: Around): GpuTensor {
  const { memory } = gpu;
  const y = memory.make(x.shape);
  const chunks = Math.ceil(n / CHUNK);
  const threads = outer * chunks * inner;
  if (threads === 0) return y;
  const totals = chunks > 1 ? memory.make([outer, chunks, inner]) : undefined;
  run(gpu, {
    name: "cumsum",
    code: scan(x, totals !== undefined),
    inputs: { x },
    outputs: { y, ...(totals && { totals }) },
    sizes: { n: threads, axis: n, inner, chunks },
    groups: Math.ceil(threads / THREADS),
  });
  if (totals === undefined) return y;
  const before = cumulative(gpu, totals, { outer, n: chunks, inner });
  const elements = outer * n * inner;
  run(gpu, {
    name: "cumsum of chunks",
    code: `${beginElement}
  let entry = i / p.inner;
  let chunk = (entry % p.axis) / ${CHUNK}u;
  if (chunk == 0u) { return; }
  y[i] += before[(entry / p.axis * p.chunks + chunk - 1u) * p.inner + i % p.inner];
}`,
    inputs: { before },
    outputs: { y },
    sizes: { n: elements, axis: n, inner, chunks },
    groups: Math.ceil(elements / THREADS),
  });
  return y;
}

/** WGSL that scans the chunks. Thread i has the place of element i of `totals [outer, chunks, inner]`. */
const scan = (x: GpuTensor, totals: boolean): string => `${beginElement}
  let line = i / p.inner;
  let start = (line % p.chunks) * ${CHUNK}u;
  let base = (line / p.chunks) * p.axis * p.inner + i % p.inner;
  var total = 0.0;
  for (var j = start; j < min(start + ${CHUNK}u, p.axis); j++) {
    let at = base + j * p.inner;
    total += ${numberAt("x", x, "at")};
    y[at] = total;
  }${totals ? "\n  totals[i] = total;" : ""}
}`;
