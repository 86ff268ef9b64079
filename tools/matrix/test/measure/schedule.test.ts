/** The one scheduler of the bench and of the race, over jobs that only count. */
import { type Schedule, schedule } from "@attnkit/measure/schedule";
import { describe, expect, test } from "vitest";

/** Runs jobs `a` and `b` with a clock on which each sample takes one second; returns what happened, in order. */
async function run(wanted: Readonly<Record<string, number>>, more: Partial<Schedule<string>> = {}) {
  const log: string[] = [];
  const failed = new Map<string, unknown>();
  const abort = new AbortController();
  let seconds = 0;
  await schedule<string>({
    items: Object.keys(wanted),
    signal: abort.signal,
    live: (item) => !failed.has(item),
    guard: (item, work) => work().catch((error) => void failed.set(item, error)),
    async prepare(item) {
      log.push(`check ${item}`);
      let taken = 0;
      return {
        get taken() {
          return taken;
        },
        wanted: wanted[item]!,
        async sample() {
          seconds += 1;
          taken += 1;
          log.push(`${item}${taken}`);
          if (item === "stops" && taken === 2) abort.abort();
          if (item === "fails" && taken === 2) throw new Error("a failed call");
        },
        dispose: () => void log.push(`free ${item}`),
      };
    },
    now: () => seconds,
    ...more,
  });
  return { log, failed };
}

describe("the scheduler", () => {
  test("checks everything before the first sample, then goes round after round", async () => {
    const { log } = await run({ a: 2, b: 3 });
    expect(log).toEqual("check a,check b,a1,b1,a2,b2,b3,free a,free b".split(","));
  });

  test("what fails is sampled no more, and the others go on", async () => {
    const { log, failed } = await run({ fails: 4, b: 3 });
    expect(log).toEqual("check fails,check b,fails1,b1,fails2,b2,b3,free fails,free b".split(","));
    expect([...failed.keys()]).toEqual(["fails"]);
  });

  test("a wrong answer is never timed, and what is left out is neither", async () => {
    const prepare = async (item: string) => {
      if (item === "wrong") throw new Error("a wrong answer");
      return undefined;
    };
    const { log, failed } = await run({ wrong: 3, leftOut: 3 }, { prepare });
    expect([log, [...failed.keys()]]).toEqual([[], ["wrong"]]);
  });

  test("an abort ends it after the call that is under way, and frees all", async () => {
    const { log } = await run({ stops: 9, b: 9 });
    expect(log).toEqual("check stops,check b,stops1,b1,stops2,free stops,free b".split(","));
  });

  test("rounds beyond the fewest end with the budget, and the caller is told", async () => {
    const told: unknown[] = [];
    const { log } = await run(
      { a: 9, b: 9 },
      {
        budget: { fewest: 3, seconds: (prepared) => 2 * prepared.length },
        late: (...args) => void told.push(args),
      },
    );
    expect(log.filter((entry) => /^a\d/.test(entry))).toEqual(["a1", "a2", "a3"]);
    expect(told).toEqual([[3, 9, ["a", "b"]]]);
  });
});
