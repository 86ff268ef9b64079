import { AttentionError, type Backend, type Data, type Shape, type Tensors } from "@attnkit/core";
import { type CompiledNested, type NestedProgram, Remembered } from "@attnkit/core/backend";
import type { Axis, SymbolicShape, VaryingAxes } from "@attnkit/core/program";
import type * as ORT from "onnxruntime-common";
import type { Places } from "./device.ts";
import { filled } from "./filled.ts";
import { type FlatProgram, flatProgram, flattened, nestedBy, type Paths, pathsOf } from "./flat.ts";
import { Graph } from "./graph.ts";
import { lowered } from "./lower.ts";
import { bytesOf, modelOf } from "./model.ts";
import type { Ort } from "./ort.ts";
import { record } from "./record.ts";
import { Sessions } from "./sessions.ts";
import { callOf, NOTHING, type Sized, sizesOf, withoutLengths } from "./sized.ts";
import { knownShape } from "./sizes.ts";
import type { Numbers, Type, Value } from "./value.ts";

/** A program for one set of input shapes but for the sizes that are left open, ready to run. */
interface Plan {
  /** Where results belong whose names in the graph are those of nested entries; filled while recording. */
  readonly paths: Paths;
  readonly key: string;
  readonly model: Uint8Array;
  readonly feeds: readonly string[];
  /** Outputs that need no session: constants, */
  readonly known: readonly (readonly [string, Value])[];
  /** and inputs that come out as they are. */
  readonly same: readonly (readonly [output: string, input: string])[];
  readonly runs: boolean;
  /** The inputs that it is for: a number is the size, a letter leaves it open. */
  readonly inputs: Readonly<Record<string, { readonly type: Type; readonly sizes: readonly (number | Axis)[] }>>;
  readonly count: number;
  readonly fills: boolean;
  readonly granularity: number;
  /** Names of results by names of the session's outputs. */
  readonly names: Readonly<Record<string, string>>;
}

/** Returns whether an entry of a nested record is a tensor; the others are records. */
const isTensor = (x: unknown): boolean => Array.isArray((x as Partial<ORT.Tensor> | null)?.dims);

/** Inputs as a recording sees them: type and shape, with symbolic sizes where they may change. */
type Signature = Readonly<Record<string, { readonly type: Type; readonly shape: SymbolicShape }>>;

const OPSET = 21;
/** The prefix of output names. A graph has one name space, and a state has the same name as input and as output. */
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
  /** True if the provider can compute with the sizes of tensors. */
  readonly #canCount: boolean;
  /** An output that is an input is a tensor of its own: the caller's to dispose of, whatever becomes of the input. */
  readonly #twin: Places["twin"];

  constructor(ort: Ort, dtype: "float32" | "float64", sessions: Sessions, provider: string, { twin }: Places) {
    this.#twin = twin;
    this.#provider = provider;
    this.#ort = ort;
    this.#dtype = dtype;
    this.#sessions = sessions;
    this.#canCount = provider !== "webgpu";
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

  readonly compile = ((program: NestedProgram, varying: VaryingAxes = NOTHING): CompiledNested<ORT.Tensor> => {
    const plans = new Remembered<string, Plan>(MOST_PLANS);
    const own = this.#canCount ? varying : withoutLengths(varying);
    let last: Plan | undefined;
    return async (nested) => {
      const x = flattened(nested, isTensor);
      let plan = last;
      if (plan === undefined || !this.#fits(plan, x)) {
        const call = callOf(own, x);
        const paths = pathsOf(nested, isTensor);
        plan = plans.get(this.#keyOf(x, call), () => this.#plan(flatProgram(program, paths), x, call));
        last = plan;
      }
      return nestedBy(plan.paths, await this.#run(plan, x));
    };
  }) as unknown as Backend<ORT.Tensor>["compile"];

  /**
   * Returns whether a plan fits this call, too: types and sizes must be equal, except for sizes that the plan leaves
   * open.
   */
  #fits({ inputs, count, fills, granularity }: Plan, x: Tensors<ORT.Tensor>): boolean {
    let found = 0;
    for (const name in x) {
      const [t, expected] = [x[name]!, inputs[name]];
      if (expected === undefined || this.#typeOf(name, t) !== expected.type) return false;
      found++;
      const { dims } = t;
      const { sizes } = expected;
      if (dims.length !== sizes.length) return false;
      for (let i = 0; i < dims.length; i++) {
        const [n, size] = [dims[i]!, sizes[i]!];
        if (typeof size === "number" ? n !== size : n === 0) return false;
        if (size === "L" && granularity > 1 && (n % granularity !== 0) !== fills) return false;
      }
    }
    return found === count;
  }

  /**
   * Returns a key that differs for calls that need different graphs. It is built on every call, by plain concatenation.
   */
  #keyOf(x: Tensors<ORT.Tensor>, { axes, fills }: Sized): string {
    let key = fills ? "filled " : "";
    for (const name in x) {
      const t = x[name]!;
      const { dims } = t;
      const names = axes[name];
      key += `${name} ${this.#typeOf(name, t) === "bool" ? "b" : ""}`;
      for (let i = 0; i < dims.length; i++) key += `,${names?.[i] ?? dims[i]}`;
      key += ";";
    }
    return key;
  }

  #typeOf(name: string, x: ORT.Tensor): Type {
    if (x.location === "none") throw new AttentionError("ATTN_DATA", "onnx", `${name} is a tensor that was disposed`);
    if (x.type === this.#dtype) return "float";
    if (x.type === "bool" && !FLOATS.test(name)) return "bool";
    const expected = FLOATS.test(name) ? this.#dtype : `${this.#dtype} or bool`;
    throw new AttentionError("ATTN_DATA", "onnx", `${name} is a tensor of ${x.type}; expected ${expected}`);
  }

  #plan({ program, paths }: FlatProgram, x: Tensors<ORT.Tensor>, call: Sized): Plan {
    const g = new Graph(this.#dtype === "float64" ? Float64Array : Float32Array);
    const size = sizesOf(g.sizes, call, x);
    const signature: Signature = Object.fromEntries(
      Object.entries(x).map(([name, t]) => {
        const shape = t.dims.map((n, i) => size(call.axes[name]?.[i], n));
        return [name, { type: this.#typeOf(name, t), shape }];
      }),
    );
    const whole = call.fills ? filled(g, program, call.granularity) : program;
    const outputs = lowered(g, record(g, whole, signature), this.#provider);
    const parts = Object.entries(outputs);
    const known = parts.filter(([, v]) => v.data);
    const same = parts.flatMap(([name, v]) => (v.op === "input" ? [[name, v.name!] as const] : []));
    const made = parts.filter(([, v]) => !v.data && v.op !== "input");
    const renamed = Object.fromEntries(made.map(([name, v]) => [OUT + name, v]));
    const message = modelOf(g, renamed, { opset: OPSET, name: "attnkit" });
    const model = bytesOf(message);
    const feeds = message.graph!.input.map((i) => i.name);
    const inputs = Object.entries(signature).map(([name, { type }]) => {
      const sizes = x[name]!.dims.map((n, i) => call.axes[name]?.[i] ?? n);
      return [name, { type, sizes }] as const;
    });
    return {
      paths,
      ...{ key: Sessions.keyOf(model), model, feeds, known, same, runs: made.length > 0 },
      ...{ inputs: Object.fromEntries(inputs), count: inputs.length, fills: call.fills, granularity: call.granularity },
      names: Object.fromEntries(made.map(([name]) => [OUT + name, name])),
    };
  }

  async #run(
    { key, model, feeds, known, same, runs, names }: Plan,
    x: Tensors<ORT.Tensor>,
  ): Promise<Tensors<ORT.Tensor>> {
    const results: Record<string, ORT.Tensor> = {};
    for (const [name, { type, shape, data }] of known)
      results[name] = this.upload(type === "bool" ? Uint8Array.from(data as Uint8Array) : data!, knownShape(shape));
    for (const [name, input] of same) results[name] = await this.#twin(x[input]!);
    if (!runs) return results;
    const fed: Record<string, ORT.Tensor> = {};
    for (const name of feeds) fed[name] = x[name]!;
    const made = await this.#sessions.use(
      key,
      () => model,
      (session) => session.run(fed),
    );
    for (const name in made) results[names[name]!] = made[name]!;
    return results;
  }
}
