import { mechanismProgram } from "../../backend/mechanism-program.ts";
import type { State } from "../../program/block.ts";
import { LawBroken } from "../checker.ts";
import type { Host } from "../host.ts";
import type { Attend, Lab, Outcome } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock } from "../oracle.ts";

/** Something that a caller does, to its end. Begun twice, it gives the same numbers. */
type Job = () => Promise<readonly Host[]>;

const SMALL = { B: 1, Hq: 2, Hkv: 2, d: 3, dv: 3 };

const block = (lab: Lab, L: number, S = L): HostBlock => lab.draw({ ...SMALL, L, S });

async function numbers(lab: Lab, { y, lse, state }: Outcome): Promise<readonly Host[]> {
  const kept = await lab.downloadState(state);
  return [y, ...(lse ? [lse] : []), ...Object.keys(kept).map((name) => kept[name]!)];
}

const call = (lab: Lab, causal: boolean, lse: boolean, given: HostBlock): Job => {
  const attend = lab.attention({ causal, lse });
  return async () => {
    const outcome = await lab.run(attend, given);
    lab.agrees("", outcome, lab.oracle(given, causal));
    return numbers(lab, outcome);
  };
};

/** The same at once, where the backend can: other calls wait for their numbers at the time. */
const atOnce = (lab: Lab, attend: Attend, given: HostBlock): Job => {
  return async () => numbers(lab, await lab.outcome(attend.sync(lab.block(given))));
};

/** The blocks of a sequence, each with the state of the one before. */
const sequence = (lab: Lab, attend: Attend, blocks: readonly HostBlock[]): Job => {
  return async () => {
    const all: Host[] = [];
    let state: State<unknown> | undefined;
    for (const given of blocks) {
      const outcome: Outcome = await lab.run(attend, given, state);
      all.push(...(await numbers(lab, outcome)));
      state = outcome.state;
    }
    return all;
  };
};

/** Two blocks that do not wait for each other, and the merge of their states. */
const merged = (lab: Lab, attend: Attend, first: HostBlock, second: HostBlock): Job => {
  return async () => {
    const [a, b] = await Promise.all([lab.run(attend, first), lab.run(attend, second)]);
    const state = await attend.merge(a.state, b.state);
    for (const x of Object.values(state)) lab.hold(x);
    return Object.values(await lab.downloadState(state));
  };
};

const gradient = (lab: Lab, { q, k, v }: HostBlock): Job => {
  const program = mechanismProgram(lab.mechanism, { causal: true, lse: false });
  return async () => Object.values(await lab.vjp(program, { q, k, v }, { y: v }, ["q", "k", "v"]));
};

/** A program that fails: its error is its own call's. */
const failing = (lab: Lab, { q }: HostBlock): Job => {
  const run = lab.backend.compile(() => {
    throw new LawBroken("as it should");
  });
  return async () => {
    const error = await run({ q: lab.upload(q) }).then(
      () => "none",
      (reason: unknown) => String(reason),
    );
    lab.holds(error.includes("as it should"), `a program that throws: got error ${error}, expected its own`);
    return [];
  };
};

/** All at a time, as callers begin that know nothing of each other: in microtasks of their own. */
async function together(what: string, jobs: readonly Job[]): Promise<(readonly Host[])[]> {
  const begun = jobs.map(async (job, i) => {
    for (let n = 0; n < (3 * i) % 7; n++) await null;
    return job();
  });
  // Every one of them ends before the case does, which frees their tensors.
  return (await Promise.allSettled(begun)).map((one, n) => {
    if (one.status === "rejected") throw new LawBroken(`${what}, call ${n}: ${String(one.reason)}`);
    return one.value;
  });
}

/** Jobs that overlap while everything is new, the same in turn, and once more overlapping in the other order. */
async function overlapping(lab: Lab, jobs: readonly Job[]): Promise<void> {
  const first = await together("begun together", jobs);
  const inTurn: (readonly Host[])[] = [];
  for (const job of jobs) inTurn.push(await job());
  const again = (await together("begun together, last first", jobs.toReversed())).toReversed();
  for (const [n, outputs] of inTurn.entries())
    for (const [i, x] of outputs.entries()) {
      lab.same(`call ${n} begun together: output ${i}`, first[n]![i]!, x);
      lab.same(`call ${n} begun together, last first: output ${i}`, again[n]![i]!, x);
    }
}

export const overlapLaw: Law = {
  name: "overlap",
  rules: "S16",
  says: "calls that overlap give the numbers that they give one after the other, and an error is its own call's",
  cases: ({ mechanism }): readonly Case<Lab>[] => {
    const lse = mechanism.takes.lse === true;
    return [
      {
        title: "calls of several programs, with a sequence and a merge between them",
        async run(lab) {
          const [causal, all] = [lab.attention({ causal: true, lse }), lab.attention()];
          await overlapping(lab, [
            call(lab, true, lse, block(lab, 4)),
            call(lab, false, false, block(lab, 2)),
            sequence(lab, causal, [block(lab, 4), block(lab, 1), block(lab, 1)]),
            call(lab, true, lse, block(lab, 4)),
            merged(lab, all, block(lab, 2), block(lab, 2)),
            call(lab, false, false, block(lab, 2)),
          ]);
        },
      },
      {
        title: "calls of one program, of two lengths",
        async run(lab) {
          await overlapping(
            lab,
            [5, 5, 3, 5, 5, 3, 5, 5].map((L) => call(lab, true, lse, block(lab, L))),
          );
        },
      },
      {
        title: "calls beside others that fail, that are refused, or that happen at once",
        async run(lab) {
          const attend = lab.attention({ causal: true, lse });
          const refused = async () => {
            const narrow = lab.draw({ ...SMALL, L: 3, S: 3, d: 2 });
            const [{ k, v }, { q }] = [lab.block(block(lab, 3)), lab.block(narrow)];
            await lab.refuses("q with fewer channels than k", "ATTN_SHAPE", () => attend({ q, k, v }));
            return [];
          };
          await overlapping(lab, [
            call(lab, true, lse, block(lab, 3)),
            failing(lab, block(lab, 3)),
            call(lab, true, lse, block(lab, 2)),
            refused,
            ...(lab.backend.ops ? [atOnce(lab, attend, block(lab, 4))] : []),
            call(lab, true, lse, block(lab, 4)),
            failing(lab, block(lab, 2)),
            call(lab, true, lse, block(lab, 3)),
          ]);
        },
      },
      {
        title: "gradients beside calls",
        async run(lab) {
          const gradients = (L: number) => (lab.backend.supports.gradients ? [gradient(lab, block(lab, L))] : []);
          await overlapping(lab, [
            ...gradients(3),
            call(lab, true, lse, block(lab, 3)),
            ...gradients(3),
            call(lab, true, lse, block(lab, 2)),
          ]);
        },
      },
    ];
  },
};
