import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Mechanism } from "@attnkit/core";
import { type Program, vjp } from "@attnkit/core/backend";
import { cpu, type NdArray } from "@attnkit/cpu";
import { normals } from "@attnkit/measure/random";

/** Channels of the one head. */
export const D = 64;

/** q, k, v and the gradient of y, `[1, 1, L, D]` in float32. */
export interface Drawn {
  readonly inputs: Readonly<Record<"q" | "k" | "v", NdArray>>;
  readonly seed: NdArray;
}

/** Draws standard normal tokens. */
export function drawStep(seed: number, L: number): Drawn {
  const normal = normals(seed);
  const rows = () => cpu().upload(Float32Array.from({ length: L * D }, normal), [1, 1, L, D]);
  return { inputs: { q: rows(), k: rows(), v: rows() }, seed: rows() };
}

/** The forward pass as a program to differentiate. */
export const attended = (mechanism: Mechanism, causal: boolean): Program =>
  ((o, { q, k, v }) => ({
    y: mechanism.forward(o, { q: q!, k: k!, v: v! }, { causal, lse: false, state: false }).y,
  })) satisfies Program as Program;

/**
 * Returns the bytes that are kept for the backward pass, without the inputs: those of all arrays that can still be reached
 * after the forward pass, when the tape is complete. Garbage is collected before both readings.
 */
export function keptBytes(mechanism: Mechanism, causal: boolean, { inputs }: Drawn): number {
  const program = attended(mechanism, causal);
  const before = reachable();
  let after = Number.NaN;
  const measured = ((o, x) => {
    const y = program(o, x);
    after = reachable();
    return y;
  }) satisfies Program as Program;
  // Without the gradient of an output, the backward pass does nothing.
  vjp(cpu().ops, measured, inputs, {}, ["q", "k", "v"]);
  return after - before;
}

let collect: (() => void) | undefined;

/** The bytes of all array buffers that the process can still reach. */
function reachable(): number {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  // The first collection may leave the memory of buffers to a later sweep.
  collect();
  collect();
  return process.memoryUsage().arrayBuffers;
}
