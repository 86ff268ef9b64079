import {
  AttentionError,
  type Compiled,
  type Data,
  type Program,
  type Shape,
  sizeOf,
  type Tensors,
} from "@attnkit/core";
import type * as ORT from "onnxruntime-common";
import { Graph } from "./graph.ts";
import type { Ort } from "./index.ts";
import { lowered } from "./lower.ts";
import { bytesOf, modelOf } from "./model.ts";
import { record } from "./record.ts";
import { Sessions } from "./sessions.ts";
import type { Numbers, Type, Value } from "./value.ts";

/** A program for one set of input shapes, ready to run. */
interface Plan {
  readonly key: string;
  readonly model: Uint8Array;
  readonly feeds: readonly string[];
  /** Outputs that need no session. */
  readonly known: Readonly<Record<string, Value>>;
  readonly runs: boolean;
}

/** Inputs as a recording sees them: type and shape, with symbolic sizes where they may change. */
type Signature = Readonly<Record<string, { readonly type: Type; readonly shape: Shape }>>;

/** Axes whose size may differ from call to call, by input. */
export type Growing = Readonly<Record<string, number>>;

const OPSET = 21;
/** Of output names: a graph has one name space, and a state goes in and comes out under the same name. */
const OUT = "out.";
/** Recordings kept per program, by the shapes they are for. */
const MOST_PLANS = 256;

export class Compiler {
  readonly #ort: Ort;
  readonly #dtype: "float32" | "float64";
  readonly #sessions: Sessions;
  readonly #provider: string;

  constructor(ort: Ort, dtype: "float32" | "float64", sessions: Sessions, provider: string) {
    this.#provider = provider;
    this.#ort = ort;
    this.#dtype = dtype;
    this.#sessions = sessions;
  }

  readonly upload = (data: Data | Numbers, shape: Shape): ORT.Tensor => {
    const { Tensor } = this.#ort;
    if (data instanceof Uint8Array)
      return new Tensor(
        "bool",
        data.map((b) => (b ? 1 : 0)),
        [...shape],
      );
    return this.#dtype === "float64"
      ? new Tensor("float64", Float64Array.from(data as ArrayLike<number>), [...shape])
      : new Tensor("float32", Float32Array.from(data as ArrayLike<number>), [...shape]);
  };

  readonly compile = (program: Program, growing: Growing = {}): Compiled<ORT.Tensor> => {
    const plans = new Map<string, Plan>();
    return async (x) => {
      const shapes = Object.entries(x).map(([name, t]) => [name, this.#typeOf(name, t), t.dims] as const);
      const lengths = growingLengths(growing, x);
      const key = JSON.stringify([
        shapes.map(([n, t, s]) => [
          n,
          t,
          n in lengths ? s.with(growing[n]! + (growing[n]! < 0 ? s.length : 0), -1) : s,
        ]),
        lengths,
      ]);
      const plan = plans.get(key) ?? this.#plan(program, shapes, growing, lengths);
      plans.delete(key);
      plans.set(key, plan);
      if (plans.size > MOST_PLANS) plans.delete(plans.keys().next().value!);
      return this.#run(plan, x);
    };
  };

  #typeOf(name: string, x: ORT.Tensor): Type {
    if (x.type === "bool") return "bool";
    if (x.type === this.#dtype) return "float";
    throw new AttentionError("ATTN_DATA", "onnx", `${name} is a tensor of ${x.type}; expected ${this.#dtype} or bool`);
  }

  #plan(
    program: Program,
    inputs: readonly (readonly [string, Type, Shape])[],
    growing: Growing,
    lengths: Readonly<Record<string, number>>,
  ): Plan {
    const g = new Graph(this.#dtype === "float64" ? Float64Array : Float32Array);
    const signature: Signature = Object.fromEntries(
      inputs.map(([name, type, shape]) => {
        const nth = lengths[name];
        const length = nth === undefined ? undefined : g.sizes.symbol(nth === 0 ? "past" : `past${nth}`);
        return [name, { type, shape: length === undefined ? shape : shape.with(growing[name]!, length) }];
      }),
    );
    const outputs = lowered(g, record(g, program, signature), this.#provider);
    const parts = Object.entries(outputs);
    const known = Object.fromEntries(parts.filter(([, v]) => v.data));
    const made = Object.fromEntries(parts.filter(([, v]) => !v.data));
    const empty = parts.filter(([, v]) => v.op === "input" && sizeOf(v.shape) === 0);
    for (const [name, v] of empty) {
      known[name] = { ...v, data: [] };
      delete made[name];
    }
    const renamed = Object.fromEntries(Object.entries(made).map(([name, v]) => [OUT + name, v]));
    const message = modelOf(g, renamed, { opset: OPSET, name: "attnkit" });
    const model = bytesOf(message);
    const feeds = message.graph!.input.map((i) => i.name);
    return { key: Sessions.keyOf(model), model, feeds, known, runs: Object.keys(made).length > 0 };
  }

  async #run({ key, model, feeds, known, runs }: Plan, x: Tensors<ORT.Tensor>): Promise<Tensors<ORT.Tensor>> {
    const fed = Object.fromEntries(feeds.map((name) => [name, x[name]!]));
    const made = runs
      ? await this.#sessions.use(
          key,
          () => model,
          (session) => session.run(fed),
        )
      : {};
    const constants = Object.entries(known).map(([name, { type, shape, data }]) => [
      name,
      this.upload(type === "bool" ? Uint8Array.from(data as Uint8Array) : data!, shape),
    ]);
    const results = Object.entries(made).map(([name, t]) => [name.slice(OUT.length), t]);
    return Object.fromEntries([...results, ...constants]);
  }
}

/**
 * For each growing input which length it has, by first appearance: equal lengths share a symbol. None where some input is
 * empty: what follows from that is worked out while recording, and makes the graph another one.
 */
function growingLengths(growing: Growing, x: Tensors<ORT.Tensor>): Record<string, number> {
  const lengths = Object.entries(growing).flatMap(([name, axis]) => {
    const n = x[name]?.dims.at(axis);
    return n === undefined ? [] : [[name, n] as const];
  });
  if (Object.values(x).some((t) => t.dims.includes(0))) return {};
  const distinct = [...new Set(lengths.map(([, n]) => n))];
  return Object.fromEntries(lengths.map(([name, n]) => [name, distinct.indexOf(n)]));
}
