/** Calls of the onnx backend that nobody awaits one after the other: the same tests in Node and in Chromium. */
import { attention, type Block, type Mechanism } from "@attnkit/core";
import { linear } from "@attnkit/linear";
import { type OnnxBackend, type OnnxOptions, onnx } from "@attnkit/onnx";
import { polynomial } from "@attnkit/polynomial";
import { softmax } from "@attnkit/softmax";
import type { InferenceSession } from "onnxruntime-common";
import { describe, expect, test } from "vitest";

type Options = Pick<OnnxOptions, "ort" | "executionProviders" | "dtype">;
type Outputs = readonly string[];

/** The runtime, and how many of its sessions were made, released, and alive at a time. */
function counted({ ort, ...more }: Options): { options: Options; count: { made: number; released: number } } {
  const count = { made: 0, released: 0 };
  const make = ort.InferenceSession.create as (...args: unknown[]) => Promise<InferenceSession>;
  const create = async (...args: unknown[]) => {
    const session = await make(...args);
    count.made++;
    const release = session.release.bind(session);
    session.release = async () => {
      await release();
      count.released++;
    };
    return session;
  };
  const InferenceSession = { ...ort.InferenceSession, create: create as typeof ort.InferenceSession.create };
  return { options: { ...more, ort: { ...ort, InferenceSession } }, count };
}

const sessionOptions = { intraOpNumThreads: 1, interOpNumThreads: 1 };
const three: readonly Mechanism[] = [softmax(), linear(), polynomial()];

function block(backend: OnnxBackend, i: number): Block<Parameters<OnnxBackend["free"]>[0]> {
  const L = 2 + (i % 3);
  const up = (phase: number) =>
    backend.upload(
      Float32Array.from({ length: 8 * L }, (_, j) => Math.sin(1.7 * j + i + phase)),
      [1, 2, L, 4],
    );
  return { q: up(0), k: up(1), v: up(2) };
}

/** Call `i`, of each mechanism in turn: its outputs as text, downloaded at once and freed. */
function caller(
  backend: OnnxBackend,
  mechanisms: readonly Mechanism[],
  begun: (x: ReturnType<typeof block>) => void = () => {},
): (i: number) => Promise<Outputs> {
  const attends = mechanisms.map((mechanism) => attention(mechanism, backend, { causal: true }));
  return async (i) => {
    const attend = attends[i % attends.length]!;
    const x = block(backend, i);
    const result = attend(x);
    begun(x);
    const { y, state } = await result;
    const outputs = [y, ...Object.values(state)];
    const read = await Promise.all(outputs.map((x) => backend.download(x)));
    for (const x of outputs) backend.free(x);
    return read.map((data) => data.join());
  };
}

/** Begins calls in different microtasks, and every fifth in a task of its own. */
const together = <R>(calls: readonly (() => Promise<R>)[], tasks = true): Promise<R[]> =>
  Promise.all(
    calls.map(async (call, i) => {
      if (tasks && i % 5 === 4) await new Promise((next) => setTimeout(next));
      for (let n = 0; n < (2 * i) % 7; n++) await null;
      return call();
    }),
  );

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

async function inTurn(call: (i: number) => Promise<Outputs>, n: number): Promise<Outputs[]> {
  const all: Outputs[] = [];
  for (const i of numbers(n)) all.push(await call(i));
  return all;
}

export function overlapTests(name: string, options: Options, calls: number, mechanisms = three): void {
  describe(name, () => {
    const more = { sessionOptions };

    test.each([
      ["one program", mechanisms.slice(0, 1)],
      ["every program", mechanisms],
    ])("%s: the numbers of calls in turn", async (_, these) => {
      const backend = onnx({ ...options, ...more });
      const call = caller(backend, these);
      const first = await together(numbers(calls).map((i) => () => call(i)));
      const expected = await inTurn(call, calls);
      expect(first).toEqual(expected);
      expect(await together(numbers(calls).map((i) => () => call(i)))).toEqual(expected);
      await backend.release();
    });

    test("one session is kept, and calls that overlap share those in use", async () => {
      const { options: watched, count } = counted(options);
      const backend = onnx({ ...watched, ...more, maxSessions: 1 });
      const call = caller(backend, mechanisms);
      // A model for each mechanism and length. A call finds the session of its model while another runs on it.
      const got = await together(
        numbers(calls).map((i) => () => call(i % 6)),
        false,
      );
      expect(count.made).toBeLessThanOrEqual(6);
      const expected = await inTurn(call, 6);
      expect(got).toEqual(numbers(calls).map((i) => expected[i % 6]));
      expect(backend.sessions).toBe(1);
      await backend.release();
      expect(count.released).toBe(count.made);
    });

    test("released while calls run, between two backends on one runtime", async () => {
      const { options: watched, count } = counted(options);
      const [one, other] = [onnx({ ...watched, ...more }), onnx({ ...options, ...more })];
      const [call, beside] = [caller(one, mechanisms), caller(other, mechanisms)];
      const expected = await inTurn(beside, 6);
      const released: Promise<void>[] = [];
      const jobs = numbers(calls).map((i) => async () => {
        if (i % 4 === 3) released.push(one.release());
        return (i % 2 ? beside : call)(i % 6);
      });
      const got = await together(jobs);
      expect(got).toEqual(numbers(calls).map((i) => expected[i % 6]));
      await Promise.all(released);
      await Promise.all([one.release(), other.release()]);
      expect(one.sessions).toBe(0);
      expect(count.released).toBe(count.made);
    });

    test("calls that fail are rejected alone", async () => {
      const backend = onnx({ ...options, ...more });
      const nonsense = { ...sessionOptions, graphOptimizationLevel: "nonsense" as "all" };
      const refused = caller(onnx({ ...options, sessionOptions: nonsense }), mechanisms);
      const call = caller(backend, mechanisms);
      const expected = await inTurn(call, calls);
      // The runtime refuses the key when the call's turn comes, unless it comes at once.
      const disposed = caller(backend, mechanisms, ({ k }) => k.dispose());
      const told = (act: Promise<Outputs>) => act.catch(() => ["rejected"]);
      const got = await together(
        numbers(calls).map((i) => () => (i % 4 === 1 ? told(refused(i)) : i % 4 === 3 ? told(disposed(i)) : call(i))),
      );
      for (const [i, outputs] of got.entries()) {
        const right = i % 4 === 1 ? [["rejected"]] : i % 4 === 3 ? [["rejected"], expected[i]] : [expected[i]];
        expect(right, `call ${i}`).toContainEqual(outputs);
      }
      expect(got.filter(([first]) => first === "rejected").length).toBeGreaterThan(calls / 4);
      expect(await inTurn(call, calls)).toEqual(expected);
      await backend.release();
    });
  });
}
