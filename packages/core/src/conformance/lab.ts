import type { Backend } from "../backend/backend.ts";
import { type Attention, type AttentionOptions, attention } from "../call/attention.ts";
import type { Block, Causal, Result, State } from "../program/block.ts";
import type { Dims } from "../program/call.ts";
import type { Mechanism } from "../program/mechanism.ts";
import type { Ops } from "../program/ops.ts";
import type { Reference } from "../program/reference.ts";
import { Checker } from "./checker.ts";
import { draw, type Extras, fit } from "./draw.ts";
import { type Host, ofRank } from "./host.ts";
import { type HostBlock, type OracleResult, oracle, type Past } from "./oracle.ts";
import { type Random, random } from "./random.ts";
import { factorOf, usedOps } from "./used-ops.ts";

/** A mechanism and its oracle: one row of the matrix. */
export interface Row {
  readonly mechanism: Mechanism;
  readonly reference: Reference;
}

/** The result of a call on the host. The state stays on the device. */
export interface Outcome {
  readonly y: Host;
  readonly lse: Host | undefined;
  readonly state: State<unknown>;
}

export type Attend = Attention<unknown>;

/** Runs one case of a law of mechanisms: takes and returns blocks of host arrays, and compares them with the oracle. */
export class Lab extends Checker {
  readonly mechanism: Mechanism;
  readonly reference: Reference;

  constructor(backend: Backend<unknown>, random: Random, row: Row) {
    super(backend, random);
    this.mechanism = row.mechanism;
    this.reference = row.reference;
  }

  override coarseness(): number {
    const { accuracy } = this.backend.supports;
    if (accuracy === undefined) return 1;
    this.#factor ??= factorOf(
      accuracy,
      usedOps((o) => this.#everything(o)),
    );
    return this.#factor;
  }

  #factor: number | undefined;

  /** The program on two tokens, causal and not, so that every operation of it is seen. */
  #everything(o: Ops<Host>): void {
    const dims = this.dims({ B: 1, Hq: 1, Hkv: 1, L: 2, S: 2 });
    const { q, k, v } = draw(random("operations"), (x) => x, this.mechanism, dims);
    const lse = this.mechanism.takes.lse === true;
    for (const causal of [false, true]) this.mechanism.forward(o, { q, k, v }, { causal, lse });
  }

  attention(options?: AttentionOptions): Attend {
    return attention(this.mechanism, this.backend, options);
  }

  /** Sizes that the mechanism takes, the default ones where `wanted` is silent. */
  dims(wanted?: Partial<Dims>): Dims {
    return fit(this.mechanism, wanted);
  }

  /** A random block; masks and bias are left out where the mechanism does not take them. */
  draw(wanted?: Partial<Dims>, extras: Extras = {}): HostBlock {
    const { takes } = this.mechanism;
    const mask = extras.mask === true && takes.mask === true;
    const bias = extras.bias === true && takes.bias === true;
    const round = (x: number) => this.round(x);
    return draw(this.random, round, this.mechanism, this.dims(wanted), { ...extras, mask, bias });
  }

  oracle(block: HostBlock, causal: Causal, past?: readonly Past[], rows?: readonly number[]): OracleResult {
    return oracle(this.reference, { block, causal, past, rows });
  }

  block({ q, k, v, mask, bias, keyMask }: HostBlock, state?: State<unknown>): Block<unknown> {
    const up = (x: Host | undefined) => (x === undefined ? undefined : this.upload(x));
    return {
      ...{ q: this.upload(q), k: this.upload(k), v: this.upload(v) },
      ...{ mask: up(mask), bias: up(bias), keyMask: up(keyMask), state },
    };
  }

  async run(attend: Attend, block: HostBlock, state?: State<unknown>): Promise<Outcome> {
    return this.outcome(await attend(this.block(block, state)));
  }

  async outcome(result: Result<unknown>): Promise<Outcome> {
    for (const t of [result.y, result.lse, ...Object.values(result.state)]) if (t !== undefined) this.hold(t);
    const lse = result.lse === undefined ? undefined : await this.download(result.lse);
    return { y: await this.download(result.y), lse, state: result.state };
  }

  /** `outcome` is what the oracle says, within the budget. */
  agrees(
    what: string,
    { y, lse }: Pick<Outcome, "y"> & { readonly lse?: Host | undefined },
    expected: OracleResult,
  ): void {
    const rank = y.shape.length;
    const lower = (x: Host) => ofRank(x, x.shape.length - (4 - rank));
    this.near(`${what}y`, y, lower(expected.y), expected.scale, expected.terms);
    if (lse === undefined) return;
    this.holds(expected.lse !== undefined, "the reference has no lse, and the mechanism says it has");
    this.near(`${what}lse`, lse, lower(expected.lse!), expected.lseScale!(), expected.terms);
  }

  /**
   * Compares two runs whose outputs must be equal. Each may err by its own budget, so the sum of both is allowed; the
   * oracle gives the size of the budget and is not compared.
   */
  alike(what: string, one: Pick<Outcome, "y">, other: Pick<Outcome, "y">, { scale, terms }: OracleResult): void {
    this.within(`${what}y`, one.y, other.y, (i) => 2 * this.allowance(terms, scale.data[i]!));
  }

  /** Feed blocks one after the other, each checked against the oracle of the whole history; returns the last state. */
  async follow(
    attend: Attend,
    causal: Causal,
    blocks: readonly HostBlock[],
    from: { readonly state?: State<unknown>; readonly past?: readonly Past[] } = {},
  ): Promise<State<unknown>> {
    let state = from.state;
    const past = [...(from.past ?? [])];
    for (const [n, block] of blocks.entries()) {
      const outcome = await this.run(attend, block, state);
      this.agrees(`causal ${causal}, block ${n}: `, outcome, this.oracle(block, causal, past));
      state = outcome.state;
      past.push(block);
    }
    return state ?? {};
  }

  async downloadState(state: State<unknown>): Promise<Record<string, Host>> {
    const entries = Object.entries(state).map(async ([name, x]) => [name, await this.download(x)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  /** The very same states, entry by entry. */
  sameState(what: string, got: Readonly<Record<string, Host>>, expected: Readonly<Record<string, Host>>): void {
    const [a, b] = [Object.keys(got).sort(), Object.keys(expected).sort()];
    this.holds(a.join() === b.join(), `${what} has the entries ${a.join(", ")}, expected ${b.join(", ")}`);
    for (const name of b) this.same(`${what} ${name}`, got[name]!, expected[name]!);
  }
}
