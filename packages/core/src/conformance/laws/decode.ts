import type { Dims } from "../../program/call.ts";
import type { Extras } from "../draw.ts";
import { bools } from "../host.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock } from "../oracle.ts";

/** Grouped heads, so that a kernel must share a key head among queries. */
const heads: Partial<Dims> = { B: 2, Hq: 4, Hkv: 2 };

/** Long enough that a kernel cuts the keys into parts: 600 keys in one cache. */
const LONG = 600;

/** A kernel that combines parts by wrong weights is seen only where the parts weigh differently. */
const uneven = (lab: Lab): number => Math.min(3, lab.mechanism.domain.q / 6, lab.mechanism.domain.k / 6);

/** Computes blocks one after the other, `lse` included where the mechanism has it; every block is compared with the oracle. */
async function sequence(lab: Lab, blocks: readonly HostBlock[]): Promise<void> {
  await lab.follow(lab.attention({ causal: true, lse: lab.mechanism.takes.lse === true }), true, blocks);
}

interface Cache {
  readonly title: string;
  /** Queries and keys of the block after the cache. */
  readonly L: number;
  readonly extras: Extras;
  /** Says if the key mask of the past keeps key j of batch b. Absent: no mask. */
  keep?(b: number, j: number): boolean;
}

const caches: readonly Cache[] = [
  { title: "one token", L: 1, extras: {} },
  {
    title: "one token, the first keys and a stretch of the cache masked",
    L: 1,
    extras: { keyMask: true },
    keep: (b, j) => j > 3 * b && (j < 200 || j > 410),
  },
  { title: "three tokens", L: 3, extras: {} },
  { title: "one token with masks and bias", L: 1, extras: { mask: true, bias: true, keyMask: true } },
];

const cached = ({ title, L, extras, keep }: Cache): Case<Lab> => ({
  title: `${title} after ${LONG} keys`,
  async run(lab) {
    const spread = uneven(lab);
    const past = lab.draw({ ...heads, L: 1, S: LONG }, { spread });
    const keyMask = keep && bools([2, LONG], (_, [b, j]) => keep(b!, j!));
    const pairs =
      (extras.mask && lab.mechanism.takes.mask === true) || (extras.bias && lab.mechanism.takes.bias === true);
    // Where single pairs are masked later, the state must keep the keys one by one: a mask that hides nothing says so.
    const open = pairs ? { mask: bools([1], () => true) } : {};
    const next = lab.draw({ ...heads, L, S: L }, { ...extras, past: LONG, spread });
    await sequence(lab, [{ ...past, keyMask, ...open }, next]);
  },
});

const masks: readonly (readonly [string, Extras])[] = [
  ["keyMask", { keyMask: true }],
  ["mask", { mask: true }],
  ["bias", { bias: true }],
];

export const decodeLaw: Law = {
  name: "decode",
  rules: "S3-S7 S10 S12",
  says: "blocks of one token give the rows of the whole sequence: after a long cache, with every mask, from the first token on",
  cases: ({ mechanism: { takes } }) => [
    ...caches.filter(({ extras }) => !extras.mask || takes.mask === true).map(cached),
    {
      title: "token by token, the first ones masked",
      async run(lab) {
        const kept = [
          [false, true],
          [false, false],
          [true, false],
          [false, true],
          [true, true],
        ];
        const tokens = kept.map((keep) => ({
          ...lab.draw({ ...heads, L: 1, S: 1 }),
          keyMask: bools([2, 1], (_, [b]) => keep[b!]!),
        }));
        await sequence(lab, tokens);
      },
    },
    ...masks
      .filter(([, x]) => (!x.mask || takes.mask === true) && (!x.bias || takes.bias === true))
      .map(
        ([what, extras]): Case<Lab> => ({
          title: `token by token with ${what}`,
          async run(lab) {
            await sequence(
              lab,
              [0, 1, 2, 3].map((past) => lab.draw({ ...heads, L: 1, S: 1 }, { ...extras, past })),
            );
          },
        }),
      ),
    {
      title: "a long block, a token, a short block and a token of wide heads",
      async run(lab) {
        const wide = { B: 1, Hq: 2, Hkv: 1, d: 20, dv: 20 };
        await sequence(
          lab,
          [70, 1, 5, 1].map((n) => lab.draw({ ...wide, L: n, S: n })),
        );
      },
    },
  ],
};
