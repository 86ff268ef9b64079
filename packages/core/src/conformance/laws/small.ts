import type { Causal, State } from "../../program/block.ts";
import type { Extras } from "../draw.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock } from "../oracle.ts";

const modes: readonly Causal[] = [true, "end", false];
const show = (causal: Causal) => `causal ${causal === "end" ? '"end"' : causal}`;

/** Queries, keys of the block and past keys; without `P` there is no state. */
type Small = readonly [L: number, S: number, P?: number];

/** Grouped heads and unequal widths; two batches, so that masks differ between them. */
const heads = { B: 2, Hq: 2, Hkv: 1, d: 3, dv: 2 };

/** Compares one call per shape with the oracle, with lse if the mechanism has it. */
async function check(lab: Lab, causal: Causal, shapes: readonly Small[], extra: Extras = {}): Promise<void> {
  const attend = lab.attention({ causal, lse: lab.mechanism.takes.lse === true });
  const pasts = new Map<number, { past: HostBlock; state: State<unknown> }>();
  const pastOf = async (P: number) => {
    const known = pasts.get(P);
    if (known) return known;
    const past = lab.draw({ ...heads, L: 1, S: P }, extra);
    const made = { past, state: (await lab.run(attend, past)).state };
    pasts.set(P, made);
    return made;
  };
  for (const [L, S, P] of shapes) {
    const before = P === undefined ? undefined : await pastOf(P);
    const block = lab.draw({ ...heads, L, S }, { ...extra, past: P ?? 0 });
    const got = await lab.run(attend, block, before?.state);
    const expected = lab.oracle(block, causal, before && [before.past]);
    lab.agrees(`L = ${L}, S = ${S}, ${P === undefined ? "no state" : `P = ${P}`}: `, got, expected);
  }
}

const sizes = [1, 2, 3];

/** Every L and S up to 3 after each of `pasts`. */
const grid = (pasts: readonly (number | undefined)[]): Small[] =>
  pasts.flatMap((P) => sizes.flatMap((L) => sizes.map((S): Small => (P === undefined ? [L, S] : [L, S, P]))));

/**
 * All shapes for a backend that computes at once. A backend that records makes a program for every shape and every set of
 * masks, which takes milliseconds each: it gets a third of them, drawn by the seed.
 */
const affordable = (lab: Lab, shapes: readonly Small[]): readonly Small[] =>
  lab.backend.ops
    ? shapes
    : lab.random
        .permutation(shapes.length)
        .slice(0, Math.ceil(shapes.length / 3))
        .map((n) => shapes[n]!);

const masks: readonly (readonly [string, Extras])[] = [
  ["keyMask", { keyMask: true }],
  ["mask", { mask: true }],
  ["bias", { bias: true }],
  ["mask, bias and keyMask", { mask: true, bias: true, keyMask: true }],
];

export const smallLaw: Law = {
  name: "small-shapes",
  rules: "S3-S8 S10 S12",
  says: "every combination of up to 3 queries, 3 keys and 2 past keys is right: no shortcut for one of something is wrong",
  cases: ({ mechanism: { takes } }) => [
    {
      // The shapes that shortcuts get wrong, for tests that run the first case of every law on a slow adapter.
      title: "one query over several keys, several queries over one key",
      async run(lab) {
        await check(lab, true, [
          [1, 3],
          [1, 3, 2],
          [3, 1, 2],
        ]);
        await check(lab, "end", [
          [1, 3, 2],
          [3, 1, 2],
        ]);
      },
    },
    ...modes.map(
      (causal): Case<Lab> => ({
        title: `${show(causal)}, no masks`,
        async run(lab) {
          const shapes = grid([undefined, 1, 2]);
          // If every row sees every key, no shape is a shortcut for another.
          await check(lab, causal, causal === false ? affordable(lab, shapes) : shapes);
        },
      }),
    ),
    ...modes.map(
      (causal): Case<Lab> => ({
        title: `${show(causal)}, a state without keys, or no keys in the block`,
        run: (lab) =>
          check(lab, causal, [
            ...affordable(lab, grid([0])),
            ...sizes.flatMap((L): Small[] => [
              [L, 0],
              [L, 0, 2],
            ]),
          ]),
      }),
    ),
    ...masks
      .filter(([, x]) => (!x.mask || takes.mask === true) && (!x.bias || takes.bias === true))
      .flatMap(([what, extra]) =>
        modes.map(
          (causal): Case<Lab> => ({
            title: `${show(causal)}, ${what}`,
            run: (lab) => check(lab, causal, affordable(lab, grid([undefined, 2])), extra),
          }),
        ),
      ),
  ],
};
