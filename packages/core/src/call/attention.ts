import type { Backend, NestedProgram } from "../backend/backend.ts";
import { requireBackend, requireMechanism, shapeOfEntry } from "../backend/given.ts";
import type { Kernel } from "../backend/kernel.ts";
import { kernelsFor } from "../backend/kernels-for.ts";
import { forwardProgram } from "../backend/mechanism-program.ts";
import { Remembered } from "../backend/remembered.ts";
import { varyingAxes } from "../backend/varying-axes.ts";
import type { Block, Causal, Result, State } from "../program/block.ts";
import type { Call, Dims, How, VaryingAxes } from "../program/call.ts";
import { AttentionError } from "../program/errors.ts";
import type { Mechanism } from "../program/mechanism.ts";
import type { Output } from "../program/merge-outputs.ts";
import type { Ops } from "../program/ops.ts";
import { knownOptions, requireOneOf } from "../program/options.ts";
import { checker } from "./checked-calls.ts";
import { checkBlock, checkGivenState, checkTypes } from "./given.ts";
import { checkMaker, makerOf, markMade } from "./maker.ts";

/** The number of programs that one attention keeps: recorded ones differ by the sizes that they leave open. */
const MOST_PROGRAMS = 64;

export interface AttentionOptions {
  /** Which keys of its own block a query may see; default `false`, all. See `Causal`. */
  readonly causal?: Causal;
  /** Also return the logarithm of each row's normaliser; default `false`. */
  readonly lse?: boolean;
  /**
   * Results carry a state; default true. With false no state is computed, kept or returned, which is cheaper where
   * a state costs: encoders, training, a prefill that nothing follows. A given state is read all the same.
   */
  readonly state?: boolean;
  /**
   * `"prefer"` (default): a kernel where one accepts the call, the portable program elsewhere. `"require"`: a call that
   * no kernel accepts throws `ATTN_NO_KERNEL` with the reasons. `"never"`: the portable program only.
   */
  readonly kernels?: "prefer" | "require" | "never";
}

type Asked<O, Name> = Name extends keyof O ? O[Name] : undefined;
type LseOf<T, Lse> = [Lse] extends [true] ? { readonly lse: T } : true extends Lse ? Pick<Result<T>, "lse"> : unknown;
type StateOf<T, Kept, M extends string> = [Kept] extends [false] ? unknown : Pick<Result<T, M>, "state">;

/**
 * The result of `attention(mechanism, backend, options)`: `lse` and `state` are there where the options say so. `M` is the
 * name of the mechanism.
 */
export type ResultOf<T, O, M extends string = string> = Pick<Result<T>, "y"> &
  LseOf<T, Asked<O, "lse">> &
  StateOf<T, Asked<O, "state">, M>;

/**
 * A mechanism made runnable on a backend. Call it with a block; feed `state` back to continue the sequence. `O` is the
 * type of its options, on which the type of the result depends. `M` is the name of the mechanism, whose states it takes.
 */
export interface Attention<T, O = AttentionOptions, M extends string = string> {
  (block: Block<T, M>): Promise<ResultOf<T, O, M>>;
  readonly mechanism: Mechanism<M>;
  readonly backend: Backend<T>;
  /** The same call at once, for use inside `tf.tidy` or `tf.grads`. Backends that record throw `ATTN_UNSUPPORTED`. */
  sync(block: Block<T, M>): ResultOf<T, O, M>;
  /**
   * `merge(state(A), state(B)) = state(A then B)`. Neither argument is modified. The code of both merges is loaded at the
   * first of them: free the tensors of the arguments after the promise has settled.
   */
  merge(a: State<T, M>, b: State<T, M>): Promise<State<T, M>>;
  /** Outputs of the same queries over two disjoint sets of keys, made one. Needs `lse`, so a mechanism that normalises. */
  mergeOutputs(a: Output<T>, b: Output<T>): Promise<Required<Output<T>>>;
}

/**
 * A mechanism on a backend: `attention(softmax(), cpu(), { causal: true })`.
 * Throws `ATTN_OPTION` on an unknown option or value, and on what is no mechanism or backend; `ATTN_UNSUPPORTED` if the
 * mechanism has no `lse` and it is asked for. Calls reject with `ATTN_OPTION` on an unknown entry, `ATTN_DATA` on what is
 * no tensor of the backend, and with what `checkCall` throws.
 */
export function attention<T, const O extends AttentionOptions = Record<never, never>, M extends string = string>(
  mechanism: Mechanism<M>,
  backend: Backend<T>,
  options?: O,
): Attention<T, O, M> {
  requireMechanism("attention", mechanism);
  requireBackend("attention", backend);
  const who = `${mechanism.name} on ${backend.name}`;
  const given: AttentionOptions = options === undefined ? {} : options;
  knownOptions(who, given, ["causal", "lse", "state", "kernels"]);
  const { causal = false, lse = false, state = true, kernels = "prefer" } = given;
  requireOneOf(who, "causal", causal, [true, false, "end"]);
  requireOneOf(who, "lse", lse, [true, false]);
  requireOneOf(who, "state", state, [true, false]);
  requireOneOf(who, "kernels", kernels, ["prefer", "require", "never"]);
  const how: How = { causal, lse, state };
  if (lse && mechanism.takes.lse !== true)
    throw new AttentionError("ATTN_UNSUPPORTED", who, `lse: ${mechanism.takes.lse}`);
  const program = forwardProgram(mechanism, how);
  const maker = makerOf(mechanism);
  const made = (result: Result<T>, past: State<T> | undefined): Result<T> =>
    state ? markMade(result, maker, past) : result;
  /** Programs of this attention by name, those that are recorded also by the sizes that they leave open. */
  const compiled = new Remembered<string, (x: never) => Promise<unknown>>(MOST_PROGRAMS);
  const compile = <X, Y>(key: string, p: NestedProgram & ((o: Ops<T>, x: X) => Y), sizes?: VaryingAxes) =>
    compiled.get(sizes === undefined ? key : key + JSON.stringify(sizes), () => backend.compile(p, sizes)) as (
      x: X,
    ) => Promise<Y>;
  const merging = { who, mechanism, backend, maker, compile };
  const own = kernelsFor(mechanism, backend);

  const checked = checker<T>(mechanism, how, (t, name, inState) =>
    shapeOfEntry(who, backend, t, name, inState ? "state." : ""),
  );

  /** The checked call, and the kernel that takes it. */
  const admit = (block: Block<T>, more: readonly unknown[]): { call: Call; kernel?: Kernel<T> } => {
    checkBlock(who, block, more);
    if (block.state !== undefined) {
      checkGivenState(who, "state", block.state);
      checkMaker(who, "state", block.state, maker);
    }
    const call = checked(block);
    if (backend.boolean) checkTypes(who, backend, block);
    if (kernels === "never") return { call };
    const refusals: string[] = [];
    for (const kernel of own) {
      const answer = kernel.accepts(call, backend);
      if (answer === true) return { call, kernel };
      refusals.push(`${kernel.name}: ${answer}`);
    }
    if (kernels === "require") {
      throw new AttentionError(
        "ATTN_NO_KERNEL",
        who,
        `no kernel takes this call (${refusals.join("; ") || "there is none"})`,
      );
    }
    return { call };
  };

  /** Compiled programs by the sizes, which are one object for all the steps of a decode. */
  const forward = new WeakMap<Dims, (block: Block<T>) => Promise<Result<T>>>();
  const attend = async (block: Block<T>, ...more: readonly unknown[]): Promise<Result<T>> => {
    const { call, kernel } = admit(block, more);
    if (kernel) return made(await kernel.run(block, call, backend), block.state);
    const known = forward.get(call.dims);
    if (known) return made(await known(block), block.state);
    const sizes = varyingAxes(mechanism, call, mechanism.granularity?.(call));
    const run = compile<Block<T>, Result<T>>("forward", program, sizes);
    forward.set(call.dims, run);
    return made(await run(block), block.state);
  };
  return Object.assign(attend, {
    mechanism,
    backend,
    sync(block: Block<T>, ...more: readonly unknown[]): Result<T> {
      const { ops } = backend;
      if (!ops) {
        const rule = "sync needs a backend that runs operations at once; await the call instead";
        throw new AttentionError("ATTN_UNSUPPORTED", who, rule);
      }
      const { call, kernel } = admit(block, more);
      const out = kernel ? kernel.run(block, call, backend) : program(ops, block);
      if (out instanceof Promise)
        throw new AttentionError("ATTN_UNSUPPORTED", who, `kernel ${kernel?.name} is asynchronous`);
      return made(out, block.state);
    },
    async merge(a: State<T>, b: State<T>): Promise<State<T>> {
      return (await import("./merging.ts")).mergeTwoStates(merging, a, b);
    },
    async mergeOutputs(a: Output<T>, b: Output<T>): Promise<Required<Output<T>>> {
      return (await import("./merging.ts")).mergeTwoOutputs(merging, a, b);
    },
  }) as unknown as Attention<T, O, M>;
}
