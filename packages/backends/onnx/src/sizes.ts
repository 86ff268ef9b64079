import { AttentionError, type Shape } from "@attnkit/core";
import { broadcastShape, elementCount, reshapeShape } from "@attnkit/core/backend";

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
/** As the end of a slice: to the end of the axis. */
const MOST = 2 ** 31 - 1;

export const isSymbolic = (n: number): boolean => n >= FIRST;
export const isStatic = (shape: Shape): boolean => !shape.some(isSymbolic);

/** The symbolic sizes of one graph. */
export class Sizes {
  readonly #all: Symbolic[] = [];
  /** Sizes that are one less than another one. */
  readonly #shorter = new Map<number, number>();

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
    const whole = sizes.map((n) => this.#shorter.get(n) ?? n);
    const missing = whole.filter((n, i) => n !== sizes[i]).length;
    const known = whole.filter((n) => !isSymbolic(n)).reduce((a, b) => a + b, -missing);
    const symbolic = whole.filter(isSymbolic);
    if (symbolic.length === 0) return known;
    if (symbolic.length === 1 && known === 0) return symbolic[0]!;
    return this.symbol([...symbolic.map((n) => this.name(n)), ...(known === 0 ? [] : [known])].join(" + "));
  }

  /**
   * A part `start..end` of an axis of symbolic size, as the graph writes it: from 0 on, or counted from the end. The program
   * counts from the size as it reads it. Throws `ATTN_UNSUPPORTED` where it is not clear what is meant.
   */
  part(n: number, start: number, end: number): { size: number; start: number; end: number } {
    const { factor } = this.of(n);
    const [from, to] = [start, end].map((at) => (at < 0 ? at + factor : undefined));
    if (from === undefined && to === undefined) return { size: end - start, start, end };
    if (from === undefined && to === 0) return { size: start === 0 ? n : this.#less(n, start), start, end: MOST };
    if (from === undefined && to === -1 && start === 0) return { size: this.#less(n, 1), start, end: -1 };
    if (from === -1 && to === 0) return { size: 1, start: -1, end: MOST };
    throw new AttentionError("ATTN_UNSUPPORTED", "onnx", `a part ${start} to ${end} of ${this.name(n)}`);
  }

  #less(n: number, by: number): number {
    const less = this.symbol(`${this.name(n)} - ${by}`);
    if (by === 1) this.#shorter.set(less, n);
    return less;
  }

  /**
   * `reshape(x, to)`: the result's sizes, and what ONNX Reshape is told: 0 copies a size from the same place, -1 is worked
   * out; more than one -1 must be counted. Throws `ATTN_UNSUPPORTED` where the sizes do not fit.
   */
  reshape(x: Shape, to: Shape): { shape: Shape; code: Shape } {
    if (isStatic(x)) {
      const shape = reshapeShape(x, to);
      return { shape, code: shape };
    }
    const own = x.filter(isSymbolic).map((n) => this.of(n));
    const count = to.filter((n) => n < 0).length;
    const known = elementCount(x.filter((n) => !isSymbolic(n))) * own.reduce((f, s) => f * s.factor, 1);
    const rest = elementCount(to.filter((n) => n >= 0));
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
      if (count !== own.length || elementCount(to.map(Math.abs)) !== known) fail();
      let next = 0;
      shape = to.map((n) => (n < 0 ? this.symbol(own[next++]!.base, -n) : n));
    }
    return { shape, code: shape.map((n, i) => (!isSymbolic(n) ? n : n === x[i] ? 0 : -1)) };
  }
}
