import type { State } from "../../program/block.ts";
import { bools } from "../host.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock } from "../oracle.ts";

export const mergeLaw: Law = {
  name: "merge",
  rules: "S11",
  says: "merge(state(A), state(B)) = state(A then B); associative; the state of no keys changes nothing",
  cases: () => {
    const shards = (lab: Lab, masks: readonly boolean[], sizes: readonly number[]) =>
      sizes.map((S, n) => lab.draw({ Hq: 4, Hkv: 2, L: S, S }, { keyMask: masks[n % masks.length]! }));
    const states = async (lab: Lab, blocks: readonly HostBlock[]) => {
      const attend = lab.attention({ causal: true });
      const all: State<unknown>[] = [];
      for (const block of blocks) all.push((await lab.run(attend, block)).state);
      const merge = async (a: State<unknown>, b: State<unknown>) => {
        const merged = await attend.merge(a, b);
        for (const x of Object.values(merged)) lab.hold(x);
        return merged;
      };
      const next = lab.draw({ Hq: 4, Hkv: 2, L: 3, S: 3 });
      const check = async (what: string, state: State<unknown>) =>
        lab.agrees(what, await lab.run(attend, next, state), lab.oracle(next, true, blocks));
      return { all, merge, check };
    };
    return [
      ...[[false], [true], [true, false], [false, true]].map(
        (masks): Case<Lab> => ({
          title: `three shards, key masks ${masks}`,
          async run(lab) {
            const { all, merge, check } = await states(lab, shards(lab, masks, [5, 1, 7]));
            const [a, b, c] = all as [State<unknown>, State<unknown>, State<unknown>];
            await check("(A B) C: ", await merge(await merge(a, b), c));
            await check("A (B C): ", await merge(a, await merge(b, c)));
          },
        }),
      ),
      ...[
        [0, 6],
        [6, 0],
        [0, 0],
      ].map(
        (sizes): Case<Lab> => ({
          title: `shards of ${sizes.join(" and ")} keys`,
          async run(lab) {
            const { all, merge, check } = await states(lab, shards(lab, [false], sizes));
            await check("", await merge(all[0]!, all[1]!));
          },
        }),
      ),
      {
        title: "a shard whose keys are all masked",
        async run(lab) {
          const [a, b] = shards(lab, [false], [4, 5]) as [HostBlock, HostBlock];
          const hidden = { ...b, keyMask: bools([2, 5], () => false) };
          const { all, merge, check } = await states(lab, [a, hidden]);
          await check("", await merge(all[0]!, all[1]!));
        },
      },
    ];
  },
};
