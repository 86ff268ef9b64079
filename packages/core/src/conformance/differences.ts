import { type Host, host } from "./host.ts";

type Hosts = Readonly<Record<string, Host>>;

/**
 * `d/dx sum_o <seeds[o], f(x)[o]>` for every entry of every input in `wrt`: central differences in float64. Their own
 * error is of the order of 1e-10 times the size of the derivatives: far below float32, and `DIFFERENCES` says how much
 * float64 must allow.
 */
export function differences(
  f: (x: Hosts) => Hosts,
  x: Hosts,
  seeds: Hosts,
  wrt: readonly string[],
): Record<string, Host> {
  const h = 2 ** -17; // near the cube root of the unit roundoff, where truncation and rounding are equal
  const loss = (name: string, index: number, delta: number): number => {
    const data = x[name]!.data.slice();
    data[index]! += delta;
    const out = f({ ...x, [name]: { shape: x[name]!.shape, data } });
    let sum = 0;
    for (const [o, seed] of Object.entries(seeds)) {
      for (let i = 0; i < seed.data.length; i++) if (seed.data[i] !== 0) sum += seed.data[i]! * out[o]!.data[i]!;
    }
    return sum;
  };
  const derivative = (name: string, i: number): number => (loss(name, i, h) - loss(name, i, -h)) / (2 * h);
  return Object.fromEntries(wrt.map((name) => [name, host(x[name]!.shape, (i) => derivative(name, i))]));
}

/** Error of `differences` relative to the size of the gradient, with room for formulas that bend sharply. */
export const DIFFERENCES = 1e-7;
