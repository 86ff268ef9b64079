import type { Backend, Block, Mechanism, Result } from "@attnkit/core";
import {
  forwardProgram,
  type Kernel,
  mechanismProgram,
  type Program,
  Remembered,
  requireFunction,
  requireMechanism,
  varyingAxes,
} from "@attnkit/core/backend";
import { type Call, type Dims, type How, type Ops, requireOption, type SymbolicShape } from "@attnkit/core/program";
import type * as ORT from "onnxruntime-common";
import type { Attribute, Value } from "./value.ts";

/** `Ops` that record, and every other operator of ONNX and of ONNX Runtime by its name. */
export interface Nodes extends Ops<Value> {
  /**
   * One node of floats: `node("Softmax", [x], x.shape, { axis: -1 })`. Whole numbers that it takes as inputs are wrapped:
   * `{ ints: [1] }`, `{ int: 1 }` for a scalar. The shape is the result's own, as a recorded value has it.
   */
  node(
    op: string,
    inputs: readonly (Value | { readonly ints: readonly number[] } | { readonly int: number })[],
    shape: SymbolicShape,
    attributes?: Readonly<Record<string, Attribute>>,
  ): Value;
}

/** A mechanism's program written in nodes that portable programs do not have. */
export interface Fused {
  readonly name: string;
  /** Providers on which it was measured to be right and faster: `"cpu"`, `"wasm"`. */
  readonly providers: readonly string[];
  /** True, or why a call must take the portable program. */
  accepts(call: Call): true | string;
  /** As `Mechanism.granularity`, of the calls that it accepts. */
  granularity?(call: Call): number | undefined;
  /** As `Mechanism.forward`; the same state goes in and comes out. */
  forward(o: Nodes, block: Block<Value>, how: How): Result<Value>;
}

/** A kernel whose program can be recorded elsewhere too: an export with `fused` writes it into a file. */
export interface FusedKernel extends Kernel<ORT.Tensor> {
  readonly providers: readonly string[];
  /** Returns the answer of `accepts` to the call, on any backend. */
  takes(call: Call): true | string;
  /** As `Mechanism.granularity`. */
  granularity(call: Call): number | undefined;
  /** The whole program; only a backend of kind `"onnx"`, or an export, can record it. */
  program(how: How): Program;
}

/** The mechanism with nodes of ONNX as its kernels: one graph in the sessions that the portable program uses too. */
export function withFused<M extends string>(mechanism: Mechanism<M>, ...fused: readonly Fused[]): Mechanism<M> {
  requireMechanism("withFused", mechanism);
  for (const f of fused) {
    requireOption(
      typeof f === "object" && f !== null,
      "withFused",
      "fused",
      typeof f,
      "an object with name, providers, accepts and forward",
    );
    const complete = typeof f.name === "string" && Array.isArray(f.providers);
    requireOption(
      complete,
      "withFused",
      "fused.name, fused.providers",
      [f.name, f.providers],
      "a string and a list of strings",
    );
    requireFunction("withFused", "fused.accepts", f.accepts);
    requireFunction("withFused", "fused.forward", f.forward);
  }
  return {
    ...mechanism,
    kernels: [...(mechanism.kernels ?? []), ...fused.map((f) => kernelOf(mechanism, f) as Kernel<unknown>)],
  };
}

/** The kernels of a mechanism that `withFused` attached. */
export const fusedKernels = (mechanism: Mechanism): FusedKernel[] =>
  (mechanism.kernels ?? []).filter((k): k is FusedKernel => k.kind === "onnx" && "program" in k);

const PREFIX = "ort-";
/** The number of programs that are kept per backend. */
const MOST_PROGRAMS = 64;

type Run = (block: Block<ORT.Tensor>) => Promise<Result<ORT.Tensor>>;

function kernelOf(mechanism: Mechanism, fused: Fused): FusedKernel {
  const { name, providers, accepts, forward } = fused;
  // Recording backends hand their `Nodes` to every program; `accepts` lets no other backend come here.
  const own = { ...mechanism, forward: forward as unknown as Mechanism["forward"] };
  const compiled = new WeakMap<Backend<ORT.Tensor>, Remembered<string, Run>>();
  /** Programs by the object of sizes, of which `attention` has one for all the steps of a decode. */
  const known = new WeakMap<Backend<ORT.Tensor>, WeakMap<Dims, How & { readonly go: Run }>>();
  return {
    name,
    kind: "onnx",
    providers,
    takes: accepts,
    granularity: (call) => fused.granularity?.(call),
    program: (how) => mechanismProgram(own, how),
    accepts(call, backend) {
      const provider = backend.name.slice(PREFIX.length);
      if (!providers.includes(provider)) return `not measured on ${backend.name}; made for ${providers.join(", ")}`;
      return accepts(call);
    },
    run(block, call, backend) {
      const { causal, lse, state, dims } = call;
      const steps = known.get(backend) ?? new WeakMap();
      known.set(backend, steps);
      const before = steps.get(dims);
      if (before && before.causal === causal && before.lse === lse && before.state === state) return before.go(block);
      const mine = compiled.get(backend) ?? new Remembered<string, Run>(MOST_PROGRAMS);
      compiled.set(backend, mine);
      const sizes = varyingAxes(mechanism, call, fused.granularity?.(call));
      const go = mine.get(`${causal} ${lse} ${state} ${JSON.stringify(sizes)}`, () => {
        return backend.compile(forwardProgram(own, call), sizes) as Run;
      });
      steps.set(dims, { causal, lse, state, go });
      return go(block);
    },
  };
}
