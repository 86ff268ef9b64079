import type { Backend, Program } from "../backend/backend.ts";
import type { Tensors } from "../program/block.ts";
import { type ErrorCode, isAttentionError } from "../program/errors.ts";
import type { DType, Shape } from "../program/ops.ts";
import { fromData, type Host, round, size, toData } from "./host.ts";
import type { Random } from "./random.ts";
import { allowance, compare, firstDifference, indexOf, limitedTo } from "./tolerance.ts";

/** The error of a law that does not hold. Any other error of a case is an accident: a crash of what is tested, or of the suite. */
export class LawBroken extends Error {
  override readonly name = "LawBroken";
}

/** Ends a case that needs what the backend denies, after the denial was tested. */
export class Denied extends Error {
  override readonly name = "Denied";
}

/** Tells a broken law from an accident. By name, because two copies of core may meet. */
export const isLawBroken = (error: unknown): boolean => error instanceof Error && error.name === "LawBroken";

/** Runs one case: holds the backend and the random numbers of the case, and records how much error budget its comparisons use. */
export class Checker {
  readonly backend: Backend<unknown>;
  readonly random: Random;
  /** The largest fraction of the error budget that a comparison of this case used. */
  used = 0;
  readonly #held = new Set<unknown>();

  /** `Subject.backendIn`, where the subject has it. */
  readonly backendIn: ((dtype: DType) => Backend<unknown> | Promise<Backend<unknown>>) | undefined;

  constructor(backend: Backend<unknown>, random: Random, backendIn?: Checker["backendIn"]) {
    this.backend = backend;
    this.random = random;
    this.backendIn = backendIn;
  }

  /** The nearest value that the backend has: what an oracle must start from. */
  round(value: number): number {
    return round(this.backend.dtype, value);
  }

  /**
   * Uploads an array. Where the backend declares that it lacks such tensors, the case ends here: it passes if the upload is
   * refused by `ATTN_UNSUPPORTED`, and breaks the law if it is accepted.
   */
  upload(x: Host): unknown {
    const reason = this.denies(x.shape);
    if (reason !== undefined) throw this.#refusal(x, reason);
    return this.hold(this.backend.upload(toData(x, this.backend.dtype), x.shape));
  }

  /** Why the backend has no tensors of this shape, by its own declaration; nothing if it has. */
  denies(shape: Shape): string | undefined {
    const {
      emptyAxes = true,
      maxRank = Number.POSITIVE_INFINITY,
      maxElements = Number.POSITIVE_INFINITY,
    } = this.backend.supports;
    if (!emptyAxes && shape.includes(0)) return "no empty axes";
    if (shape.length > maxRank) return `no rank above ${maxRank}`;
    return size(shape) > maxElements ? `no more than ${maxElements} elements` : undefined;
  }

  #refusal(x: Host, reason: string): Error {
    try {
      this.hold(this.backend.upload(toData(x, this.backend.dtype), x.shape));
    } catch (error) {
      if (isAttentionError(error, "ATTN_UNSUPPORTED")) return new Denied(reason);
      return new LawBroken(
        `the backend declares ${reason}; upload of [${x.shape}] threw ${describe(error)}, expected code ATTN_UNSUPPORTED`,
      );
    }
    return new LawBroken(`the backend declares ${reason} and accepted [${x.shape}], expected code ATTN_UNSUPPORTED`);
  }

  /** The error that is allowed for a sum of `terms` terms of this scale, in the backend's float type. */
  allowance(terms: number, scale: number): number {
    return this.coarseness() * allowance(this.backend.dtype, terms, scale);
  }

  /** The largest `supports.accuracy` among the operations that the case uses; 1 if the backend declares none. */
  coarseness(): number {
    return 1;
  }

  async download(x: unknown): Promise<Host> {
    return fromData(await this.backend.download(x), this.backend.shape(x));
  }

  /** Tensors to free at the end of the case. */
  hold<X>(x: X): X {
    this.#held.add(x);
    return x;
  }

  /** Frees one tensor before the end of the case. */
  release(x: unknown): void {
    this.backend.free(x);
    this.#held.delete(x);
  }

  /** Frees all tensors that are held. */
  free(): void {
    for (const x of this.#held) this.backend.free(x);
    this.#held.clear();
  }

  /** Run a program on host arrays, whether the backend runs operations at once or records them. */
  async compute(program: Program, inputs: Readonly<Record<string, Host>>): Promise<Record<string, Host>> {
    return this.downloads(await this.backend.compile(program)(this.uploads(inputs)));
  }

  /** `Backend.vjp` on host arrays. */
  async vjp(
    program: Program,
    inputs: Readonly<Record<string, Host>>,
    seeds: Readonly<Record<string, Host>>,
    wrt: readonly string[],
  ): Promise<Record<string, Host>> {
    const got = await this.downloads(await this.backend.vjp(program, this.uploads(inputs), this.uploads(seeds), wrt));
    for (const name of wrt) this.holds(got[name] !== undefined, `vjp gave no gradient for ${name}`);
    return got;
  }

  uploads(x: Readonly<Record<string, Host>>): Tensors<unknown> {
    return Object.fromEntries(Object.entries(x).map(([name, h]) => [name, this.upload(h)]));
  }

  async downloads(x: Tensors<unknown>): Promise<Record<string, Host>> {
    for (const t of Object.values(x)) this.hold(t);
    const entries = Object.entries(x).map(async ([name, t]) => [name, await this.download(t)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  /** `got` is `expected` within the budget; `scale` is in units of u (a number, or one per entry). */
  near(what: string, got: Host, expected: Host, scale: Host | number, terms: number): void {
    const of = (i: number) => (typeof scale === "number" ? scale : scale.data[i]!);
    this.within(what, got, expected, (i) => this.allowance(terms, of(i)));
  }

  /** `got` has the shape of `expected` and is within `allowed(i)` of it. */
  within(what: string, got: Host, expected: Host, allowed: (i: number) => number): void {
    this.sameShape(what, got, expected);
    const stored = ({ data }: Host) =>
      Float64Array.from(data, (x, i) => limitedTo(this.backend.dtype, x, expected.data[i]!));
    const worst = compare(stored(got), stored(expected), allowed);
    this.used = Math.max(this.used, worst.used);
    if (worst.used <= 1) return;
    const error = Math.abs(worst.got - worst.expected);
    throw new LawBroken(
      `${what}[${indexOf(worst.index, expected.shape)}] is ${worst.got}, expected ${worst.expected}` +
        ` (error ${error.toExponential(2)}, allowed ${worst.allowed.toExponential(2)})`,
    );
  }

  /** The very same numbers. */
  same(what: string, got: Host, expected: Host): void {
    this.sameShape(what, got, expected);
    const i = firstDifference(got, expected);
    if (i < 0) return;
    const at = indexOf(i, expected.shape);
    throw new LawBroken(`${what}[${at}] is ${got.data[i]}, expected exactly ${expected.data[i]}`);
  }

  sameShape(what: string, got: Host, expected: Host): void {
    if (got.shape.length === expected.shape.length && got.shape.every((n, i) => n === expected.shape[i])) return;
    throw new LawBroken(`${what} has shape [${got.shape}], expected [${expected.shape}]`);
  }

  holds(condition: boolean, otherwise: string): void {
    if (!condition) throw new LawBroken(otherwise);
  }

  /** No NaN and no infinity. */
  finite(what: string, x: Host): void {
    const i = x.data.findIndex((value) => !Number.isFinite(value));
    if (i >= 0) throw new LawBroken(`${what}[${indexOf(i, x.shape)}] is ${x.data[i]}, expected a finite number`);
  }

  /** No NaN; infinities only where halves are stored, whose range is small. */
  inRange(what: string, x: Host): void {
    if (this.backend.dtype !== "float16") this.finite(what, x);
    else this.finite(what, { shape: x.shape, data: x.data.map((value) => limitedTo("float16", value, 0)) });
  }

  /** `act` throws, or rejects with, an `AttentionError` (of this code, if one is named); returns its message. */
  async refuses(what: string, code: ErrorCode | undefined, act: () => unknown): Promise<string> {
    const named = code === undefined ? "" : ` with code ${code}`;
    let result: unknown;
    try {
      result = await act();
    } catch (error) {
      if (isAttentionError(error, code)) return error.message;
      throw new LawBroken(`${what} threw ${describe(error)}, expected an AttentionError${named}`);
    }
    throw new LawBroken(`${what} was accepted (${typeof result}), expected an AttentionError${named}`);
  }
}

function describe(error: unknown): string {
  if (isAttentionError(error)) return `code ${error.code} (${error.message})`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
