import type { Program } from "../../backend/backend.ts";
import type { Tensors } from "../../program/block.ts";
import type { Ops, Shape } from "../../program/ops.ts";
import type { Checker } from "../checker.ts";
import { DIFFERENCES, differences } from "../differences.ts";
import { type Host, host } from "../host.ts";
import type { Case } from "../law.ts";
import type { Random } from "../random.ts";
import { A, allowance, unitRoundoff } from "../tolerance.ts";
import { factorOf, usedOps } from "../used-ops.ts";
import { define, magnitude } from "./define.ts";

type Hosts = Readonly<Record<string, Host>>;

/** One program of few operations, run on a backend and by the definitions. */
export interface Spec {
  readonly title: string;
  /** Inputs by name: given, or drawn for the case. */
  readonly inputs: Hosts | ((random: Random) => Hosts);
  program<T>(o: Ops<T>, x: Tensors<T>): T;
  /** The very same numbers, not numbers within rounding errors. */
  readonly exact?: boolean;
  /** Length of the longest sum; default 4, so that an operation of a few units in the last place passes. */
  readonly terms?: number;
}

/** `program` gives what the definitions give, and leaves its arguments as they were. */
export const value = (spec: Spec): Case<Checker> => ({
  title: spec.title,
  async run(checker) {
    const inputs = rounded(checker, spec);
    const x = checker.uploads(inputs);
    const expected = spec.program(define, inputs);
    const denied = checker.denies(expected.shape);
    if (denied !== undefined) {
      await checker.refuses(
        `a result of shape [${expected.shape}], as the backend has ${denied},`,
        "ATTN_UNSUPPORTED",
        () => checker.backend.compile(programOf(spec))(x),
      );
      return;
    }
    const { out } = await checker.downloads(await checker.backend.compile(programOf(spec))(x));
    checker.holds(out !== undefined, "the output of the program is missing");
    const kind = ({ data }: Host) => (data instanceof Uint8Array ? "boolean" : "a float");
    checker.holds(kind(out!) === kind(expected), `out is ${kind(out!)}, expected ${kind(expected)}`);
    if (spec.exact) checker.same("out", out!, expected);
    else {
      const u =
        coarseness(checker, spec, inputs) * unitRoundoff[checker.backend.dtype] * A * Math.sqrt(spec.terms ?? 4);
      const scale = spec.program(magnitude, inputs);
      checker.within("out", out!, expected, (i) => u * scale.data[i]!);
    }
    for (const [name, given] of Object.entries(inputs)) {
      checker.same(`argument ${name} after the call`, await checker.download(x[name]), given);
    }
  },
});

/** The vector-Jacobian product of `program` is that of the definitions, for every float input. */
export const gradient = (spec: Spec): Case<Checker> => ({
  title: `gradient: ${spec.title}`,
  async run(checker) {
    const inputs = rounded(checker, spec);
    const expected = spec.program(define, inputs);
    if (checker.denies(expected.shape) !== undefined) return; // tested by the value of the same program
    const seeds = { out: host(expected.shape, () => checker.round(checker.random.normal())) };
    const wrt = Object.keys(inputs).filter((name) => !(inputs[name]!.data instanceof Uint8Array));
    const program = programOf(spec);
    if (!checker.backend.supports.gradients) {
      const [x, s] = [checker.uploads(inputs), checker.uploads(seeds)];
      await checker.refuses("vjp without support", "ATTN_UNSUPPORTED", () => checker.backend.vjp(program, x, s, wrt));
      return;
    }
    const truth = differences((x) => ({ out: spec.program(define, x) }), inputs, seeds, wrt);
    const got = await checker.vjp(program, inputs, seeds, wrt);
    // A gradient is a sum of products, any of which may be larger than the sum.
    const most = 2 * Math.max(2, ...Object.values(truth).flatMap((g) => [...g.data].map(Math.abs)));
    const coarse = coarseness(checker, spec, inputs);
    const allowed = coarse * allowance(checker.backend.dtype, 4 * (spec.terms ?? 4), most) + DIFFERENCES * most;
    for (const name of wrt) {
      checker.within(`d/d ${name}`, got[name]!, truth[name]!, () => allowed);
    }
  },
});

/** How many times the usual error the operations of the program may make, by the backend's declaration. */
const coarseness = ({ backend }: Checker, spec: Spec, inputs: Hosts): number =>
  factorOf(
    backend.supports.accuracy ?? {},
    usedOps((o) => spec.program(o, inputs)),
  );

/**
 * Returns a case with a tensor `a` of `side` by `side`, and a row `b` for it. 65 by 65 is more than 4096 elements; 257 by
 * 257 is more than 65536, beyond the range of 16 bits and beyond one block of many devices, and costs the suite a tenth of a second.
 * They hold whole numbers, and their sum is below 2048: float16 has all of them.
 */
export const large = (
  program: Spec["program"],
  { side = 65, exact = true }: { readonly side?: number; readonly exact?: boolean } = {},
): Case<Checker> =>
  value({
    title: `${side * side} elements`,
    inputs: { a: host([side, side], (i) => (i * 7) % 1699), b: host([1, side], (i) => i + 1) },
    exact,
    terms: side,
    program,
  });

/** The value, and its gradient. */
export const both = (spec: Spec): Case<Checker>[] => [value(spec), gradient(spec)];

const programOf =
  ({ program }: Spec): Program =>
  (o, x) => ({ out: program(o, x) });

function rounded(checker: Checker, { inputs }: Spec): Record<string, Host> {
  const drawn = typeof inputs === "function" ? inputs(checker.random) : inputs;
  return Object.fromEntries(
    Object.entries(drawn).map(([name, x]) => [
      name,
      x.data instanceof Uint8Array ? x : { ...x, data: x.data.map((v) => checker.round(v)) },
    ]),
  );
}

/** Arrays of these shapes whose entries are all apart from each other and from 0, so that no maximum is a tie. */
export const apart =
  (shapes: Readonly<Record<string, Shape>>, positive = false) =>
  (random: Random): Hosts => {
    const count = Object.values(shapes).reduce((n, s) => n + s.reduce((a, b) => a * b, 1), 0);
    const order = random.permutation(count);
    let next = 0;
    const entry = () => {
      const x = ((order[next++]! + 0.5) / count) * 4 - 2;
      return positive ? 0.5 + (x + 2) / 2 : x + (x < 0 ? -0.05 : 0.05);
    };
    return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, host(shape, entry)]));
  };

/** A float array with these entries. */
export const floats = (shape: Shape, ...entries: number[]): Host => host(shape, (i) => entries[i]!);
