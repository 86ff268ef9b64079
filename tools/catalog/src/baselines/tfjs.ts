import type { Tensor } from "@attnkit/tfjs";
import { tfjsOn } from "../tfjs.ts";
import type { Baseline, BaselineEntry, BaselineSizes } from "./baseline.ts";
import { matrices, productError, sideOf } from "./matmul.ts";

type Tf = typeof import("@tensorflow/tfjs-core");
type Name = "cpu" | "wasm" | "webgpu";

/** Returns the baselines on one tfjs backend. */
export const tfjsBaselines = (name: Name): BaselineEntry[] => [
  {
    name: "matMul-softmax-matMul",
    backend: `tfjs-${name}`,
    computes: { mechanism: "softmax", options: {} },
    create: async (sizes) => baseline(name, (tf) => plain(tf, sizes)),
  },
  { name: "matmul", backend: `tfjs-${name}`, create: async ({ dv }) => baseline(name, (tf) => yardstick(tf, dv)) },
];

interface Plain extends Pick<Baseline, "largest" | "flops" | "errorUsed"> {
  /** Makes the tensors that `attend` needs besides its inputs, once per q. */
  aside(q: Tensor): Tensor[];
  attend(x: Readonly<Record<"q" | "k" | "v", Tensor>>, aside: readonly Tensor[]): Tensor;
}

async function baseline(name: Name, make: (tf: Tf) => Plain): Promise<Baseline> {
  const backend = await tfjsOn(name);
  const tf = await import("@tensorflow/tfjs-core");
  const { aside, attend, ...more } = make(tf);
  const asides = new WeakMap<Tensor, Tensor[]>();
  const here = () => {
    if (tf.getBackend() !== name) void tf.setBackend(name); // it was started above, so it becomes current synchronously
  };
  return {
    device: backend.device,
    upload: backend.upload,
    async attend(x) {
      here();
      const { q, k, v } = x as Readonly<Record<"q" | "k" | "v", Tensor>>;
      const own = asides.get(q) ?? aside(q);
      asides.set(q, own);
      return tf.tidy(() => attend({ q, k, v }, own));
    },
    async settle(y) {
      here();
      const one = tf.tidy(() => tf.slice(tf.reshape(y as Tensor, [-1]), 0, 1));
      await one.data();
      one.dispose();
    },
    download: async (y) => (await backend.download(y)) as Float32Array,
    shape: backend.shape,
    free(x) {
      asides.get(x as Tensor)?.forEach((t) => {
        t.dispose();
      });
      backend.free(x);
    },
    ...(name === "webgpu" && { metered: backend }),
    ...more,
  };
}

/**
 * Attention as a user of tfjs would write it: the whole score matrix, made causal by adding a mask that is made once.
 */
function plain(tf: Tf, { Hq, Hkv, d }: BaselineSizes): Plain {
  const repeated = (x: Tensor): Tensor => {
    if (Hq === Hkv) return x;
    const [b, , n, width] = x.shape as [number, number, number, number];
    return tf.reshape(tf.tile(tf.expandDims(x, 2), [1, 1, Hq / Hkv, 1, 1]), [b, Hq, n, width]);
  };
  return {
    aside(q) {
      const n = q.shape[2]!;
      const mask = new Float32Array(n * n);
      for (let i = 0; i < n; i++) mask.fill(-1e9, i * n + i + 1, (i + 1) * n);
      return [tf.tensor2d(mask, [n, n])];
    },
    attend({ q, k, v }, [mask]) {
      const scores = tf.mul(tf.matMul(q, repeated(k), false, true), 1 / Math.sqrt(d));
      return tf.matMul(tf.softmax(tf.add(scores, mask!)), repeated(v));
    },
    largest: ([B, H, L]) => B! * H! * L! * L!,
  };
}

/** One square matrix product with the same number of operations: the throughput that the device can reach. */
function yardstick(tf: Tf, dv: number): Plain {
  return {
    aside(q) {
      const n = sideOf(q.shape, dv);
      const { a, b } = matrices(n);
      return [tf.tensor2d(a, [n, n]), tf.tensor2d(b, [n, n])];
    },
    attend: (_, [a, b]) => tf.matMul(a!, b!),
    largest: (q) => sideOf(q, dv) ** 2,
    flops: (q) => 2 * sideOf(q, dv) ** 3,
    errorUsed: async (y) => productError((await (y as Tensor).data()) as Float32Array),
  };
}
