import { AttentionError } from "./errors.ts";

/**
 * The size of an axis as a program sees it: a number, or a symbolic dimension where a recorded program is to run at sizes
 * that are not known yet. Two dimensions are the same size if they are equal by `===`.
 */
export type Dim = number | SymbolicDim;

/** Sizes as a program sees them, outermost axis first. A `Shape`, which has numbers only, is assignable to it. */
export type SymbolicShape = readonly Dim[];

/** Names of the terms and their factors, in the order in which they were added. */
type Terms = ReadonlyMap<string, number>;

/**
 * A size that is only known when a recorded program runs: a sum of named lengths times whole numbers, plus a number
 * (`past + 64 (chunks)`, `length - 1`). It is a value, at least 1, and never modified. It is no number: `+`, `*`, `<` on it
 * do not compile, and throw `ATTN_UNSUPPORTED` where types are not checked. Use `timesDim`, `plusDim` and their like.
 */
export class SymbolicDim {
  /** The largest whole number that is known to divide the size. */
  readonly multipleOf: number;
  readonly #terms: Terms;
  readonly #constant: number;
  /** The dimensions of one recording by their text: equal ones are one object. */
  readonly #known: Map<string, SymbolicDim>;

  private constructor(terms: Terms, constant: number, known: Map<string, SymbolicDim>) {
    this.#terms = terms;
    this.#constant = constant;
    this.#known = known;
    this.multipleOf = [...terms.values(), constant].reduce(greatestCommonDivisor, 0);
  }

  /** Returns a function that makes dimensions of one recording by name: the same name gives the same object. */
  static recording(): (name: string) => SymbolicDim {
    const known = new Map<string, SymbolicDim>();
    return (name) => SymbolicDim.#of(new Map([[name, 1]]), 0, known) as SymbolicDim;
  }

  static #of(terms: Terms, constant: number, known: Map<string, SymbolicDim>): Dim {
    if (terms.size === 0) return constant;
    const key = JSON.stringify([[...terms].sort(([a], [b]) => (a < b ? -1 : 1)), constant]);
    const found = known.get(key) ?? new SymbolicDim(terms, constant, known);
    known.set(key, found);
    return found;
  }

  /** `factor` times this size plus `other`. */
  #combined(factor: number, other: Dim, sign: 1 | -1): Dim {
    const terms = new Map([...this.#terms].map(([name, n]) => [name, n * factor] as const));
    const [more, constant] = typeof other === "number" ? [[], other] : [other.#terms, other.#constant];
    for (const [name, n] of more) {
      const sum = (terms.get(name) ?? 0) + sign * n;
      if (sum === 0) terms.delete(name);
      else terms.set(name, sum);
    }
    return SymbolicDim.#of(terms, this.#constant * factor + sign * constant, this.#known);
  }

  /** The sum with another size. */
  plus(other: Dim): Dim {
    return this.#combined(1, other, 1);
  }

  /** The difference from another size. */
  minus(other: Dim): Dim {
    return this.#combined(1, other, -1);
  }

  /** This size `n` times, `n` a whole number; 0 where it is 0. Throws `ATTN_UNSUPPORTED` if `n` is symbolic too. */
  times(n: Dim): Dim {
    if (isKnown(n)) return n === 0 ? 0 : this.#combined(n, 0, 1);
    throw unsupported(`a product of two symbolic sizes; got ${this} and ${n}, expected a number. Write -1 in reshape`);
  }

  /** This size divided by `n`. Throws `ATTN_UNSUPPORTED` if `n` is not known to divide it. */
  dividedBy(n: number): Dim {
    if (this.multipleOf % n === 0) return this.#combined(1 / n, 0, 1);
    const expected = `expected a multiple of ${n}, which Mechanism.granularity asks for`;
    throw unsupported(`a symbolic size is only divided by what is known to divide it; got ${this} / ${n}, ${expected}`);
  }

  /** Refuses `a` minus this size, which could be less than 0: throws `ATTN_UNSUPPORTED`. */
  subtractedFrom(a: number): never {
    throw unsupported(
      `a symbolic size is only subtracted from a symbolic size; got ${a} - (${this}), expected length - 1`,
    );
  }

  /** Refuses this size where `who` needs a number: throws `ATTN_UNSUPPORTED`. */
  requiredBy(who: string): never {
    throw unsupported(`a size must be known while the program is recorded; got ${this}, expected a number`, who);
  }

  /** The size as an ONNX file names it: `length`, `4 (batch)`, `past + 64 (chunks)`, `length - 1`. */
  toString(): string {
    const divisor = this.multipleOf;
    const terms = [...this.#terms].map(([name, n]) => (n === divisor ? name : `${n / divisor} (${name})`)).join(" + ");
    const constant = this.#constant / divisor;
    const sum = constant === 0 ? terms : `${terms} ${constant < 0 ? "-" : "+"} ${Math.abs(constant)}`;
    return divisor === 1 ? sum : `${divisor} (${sum})`;
  }

  /** Gives the name where text is asked for, and throws `ATTN_UNSUPPORTED` where a number is. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === "string") return this.toString();
    const helpers = "Use timesDim, dividedDim, plusDim and minusDim from @attnkit/core/program";
    const rule = "arithmetic on a size that is not known while the program is recorded";
    throw unsupported(`${rule}; got ${this}, expected a number. ${helpers}, or leave Mechanism.granularity away`);
  }
}

const unsupported = (message: string, who = "program"): AttentionError =>
  new AttentionError("ATTN_UNSUPPORTED", who, message);

const greatestCommonDivisor = (a: number, b: number): number =>
  b === 0 ? Math.abs(a) : greatestCommonDivisor(b, a % b);

/** Returns whether a size is a number, which it always is for programs that run at once. */
export const isKnown = (dim: Dim): dim is number => typeof dim === "number";

/** Returns whether every size is a number. */
export const isKnownShape = (shape: SymbolicShape): shape is readonly number[] => shape.every(isKnown);

/** Returns the largest whole number that is known to divide a size: the size itself where it is a number. */
export const multipleOf = (dim: Dim): number => (isKnown(dim) ? dim : dim.multipleOf);

/** Returns `a + b`. */
export function plusDim(a: Dim, b: Dim): Dim {
  if (isKnown(a)) return isKnown(b) ? a + b : b.plus(a);
  return a.plus(b);
}

/** Returns `a - b`. Throws `ATTN_UNSUPPORTED` for a number minus a symbolic dimension. */
export function minusDim(a: Dim, b: Dim): Dim {
  if (!isKnown(a)) return a.minus(b);
  return isKnown(b) ? a - b : b.subtractedFrom(a);
}

/**
 * Returns `a * b`. Throws `ATTN_UNSUPPORTED` if both are symbolic: where `reshape` joins two such axes, write -1.
 */
export function timesDim(a: Dim, b: Dim): Dim {
  if (!isKnown(a)) return a.times(b);
  return isKnown(b) ? a * b : b.times(a);
}

/** Returns `dim / divisor`. Throws `ATTN_UNSUPPORTED` if a symbolic dimension is not known to be a multiple of the divisor. */
export const dividedDim = (dim: Dim, divisor: number): Dim => (isKnown(dim) ? dim / divisor : dim.dividedBy(divisor));

/**
 * Returns the number of parts of `size` that cover an axis, `ceil(dim / size)`. Throws `ATTN_UNSUPPORTED` if a symbolic
 * dimension is not known to be a multiple of `size`.
 */
export const partsOf = (dim: Dim, size: number): Dim => (isKnown(dim) ? Math.ceil(dim / size) : dividedDim(dim, size));

/** Returns a size that must be a number. Throws `ATTN_UNSUPPORTED` if it is a symbolic dimension. `who` refuses it. */
export function requireKnown(who: string, dim: Dim): number {
  return isKnown(dim) ? dim : dim.requiredBy(who);
}

/**
 * Returns the size that two axes share where a program needs L = S. Throws `ATTN_UNSUPPORTED` if they are not known to be
 * the same. `who` refuses them.
 */
export function requireSameDim(who: string, a: Dim, b: Dim): Dim {
  if (a === b) return a;
  throw unsupported(`symbolic L and S must be equal; got L = ${a} and S = ${b}, expected one size for both`, who);
}
