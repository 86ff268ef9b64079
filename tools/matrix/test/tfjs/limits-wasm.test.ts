import { backends } from "@attnkit/catalog";
import type { TfjsBackend } from "@attnkit/tfjs";
import { expect, test } from "vitest";

/** Lengths around the vectors of four and more numbers that WebAssembly kernels work in. */
const lengths = [1, 3, 4, 7, 16, 33, 64];

test.each(lengths)("limits keep NaN at every place of %d numbers, and everything else exact", async (n) => {
  const backend = (await backends.find(({ name }) => name === "tfjs-wasm")!.create()) as unknown as TfjsBackend;
  for (let at = 0; at < n; at++) {
    const special = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38, -3e38, 1e-40, 0];
    const data = Float32Array.from({ length: n }, (_, i) => (i === at ? Number.NaN : special[i % special.length]!));
    const x = backend.upload(data, [n]);
    for (const op of ["maximum", "minimum"] as const) {
      for (const limit of [-2, 0.5, 1e30]) {
        const y = backend.ops[op](x, limit);
        const got = await backend.download(y);
        const expected = Float32Array.from(data, (v) => (op === "maximum" ? Math.max(v, limit) : Math.min(v, limit)));
        expect(got, `${op} ${limit}, NaN at ${at}`).toEqual(expected);
        backend.free(y);
      }
    }
    backend.free(x);
  }
});

test("a batched product is the same one by one, and NaN stays in its own matrix", async () => {
  const backend = (await backends.find(({ name }) => name === "tfjs-wasm")!.create()) as unknown as TfjsBackend;
  const [batch, m, k, n] = [3, 32, 33, 35]; // above the size from which matrices are multiplied alone
  const a = Float32Array.from({ length: batch * m * k }, (_, i) => Math.sin(i));
  const b = Float32Array.from({ length: batch * k * n }, (_, i) => Math.cos(i));
  a[m * k] = Number.NaN; // row 0 of matrix 1
  const y = await backend.download(
    backend.ops.matmul(backend.upload(a, [batch, m, k]), backend.upload(b, [batch, k, n])),
  );
  for (let i = 0; i < batch * m; i++) {
    for (let j = 0; j < n; j++) {
      let expected = 0;
      for (let c = 0; c < k; c++) expected += a[i * k + c]! * b[(Math.floor(i / m) * k + c) * n + j]!;
      if (i === m) expect(y[i * n + j]).toBeNaN();
      else expect(Math.abs(y[i * n + j]! - expected)).toBeLessThan(1e-4);
    }
  }
});
