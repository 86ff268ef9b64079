import { AttentionError, broadcastShape, reshapeShape, type Shape, sizeOf } from "@attnkit/core";

/**
 * Sizes that are only known when a graph runs, as whole numbers far above any real size, so that the shape rules of core
 * work on them unchanged. A symbolic size is a factor times a named length: `4 batch`. To the program being recorded it
 * reads as minus the factor, so that `b * h` with `b = -1` still says what is meant.
 */
export interface Symbolic {
  /** The name in the graph: `batch`, `past`, `past + 5`. */
  readonly base: string;
  readonly factor: number;
}

const FIRST: number = 2 ** 40;

export const isSymbolic = (n: number): boolean => n >= FIRST;
export const isStatic = (shape: Shape): boolean => !shape.some(isSymbolic);

/** The symbolic sizes of one graph. */
export class Sizes {
  readonly #all: Symbolic[] = [];

  /** The size that stands for `factor` times the length `base`. */
  symbol(base: string, factor = 1): number {
    let i = this.#all.findIndex((s) => s.base === base && s.factor === factor);
    if (i < 0) i = this.#all.push({ base, factor }) - 1;
    return FIRST * (i + 1);
  }

  of(n: number): Symbolic {
    return this.#all[n / FIRST - 1]!;
  }

  /** As the recorded program reads it. */
  seen(shape: Shape): Shape {
    return isStatic(shape) ? shape : shape.map((n) => (isSymbolic(n) ? -this.of(n).factor : n));
  }

  /** As the graph writes it. */
  name(n: number): string {
    const { base, factor } = this.of(n);
    return factor === 1 ? base : `${factor} (${base})`;
  }

  /** Symbolic sizes are taken to agree with what they meet: the runtime checks them. */
  broadcast(op: string, ...shapes: readonly Shape[]): Shape {
    if (shapes.every(isStatic)) return broadcastShape(op, ...shapes);
    const rank = Math.max(...shapes.map((s) => s.length));
    return Array.from({ length: rank }, (_, i) => {
      const sizes = shapes.map((s) => s[i - rank + s.length] ?? 1).filter((n) => n !== 1);
      const known = sizes.filter((n) => !isSymbolic(n));
      if (new Set(known).size > 1) broadcastShape(op, ...known.map((n) => [n])); // throws
      return known[0] ?? sizes[0] ?? 1;
    });
  }

  /** The size of parts side by side. */
  total(sizes: readonly number[]): number {
    const known = sizes.filter((n) => !isSymbolic(n)).reduce((a, b) => a + b, 0);
    const names = sizes.filter(isSymbolic).map((n) => this.name(n));
    if (names.length === 0) return known;
    return this.symbol([...names, ...(known > 0 ? [known] : [])].join(" + "));
  }

  /**
   * `reshape(x, to)`: the result's sizes, and what ONNX Reshape is told: 0 copies a size from the same place, -1 is worked
   * out. Throws `ATTN_UNSUPPORTED` where that cannot say it.
   */
  reshape(x: Shape, to: Shape): { shape: Shape; code: Shape } {
    if (isStatic(x)) {
      const shape = reshapeShape(x, to);
      return { shape, code: shape };
    }
    const own = x.filter(isSymbolic).map((n) => this.of(n));
    const count = to.filter((n) => n < 0).length;
    const known = sizeOf(x.filter((n) => !isSymbolic(n))) * own.reduce((f, s) => f * s.factor, 1);
    const rest = sizeOf(to.filter((n) => n >= 0));
    const fail = (): never => {
      throw new AttentionError("ATTN_UNSUPPORTED", "onnx", `cannot reshape [${this.seen(x)}] to [${to}]`);
    };
    let shape: Shape;
    if (count === 1) {
      const factor = known / rest;
      if (!Number.isInteger(factor)) fail();
      const free = this.symbol(own.map((s) => s.base).join(" * "), factor);
      shape = to.map((n) => (n < 0 ? free : n));
    } else {
      // As many as x has, in the same order.
      if (count !== own.length || sizeOf(to.map(Math.abs)) !== known) fail();
      let next = 0;
      shape = to.map((n) => (n < 0 ? this.symbol(own[next++]!.base, -n) : n));
    }
    const code = shape.map((n, i) => (!isSymbolic(n) ? n : n === x[i] ? 0 : -1));
    if (code.filter((n) => n === -1).length > 1) fail();
    return { shape, code };
  }
}
