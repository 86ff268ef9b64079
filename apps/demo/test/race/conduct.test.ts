/** The rules of a race, with racers that do as they are told: what was not answered right has no time. */
import { describe, expect, test } from "vitest";
import { conduct, newResults, type Remote } from "../../src/race/conduct.ts";
import { standIn } from "../../src/race/racing.ts";
import { type RaceOptions, RaceResults } from "../../src/race/results.ts";
import { contextOf, described, lastOf, sameRace, stopsOf } from "../../src/race/summary.ts";
import { WorkerFailure } from "../../src/shell/worker.ts";

const options: RaceOptions = {
  mechanisms: ["softmax", "linear"],
  backends: ["tfjs-wasm", "cpu"],
  sizes: [64, 128, 256],
  heads: 2,
  dim: 8,
  rounds: 3,
  limit: 1,
  seed: 1,
};
const right = (what: "oracle" | "prefill" | "decode", size: number) => ({
  what,
  size,
  rows: 4,
  used: 0.1,
  passed: true,
});

/** A racer of a backend on which a call of n tokens takes n microseconds; `act` changes what it does. */
function racer(log: string[], act: Partial<Remote> = {}): Remote {
  return {
    open: async () => ({ adapter: "a processor", hardware: false }),
    lost: () => new Promise(() => {}),
    enter: async () => right("oracle", 129),
    cost: async (_, __, size) => ({ flops: size * size, bytes: 4 * size }),
    ready: async (_, what, size) => ({ check: right(what, size), calls: 2, stateBytes: 10 * size }),
    async sample(mechanism, what, size) {
      log.push(`${mechanism} ${what} ${size}`);
      return size * 1e-6;
    },
    done: async () => {},
    ...act,
  };
}

const race = async (
  act: Readonly<Record<string, Partial<Remote>>> = {},
  results = newResults(options, { userAgent: "test", cores: 2 }),
  signal = new AbortController().signal,
) => {
  const log: string[] = [];
  await conduct({ results, signal, changed() {}, failed() {}, racer: (name) => racer(log, act[name]) });
  return { results, log };
};
const lane = ({ lanes }: RaceResults, id: string) => lanes.find((l) => l.id === id)!;

describe("a race", () => {
  test("times every lane at every size, in rounds over the lanes, and is valid against its schema", async () => {
    const { results, log } = await race();
    expect(RaceResults.parse(JSON.parse(JSON.stringify(results)))).toEqual(results);
    expect(results.complete).toBe(true);
    expect(log.slice(0, 4)).toEqual([
      "softmax prefill 64",
      "linear prefill 64",
      "softmax prefill 64",
      "linear prefill 64",
    ]);
    for (const l of results.lanes) {
      expect(l.points.map((p) => [p.what, p.size, p.samples.length])).toEqual(
        [64, 128, 256].flatMap((size) => [
          ["prefill", size, 3],
          ["decode", size, 3],
        ]),
      );
      expect(l.checks).toHaveLength(7);
      expect(l.points[0]).toMatchObject({ median: 64e-6, q1: 64e-6, q3: 64e-6, stateBytes: 640, calls: 2 });
    }
  });

  test("a wrong answer takes a lane's times away, earlier ones included, and no other lane's", async () => {
    const { results } = await race({
      cpu: {
        ready: async (mechanism, what, size) => ({
          check: { ...right(what, size), passed: !(mechanism === "linear" && size === 128), detail: "row 0 is 1" },
          calls: 1,
          stateBytes: 1,
        }),
      },
    });
    const wrong = lane(results, "linear on cpu");
    expect([wrong.status, wrong.points]).toEqual(["failed", []]);
    expect(wrong.reason).toBe("wrong answer: prefill at 128 tokens, row 0 is 1");
    expect(results.lanes.filter((l) => l !== wrong).every((l) => l.points.length === 6)).toBe(true);
  });

  test("a lane whose first check fails is never timed", async () => {
    const { log } = await race({
      cpu: { enter: async () => ({ ...right("oracle", 129), passed: false }) },
      "tfjs-wasm": { open: () => Promise.reject(new Error("no wasm")) },
    });
    expect(log).toEqual([]);
  });

  test("a backend that does not open says why, and the others race", async () => {
    const { results } = await race({ "tfjs-wasm": { open: () => Promise.reject(new Error("no wasm")) } });
    expect(lane(results, "softmax on tfjs-wasm")).toMatchObject({ status: "unavailable", reason: "no wasm" });
    expect(lane(results, "softmax on cpu").points).toHaveLength(6);
  });

  test("what would take too long or too much memory is left out with its reason", async () => {
    const { results } = await race({
      cpu: {
        cost: async (mechanism, _, size) => ({
          flops: size ** 2,
          bytes: mechanism === "linear" && size > 64 ? 2 ** 30 : 4,
        }),
        sample: async () => 0.3,
      },
    });
    expect(lane(results, "softmax on cpu").leftOut).toEqual(
      [128, 256].flatMap((size) =>
        ["prefill", "decode"].map((what) => ({
          what,
          size,
          reason: `expected to take ${size === 128 ? "1.2" : "4.8"} s a call, over 1 s`,
        })),
      ),
    );
    expect(lane(results, "linear on cpu").leftOut[0]?.reason).toBe("its largest tensor would take 1024 MiB");
  });

  test("stopped, it keeps what it has; resumed, it checks again and does the rest", async () => {
    const stop = new AbortController();
    let samples = 0;
    const sample = async () => {
      samples += 1;
      if (samples === 9) stop.abort();
      return 1e-3;
    };
    const first = await race({ "tfjs-wasm": { sample }, cpu: { sample } }, undefined, stop.signal);
    expect(first.results.complete).toBe(false);
    const before = first.results.lanes.flatMap((l) => l.points.flatMap((p) => p.samples)).length;
    expect(before).toBe(9);
    const { results, log } = await race({}, first.results);
    expect(results.complete).toBe(true);
    expect(log).toHaveLength(4 * 6 * 3 - before);
    expect(results.lanes.every((l) => l.checks.filter((c) => c.what === "oracle").length === 2)).toBe(true);
  });

  test("a device that is lost in the middle of a call ends its lanes, keeps their points and names who can stand in", async () => {
    let kill: (reason: string) => void = () => {};
    const gone = new Promise<string>((resolve) => {
      kill = resolve;
    });
    const { results } = await race({
      "tfjs-wasm": {
        lost: () => gone,
        sample: (_, __, size) => {
          if (size < 128) return Promise.resolve(1e-3);
          kill("destroyed");
          return new Promise(() => {});
        },
      },
    });
    const lost = lane(results, "softmax on tfjs-wasm");
    expect([lost.status, lost.reason, lost.points.length]).toEqual(["lost", "destroyed", 2]);
    expect(lane(results, "softmax on cpu").points).toHaveLength(6);
    expect(results.complete).toBe(false);
    expect(standIn(results)).toBeUndefined();
    expect(standIn({ ...results, options: { ...options, backends: ["tfjs-wasm"] } })).toBe("cpu");
  });

  test("a worker that fails leaves its lanes waiting, with the reason and their points; a second run does the rest", async () => {
    const failed: string[] = [];
    const results = newResults(options, { userAgent: "test", cores: 2 });
    let fail: (error: Error) => void = () => {};
    const gone = new Promise<never>((_, reject) => {
      fail = reject;
    });
    gone.catch(() => {});
    const log: string[] = [];
    const broken = racer(log, {
      lost: () => gone,
      sample: (_, __, size) => {
        if (size < 128) return Promise.resolve(1e-3);
        fail(new WorkerFailure("the worker stopped: oops"));
        return gone;
      },
    });
    await conduct({
      results,
      signal: new AbortController().signal,
      changed() {},
      failed: (error) => void failed.push(error.message),
      racer: (name) => (name === "cpu" ? broken : racer(log)),
    });
    const cut = lane(results, "softmax on cpu");
    expect([cut.status, cut.reason, cut.points.length]).toEqual(["waiting", "the worker stopped: oops", 2]);
    expect(results.complete).toBe(false);
    expect(failed).toEqual(["the worker stopped: oops"]);
    expect(standIn(results)).toBeUndefined();
    expect(lane(results, "softmax on tfjs-wasm").points).toHaveLength(6);
    const { results: whole } = await race({}, results);
    expect(whole.complete).toBe(true);
    expect(whole.lanes.every((l) => l.points.length === 6 && l.reason === undefined)).toBe(true);
  });

  test("a worker that does not load is no backend that is missing: its lanes wait", async () => {
    const { results } = await race({ cpu: { open: () => Promise.reject(new WorkerFailure("not loaded")) } });
    expect(lane(results, "linear on cpu")).toMatchObject({ status: "waiting", reason: "not loaded" });
    expect(results.complete).toBe(false);
  });

  test("times of one adapter do not stand under the name of another", async () => {
    const stop = new AbortController();
    const first = await race(
      {
        cpu: {
          async sample(_, what, size) {
            if (what === "decode" && size === 128) stop.abort();
            return 1e-3;
          },
        },
      },
      undefined,
      stop.signal,
    );
    expect(lane(first.results, "softmax on cpu").points.length).toBeGreaterThan(2);
    const open = async () => ({ adapter: "another processor", hardware: false });
    const { results } = await race({ cpu: { open, sample: async () => 7e-3 } }, first.results);
    const other = lane(results, "softmax on cpu");
    expect(other.adapter).toBe("another processor");
    expect(other.points.flatMap((p) => p.samples).every((s) => s === 7e-3)).toBe(true);
    expect(lane(results, "softmax on tfjs-wasm").points.some((p) => p.samples.includes(64e-6))).toBe(true);
  });
});

describe("what a row says", () => {
  const point = (what: "prefill" | "decode", size: number, seconds: number) => ({
    ...{ what, size, calls: 1, samples: [seconds], median: seconds, q1: seconds, q3: seconds, stateBytes: 1 },
  });
  const base = newResults({ ...options, mechanisms: ["softmax"], backends: ["cpu"] }, { userAgent: "", cores: 1 })
    .lanes[0]!;
  const cut = {
    ...base,
    points: [64, 128, 256].flatMap((n) =>
      n < 256 ? [point("prefill", n, n), point("decode", n, 1)] : [point("decode", n, 2)],
    ),
    leftOut: [
      { what: "prefill" as const, size: 256, reason: "expected to take 3.0 s a call, over 2 s" },
      { what: "prefill" as const, size: 512, reason: "expected to take 12.0 s a call, over 2 s" },
      { what: "decode" as const, size: 512, reason: "its largest tensor would take 512 MiB" },
    ],
  };

  test("the context is that of the times, both where they differ", () => {
    expect([lastOf(cut, "prefill")?.size, lastOf(cut, "decode")?.size]).toEqual([128, 256]);
    expect(contextOf(cut)).toBe("128 prefill, 256 decode");
    expect(contextOf({ ...cut, points: cut.points.slice(0, 4) })).toBe("128");
    expect(contextOf({ ...cut, points: cut.points.slice(0, 1) })).toBe("64");
    expect(contextOf(base)).toBe("–");
  });

  test("it stops before the first size that was left out", () => {
    expect(stopsOf(cut)).toEqual([
      "prefill stops before 256 tokens: expected to take 3.0 s a call, over 2 s",
      "decode stops before 512 tokens: its largest tensor would take 512 MiB",
    ]);
    expect(stopsOf(base)).toEqual([]);
  });

  test("results are of the race that was run", () => {
    expect(described(options)).toBe(
      "2 heads of 8 channels, up to 256 tokens, 3 samples of each, calls of at most 1 s.",
    );
    expect(sameRace(options, { ...options })).toBe(true);
    // A stand-in is one backend more.
    expect(sameRace({ ...options, backends: [...options.backends, "tfjs-webgpu"] }, options)).toBe(true);
    for (const other of [
      { heads: 3 },
      { dim: 16 },
      { rounds: 4 },
      { limit: 2 },
      { sizes: [64] },
      { mechanisms: ["linear"] },
    ])
      expect(sameRace(options, { ...options, ...other })).toBe(false);
  });
});
