import type { Causal, State } from "../../program/block.ts";
import { bools, type Host, host, map, walk } from "../host.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock } from "../oracle.ts";

const poisons: readonly (readonly [number, Causal])[] = [
  [Number.NaN, true],
  [Number.NaN, false],
  [Number.NaN, "end"],
  [Number.POSITIVE_INFINITY, true],
  [Number.POSITIVE_INFINITY, false],
  [Number.NEGATIVE_INFINITY, true],
];

export const leakLaw: Law = {
  name: "no-leak",
  rules: "S9",
  says: "NaN or Infinity in k or v behind a keyMask reaches neither output nor state",
  cases: () =>
    poisons.map(
      ([poison, causal]): Case<Lab> => ({
        title: `${poison} in k and v, causal ${causal}`,
        async run(lab) {
          for (const L of [5, 21]) {
            const dims = { Hq: 4, Hkv: 2, L, S: L };
            const clean = { ...lab.draw(dims), keyMask: bools([2, L], (_, [b, j]) => (j! + b!) % 3 !== 0) };
            const hide = (x: Host) => map(x, (value, [b, , j]) => ((j! + b!) % 3 === 0 ? poison : value));
            const poisoned = { ...clean, k: hide(clean.k), v: hide(clean.v) };
            const attend = lab.attention({ causal, lse: lab.mechanism.takes.lse === true });
            const [good, bad] = [await lab.run(attend, clean), await lab.run(attend, poisoned)];
            lab.agrees("", bad, lab.oracle(clean, causal));
            lab.sameState("state", await lab.downloadState(bad.state), await lab.downloadState(good.state));
            const next = lab.draw({ Hq: 4, Hkv: 2, L: 3, S: 3 });
            const after = await lab.run(attend, next, bad.state);
            lab.agrees("next block: ", after, lab.oracle(next, causal, [clean]));
          }
        },
      }),
    ),
};

/**
 * Exactly 0, and lse exactly -Infinity, in every row that `empty` names; the oracle elsewhere. A mechanism whose outputs
 * are logarithms, as its reference shows, gives the logarithm of 0.
 */
async function checkEmpty(
  lab: Lab,
  block: HostBlock,
  causal: Causal,
  empty: (b: number, h: number, i: number) => boolean,
  state?: State<unknown>,
): Promise<void> {
  const attend = lab.attention({ causal, lse: lab.mechanism.takes.lse === true });
  const got = await lab.run(attend, block, state);
  const expected = lab.oracle(block, causal);
  lab.agrees("", got, expected);
  walk(expected.y.shape, (n, [b, h, i]) => {
    if (!empty(b!, h!, i!)) return;
    const value = expected.y.data[n]!;
    lab.holds(value === 0 || value === Number.NEGATIVE_INFINITY, `the reference gives ${value} for a row without keys`);
    lab.holds(
      got.y.data[n] === value,
      `y[${[b, h, i]}] has no keys and is ${got.y.data[n]}, expected exactly ${value}`,
    );
  });
  if (!got.lse) return;
  walk(got.lse.shape, (n, [b, h, i]) => {
    const value = got.lse!.data[n];
    if (empty(b!, h!, i!))
      lab.holds(value === Number.NEGATIVE_INFINITY, `lse[${[b, h, i]}] has no keys and is ${value}`);
  });
}

export const emptyLaw: Law = {
  name: "empty-rows",
  rules: "S8 S1",
  says: "a row that may attend to nothing gives 0 and lse -Infinity; axes of size 0 are legal",
  cases: ({ mechanism: { takes } }) => {
    const cases: Case<Lab>[] = [
      ...([true, false, "end"] as const).map(
        (causal): Case<Lab> => ({
          title: `all keys masked in one batch, causal ${causal}`,
          run: (lab) =>
            checkEmpty(lab, { ...lab.draw(), keyMask: bools([2, 5], (_, [b]) => b === 1) }, causal, (b) => b === 0),
        }),
      ),
      {
        title: "leading keys masked, causal",
        run: (lab) =>
          checkEmpty(lab, { ...lab.draw(), keyMask: bools([2, 5], (_, [, j]) => j! >= 3) }, true, (_b, _h, i) => i < 3),
      },
      {
        title: 'more queries than keys, causal "end"',
        run: (lab) => checkEmpty(lab, lab.draw({ L: 20, S: 3 }), "end", (_b, _h, i) => i < 17),
      },
      ...([true, false, "end"] as const).map(
        (causal): Case<Lab> => ({
          title: `no keys at all, causal ${causal}`,
          async run(lab) {
            await checkEmpty(lab, lab.draw({ L: 4, S: 0 }), causal, () => true);
            const attend = lab.attention({ causal });
            const nothing = await lab.run(attend, lab.draw({ L: 0, S: 0 }));
            await checkEmpty(lab, lab.draw({ L: 4, S: 0 }), causal, () => true, nothing.state);
            const hidden = await lab.run(attend, { ...lab.draw(), keyMask: bools([2, 5], () => false) });
            await checkEmpty(lab, lab.draw({ L: 4, S: 0 }), causal, () => true, hidden.state);
          },
        }),
      ),
      ...(["B", "L", "heads", "everything"] as const).map(
        (axis): Case<Lab> => ({
          title: `${axis} of size 0`,
          async run(lab) {
            const none = {
              B: { B: 0 },
              L: { L: 0 },
              heads: { Hq: 0, Hkv: 0 },
              everything: { B: 0, Hq: 0, Hkv: 0, L: 0, S: 0 },
            }[axis];
            for (const causal of [true, false, "end"] as const) {
              const block = lab.draw(none, { keyMask: true });
              const next = lab.draw({ ...none, ...(axis === "L" && { L: 3, S: 2 }) });
              await lab.follow(lab.attention({ causal }), causal, [block, next]);
            }
          },
        }),
      ),
    ];
    if (takes.mask === true) {
      cases.push({
        title: "a row of the mask is false",
        async run(lab) {
          const mask = bools([5, 5], (_, [i]) => i !== 1);
          for (const causal of [true, false])
            await checkEmpty(lab, { ...lab.draw(), mask }, causal, (_b, _h, i) => i === 1);
        },
      });
    }
    if (takes.bias === true) {
      cases.push({
        title: "a row of the bias is -Infinity",
        async run(lab) {
          const bias = host([5, 5], (_, [i]) => (i === 1 ? Number.NEGATIVE_INFINITY : 0));
          for (const causal of [true, false])
            await checkEmpty(lab, { ...lab.draw(), bias }, causal, (_b, _h, i) => i === 1);
        },
      });
    }
    return cases;
  },
};
