import { AttentionError, type Compiled, type Data, type Program, type Shape, type Tensors } from "@attnkit/core";
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
  /** Outputs that need no session: constants, */
  readonly known: readonly (readonly [string, Value])[];
  /** and inputs that come out as they are. */
  readonly same: readonly (readonly [output: string, input: string])[];
  readonly runs: boolean;
}

/** Inputs as a recording sees them: type and shape, with symbolic sizes where they may change. */
type Signature = Readonly<Record<string, { readonly type: Type; readonly shape: Shape }>>;

/** Axes whose size may differ from call to call, by input. */
export type Growing = Readonly<Record<string, number>>;

const OPSET = 21;
/** Of output names: a graph has one name space, and a state goes in and comes out under the same name. */
const OUT = "out.";
/** Inputs of a mechanism's program that are no masks. */
const FLOATS = /^([qkv]|bias|state\..*)$/;
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
      const lengths = growingLengths(growing, x);
      const key = this.#keyOf(x, growing, lengths);
      let plan = plans.get(key);
      if (plan === undefined || plans.size === MOST_PLANS) {
        plan ??= this.#plan(program, x, growing, lengths);
        plans.delete(key);
        plans.set(key, plan);
        if (plans.size > MOST_PLANS) plans.delete(plans.keys().next().value!);
      }
      return this.#run(plan, x);
    };
  };

  /** What tells calls apart that need graphs of their own; built on every call, so by plain concatenation. */
  #keyOf(x: Tensors<ORT.Tensor>, growing: Growing, lengths: Readonly<Record<string, number>>): string {
    let key = "";
    for (const name in x) {
      const t = x[name]!;
      const { dims } = t;
      const nth = lengths[name];
      const axis = nth === undefined ? -1 : (growing[name]! + dims.length) % dims.length;
      key += `${name} ${this.#typeOf(name, t) === "bool" ? "b" : ""}`;
      for (let i = 0; i < dims.length; i++) key += i === axis ? `,past${nth}` : `,${dims[i]}`;
      key += ";";
    }
    return key;
  }

  /** Another tensor of the same values: an output is the caller's to dispose of, whatever becomes of the input. */
  async #twin(x: ORT.Tensor): Promise<ORT.Tensor> {
    // On the CPU the memory is shared: nothing writes to it, and it lives as long as either does.
    const data = await x.getData();
    return new this.#ort.Tensor(x.type as "float32", data as Float32Array, x.dims);
  }

  #typeOf(name: string, x: ORT.Tensor): Type {
    if (x.location === "none") throw new AttentionError("ATTN_DATA", "onnx", `${name} is a tensor that was disposed`);
    if (x.type === this.#dtype) return "float";
    if (x.type === "bool" && !FLOATS.test(name)) return "bool";
    const expected = FLOATS.test(name) ? this.#dtype : `${this.#dtype} or bool`;
    throw new AttentionError("ATTN_DATA", "onnx", `${name} is a tensor of ${x.type}; expected ${expected}`);
  }

  #plan(program: Program, x: Tensors<ORT.Tensor>, growing: Growing, lengths: Readonly<Record<string, number>>): Plan {
    const g = new Graph(this.#dtype === "float64" ? Float64Array : Float32Array);
    const signature: Signature = Object.fromEntries(
      Object.entries(x).map(([name, t]) => {
        const [type, shape] = [this.#typeOf(name, t), t.dims as Shape];
        const nth = lengths[name];
        const length = nth === undefined ? undefined : g.sizes.symbol(nth === 0 ? "past" : `past${nth}`);
        return [name, { type, shape: length === undefined ? shape : shape.with(growing[name]!, length) }];
      }),
    );
    const outputs = lowered(g, record(g, program, signature), this.#provider);
    const parts = Object.entries(outputs);
    const known = parts.filter(([, v]) => v.data);
    const same = parts.flatMap(([name, v]) => (v.op === "input" ? [[name, v.name!] as const] : []));
    const made = parts.filter(([, v]) => !v.data && v.op !== "input");
    const renamed = Object.fromEntries(made.map(([name, v]) => [OUT + name, v]));
    const message = modelOf(g, renamed, { opset: OPSET, name: "attnkit" });
    const model = bytesOf(message);
    const feeds = message.graph!.input.map((i) => i.name);
    return { key: Sessions.keyOf(model), model, feeds, known, same, runs: made.length > 0 };
  }

  async #run({ key, model, feeds, known, same, runs }: Plan, x: Tensors<ORT.Tensor>): Promise<Tensors<ORT.Tensor>> {
    const results: Record<string, ORT.Tensor> = {};
    for (const [name, { type, shape, data }] of known)
      results[name] = this.upload(type === "bool" ? Uint8Array.from(data as Uint8Array) : data!, shape);
    for (const [name, input] of same) results[name] = await this.#twin(x[input]!);
    if (!runs) return results;
    const fed: Record<string, ORT.Tensor> = {};
    for (const name of feeds) fed[name] = x[name]!;
    const made = await this.#sessions.use(
      key,
      () => model,
      (session) => session.run(fed),
    );
    for (const name in made) results[name.slice(OUT.length)] = made[name]!;
    return results;
  }
}

const NONE: Readonly<Record<string, number>> = {};

/**
 * For each growing input which length it has, by first appearance: equal lengths share a symbol. None where some input is
 * empty: what follows from that is worked out while recording, and makes the graph another one.
 */
function growingLengths(growing: Growing, x: Tensors<ORT.Tensor>): Readonly<Record<string, number>> {
  if (Object.keys(growing).length === 0) return NONE;
  const lengths = Object.entries(growing).flatMap(([name, axis]) => {
    const n = x[name]?.dims.at(axis);
    return n === undefined ? [] : [[name, n] as const];
  });
  if (Object.values(x).some((t) => t.dims.includes(0))) return {};
  const distinct = [...new Set(lengths.map(([, n]) => n))];
  return Object.fromEntries(lengths.map(([name, n]) => [name, distinct.indexOf(n)]));
}
