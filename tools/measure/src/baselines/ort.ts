import type { Shape } from "@attnkit/core";
import { elementCount } from "@attnkit/core/backend";
import type { Ort } from "@attnkit/onnx";
import type { InferenceSession, Tensor } from "onnxruntime-common";
import type { Baseline, BaselineEntry, BaselineSizes } from "./baseline.ts";
import { type Single, single } from "./graph.ts";
import { matrices, productError, sideOf } from "./matmul.ts";

/** A provider of ONNX Runtime, with the options of the catalog's backend on it. */
export interface Runtime {
  readonly ort: Ort;
  readonly device: string;
  readonly options: InferenceSession.SessionOptions;
}

/** Returns the baselines for ONNX Runtime's own attention operators on one provider. */
export function ortBaselines(backend: string, runtime: (threads?: number) => Promise<Runtime>): BaselineEntry[] {
  return [multiHead, groupQuery, standard, linear, matmul].map((operator) => entryOf(operator, backend, runtime));
}

/**
 * Returns ONNX Runtime's attention of one query per sequence over all keys, as decoding uses it. q is `[B, Hq, 1, d]`, and
 * the keys are those of the cache and of the new token, in one tensor: nothing is appended.
 */
export const ortDecode = (backend: string, runtime: (threads?: number) => Promise<Runtime>): BaselineEntry =>
  entryOf(oneQuery, backend, runtime);

const entryOf = (
  operator: Operator,
  backend: string,
  runtime: (threads?: number) => Promise<Runtime>,
): BaselineEntry => ({
  name: operator.name,
  backend,
  ...(operator.computes && { computes: operator.computes }),
  ...(operator.beside && { beside: operator.beside }),
  create: async (sizes, how) => baseline(await runtime(how?.threads), operator, sizes, how?.repeats ?? 1),
});

interface Operator extends Pick<BaselineEntry, "name" | "computes" | "beside"> {
  /** q, k and v are `[B, L, heads * width]`. Otherwise they have four axes as in attnkit. */
  readonly packed?: boolean;
  node(sizes: BaselineSizes): Single;
  /** Returns all inputs of the node, made from q, k and v. */
  feeds?(x: Readonly<Record<"q" | "k" | "v", Tensor>>, ort: Ort): Record<string, Tensor>;
  /** Only for a plain matrix product: the side of the square matrices. */
  readonly side?: typeof sideOf;
}

const softmax = { mechanism: "softmax", options: {} };
const packed = (["q", "k", "v"] as const).map((name) => [name, "float", 3] as const);
const split = (["q", "k", "v"] as const).map((name) => [name, "float", 4] as const);

const multiHead: Operator = {
  name: "com.microsoft.MultiHeadAttention",
  computes: softmax,
  packed: true,
  node({ Hq, Hkv }) {
    if (Hq !== Hkv)
      throw new Error(`MultiHeadAttention does not support grouped heads; got Hq = ${Hq} and Hkv = ${Hkv}`);
    const attributes = { num_heads: Hq, unidirectional: 1 };
    const op = "MultiHeadAttention";
    return { op, domain: "com.microsoft", opset: 21, inputs: packed, outputs: [["y", "float", 3]], attributes };
  },
};

const oneQuery: Operator = {
  name: "com.microsoft.MultiHeadAttention of one query",
  computes: softmax,
  packed: true,
  node(sizes) {
    const { attributes: _, ...node } = multiHead.node(sizes);
    return { ...node, attributes: { num_heads: sizes.Hq } };
  },
};

const groupQuery: Operator = {
  name: "com.microsoft.GroupQueryAttention",
  computes: softmax,
  packed: true,
  node: ({ Hq, Hkv }) => ({
    ...{ op: "GroupQueryAttention", domain: "com.microsoft", opset: 21 },
    inputs: [...packed, "", "", ["last", "int32", 1], ["total", "int32", 0]],
    outputs: [
      ["y", "float", 3],
      ["present_key", "float", 4],
      ["present_value", "float", 4],
    ],
    attributes: { num_heads: Hq, kv_num_heads: Hkv },
  }),
  feeds({ q, k, v }, ort) {
    const [batch, length] = q.dims as [number, number];
    const last = new ort.Tensor("int32", new Int32Array(batch).fill(length - 1), [batch]);
    return { q, k, v, last, total: new ort.Tensor("int32", Int32Array.of(length), []) };
  },
};

const standard: Operator = {
  name: "Attention (ONNX 23)",
  computes: softmax,
  node: () => {
    const attributes = { is_causal: 1 };
    return { op: "Attention", domain: "", opset: 23, inputs: split, outputs: [["y", "float", 4]], attributes };
  },
};

const linear: Operator = {
  name: "com.microsoft.LinearAttention",
  // It has neither feature map nor normaliser. That is less work than the mechanism's default, so it is no easier to
  // beat.
  computes: { mechanism: "linear", options: { featureMap: "identity", normalize: false } },
  beside: ["linear"],
  packed: true,
  node: ({ Hq, Hkv }) => ({
    ...{ op: "LinearAttention", domain: "com.microsoft", opset: 21, inputs: packed },
    outputs: [
      ["y", "float", 3],
      ["present", "float", 4],
    ],
    attributes: { update_rule: "linear", q_num_heads: Hq, kv_num_heads: Hkv, scale: { float: 1 } },
  }),
};

const made = new WeakMap<Tensor, Record<string, Tensor>>();

const matmul: Operator = {
  name: "matmul",
  node: () => {
    const inputs = [["a", "float", 2] as const, ["b", "float", 2] as const];
    return { op: "MatMul", domain: "", opset: 21, inputs, outputs: [["y", "float", 2]] };
  },
  feeds({ q, v }, ort) {
    const n = sideOf(q.dims, v.dims[3]!);
    const { a, b } = matrices(n);
    const feeds = made.get(q) ?? { a: new ort.Tensor(a, [n, n]), b: new ort.Tensor(b, [n, n]) };
    made.set(q, feeds);
    return feeds;
  },
  side: sideOf,
};

async function baseline(
  runtime: Runtime,
  operator: Operator,
  sizes: BaselineSizes,
  repeats: number,
): Promise<Baseline> {
  const { ort, device, options } = runtime;
  const model = single(operator.node(sizes), repeats);
  const session = await ort.InferenceSession.create(model, options);
  const feeds = operator.feeds ?? ((x) => ({ ...x }));
  const { side } = operator;
  return {
    device,
    upload(data, shape) {
      const [b, heads, n, width] = shape as [number, number, number, number];
      if (!operator.packed) return new ort.Tensor(data, shape as number[]);
      return new ort.Tensor(swapped(data, [b, heads, n, width]), [b, n, heads * width]);
    },
    async attend(x) {
      const out = await session.run(feeds(x as Readonly<Record<"q" | "k" | "v", Tensor>>, ort), ["y"]);
      return out.y;
    },
    settle: async () => {}, // a run ends when its outputs exist
    async download(y) {
      const { dims } = y as Tensor;
      const data = (await (y as Tensor).getData()) as Float32Array;
      if (!operator.packed) return data.slice();
      const [b, n, all] = dims as [number, number, number];
      return swapped(data, [b, n, sizes.Hq, all / sizes.Hq]);
    },
    shape(y) {
      const { dims } = y as Tensor;
      return operator.packed ? [dims[0]!, sizes.Hq, dims[1]!, dims[2]! / sizes.Hq] : dims;
    },
    free: (x) => (x as Tensor).dispose(),
    // Tensors inside ONNX Runtime are not known. The output is a lower bound.
    largest: (q) => (side ? side(q, sizes.dv) ** 2 : q[0]! * q[1]! * q[2]! * sizes.dv),
    ...(side && {
      flops: (q: Shape) => 2 * side(q, sizes.dv) ** 3,
      errorUsed: async (y: unknown) =>
        productError((await (y as Tensor).getData()) as Float32Array, "float32", repeats),
    }),
  };
}

/** Exchanges the second and third axis. */
function swapped(data: Float32Array, [b, m, n, width]: [number, number, number, number]): Float32Array {
  const out = new Float32Array(elementCount([b, m, n, width]));
  for (let i = 0; i < b; i++) {
    for (let r = 0; r < m; r++) {
      for (let c = 0; c < n; c++) {
        const from = ((i * m + r) * n + c) * width;
        out.set(data.subarray(from, from + width), ((i * n + c) * m + r) * width);
      }
    }
  }
  return out;
}
