import { bools, type Host, host } from "../host.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock } from "../oracle.ts";

/** The declared domain; where it is unbounded, as far as a product of two numbers of float32 reaches with room to spare. */
const edge = (lab: Lab, of: "q" | "k"): number => Math.min(lab.mechanism.domain[of], 1e6);

const dims = { B: 1, Hq: 2, Hkv: 1, d: 3, dv: 3 };

/** Uniform in `-size..size`, with both ends among the values. */
const spread = (lab: Lab, x: Host, size: number): Host =>
  host(x.shape, (i) =>
    lab.round(i % 7 === 0 ? Math.sign(lab.random.normal()) * size : (2 * lab.random.uniform() - 1) * size),
  );

export const domainLaw: Law = {
  name: "domain",
  rules: "S13",
  says: "up to the edge of the declared domain the result is within the error budget",
  cases: () => [
    ...[1, 0.5, 0.1].map(
      (part): Case<Lab> => ({
        title: `|q| and |k| up to ${part} of the domain`,
        async run(lab) {
          for (const causal of [true, false]) {
            const blocks = [24, 1, 3].map((L): HostBlock => {
              const block = lab.draw({ ...dims, L, S: L });
              const q = spread(lab, block.q, part * edge(lab, "q"));
              return { ...block, q, k: spread(lab, block.k, part * edge(lab, "k")) };
            });
            await lab.follow(lab.attention({ causal }), causal, blocks);
          }
        },
      }),
    ),
    ...(["q", "k"] as const).map(
      (which): Case<Lab> => ({
        title: `only ${which} at the edge`,
        async run(lab) {
          const blocks = [20, 4].map((L) => {
            const block = lab.draw({ ...dims, L, S: L });
            return { ...block, [which]: spread(lab, block[which], edge(lab, which)) };
          });
          await lab.follow(lab.attention({ causal: true }), true, blocks);
        },
      }),
    ),
    ...[true, false].map(
      (causal): Case<Lab> => ({
        title: `keys at the lower edge, and none of them near keys that a key mask removed, causal ${causal}`,
        async run(lab) {
          const blocks = [21, 1, 4].map((L): HostBlock => {
            const block = lab.draw({ ...dims, L, S: L });
            const keyMask = bools([1, L], (j) => j % 3 !== 0);
            const low = (1 - 0.05 * lab.random.uniform()) * -edge(lab, "k");
            const k = host(block.k.shape, (_, [, , j]) => lab.round(j! % 3 === 0 ? lab.random.normal() : low));
            return { ...block, k, keyMask };
          });
          await lab.follow(lab.attention({ causal }), causal, blocks);
        },
      }),
    ),
  ],
};

/** Keys that climb (or fall) from one edge of the domain to the other, each channel in its own way. */
function ramp(lab: Lab, keys: Host, style: (at: number, channel: number) => number): Host {
  const last = Math.max(1, keys.shape[2]! - 1);
  const D = edge(lab, "k");
  return host(keys.shape, (_, [, , j, c]) => lab.round(D * style(j! / last, c!)));
}

const ramps: readonly (readonly [string, (at: number, channel: number) => number])[] = [
  ["rising", (t) => 2 * t - 1],
  ["falling", (t) => 1 - 2 * t],
  ["rising and falling by channel", (t, c) => (2 * t - 1) * (c % 2 === 0 ? 1 : -1)],
  ["low, with one peak at the end", (t) => (t === 1 ? 1 : -1)],
  ["low, with a peak in one channel", (t, c) => (c === 1 && t > 0.6 ? 1 : -1)],
  ["steep then flat", (t) => Math.min(1, 8 * t - 1)],
];

export const rampLaw: Law = {
  name: "later-larger-key",
  rules: "S13 S3",
  says: "keys far below a later key of the same chunk keep their weight in the rows that cannot see the later one",
  cases: () =>
    ramps.map(
      ([what, style]): Case<Lab> => ({
        title: what,
        async run(lab) {
          for (const L of [16, 37]) {
            const block = lab.draw({ ...dims, L, S: L });
            const next = lab.draw({ ...dims, L: 4, S: 4 });
            const far = spread(lab, block.q, edge(lab, "q"));
            for (const q of L === 16 ? [far] : [block.q, far]) {
              const climbing = { ...block, q, k: ramp(lab, block.k, style) };
              await lab.follow(lab.attention({ causal: true }), true, [climbing, next]);
            }
          }
        },
      }),
    ),
};

export const beyondLaw: Law = {
  name: "beyond-domain",
  rules: "S13",
  says: "outside the domain the result is still finite, or the call throws a typed error; never a silent NaN",
  cases: () =>
    [10, 1000].flatMap((factor) =>
      [true, false].map(
        (causal): Case<Lab> => ({
          title: `${factor} times the domain, causal ${causal}`,
          async run(lab) {
            const attend = lab.attention({ causal });
            const blocks = [20, 1].map((L): HostBlock => {
              const block = lab.draw({ ...dims, L, S: L });
              const q = spread(lab, block.q, factor * edge(lab, "q"));
              return { ...block, q, k: spread(lab, block.k, factor * edge(lab, "k")) };
            });
            const first = await lab.run(attend, blocks[0]!);
            lab.inRange("y", first.y);
            lab.inRange("y of the next block", (await lab.run(attend, blocks[1]!, first.state)).y);
          },
        }),
      ),
    ),
};
