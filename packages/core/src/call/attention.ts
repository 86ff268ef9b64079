import type { Backend, Compiled, Program } from "../backend/backend.ts";
import { requireBackend, requireMechanism } from "../backend/given.ts";
import type { Kernel } from "../backend/kernel.ts";
import { mechanismProgram } from "../backend/mechanism-program.ts";
import { varyingAxes } from "../backend/varying-axes.ts";
import type { Block, Causal, Result, State, Tensors } from "../program/block.ts";
import type { Dims, How, VaryingAxes } from "../program/call.ts";
import { checkStates } from "../program/check-call.ts";
import { AttentionError } from "../program/errors.ts";
import type { Mechanism } from "../program/mechanism.ts";
import { mergeOutputs, type Output } from "../program/merge.ts";
import type { Ops } from "../program/ops.ts";
import { knownOptions, requireOption } from "../program/options.ts";
import { checker } from "./checked-calls.ts";
import { checkBlock, checkGivenState, floatMask, outputsToMerge, shapeOfEntry } from "./given.ts";

export interface AttentionOptions {
  /** Which keys of its own block a query may see; default `false`, all. See `Causal`. */
  readonly causal?: Causal;
  /** Also return the logarithm of each row's normaliser; default `false`. */
  readonly lse?: boolean;
  /**
   * `"prefer"` (default): a kernel where one accepts the call, the portable program elsewhere. `"require"`: a call that
   * no kernel accepts throws `ATTN_NO_KERNEL` with the reasons. `"never"`: the portable program only.
   */
  readonly kernels?: "prefer" | "require" | "never";
}

/** A mechanism made runnable on a backend. Call it with a block; feed `state` back to continue the sequence. */
export interface Attention<T> {
  (block: Block<T>): Promise<Result<T>>;
  readonly mechanism: Mechanism;
  readonly backend: Backend<T>;
  /** The same call at once, for use inside `tf.tidy` or `tf.grads`. Backends that record throw `ATTN_UNSUPPORTED`. */
  sync(block: Block<T>): Result<T>;
  /** `merge(state(A), state(B)) = state(A then B)`. Neither argument is modified. */
  merge(a: State<T>, b: State<T>): Promise<State<T>>;
  /** Outputs of the same queries over two disjoint sets of keys, made one. Needs `lse`, so a mechanism that normalises. */
  mergeOutputs(a: Output<T>, b: Output<T>): Promise<Required<Output<T>>>;
}

/**
 * A mechanism on a backend: `attention(softmax(), cpu(), { causal: true })`.
 * Throws `ATTN_OPTION` on an unknown option or value, and on what is no mechanism or backend; `ATTN_UNSUPPORTED` if the
 * mechanism has no `lse` and it is asked for. Calls reject with `ATTN_OPTION` on an unknown entry, `ATTN_DATA` on what is
 * no tensor of the backend, and with what `checkCall` throws.
 */
export function attention<T>(mechanism: Mechanism, backend: Backend<T>, options: AttentionOptions = {}): Attention<T> {
  requireMechanism("attention", mechanism);
  requireBackend("attention", backend);
  const who = `${mechanism.name} on ${backend.name}`;
  knownOptions(who, options, ["causal", "lse", "kernels"]);
  const { causal = false, lse = false, kernels = "prefer" } = options;
  requireOption([true, false, "end"].includes(causal), who, "causal", causal, 'true, false or "end"');
  requireOption([true, false].includes(lse), who, "lse", lse, "true or false");
  const uses = ["prefer", "require", "never"];
  requireOption(uses.includes(kernels), who, "kernels", kernels, '"prefer", "require" or "never"');
  const how: How = { causal, lse };
  if (lse && mechanism.takes.lse !== true)
    throw new AttentionError("ATTN_UNSUPPORTED", who, `lse: ${mechanism.takes.lse}`);
  const program = mechanismProgram(mechanism, how);
  const compiled = new Map<string, Compiled<T>>();
  const compile = (key: string, p: Program, sizes?: VaryingAxes) => {
    const full = sizes === undefined ? key : key + JSON.stringify(sizes);
    const found = compiled.get(full) ?? backend.compile(p, sizes);
    compiled.set(full, found);
    return found;
  };
  const own = (mechanism.kernels ?? []).filter((k) => k.backend === backend.kind) as readonly Kernel<T>[];

  const checked = checker<T>(mechanism, how, (t, name) => shapeOfEntry(who, backend, name, t));

  /** The tensors of a checked call, and the kernel that takes it. */
  const admit = (block: Block<T>, more: readonly unknown[]) => {
    checkBlock(who, block, more);
    if (block.state !== undefined) checkGivenState(who, "state", block.state);
    const x = named(block);
    const call = checked(x);
    if (x.mask !== undefined && backend.boolean?.(x.mask) === false) throw floatMask(who);
    if (kernels === "never") return { x, call };
    const refusals: string[] = [];
    for (const kernel of own) {
      const answer = kernel.accepts(call, backend);
      if (answer === true) return { x, call, kernel };
      refusals.push(`${kernel.name}: ${answer}`);
    }
    if (kernels === "require") {
      throw new AttentionError(
        "ATTN_NO_KERNEL",
        who,
        `no kernel takes this call (${refusals.join("; ") || "there is none"})`,
      );
    }
    return { x, call };
  };

  /** Compiled calls by sizes. All steps of a decode share one object of sizes. */
  const forward = new WeakMap<Dims, Compiled<T>>();
  const attend = async (block: Block<T>, ...more: readonly unknown[]): Promise<Result<T>> => {
    const { x, call, kernel } = admit(block, more);
    if (kernel) return result(await kernel.run(x, call, backend));
    const run =
      forward.get(call.dims) ??
      compile("forward", program, varyingAxes(mechanism, call, mechanism.granularity?.(call)));
    forward.set(call.dims, run);
    return result(await run(x));
  };
  const shapesOf = (state: State<T>, name: string) => {
    checkGivenState(who, name, state);
    return Object.fromEntries(
      Object.entries(state).map(([n, t]) => [n, shapeOfEntry(who, backend, `${name}.${n}`, t)]),
    );
  };
  const eagerly = (what: string): Ops<T> => {
    if (backend.ops) return backend.ops;
    throw new AttentionError(
      "ATTN_UNSUPPORTED",
      who,
      `${what} needs a backend that runs operations at once; await the call instead`,
    );
  };
  return Object.assign(attend, {
    mechanism,
    backend,
    sync(block: Block<T>, ...more: readonly unknown[]): Result<T> {
      const o = eagerly("sync");
      const { x, call, kernel } = admit(block, more);
      const out = kernel ? kernel.run(x, call, backend) : program(o, x);
      if (out instanceof Promise)
        throw new AttentionError("ATTN_UNSUPPORTED", who, `kernel ${kernel?.name} is asynchronous`);
      return result(out);
    },
    async merge(a: State<T>, b: State<T>): Promise<State<T>> {
      const [x, y] = [shapesOf(a, "a"), shapesOf(b, "b")];
      checkStates(mechanism, x, y);
      const merged: Program = (o, x) =>
        prefixed("state.", mechanism.merge(o, unprefixed("a.", x), unprefixed("b.", x)));
      const out = await compile("merge", merged)({ ...prefixed("a.", a), ...prefixed("b.", b) });
      return unprefixed("state.", out);
    },
    async mergeOutputs(a: Output<T>, b: Output<T>): Promise<Required<Output<T>>> {
      if (mechanism.takes.lse !== true)
        throw new AttentionError("ATTN_UNSUPPORTED", who, `mergeOutputs: ${mechanism.takes.lse}`);
      const merge = mechanism.mergeOutputs?.bind(mechanism) ?? mergeOutputs;
      const joined: Program = (o, x) => ({
        ...merge(o, { y: x["a.y"]!, lse: x["a.lse"]! }, { y: x["b.y"]!, lse: x["b.lse"]! }),
      });
      const out = await compile("mergeOutputs", joined)(outputsToMerge(who, backend, a, b));
      return { y: out.y!, lse: out.lse! };
    },
  });
}

const prefixed = <T>(prefix: string, x: Tensors<T> = {}): Tensors<T> => {
  const all: Record<string, T> = {};
  for (const n in x) all[prefix + n] = x[n]!;
  return all;
};

const unprefixed = <T>(prefix: string, x: Tensors<T>): Tensors<T> => {
  const all: Record<string, T> = {};
  for (const n in x) if (n.startsWith(prefix)) all[n.slice(prefix.length)] = x[n]!;
  return all;
};

/** Names made from names once: a step of a decode is too short to build strings. */
function remembered(make: (name: string) => string): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    const found = known.get(name) ?? make(name);
    known.set(name, found);
    return found;
  };
}

const inState: (name: string) => string = /* @__PURE__ */ remembered((n) => `state.${n}`);
/** Empty for what is no part of the state. */
const ofState: (name: string) => string = /* @__PURE__ */ remembered((n) => (n.startsWith("state.") ? n.slice(6) : ""));

function named<T>({ q, k, v, mask, bias, keyMask, state }: Block<T>): Tensors<T> {
  const x: Record<string, T> = { q, k, v };
  if (mask !== undefined) x.mask = mask;
  if (bias !== undefined) x.bias = bias;
  if (keyMask !== undefined) x.keyMask = keyMask;
  for (const n in state) if (state[n] !== undefined) x[inState(n)] = state[n];
  return x;
}

function result<T>(x: Tensors<T>): Result<T> {
  const state: Record<string, T> = {};
  for (const n in x) {
    const name = ofState(n);
    if (name !== "") state[name] = x[n]!;
  }
  return { y: x.y!, lse: x.lse, state };
}
