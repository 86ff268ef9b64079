import type { Backend, Mechanism } from "@attnkit/core";
import { attention } from "@attnkit/core";
import { normals } from "@attnkit/measure/random";
import type { Variant } from "./variants.ts";

const [N, D] = [16, 8];

/**
 * Compares the weights of a mechanism on the backend that trains it with the formula of the variant.
 *
 * @throws Error if one of them is off by more than 1e-3 of the largest: another function would be trained than the claim
 *   is about.
 */
export async function refuseOther(backend: Backend<unknown>, name: string, variant: Variant): Promise<void> {
  const normal = normals(1);
  const draw = () => Float32Array.from({ length: N * D }, normal);
  const [q, k] = [draw(), draw()];
  const got = await weights(backend, variant.mechanism, q, k);
  const expected = formula(variant, q, k);
  const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const at = expected.findIndex((x, i) => !(Math.abs(x - got[i]!) <= 1e-3 * largest));
  if (at >= 0)
    throw new Error(
      `${name}: the weight of query ${Math.floor(at / N)} on key ${at % N} is ${got[at]}, expected ${expected[at]}.`,
    );
}

/** The weights `[N, N]`: the output for the identity as v. */
async function weights(
  backend: Backend<unknown>,
  mechanism: Mechanism,
  q: Float32Array,
  k: Float32Array,
): Promise<Float32Array> {
  const identity = Float32Array.from({ length: N * N }, (_, i) => (i % (N + 1) === 0 ? 1 : 0));
  const given = {
    q: backend.upload(q, [1, 1, N, D]),
    k: backend.upload(k, [1, 1, N, D]),
    v: backend.upload(identity, [1, 1, N, N]),
  };
  const { y } = await attention(mechanism, backend, { causal: false })(given);
  const found = Float32Array.from((await backend.download(y)) as Float32Array);
  for (const x of [...Object.values(given), y]) backend.free(x);
  return found;
}

/** The same weights in float64, from their definition. */
function formula({ power, factor = () => 1 }: Variant, q: Float32Array, k: Float32Array): number[] {
  const score = (i: number, j: number) => {
    let sum = 0;
    for (let c = 0; c < D; c++) sum += q[i * D + c]! * k[j * D + c]!;
    return sum / Math.sqrt(D);
  };
  const rows = Array.from({ length: N }, (_, i) => Array.from({ length: N }, (_, j) => score(i, j)));
  if (power !== undefined) return rows.flatMap((row) => row.map((s) => factor(N) * s ** power));
  return rows.flatMap((row) => {
    const sum = row.reduce((total, s) => total + Math.exp(s), 0);
    return row.map((s) => Math.exp(s) / sum);
  });
}
