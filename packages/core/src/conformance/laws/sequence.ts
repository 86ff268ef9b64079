import type { State } from "../../program/block.ts";
import { concat, type Host, slice, toData } from "../host.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock } from "../oracle.ts";

/** Consecutive parts of a block, of the given lengths. Masks over pairs do not cut this way: give them per part. */
export function cut({ q, k, v, keyMask }: HostBlock, lengths: readonly number[]): HostBlock[] {
  let end = 0;
  return lengths.map((n) => {
    const start = end;
    end += n;
    const part = (x: Host) => slice(x, -2, start, end);
    return {
      ...{ q: part(q), k: part(k), v: part(v) },
      ...(keyMask && { keyMask: slice(keyMask, -1, start, end) }),
    };
  });
}

const splits: readonly (readonly [string, readonly number[]])[] = [
  ["one token at a time", Array<number>(9).fill(1)],
  ["a prompt, then single tokens", [17, 1, 1, 1]],
  ["single tokens, then a block", [1, 1, 18]],
  ["uneven blocks", [5, 1, 33, 2, 16]],
  ["an empty block between", [4, 0, 5]],
  ["blocks of 16", [16, 16, 16]],
];

async function partition(lab: Lab, lengths: readonly number[], keyMask: boolean, heads: object): Promise<void> {
  const T = lengths.reduce((a, b) => a + b, 0);
  const whole = lab.draw({ B: 1, d: 3, dv: 2, L: T, S: T, ...heads }, { keyMask });
  const attend = lab.attention({ causal: true });
  const all = await lab.run(attend, whole);
  const expected = lab.oracle(whole, true);
  lab.agrees("in one block: ", all, expected);

  let state: State<unknown> | undefined;
  const parts: Host[] = [];
  for (const part of cut(whole, lengths)) {
    const outcome = await lab.run(attend, part, state);
    parts.push(outcome.y);
    state = outcome.state;
  }
  lab.agrees("in parts: ", { y: concat(parts, -2) }, expected);

  const next = lab.draw({ B: 1, d: 3, dv: 2, L: 3, S: 3, ...heads });
  const after = lab.oracle(next, true, [whole]);
  lab.agrees("after one block: ", await lab.run(attend, next, all.state), after);
  lab.agrees("after the parts: ", await lab.run(attend, next, state), after);
}

export const partitionLaw: Law = {
  name: "partition",
  rules: "S12 S3",
  says: "any split of a sequence into blocks gives the same output and the same final state",
  cases: () => [
    ...splits.map(
      ([what, lengths]): Case<Lab> => ({
        title: what,
        run: (lab) => partition(lab, lengths, false, { Hq: 2, Hkv: 1 }),
      }),
    ),
    ...splits.slice(0, 4).map(
      ([what, lengths]): Case<Lab> => ({
        title: `${what}, with keyMask`,
        run: (lab) => partition(lab, lengths, true, { B: 2, Hq: 2, Hkv: 2 }),
      }),
    ),
    ...[1, 2, 3].map(
      (n): Case<Lab> => ({
        title: `random split ${n}`,
        async run(lab) {
          const lengths = Array.from({ length: lab.random.integer(2, 6) }, () => lab.random.integer(1, 20));
          await partition(lab, lengths, lab.random.chance(0.5), {});
        },
      }),
    ),
    {
      title: "blocks that see all of themselves, with masks and bias over past and own keys",
      async run(lab) {
        const first = lab.draw({ L: 3, S: 4 }, { mask: true, bias: true, keyMask: true });
        const second = lab.draw({ L: 5, S: 2 }, { past: 4, mask: true, bias: true });
        const third = lab.draw({ L: 2, S: 3 }, { past: 6, mask: true, bias: true, keyMask: true });
        for (const causal of [false, true, "end"] as const) {
          await lab.follow(lab.attention({ causal }), causal, [first, second, third]);
        }
      },
    },
    {
      title: "queries without keys, and keys without queries",
      async run(lab) {
        const blocks = [lab.draw({ L: 0, S: 5 }), lab.draw({ L: 4, S: 0 }), lab.draw({ L: 2, S: 3 })];
        for (const causal of [false, true, "end"] as const) {
          await lab.follow(lab.attention({ causal }), causal, blocks);
        }
      },
    },
  ],
};

export const forkLaw: Law = {
  name: "fork",
  rules: "S11",
  says: "a state can be continued twice, the branches do not touch each other, and no use modifies a state",
  cases: () =>
    [false, true].map(
      (keyMask): Case<Lab> => ({
        title: keyMask ? "with keyMask" : "plain",
        async run(lab) {
          const attend = lab.attention({ causal: true });
          const [first, left, right] = [lab.draw({}, { keyMask }), lab.draw({}, { keyMask }), lab.draw({ L: 2, S: 2 })];
          const { state } = await lab.run(attend, first);
          const before = await lab.downloadState(state);
          const once = await lab.run(attend, left, state);
          const other = await lab.run(attend, right, state);
          const again = await lab.run(attend, left, state);
          lab.agrees("left branch: ", once, lab.oracle(left, true, [first]));
          lab.agrees("right branch: ", other, lab.oracle(right, true, [first]));
          lab.same("left branch again: y", again.y, once.y);
          const end = lab.draw({ L: 1, S: 1 });
          const further = await lab.run(attend, end, once.state);
          lab.agrees("left branch, continued after the others: ", further, lab.oracle(end, true, [first, left]));
          lab.sameState("state after use:", await lab.downloadState(state), before);
          const merged = await attend.merge(state, once.state);
          for (const x of Object.values(merged)) lab.hold(x);
          lab.sameState("state after merge:", await lab.downloadState(state), before);
        },
      }),
    ),
};

export const roundTripLaw: Law = {
  name: "state-round-trip",
  rules: "S11",
  says: "a state can be downloaded, uploaded again and continued",
  cases: () =>
    [false, true].map(
      (keyMask): Case<Lab> => ({
        title: keyMask ? "with keyMask" : "plain",
        async run(lab) {
          const attend = lab.attention({ causal: true });
          const [first, next] = [lab.draw({}, { keyMask }), lab.draw({ L: 3, S: 3 })];
          const { state } = await lab.run(attend, first);
          const saved = await lab.downloadState(state);
          const restored = Object.fromEntries(
            Object.entries(saved).map(([name, x]) => {
              const data = toData(x, lab.backend.dtype);
              return [name, lab.hold(lab.backend.upload(data, x.shape))];
            }),
          );
          const [kept, again] = [await lab.run(attend, next, state), await lab.run(attend, next, restored)];
          const expected = lab.oracle(next, true, [first]);
          lab.agrees("", again, expected);
          // Sums are float32 and are rounded when they are uploaded as halves.
          if (lab.backend.dtype === "float16") lab.alike("from the restored state: ", again, kept, expected);
          else lab.same("y from the restored state", again.y, kept.y);
        },
      }),
    ),
};
