import type { Causal } from "../../program/block.ts";
import type { Dims } from "../../program/call.ts";
import type { Extras } from "../draw.ts";
import { accepts } from "../draw.ts";
import { ofRank, take } from "../host.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";

const modes: readonly Causal[] = [false, true, "end"];
const show = (causal: Causal) => `causal ${causal === "end" ? '"end"' : causal}`;

/** Sizes where every rule of S1-S3 shows: more keys than queries, fewer, grouped heads, one head, one of everything. */
const sizes: readonly (readonly [string, Partial<Dims>])[] = [
  ["L = S", {}],
  ["L < S", { L: 3, S: 7 }],
  ["L > S", { L: 6, S: 4 }],
  ["grouped heads", { Hq: 6, Hkv: 2, L: 4, S: 6 }],
  ["one key/value head", { Hq: 3, Hkv: 1, B: 1 }],
  ["one of everything", { B: 1, Hq: 1, Hkv: 1, L: 1, S: 1, d: 1, dv: 1 }],
];

const extras: readonly (readonly [string, Extras])[] = [
  ["keyMask", { keyMask: true }],
  ["mask", { mask: true }],
  ["bias", { bias: true }],
  ["mask, bias and keyMask", { mask: true, bias: true, keyMask: true }],
];

async function check(lab: Lab, causal: Causal, dims: Partial<Dims>, extra: Extras = {}): Promise<void> {
  const block = lab.draw(dims, extra);
  const { y } = await lab.run(lab.attention({ causal }), block);
  const rows = telling(lab, block.q.shape[2]!);
  lab.agrees("", { y: take(y, 2, rows) }, lab.oracle(block, causal, [], rows));
}

/** All rows of a short block; of a long one the first, the last, those beside the edges of chunks and some between. */
const telling = (lab: Lab, L: number): number[] =>
  Array.from({ length: L }, (_, i) => i).filter(
    (i) => L < 40 || i < 2 || i > L - 4 || [0, 1, 16, 63].includes(i % 64) || lab.random.chance(0.05),
  );

export const oracleLaw: Law = {
  name: "oracle",
  rules: "S1-S7",
  says: "the output is the reference's formula, in every causal mode, with masks, bias, key masks and grouped heads",
  cases: ({ mechanism: { takes } }) => [
    ...sizes.flatMap(([what, dims]) =>
      modes.map(
        (causal): Case<Lab> => ({
          title: `${show(causal)}, ${what}`,
          run: (lab) => check(lab, causal, dims),
        }),
      ),
    ),
    ...extras
      .filter(([, x]) => (!x.mask || takes.mask === true) && (!x.bias || takes.bias === true))
      .flatMap(([what, extra]) =>
        modes.map(
          (causal): Case<Lab> => ({
            title: `${show(causal)}, ${what}`,
            async run(lab) {
              await check(lab, causal, { L: 4, S: 6 }, extra);
              await check(lab, causal, { Hq: 4, Hkv: 2, L: 6, S: 5 }, extra);
            },
          }),
        ),
      ),
  ],
};

export const rankLaw: Law = {
  name: "rank",
  rules: "S1",
  says: "leading axes may be absent: rank 2 is one head, rank 3 one batch",
  cases: () =>
    [2, 3].flatMap((rank) =>
      modes.map(
        (causal): Case<Lab> => ({
          title: `rank ${rank}, ${show(causal)}`,
          async run(lab) {
            const heads = rank === 2 ? { Hq: 1, Hkv: 1 } : { Hq: 4, Hkv: 2 };
            const lse = lab.mechanism.takes.lse === true;
            const attend = lab.attention({ causal, lse });
            const full = lab.draw({ B: 1, ...heads, L: 4, S: 6 }, { mask: true, bias: true, keyMask: true });
            const lowered = { ...full, q: ofRank(full.q, rank), k: ofRank(full.k, rank), v: ofRank(full.v, rank) };
            const first = await lab.run(attend, lowered);
            lab.agrees("", first, lab.oracle(full, causal));
            const next = lab.draw({ B: 1, ...heads, L: 2, S: 2 });
            const lower = { q: ofRank(next.q, rank), k: ofRank(next.k, rank), v: ofRank(next.v, rank) };
            const second = await lab.run(attend, lower, first.state);
            lab.agrees("next block: ", second, lab.oracle(next, causal, [full]));
          },
        }),
      ),
    ),
};

const edges = [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129];
const some = [1, 15, 17, 32, 63, 65, 128];

export const edgeLaw: Law = {
  name: "edge-sizes",
  rules: "S1",
  says: "sizes on and beside the edges of tiles and chunks are not special",
  cases: () => [
    ...edges.map(
      (n): Case<Lab> => ({
        title: `L = S = ${n}, causal`,
        run: (lab) => check(lab, true, { B: 1, Hq: 2, Hkv: 1, L: n, S: n, d: 3, dv: 2 }),
      }),
    ),
    ...some.map(
      (n): Case<Lab> => ({
        title: `S = ${n}, and L = ${n} with causal "end"`,
        async run(lab) {
          await check(lab, false, { B: 1, Hq: 1, Hkv: 1, L: 3, S: n, d: 3, dv: 2 }, { keyMask: true });
          await check(lab, "end", { B: 1, Hq: 1, Hkv: 1, L: n, S: 20, d: 3, dv: 2 });
        },
      }),
    ),
    ...edges.slice(0, 10).map(
      (n): Case<Lab> => ({
        title: `d = dv = ${n}`,
        async run(lab) {
          const dims = { B: 1, Hq: 1, Hkv: 1, L: 2, S: 2, d: n, dv: n };
          if (accepts(lab.mechanism, dims)) await check(lab, true, dims);
          else await lab.refuses(`d = ${n}`, undefined, () => check(lab, true, dims));
        },
      }),
    ),
  ],
};

export const longLaw: Law = {
  name: "long",
  rules: "S1 S3 S12",
  says: "hundreds of tokens, across several chunks and levels of a scan, are as right as a few",
  cases: () =>
    [515, 700].map(
      (L, n): Case<Lab> => ({
        title: `L = ${L}${n === 0 ? " after a block of 70" : ""}`,
        async run(lab) {
          const dims = { B: 1, Hq: 1, Hkv: 1, d: 3, dv: 2 };
          const attend = lab.attention({ causal: true });
          const past = n === 0 ? [lab.draw({ ...dims, L: 70, S: 70 })] : [];
          const state = past[0] && (await lab.run(attend, past[0])).state;
          const block = lab.draw({ ...dims, L, S: L }, { keyMask: n === 1 });
          const { y } = await lab.run(attend, block, state);
          const rows = telling(lab, L);
          lab.agrees("", { y: take(y, 2, rows) }, lab.oracle(block, true, past, rows));
        },
      }),
    ),
};
