import { clip, knownAxisSize, type Ops, transposeLast } from "@attnkit/core/program";

/**
 * A feature map: the weight of a key is `phi(q).phi(k)`. Pass one of your own as `featureMap`; it must act on the last
 * axis alone. `positive` promises that no product of features is negative, which `lse` needs.
 */
export interface FeatureMap {
  readonly name: string;
  readonly positive: boolean;
  /** Largest |q| and |k| for which products of features neither overflow nor underflow float32. */
  readonly domain: number;
  /** How many features d channels have. */
  size(d: number): number;
  /** `[..., d] -> [..., size(d)]` */
  map<T>(o: Ops<T>, x: T): T;
  /** The weights themselves, where they are cheaper than through the features: `[.., m, d]`, `[.., n, d] -> [.., m, n]`. */
  weights?<T>(o: Ops<T>, q: T, k: T): T;
}

const same = (d: number) => d;

/** `elu(x) + 1 = exp(min(x, 0)) + max(x, 0)` (Katharopoulos et al. 2020, eq. 7). */
const elu1: FeatureMap = {
  name: "elu1",
  positive: true,
  domain: 40, // products of two features below exp(-80) underflow float32
  size: same,
  map: (o, x) => o.add(o.exp(o.minimum(x, 0)), o.minimum(o.maximum(x, 0), 1e15)),
};

const relu: FeatureMap = {
  name: "relu",
  positive: true,
  domain: 100,
  size: same,
  map: (o, x) => o.minimum(o.maximum(x, 0), 1e15),
};

const identity: FeatureMap = {
  name: "identity",
  positive: false,
  domain: 100,
  size: same,
  map: (o, x) => clip(o, x, 1e15),
};

/** `exp(x)`: logsumexp attention without its rescaling, so only for moderate inputs. */
const exp: FeatureMap = { name: "exp", positive: true, domain: 40, size: same, map: (o, x) => o.exp(clip(o, x, 42)) };

/** `phi(q).phi(k) = 1 + s + s^2 / 2` with `s = q.k / sqrt(d)` (Arora et al. 2024, "Based"). */
const taylor2: FeatureMap = {
  name: "taylor2",
  positive: true,
  domain: 100,
  size: (d) => 1 + d + (d * (d + 1)) / 2,
  map(o, x) {
    const d = knownAxisSize(o, x, -1);
    const first = o.mul(clip(o, x, 1e8), d ** -0.25); // [..., d]
    const rows = Array.from({ length: d }, (_, i) => Array<number>(d - i).fill(i)).flat();
    const columns = Array.from({ length: d }, (_, i) => Array.from({ length: d - i }, (_, j) => i + j)).flat();
    const weight = rows.map((i, at) => (i === columns[at] ? Math.SQRT1_2 : 1));
    const pairs = o.mul(o.take(first, -1, rows), o.take(first, -1, columns)); // [..., d (d + 1) / 2]
    const one = o.where(o.slice(x, -1, 0, 1), 1, 1);
    return o.concat([one, first, o.mul(pairs, o.constant(weight, [weight.length]))], -1);
  },
  weights(o, q, k) {
    const rows = o.mul(clip(o, q, 1e8), 1 / Math.sqrt(knownAxisSize(o, q, -1)));
    const s = o.matmul(rows, transposeLast(o, clip(o, k, 1e8)));
    return o.add(o.mul(o.add(o.mul(s, 0.5), 1), s), 1);
  },
};

/** The maps that come with the package, by name. */
export type FeatureMapName = "elu1" | "relu" | "identity" | "exp" | "taylor2";

export const featureMaps: Readonly<Record<FeatureMapName, FeatureMap>> = { elu1, relu, identity, exp, taylor2 };
