import type { Tensors } from "@attnkit/core";
import type { Axis, Dim, VaryingAxes } from "@attnkit/core/program";
import type * as ORT from "onnxruntime-common";
import { type Sizes, totalOf } from "./sizes.ts";

/** The sizes that a call leaves open. */
export interface Sized extends VaryingAxes {
  /** True if the block must be padded to a multiple of `granularity`. */
  readonly fills: boolean;
}

/** Every size is the program's. */
export const NOTHING: Sized = { axes: {}, granularity: 1, fills: false };

/** With the block's length as the program's, for providers that cannot count tokens while they run. */
export function withoutLengths({ axes }: VaryingAxes): VaryingAxes {
  const kept = Object.entries(axes).map(([name, all]) => [name, all.map((a) => (a === "L" ? null : a))] as const);
  return { axes: Object.fromEntries(kept), granularity: 1 };
}

/**
 * Returns the sizes that a call leaves open. There are none if an input is empty: its consequences are computed while
 * recording, and lead to a different graph.
 */
export function callOf(varying: VaryingAxes, x: Tensors<ORT.Tensor>): Sized {
  const { axes, granularity } = varying;
  let fills = false;
  for (const name in x) {
    const { dims } = x[name]!;
    for (let i = 0; i < dims.length; i++) {
      if (dims[i] === 0) return NOTHING;
      if (granularity > 1 && axes[name]?.[i] === "L" && dims[i]! % granularity !== 0) fills = true;
    }
  }
  return { axes, granularity, fills };
}

/** The sizes of a call as a recording sees them. */
export function sizesOf(
  sizes: Sizes,
  { axes, granularity, fills }: Sized,
  x: Tensors<ORT.Tensor>,
): (axis: Axis | null | undefined, n: number) => Dim {
  const open = Object.values(axes).some((all) => all.includes("L"));
  const length = () => {
    if (!open) return x.q!.dims.at(-2)!;
    return fills || granularity === 1 ? sizes.symbol("length") : sizes.symbol("chunks", granularity);
  };
  return (axis, n) => {
    switch (axis) {
      case "B":
        return sizes.symbol("batch");
      case "L":
        return length();
      case "P":
        return sizes.symbol("past");
      case "P+L":
        return totalOf([sizes.symbol("past"), length()]);
      default:
        return n;
    }
  };
}
