import { tfjsOn } from "@attnkit/catalog";
import type { Options } from "@attnkit/core";
import type { Tensor } from "@attnkit/tfjs";
import type { Baseline, BaselineEntry, BaselineSizes } from "./baseline.ts";
import { matrices, productError, sideOf } from "./matmul.ts";

type Tf = typeof import("@tensorflow/tfjs-core");
type Name = "cpu" | "wasm" | "webgpu";

/** Baselines on one tfjs backend. */
export const tfjsBaselines = (name: Name): BaselineEntry[] => [
  {
    name: "matMul-softmax-matMul",
    backend: `tfjs-${name}`,
    computes: { mechanism: "softmax", options: {} },
    create: async (sizes) => baseline(name, (tf) => plain(tf, sizes)),
  },
  ...Object.entries(byHand).map(([mechanism, { options, attend }]) => ({
    name: `${mechanism} by hand`,
    backend: `tfjs-${name}`,
    computes: { mechanism, options },
    beside: [mechanism],
    create: async (sizes: BaselineSizes) => baseline(name, (tf) => composed(tf, sizes, attend)),
  })),
  { name: "matmul", backend: `tfjs-${name}`, create: async ({ dv }) => baseline(name, (tf) => yardstick(tf, dv)) },
];

interface Plain extends Pick<Baseline, "largest" | "flops" | "errorUsed"> {
  /** The tensors that `attend` needs besides its inputs, made once for a q. */
  aside(q: Tensor): Tensor[];
  attend(x: Readonly<Record<"q" | "k" | "v", Tensor>>, aside: readonly Tensor[]): Tensor;
}

async function baseline(name: Name, make: (tf: Tf) => Plain): Promise<Baseline> {
  const backend = await tfjsOn(name);
  const tf = await import("@tensorflow/tfjs-core");
  const { aside, attend, ...more } = make(tf);
  const asides = new WeakMap<Tensor, Tensor[]>();
  const here = () => {
    if (tf.getBackend() !== name) void tf.setBackend(name); // started above, so it is current at once
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
    async gradients(x, seed) {
      here();
      // tfjs has the gradients of its operations in a module of their own.
      await import("@tensorflow/tfjs-core/dist/register_all_gradients.js");
      const { q, k, v } = x as Readonly<Record<"q" | "k" | "v", Tensor>>;
      const own = asides.get(q) ?? aside(q);
      asides.set(q, own);
      const [dq, dk, dv] = tf.grads((q, k, v) => attend({ q: q!, k: k!, v: v! }, own))([q, k, v], seed as Tensor);
      return { q: dq, k: dk, v: dv };
    },
    ...more,
  };
}

/** Key heads repeated once for each of their query heads. */
function repeatedHeads(tf: Tf, x: Tensor, { Hq, Hkv }: BaselineSizes): Tensor {
  if (Hq === Hkv) return x;
  const [b, , n, width] = x.shape as [number, number, number, number];
  return tf.reshape(tf.tile(tf.expandDims(x, 2), [1, 1, Hq / Hkv, 1, 1]), [b, Hq, n, width]);
}

/** `[n, n]` with one value for the keys that a row may see and another for later ones. */
function triangle(tf: Tf, n: number, seen: number, later: number): Tensor {
  const mask = new Float32Array(n * n).fill(seen);
  for (let i = 0; i < n; i++) mask.fill(later, i * n + i + 1, (i + 1) * n);
  return tf.tensor2d(mask, [n, n]);
}

/** As a user of tfjs would write it: the whole score matrix, causal by adding a mask that is made once. */
function plain(tf: Tf, sizes: BaselineSizes): Plain {
  return {
    aside: (q) => [triangle(tf, q.shape[2]!, 0, -1e9)],
    attend({ q, k, v }, [mask]) {
      const [keys, values] = [repeatedHeads(tf, k, sizes), repeatedHeads(tf, v, sizes)];
      const scores = tf.mul(tf.matMul(q, keys, false, true), 1 / Math.sqrt(sizes.d));
      return tf.matMul(tf.softmax(tf.add(scores, mask!)), values);
    },
    largest: ([B, H, L]) => B! * H! * L! * L!,
  };
}

/** q, k and v with equal heads, ones and zeros `[L, L]` for causality, and the number of keys that each row sees `[L, 1]`. */
type ByHand = (tf: Tf, q: Tensor, k: Tensor, v: Tensor, seen: Tensor, counts: Tensor) => Tensor;

/** The other mechanisms in the fewest lines of tfjs: weights of all pairs times 1 or 0, or running sums over tokens. */
const byHand: Readonly<Record<string, { readonly options: Options; readonly attend: ByHand }>> = {
  linear: {
    options: {},
    attend(tf, q, k, v, seen) {
      const phi = (x: Tensor) => tf.add(tf.elu(x), 1);
      const weights = tf.mul(tf.matMul(phi(q), phi(k), false, true), seen);
      return tf.div(tf.matMul(weights, v), tf.sum(weights, -1, true));
    },
  },
  polynomial: {
    options: { power: 2 },
    attend(tf, q, k, v, seen, counts) {
      const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(q.shape[3]!));
      return tf.div(tf.matMul(tf.mul(tf.square(scores), seen), v), tf.sqrt(counts));
    },
  },
  logsumexp: {
    options: {},
    attend(tf, q, k, v, seen) {
      const weights = tf.mul(tf.matMul(tf.exp(q), tf.exp(k), false, true), seen);
      return tf.div(tf.matMul(weights, v), tf.sum(weights, -1, true));
    },
  },
  elementwise: {
    options: { order: 6 },
    attend(tf, q, k, v) {
      let [key, query] = [tf.exp(tf.neg(tf.square(k))), tf.onesLike(q)];
      let [numerator, denominator] = [tf.zerosLike(q), tf.zerosLike(q)];
      for (let p = 0; p <= 6; p++) {
        numerator = tf.add(numerator, tf.mul(query, tf.cumsum(tf.mul(key, v), 2)));
        denominator = tf.add(denominator, tf.mul(query, tf.cumsum(key, 2)));
        key = tf.mul(key, k);
        query = tf.mul(tf.mul(query, q), 2 / (p + 1));
      }
      return tf.div(numerator, denominator);
    },
  },
};

function composed(tf: Tf, sizes: BaselineSizes, attend: ByHand): Plain {
  return {
    aside(q) {
      const n = q.shape[2]!;
      const counts = Float32Array.from({ length: n }, (_, i) => i + 1);
      return [triangle(tf, n, 1, 0), tf.tensor2d(counts, [n, 1])];
    },
    attend: ({ q, k, v }, [seen, counts]) =>
      attend(tf, q, repeatedHeads(tf, k, sizes), repeatedHeads(tf, v, sizes), seen!, counts!),
    largest: ([B, H, L]) => B! * H! * L! * L!,
  };
}

/** One square matrix product of the same arithmetic volume: what the device can do when nothing is in the way. */
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
