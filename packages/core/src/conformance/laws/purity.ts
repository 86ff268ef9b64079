import type { Tensors } from "../../program/block.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";

export const untouchedLaw: Law = {
  name: "inputs-untouched",
  rules: "S11",
  says: "no call modifies what it is given",
  cases: () =>
    ([true, false, "end"] as const).map(
      (causal): Case<Lab> => ({
        title: `causal ${causal}`,
        async run(lab) {
          const attend = lab.attention({ causal });
          const block = lab.draw({}, { mask: true, bias: true, keyMask: true });
          const { state, ...given } = lab.block(block);
          await lab.outcome(await attend({ ...given, state }));
          for (const [name, x] of Object.entries(given as Tensors<unknown>)) {
            if (x !== undefined) lab.same(name, await lab.download(x), block[name as "q"]);
          }
        },
      }),
    ),
};

export const deterministicLaw: Law = {
  name: "deterministic",
  rules: "S12",
  says: "the same call gives the same numbers, whatever was called in between",
  cases: () =>
    [false, true].map(
      (causal): Case<Lab> => ({
        title: `causal ${causal}`,
        async run(lab) {
          const attend = lab.attention({ causal });
          const blocks = [
            lab.draw(),
            lab.draw(),
            lab.draw({ L: 3, S: 3 }, { keyMask: true }),
            lab.draw({ L: 17, S: 17 }),
          ];
          const once = [];
          for (const block of blocks) once.push(await lab.run(attend, block));
          for (const [n, block] of blocks.entries()) {
            lab.agrees(`call ${n}: `, once[n]!, lab.oracle(block, causal));
            const again = await lab.run(attend, block);
            lab.same(`call ${n} again: y`, again.y, once[n]!.y);
            const states = [await lab.downloadState(again.state), await lab.downloadState(once[n]!.state)] as const;
            lab.sameState(`call ${n} again: state`, ...states);
          }
        },
      }),
    ),
};
