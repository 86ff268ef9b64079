import { expect, test } from "vitest";
import { softmaxRow, wave } from "./processes/formulas.ts";

test("worker: web-worker.js answers like the formula, keeps the state, and names what is wrong", async () => {
  const worker = new Worker(new URL("../worker/web-worker.js", import.meta.url), { type: "module" });
  const ask = (message: object, transfer: Transferable[] = []) =>
    new Promise<{ y?: Float32Array; error?: string }>((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(message, transfer);
    });
  const [q, k, v] = [1, 2, 3].map((speed) => wave(speed, 0, 20, 8)) as [number[][], number[][], number[][]];
  const block = (from: number, to: number) => {
    const [a, b, c] = [q, k, v].map((x) => Float32Array.from(x.slice(from, to).flat())) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    return { id: from, session: "s", shape: [1, to - from, 8], q: a, k: b, v: c };
  };
  for (const [from, to] of [
    [0, 19],
    [19, 20],
  ] as const) {
    const message = block(from, to);
    const reply = ask(message, [message.q.buffer, message.k.buffer, message.v.buffer] as ArrayBuffer[]);
    expect(message.q.byteLength).toBe(0);
    const { y } = await reply;
    const right = softmaxRow(q[to - 1]!, k.slice(0, to), v);
    for (const [c, x] of right.entries()) expect(y!.at(c - 8)).toBeCloseTo(x, 4);
  }
  expect((await ask({ ...block(0, 2), shape: [1, 3, 8] })).error).toContain(
    "got 16 values for the shape [1, 3, 8], expected 24",
  );
  worker.terminate();
});
