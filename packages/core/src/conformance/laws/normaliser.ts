import type { Causal } from "../../program/block.ts";
import type { Extras } from "../draw.ts";
import { bools, type Host, map } from "../host.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock, OracleResult } from "../oracle.ts";
import { far } from "./floats.ts";

const modes: readonly Causal[] = [false, true, "end"];

export const lseLaw: Law = {
  name: "lse",
  rules: "S10",
  says: "lse is the natural logarithm of the row's normaliser, past keys included; y does not depend on asking for it",
  cases: ({ mechanism: { takes } }) =>
    takes.lse !== true
      ? []
      : modes.flatMap((causal) =>
          (
            [
              ["plain", {}],
              ["masks and bias", { mask: true, bias: true, keyMask: true }],
            ] as readonly (readonly [string, Extras])[]
          ).map(
            ([what, extras]): Case<Lab> => ({
              title: `causal ${causal}, ${what}`,
              async run(lab) {
                const blocks = [
                  lab.draw({ Hq: 4, Hkv: 2 }, extras),
                  lab.draw({ Hq: 4, Hkv: 2, L: 19, S: 18 }, { past: 5, ...extras }),
                  lab.draw({ Hq: 4, Hkv: 2, L: 1, S: 1 }, { past: 23, ...extras }),
                ];
                const attend = lab.attention({ causal, lse: true });
                await lab.follow(attend, causal, blocks);
                const [asked, silent] = [
                  await lab.run(attend, blocks[0]!),
                  await lab.run(lab.attention({ causal }), blocks[0]!),
                ];
                lab.holds(asked.lse !== undefined, "lse was asked for and is missing");
                lab.holds(silent.lse === undefined, "lse was not asked for and is there");
                lab.same("y without lse", silent.y, asked.y);
              },
            }),
          ),
        ),
};

/** `keep(j)` says which keys belong to the shard: the others are masked, so that positions stay what they are. */
const shard = (block: HostBlock, keep: (j: number) => boolean): HostBlock => ({
  ...block,
  keyMask: bools([block.k.shape[0]!, block.k.shape[2]!], (_, [, j]) => keep(j!)),
});

export const mergeOutputsLaw: Law = {
  name: "merge-outputs",
  rules: "S10 S11",
  says: "outputs of the same queries over two sets of keys merge into the output over both; no keys change nothing",
  cases: ({ mechanism: { takes } }) => {
    if (takes.lse !== true) return [];
    const sets: readonly (readonly [string, (j: number) => boolean])[] = [
      ["first and second half", (j) => j < 6],
      ["every third key", (j) => j % 3 === 0],
      ["none and all", () => false],
      ["all and none", () => true],
    ];
    return [
      ...sets.flatMap(([what, keep]) =>
        [1, 30].map(
          (spread): Case<Lab> => ({
            title: `${what}${spread > 1 ? ", large scores" : ""}`,
            async run(lab) {
              const extras = { spread: Math.min(spread, lab.mechanism.domain.k / 6) };
              const block = lab.draw({ Hq: 4, Hkv: 2, L: 4, S: 12 }, extras);
              const attend = lab.attention({ lse: true });
              const [a, b] = [
                await output(lab, shard(block, keep)),
                await output(
                  lab,
                  shard(block, (j) => !keep(j)),
                ),
              ];
              for (const [x, y] of [
                [a, b],
                [b, a],
              ] as const) {
                const both = await attend.mergeOutputs(x, y);
                const got = await lab.outcome({ ...both, state: {} });
                lab.agrees("merged ", got, merged(lab.oracle(block, false), block.v));
              }
            },
          }),
        ),
      ),
      {
        title: "outputs whose lse is far from 0",
        async run(lab) {
          const attend = lab.attention({ lse: true });
          const block = lab.draw({ L: 4, S: 5 });
          const { y, lse } = lab.oracle(block, false);
          const none = Number.NEGATIVE_INFINITY;
          // Equal values where both count, so that the law is the same for values and for their logarithms.
          for (const low of far[lab.backend.dtype].map((x) => lab.round(x))) {
            for (const [a, b, valueA, valueB, value, whole] of [
              [low, low, 1, 1, 1, low],
              [low, none, 1, 0, 1, low],
              [Math.min(low, 0), Math.max(low, 0), 2, 1, 1, Math.max(low, 0)],
            ] as const) {
              const made = (x: number, at: number) => ({
                y: lab.upload(map(y, () => x)),
                lse: lab.upload(map(lse!, () => at)),
              });
              for (const [x, z] of [
                [made(valueA, a), made(valueB, b)],
                [made(valueB, b), made(valueA, a)],
              ] as const) {
                const got = await lab.outcome({ ...(await attend.mergeOutputs(x, z)), state: {} });
                const what = `lse ${a} and ${b}: merged`;
                lab.near(
                  `${what} y`,
                  got.y,
                  map(y, () => value),
                  1,
                  2,
                );
                lab.near(
                  `${what} lse`,
                  got.lse!,
                  map(lse!, () => whole),
                  Math.max(1, Math.abs(whole)),
                  2,
                );
              }
            }
          }
        },
      },
      {
        title: "two empty outputs",
        async run(lab) {
          const none = shard(lab.draw({ L: 4, S: 5 }), () => false);
          const attend = lab.attention({ lse: true });
          const both = await attend.mergeOutputs(await output(lab, none), await output(lab, none));
          lab.agrees("merged ", await lab.outcome({ ...both, state: {} }), lab.oracle(none, false));
        },
      },
    ];
  },
};

/** Two results were rounded before they were merged, and the roundings of their lse are errors of the weights. */
function merged(x: OracleResult, v: Host): OracleResult {
  const lost = largest(v) * largest(x.lse!);
  return { ...x, scale: map(x.scale, (scale) => 2 * scale + lost) };
}

/** The largest finite |entry|. */
const largest = ({ data }: Host): number =>
  Array.from(data, Math.abs).reduce((most, x) => (Number.isFinite(x) ? Math.max(most, x) : most), 0);

async function output(lab: Lab, block: HostBlock) {
  const result = await lab.attention({ lse: true })(lab.block(block));
  await lab.outcome(result);
  return { y: result.y, lse: result.lse! };
}
