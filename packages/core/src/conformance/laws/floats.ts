import type { Causal } from "../../program/block.ts";
import type { DType } from "../../program/ops.ts";
import { bools, type Host, host, map } from "../host.ts";
import type { Lab, Outcome } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock, OracleResult } from "../oracle.ts";

/** Biases beside which every score of the domain rounds to nothing; float16 has none. */
export const far: Readonly<Record<DType, readonly number[]>> = {
  float16: [],
  float32: [-1e38, -3e38, -3.4028234663852886e38, 3.4028234663852886e38],
  float64: [-3.4028234663852886e38, -1e39, -1e300, -Number.MAX_VALUE, Number.MAX_VALUE],
};

/** `[L, P + S]`: `low` or -Infinity. */
const pattern = (L: number, T: number, low: number, masked: (i: number, j: number) => boolean): Host =>
  host([L, T], (_, [i, j]) => (masked(i!, j!) ? Number.NEGATIVE_INFINITY : low));

const zero = (x: Host): Host => host(x.shape);
/** The same keys and masks with scores of 0. */
const flat = (block: HostBlock): HostBlock => ({ ...block, q: zero(block.q), k: zero(block.k) });

/** Where every visible key has the bias `low`, y is the mean of the visible values and lse is `low`. */
function checkMean(lab: Lab, what: string, got: Outcome, expected: OracleResult, low: number): void {
  lab.near(`${what}: y`, got.y, expected.y, expected.scale, expected.terms);
  const lse = map(expected.lse!, (x) => (x === Number.NEGATIVE_INFINITY ? x : low));
  lab.same(`${what}: lse`, got.lse!, lse);
}

const sides: readonly (readonly [string, (i: number, j: number) => boolean])[] = [
  ["for every key", () => false],
  ["beside -Infinity", (_, j) => j % 2 === 1],
  ["beside rows of -Infinity", (i) => i === 1],
];

export const farBiasLaw: Law = {
  name: "far-bias",
  rules: "S5 S8",
  says: "a finite bias, however far from 0, is a bias: among keys that share it, it changes no weight",
  cases: ({ mechanism: { takes } }) => {
    if (takes.bias !== true || takes.lse !== true) return []; // not normalised: it changes the weights
    return [
      ...sides.flatMap(([what, masked]) =>
        [false, true].map(
          (causal): Case<Lab> => ({
            title: `${what}, causal ${causal}`,
            async run(lab) {
              const attend = lab.attention({ causal, lse: true });
              for (const size of far[lab.backend.dtype]) {
                const low = lab.round(size);
                const [first, second] = [lab.draw({ L: 4, S: 4 }), lab.draw({ L: 2, S: 2 })];
                const bias = (L: number, T: number, x: number) => pattern(L, T, x, masked);
                const one = await lab.run(attend, { ...first, bias: bias(4, 4, low) });
                const none = lab.oracle({ ...flat(first), bias: bias(4, 4, 0) }, causal);
                checkMean(lab, `bias ${low}`, one, none, low);
                const two = await lab.run(attend, { ...second, bias: bias(2, 6, low) }, one.state);
                const after = lab.oracle({ ...flat(second), bias: bias(2, 6, 0) }, causal, [flat(first)]);
                checkMean(lab, `bias ${low} over past keys`, two, after, low);
              }
            },
          }),
        ),
      ),
      {
        title: "beside keys without a bias",
        async run(lab) {
          const attend = lab.attention({ lse: true });
          for (const low of far[lab.backend.dtype].filter((x) => x < 0)) {
            const block = lab.draw({ L: 4, S: 4 });
            const odd = (x: number) => host([4, 4], (_, [, j]) => (j! % 2 === 1 ? lab.round(x) : 0));
            const expected = lab.oracle({ ...block, bias: odd(Number.NEGATIVE_INFINITY) }, false);
            lab.agrees(`bias ${low}: `, await lab.run(attend, { ...block, bias: odd(low) }), expected);
          }
        },
      },
      {
        title: "beside scores far outside the domain",
        async run(lab) {
          const attend = lab.attention({ lse: true });
          for (const low of far[lab.backend.dtype])
            for (const sign of [1, -1]) {
              const block = lab.draw({ L: 3, S: 4 });
              const huge = (x: Host, by: number) => map(x, () => by * 1e20);
              const bias = pattern(3, 4, lab.round(low), () => false);
              const got = await lab.run(attend, { ...block, q: huge(block.q, 1), k: huge(block.k, sign), bias });
              const mean = lab.oracle(flat(block), false);
              lab.near(`bias ${low}, sign ${sign}: y`, got.y, mean.y, mean.scale, mean.terms);
              lab.finite("lse", got.lse!);
            }
        },
      },
    ];
  },
};

/**
 * NaN in `got` wherever it is in `expected`. An lse may be Infinity instead, because exp of NaN may be on WebGPU; it must
 * not be a number, nor -Infinity, which says that the row is empty.
 */
function checkNaN(lab: Lab, what: string, got: Host | undefined, expected: Host | undefined): number {
  if (got === undefined || expected === undefined) return 0;
  lab.sameShape(what, got, expected);
  let count = 0;
  expected.data.forEach((x, i) => {
    if (!Number.isNaN(x)) return;
    count++;
    const seen = Number.isNaN(got.data[i]) || (what.startsWith("lse") && got.data[i] === Number.POSITIVE_INFINITY);
    lab.holds(seen, `${what}, entry ${i}, is ${got.data[i]}, expected NaN`);
  });
  return count;
}

const readers: readonly (readonly ["q" | "k" | "v" | "bias", Causal])[] = [
  ["q", true],
  ["q", false],
  ["k", true],
  ["k", false],
  ["v", true],
  ["v", false],
  ["bias", true],
  ["bias", false],
];

export const divergedLaw: Law = {
  name: "diverged",
  rules: "S17",
  says: "NaN in a q, k, v or bias that a row reads makes y of that row NaN, and lse NaN or Infinity where it enters the weights",
  cases: ({ mechanism: { takes } }) =>
    readers
      .filter(([where]) => where !== "bias" || takes.bias === true)
      .map(
        ([where, causal]): Case<Lab> => ({
          title: `NaN in ${where}, causal ${causal}`,
          async run(lab) {
            const attend = lab.attention({ causal, lse: takes.lse === true });
            // Fused programs take whole blocks without masks; the longer one has several chunks.
            for (const [L, keyMask] of [
              [5, true],
              [37, false],
            ] as const) {
              const drawn = lab.draw({ B: 1, Hq: 4, Hkv: 2, L, S: L });
              const token = 4 * lab.random.integer(0, Math.floor((L - 1) / 4)); // present, and visible to its own row
              const channel = lab.random.integer(0, 2);
              const spoilt = (x: Host) =>
                map(x, (value, at) => (at[1] === 1 && at[2] === token && at[3] === channel ? Number.NaN : value));
              const bias = host([L, L], (_, [i, j]) => (i === token && j === token ? Number.NaN : 0));
              const block: HostBlock = {
                ...drawn,
                ...(where === "bias" ? { bias } : { [where]: spoilt(drawn[where]) }),
                ...(keyMask && { keyMask: bools([1, L], (_, [, j]) => j! % 4 !== 3) }),
              };
              const [got, expected] = [await lab.run(attend, block), lab.oracle(block, causal)];
              const count = checkNaN(lab, "y", got.y, expected.y);
              lab.holds(count > 0, "the reference hides NaN");
              checkNaN(lab, "lse", got.lse, expected.lse);
              if (where === "bias") continue;
              const next = lab.draw({ B: 1, Hq: 4, Hkv: 2, L: 2, S: 2 });
              const [after, then] = [await lab.run(attend, next, got.state), lab.oracle(next, causal, [block])];
              checkNaN(lab, "y of the next block", after.y, then.y);
              checkNaN(lab, "lse of the next block", after.lse, then.lse);
            }
          },
        }),
      ),
};
