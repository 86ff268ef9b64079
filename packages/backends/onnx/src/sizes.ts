import { AttentionError, type Shape } from "@attnkit/core";
import { broadcastShape, elementCount, reshapeShape } from "@attnkit/core/backend";
import {
  type Dim,
  dividedDim,
  isKnown,
  isKnownShape,
  minusDim,
  multipleOf,
  plusDim,
  SymbolicDim,
  type SymbolicShape,
  timesDim,
} from "@attnkit/core/program";

/** As the end of a slice: to the end of the axis. */
const MOST = 2 ** 31 - 1;

/** A part of an axis, as the nodes of a graph write it: positions from 0 on, or negative ones counted from the end. */
export interface Part {
  readonly size: Dim;
  readonly start: number;
  readonly end: number;
}

/** The symbolic sizes of one graph, and of the graphs inside its nodes. */
export class Sizes {
  readonly #named = SymbolicDim.recording();

  /** The size that is `factor` times the length `name`. */
  symbol(name: string, factor = 1): Dim {
    return timesDim(this.#named(name), factor);
  }

  /** The shape that all of `shapes` broadcast to. Symbolic sizes are taken to agree with what they meet: the runtime checks them. */
  broadcast(op: string, ...shapes: readonly SymbolicShape[]): SymbolicShape {
    if (shapes.every(isKnownShape)) return broadcastShape(op, ...shapes);
    const rank = Math.max(...shapes.map((s) => s.length));
    return Array.from({ length: rank }, (_, i) => {
      const sizes = shapes.map((s) => s[i - rank + s.length] ?? 1).filter((n) => n !== 1);
      const known = sizes.filter(isKnown);
      if (new Set(known).size > 1) broadcastShape(op, ...known.map((n) => [n])); // throws
      return known[0] ?? sizes[0] ?? 1;
    });
  }

  /**
   * `reshape(x, to)`: the result's sizes, and what ONNX Reshape is told: 0 copies a size from the same place, -1 is worked
   * out; more than one -1 must be counted. Throws `ATTN_UNSUPPORTED` where the sizes do not fit.
   */
  reshape(x: SymbolicShape, to: SymbolicShape): { shape: SymbolicShape; code: Shape } {
    if (isKnownShape(x) && isKnownShape(to)) {
      const shape = reshapeShape(x, to);
      return { shape, code: shape };
    }
    const rest = to.filter((n) => n !== -1);
    const names = namesOf(x);
    const factor = factorOf(x) / factorOf(rest);
    const taken = namesOf(rest);
    for (const name of taken) if (!names.includes(name)) throw misfit(x, to);
    const left = taken.reduce((all, name) => all.toSpliced(all.indexOf(name), all.includes(name) ? 1 : 0), names);
    const free = left.length === 0 ? factor : this.symbol(left.join(" * "), factor);
    const fits = Number.isInteger(factor) && left.length === names.length - taken.length;
    if (!fits || (rest.length === to.length ? free !== 1 : rest.length + 1 !== to.length)) throw misfit(x, to);
    const shape = to.map((n) => (n === -1 ? free : n));
    return { shape, code: shape.map((n, i) => (isKnown(n) ? n : n === x[i] ? 0 : -1)) };
  }
}

/** The size that a symbolic dimension is a multiple of: `batch` for `4 (batch)`. */
export const baseOf = (n: SymbolicDim): string => `${dividedDim(n, n.multipleOf)}`;

/** Names of the symbolic sizes of a shape. */
const namesOf = (x: SymbolicShape): string[] => x.flatMap((n) => (isKnown(n) ? [] : [baseOf(n)]));

/** The number of elements, symbolic sizes counted as the number that is known to divide them. */
const factorOf = (x: SymbolicShape): number => elementCount(x.map(multipleOf));

const misfit = (x: SymbolicShape, to: SymbolicShape): AttentionError =>
  new AttentionError("ATTN_UNSUPPORTED", "onnx", `cannot reshape [${x.join(", ")}] to [${to.join(", ")}]`);

/**
 * The part `start..end` of an axis of symbolic size `n`. Throws `ATTN_UNSUPPORTED` unless each is a number, or `n` less a
 * number.
 */
export function partOf(n: SymbolicDim, start: Dim, end: Dim): Part {
  const fail = (): never => {
    throw new AttentionError("ATTN_UNSUPPORTED", "onnx", `a part ${start} to ${end} of ${n}`);
  };
  const size = isKnown(end) && !isKnown(start) ? fail() : minusDim(end, start);
  const place = (at: Dim): number => {
    if (isKnown(at)) return at;
    const fromEnd = minusDim(at, n);
    return isKnown(fromEnd) && fromEnd <= 0 ? fromEnd || MOST : fail();
  };
  return { size, start: place(start), end: place(end) };
}

/** Returns whether a tensor of this shape has no elements. */
export const isEmpty = (shape: SymbolicShape): boolean => shape.includes(0);

/** Returns whether a tensor of the shape `x` has every element of the shape `whole` that it broadcasts to. */
export const covers = (x: SymbolicShape, whole: SymbolicShape): boolean =>
  whole.every((n, i) => n === (x[i - whole.length + x.length] ?? 1));

/** Returns the sizes of a constant, which are numbers. Throws `ATTN_UNSUPPORTED` if one is symbolic. */
export function knownShape(shape: SymbolicShape): Shape {
  if (isKnownShape(shape)) return shape;
  throw new AttentionError("ATTN_UNSUPPORTED", "onnx", `a constant with a symbolic size: [${shape.join(", ")}]`);
}

/** The size of parts side by side. */
export const totalOf = (sizes: SymbolicShape): Dim => sizes.reduce(plusDim, 0);
