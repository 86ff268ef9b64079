import { describe, expect, test } from "vitest";
import { inTurn, lineOf } from "../src/line.ts";
import { type Session, Sessions } from "../src/sessions.ts";

interface Deferred {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(reason: unknown): void;
}
const deferred = (): Deferred => {
  let [resolve, reject]: [() => void, (reason: unknown) => void] = [() => {}, () => {}];
  const promise = new Promise<void>((...both) => {
    [resolve, reject] = both;
  });
  return { promise, resolve, reject };
};

/** Lets everything happen that waits for nothing from outside. */
const settled = () => new Promise((done) => setTimeout(done));

/** Sessions that are made, and whose calls end, when the test says so. */
function runtime(most: number) {
  const log: string[] = [];
  const making: Deferred[] = [];
  let broken: Error | undefined;
  const sessions = new Sessions(most, async (model) => {
    const name = `${model[0]}.${making.length}`;
    const made = deferred();
    making.push(made);
    await made.promise;
    log.push(`made ${name}`);
    return {
      run: async () => ({}),
      async release() {
        log.push(`released ${name}`);
        if (broken) throw broken;
      },
    } as Session;
  });
  const use = (key: number, until: Promise<unknown> = Promise.resolve()) =>
    sessions.use(
      String(key),
      () => Uint8Array.of(key),
      async () => {
        await until;
        return key;
      },
    );
  const breakReleases = (error: Error) => {
    broken = error;
  };
  return { log, making, sessions, use, breakReleases };
}

describe("sessions", () => {
  test("one of one model serves calls that overlap, however few are kept", async () => {
    const { log, making, sessions, use } = runtime(1);
    const ends = [deferred(), deferred()];
    const calls = [use(1, ends[0]!.promise), use(2, ends[1]!.promise), use(1), use(2)];
    for (const one of making) one.resolve();
    await settled();
    expect(log).toEqual(["made 1.0", "made 2.1"]);
    ends[0]!.resolve();
    await settled();
    expect(log.slice(2)).toEqual(["released 1.0"]);
    ends[1]!.resolve();
    expect(await Promise.all(calls)).toEqual([1, 2, 1, 2]);
    expect(sessions.size).toBe(1);
  });

  test("a release waits for the calls in flight, and later calls have sessions of their own", async () => {
    const { log, making, sessions, use } = runtime(4);
    const end = deferred();
    const call = use(1, end.promise);
    let over = 0;
    const count = () => over++;
    const released = [sessions.clear().then(count), sessions.clear().then(count)];
    const later = use(1);
    for (const one of making) one.resolve();
    await settled();
    expect(await later).toBe(1);
    expect([log, over, sessions.size]).toEqual([["made 1.0", "made 1.1"], 0, 1]);
    end.resolve();
    await Promise.all([call, ...released]);
    expect(log.slice(2)).toEqual(["released 1.0"]);
    await sessions.clear();
    expect(log.slice(3)).toEqual(["released 1.1"]);
  });

  test("a model that the runtime refuses is refused to its own calls alone, and tried again", async () => {
    const { log, making, sessions, use } = runtime(1);
    const first = [use(1), use(1)].map((call) => call.catch((error: Error) => error.message));
    const released = sessions.clear();
    const [again, other] = [use(1), use(2)];
    making[0]!.reject(new Error("refused"));
    await settled();
    for (const one of making.slice(1)) one.resolve();
    expect(await Promise.all(first)).toEqual(["refused", "refused"]);
    expect(await Promise.all([again, other])).toEqual([1, 2]);
    await released;
    expect(making).toHaveLength(3);
    await sessions.clear();
    expect(log.sort()).toEqual(["made 1.1", "made 2.2", "released 1.1", "released 2.2"]);
  });

  test("a release that fails is told to who releases, and to no call", async () => {
    const { making, sessions, use, breakReleases } = runtime(1);
    breakReleases(new Error("stuck"));
    const calls = [use(1), use(2)];
    for (const one of making) one.resolve();
    expect(await Promise.all(calls)).toEqual([1, 2]);
    await settled(); // a rejection that nobody handles would fail the run here
    await expect(sessions.clear()).rejects.toThrow("stuck");
    await sessions.clear();
  });
});

describe("the line of a runtime", () => {
  test("one after the other in the order of their calls, and an error is its own call's", async () => {
    const line = lineOf({});
    const log: string[] = [];
    const act = (name: string, fails = false) => {
      return inTurn(line, async () => {
        log.push(`${name} begins`);
        await settled();
        log.push(`${name} ends`);
        if (fails) throw new Error(name);
        return name;
      }).catch((error: Error) => `failed: ${error.message}`);
    };
    const results = [act("a"), act("b", true), act("c")];
    expect(log).toEqual(["a begins"]);
    await results[1];
    const late = act("d");
    expect(await Promise.all([...results, late])).toEqual(["a", "failed: b", "c", "d"]);
    expect(log).toEqual(["a", "b", "c", "d"].flatMap((name) => [`${name} begins`, `${name} ends`]));
    expect(line).toEqual({ busy: false, waiting: [] });
  });

  test("is one for every copy of this package, and another for another runtime", async () => {
    const path = "../src/line.ts?copy";
    const copy = (await import(/* @vite-ignore */ path)) as typeof import("../src/line.ts");
    const env = {};
    expect(copy.lineOf).not.toBe(lineOf);
    expect(copy.lineOf(env)).toBe(lineOf(env));
    expect(lineOf({})).not.toBe(lineOf(env));
  });
});
