import type { State, Tensors } from "../../program/block.ts";
import type { Dims } from "../../program/call.ts";
import { bools, type Host, host, ofRank } from "../host.ts";
import type { Attend, Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock, Past } from "../oracle.ts";
import { explains } from "./errors.ts";

/** One call in terms of its sizes. Two calls of a case differ in one of these fields. */
interface Step {
  readonly dims?: Partial<Dims>;
  /** Keys in the state; 0: no state. Default 3. */
  readonly past?: number;
  /** True if a key mask went into the state. */
  readonly keep?: boolean;
  readonly keyMask?: boolean;
  /** Shapes. */
  readonly mask?: readonly number[];
  readonly bias?: readonly number[];
  /** Rank of q, k and v; default 4. */
  readonly rank?: number;
  /** The rule S4 or S5 is broken: the call must be refused. */
  readonly wrong?: boolean;
}

interface Pair {
  readonly title: string;
  readonly first: Step;
  readonly other: Step;
}

const SIZES: Partial<Dims> = { B: 2, Hq: 4, Hkv: 2, L: 2, S: 2, d: 4, dv: 3 };
const of = (dims: Partial<Dims>): Step => ({ dims });

const plain: readonly Pair[] = (
  [
    ["a longer past", { past: 5 }],
    ["a past of one key", { past: 1 }],
    ["no past", { past: 0 }],
    ["a key mask in the past", { keep: true }],
    ["a key mask", { keyMask: true }],
    ["one batch", of({ B: 1 })],
    ["other query heads", of({ Hq: 2 })],
    ["other key heads", of({ Hkv: 4 })],
    ["more queries", of({ L: 3 })],
    ["more keys", of({ S: 3 })],
    ["more tokens", of({ L: 3, S: 3 })],
    ["one token", of({ L: 1, S: 1 })],
    ["more channels", of({ d: 8, dv: 3 })],
    ["more value channels", of({ d: 4, dv: 4 })],
    ["no keys", of({ S: 0 })],
    ["no queries", of({ L: 0 })],
  ] as const
).map(([title, other]) => ({ title, first: {}, other }));

const ranks: readonly Pair[] = [
  { title: "rank 3", first: of({ B: 1 }), other: { ...of({ B: 1 }), rank: 3 } },
  {
    title: "rank 2",
    first: { ...of({ B: 1, Hq: 1, Hkv: 1 }), rank: 3 },
    other: { ...of({ B: 1, Hq: 1, Hkv: 1 }), rank: 2 },
  },
];

/** `full` fits three past keys and two own ones. */
const masked = (name: "mask" | "bias"): Pair[] => {
  const full = { [name]: [2, 1, 2, 5] };
  const last = { [name]: [5] };
  const others: readonly (readonly [string, Step, Step])[] = [
    ["for another past, longer", full, { ...full, past: 5, wrong: true }],
    ["for another past, shorter", full, { ...full, past: 1, wrong: true }],
    ["of one axis for another past", last, { ...last, past: 4, wrong: true }],
    ["for a past, without one", full, { ...full, past: 0, wrong: true }],
    ["for all keys alike, another past", { [name]: [2, 1, 2, 1] }, { [name]: [2, 1, 2, 1], past: 5 }],
    ["left out", full, {}],
    ["of every head", full, { [name]: [2, 4, 2, 5] }],
    ["of one batch", full, { [name]: [1, 1, 2, 5] }],
    ["of one row", full, { [name]: [2, 1, 1, 5] }],
    ["of one key", full, { [name]: [2, 1, 2, 1] }],
    ["of rank 2", full, { [name]: [2, 5] }],
    ["and a past as it should be", full, { [name]: [2, 1, 2, 7], past: 5 }],
  ];
  return others.map(([title, first, other]) => ({ title: `${name} ${title}`, first, other }));
};

export const rememberedLaw: Law = {
  name: "remembered",
  rules: "S14",
  says: "a call is checked and computed by what it is given, whatever the same attention was called with before",
  cases: ({ mechanism: { takes } }) =>
    [
      ...(takes.mask === true ? masked("mask") : []),
      ...(takes.bias === true ? masked("bias") : []),
      ...[...plain, ...ranks],
    ].map(
      ({ title, first, other }): Case<Lab> => ({
        title,
        async run(lab) {
          const attend = lab.attention({ causal: true });
          const steps = [await prepared(lab, first), await prepared(lab, other)] as const;
          for (const step of [0, 1, 0] as const) await call(lab, attend, steps[step]);
        },
      }),
    ),
};

interface Prepared {
  readonly step: Step;
  readonly block: HostBlock;
  readonly past: readonly Past[];
  readonly state: State<unknown> | undefined;
}

async function prepared(lab: Lab, step: Step): Promise<Prepared> {
  const dims = lab.dims({ ...SIZES, ...step.dims });
  const { past: P = 3, mask, bias } = step;
  const block: HostBlock = {
    ...lab.draw(dims, { keyMask: step.keyMask === true }),
    ...(mask && { mask: bools(mask, (i) => i % 3 !== 1) }),
    ...(bias && { bias: host(bias, (i) => (i % 3) / 2) }),
  };
  if (P === 0) return { step, block, past: [], state: undefined };
  // Where single pairs can be masked the state must keep the keys one by one: a mask that hides nothing says so.
  const { takes } = lab.mechanism;
  const pairs = takes.mask === true || takes.bias === true;
  const open = takes.mask === true ? { mask: bools([1], () => true) } : { bias: host([1]) };
  const earlier = lab.draw({ ...dims, L: P, S: P }, { keyMask: step.keep === true });
  const { state } = await lab.run(lab.attention(), { ...earlier, ...(pairs && open) });
  return { step, block, past: [earlier], state };
}

async function call(lab: Lab, attend: Attend, { step, block, past, state }: Prepared): Promise<void> {
  const { rank = 4, wrong = false } = step;
  const lower = (x: Host) => ofRank(x, rank);
  const given: HostBlock = { ...block, q: lower(block.q), k: lower(block.k), v: lower(block.v) };
  if (!wrong) {
    lab.agrees("", await lab.run(attend, given, state), lab.oracle(block, true, past));
    return;
  }
  const x: Tensors<unknown> = lab.block(given, state) as unknown as Tensors<unknown>;
  const message = await lab.refuses("a mask or bias for another past", "ATTN_SHAPE", () => attend(x as never));
  explains(lab, message, [(step.mask ?? step.bias)!]);
}
