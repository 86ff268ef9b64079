import { backends } from "@attnkit/catalog";
import { baselines } from "@attnkit/measure/baselines";
import * as ort from "onnxruntime-node";
import { afterEach, expect, test, vi } from "vitest";

afterEach(() => void vi.restoreAllMocks());

const SIZES = { Hq: 2, Hkv: 2, d: 16, dv: 16 };
const named = (name: string) => backends.find((b) => b.name === name)!;

test.each([1, 2])(
  "%d threads: the sessions of the backend and of every baseline have equal options",
  async (threads) => {
    const create = vi.spyOn(ort.InferenceSession, "create");
    const backend = await named("ort-cpu").create({ threads });
    const x = backend.upload(Float32Array.of(1, 2), [2]);
    const double = backend.compile((o, { x: of }) => ({ y: o.add(of!, of!) }));
    const { y } = await double({ x });
    expect([...(await backend.download(y!))]).toEqual([2, 4]);
    const beside = baselines.filter((b) => b.backend === "ort-cpu");
    for (const entry of beside) await entry.create(SIZES, { threads });
    const options = create.mock.calls.map((args) => args[1] as ort.InferenceSession.SessionOptions);
    expect(options.length).toBeGreaterThan(beside.length);
    for (const { intraOpNumThreads, interOpNumThreads, extra } of options) {
      expect([intraOpNumThreads, interOpNumThreads]).toEqual([threads, 1]);
      expect(extra).toEqual(threads === 1 ? undefined : { session: { intra_op: { allow_spinning: "0" } } });
    }
  },
);

test("WebAssembly has one pool of threads: a second number is refused, not ignored", async () => {
  const entry = named("ort-wasm");
  const backend = await entry.create({ threads: 2 });
  const x = backend.upload(Float32Array.of(1, 2), [2]);
  const { y } = await backend.compile((o, { x: of }) => ({ y: o.add(of!, of!) }))({ x });
  expect([...(await backend.download(y!))]).toEqual([2, 4]);
  await expect(entry.create()).rejects.toThrow(/runs with 2 thread\(s\) in this process; got threads = 1/);
  expect((await import("onnxruntime-web")).env.wasm.numThreads).toBe(2);
});
