import type { Backend, Block, Mechanism, Result, Shape, Tensors } from "@attnkit/core";
import { type Compiled, type Kernel, mechanismProgram, type Program, varyingAxes } from "@attnkit/core/backend";
import type { Call, Dims, How, Ops } from "@attnkit/core/program";
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
    shape: Shape,
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
export function withFused(mechanism: Mechanism, ...fused: readonly Fused[]): Mechanism {
  return {
    ...mechanism,
    kernels: [...(mechanism.kernels ?? []), ...fused.map((f) => kernelOf(mechanism, f) as Kernel<unknown>)],
  };
}

/** The kernels of a mechanism that `withFused` attached. */
export const fusedKernels = (mechanism: Mechanism): FusedKernel[] =>
  (mechanism.kernels ?? []).filter((k): k is FusedKernel => k.backend === "onnx" && "program" in k);

const PREFIX = "ort-";

function kernelOf(mechanism: Mechanism, fused: Fused): FusedKernel {
  const { name, providers, accepts, forward } = fused;
  // Recording backends hand their `Nodes` to every program; `accepts` lets no other backend come here.
  const own = { ...mechanism, forward: forward as unknown as Mechanism["forward"] };
  const programs = new Map<string, Program>();
  const program = ({ causal, lse }: How): Program => {
    const found = programs.get(`${causal} ${lse}`) ?? mechanismProgram(own, { causal, lse });
    programs.set(`${causal} ${lse}`, found);
    return found;
  };
  const compiled = new WeakMap<Backend<ORT.Tensor>, Map<string, Compiled<ORT.Tensor>>>();
  /** Compiled calls, also by sizes: `attention` has one object of sizes for all steps of a decode. */
  const known = new WeakMap<Backend<ORT.Tensor>, WeakMap<Dims, How & { readonly go: Compiled<ORT.Tensor> }>>();
  return {
    name,
    backend: "onnx",
    providers,
    takes: accepts,
    granularity: (call) => fused.granularity?.(call),
    program,
    accepts(call, backend) {
      const provider = backend.name.slice(PREFIX.length);
      if (!providers.includes(provider)) return `not measured on ${backend.name}; made for ${providers.join(", ")}`;
      return accepts(call);
    },
    run(x: Tensors<ORT.Tensor>, call, backend) {
      const { causal, lse, dims } = call;
      const steps = known.get(backend) ?? new WeakMap();
      known.set(backend, steps);
      const before = steps.get(dims);
      if (before && before.causal === causal && before.lse === lse) return before.go(x);
      const mine = compiled.get(backend) ?? new Map<string, Compiled<ORT.Tensor>>();
      compiled.set(backend, mine);
      const sizes = varyingAxes(mechanism, call, fused.granularity?.(call));
      const key = `${causal} ${lse} ${JSON.stringify(sizes)}`;
      const go = mine.get(key) ?? backend.compile(program(call), sizes);
      mine.set(key, go);
      steps.set(dims, { causal, lse, go });
      return go(x);
    },
  };
}
