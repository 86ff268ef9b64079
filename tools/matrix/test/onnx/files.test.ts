import { creator, mechanisms } from "@attnkit/catalog";
import { isAttentionError, type Mechanism } from "@attnkit/core";
import type { Host, HostBlock } from "@attnkit/core/conformance";
import type { Reference } from "@attnkit/core/program";
import { checkOnnx, type ExportOptions, exportOnnx, fusedKernels } from "@attnkit/onnx";
import { f16round } from "@petamoriken/float16";
import * as ort from "onnxruntime-node";
import { describe, expect, test, vi } from "vitest";
import { allowed, block, type DType, dims, errorOf, numbers, tensor } from "./file.ts";

// Sessions on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const rows = mechanisms.flatMap(({ create, reference, variants }) =>
  variants.map((options) => [create(options), reference(options)] as const),
);
const start = (file: Uint8Array) =>
  ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
const feeds = (x: HostBlock, dtype: DType) =>
  Object.fromEntries(Object.entries(x).map(([name, host]) => [name, tensor(ort, host, dtype)]));

/** Prefill and, from its state, a block, each from one file for every batch and length, beside the reference. */
async function continued(
  m: Mechanism,
  reference: Reference,
  common: Omit<ExportOptions, "form" | "dtype"> & { readonly dtype?: DType },
  sizes: readonly (readonly [batch: number, length: number, next: number])[],
): Promise<void> {
  const { causal = false, dtype = "float32" } = common;
  const prefill = await start(exportOnnx(m, { ...common, form: "prefill" }));
  const more = await start(exportOnnx(m, { ...common, form: "block" }));
  const also = common.keyMask ? (["keyMask"] as const) : [];
  for (const [B, L, next] of sizes) {
    const first = block(B, L, 0, also);
    const before = await prefill.run(feeds(first, dtype));
    expect(await errorOf(before.y!, reference, { block: first, past: [], causal })).toBeLessThan(allowed[dtype]);
    const past = Object.entries(before).flatMap(([name, x]) =>
      name.startsWith("present.") ? [[name.replace("present", "past"), x] as const] : [],
    );
    const second = block(B, next, L, also);
    const after = await more.run({ ...feeds(second, dtype), ...Object.fromEntries(past) });
    expect(await errorOf(after.y!, reference, { block: second, past: [first], causal })).toBeLessThan(allowed[dtype]);
  }
  await prefill.release();
  await more.release();
}

describe.each(rows.map(([m, r]) => [`${m.name} ${JSON.stringify(m.options)}`, m, r] as const))(
  "%s",
  (_, m, reference) => {
    test.each([
      ["float32", true],
      ["float32", false],
      ["float16", true],
    ] as const)("%s, causal %s: one prefill and one block file for every batch and length", async (dtype, causal) => {
      await continued(m, reference, { dims, dtype, causal, keyMask: true, chunk: 4 }, [
        [1, 1, 6],
        [3, 9, 1],
        [2, 8, 4],
      ]);
    });
  },
);

describe("exported files", () => {
  const softmax = mechanisms.find((m) => m.name === "softmax")!;
  const forms = ["prefill", "block", "decode"] as const;

  test.each(rows.map(([m]) => [`${m.name} ${JSON.stringify(m.options)}`, m] as const))(
    "%s: valid by ONNX's rules in every form, type and opset, and the same bytes each time",
    (_, m) => {
      for (const form of forms) {
        for (const [i, dtype] of (["float16", "float32", "float64"] as const).entries()) {
          for (const opset of [18 + i, 21 + i, 23 + i]) {
            const options = { form, dims, dtype, opset, causal: i !== 1, keyMask: i === 2, lse: m.takes.lse === true };
            const file = exportOnnx(m, options);
            const { inputs, outputs, metadata, opsets } = checkOnnx(file);
            expect(opsets).toEqual({ "ai.onnx": opset });
            expect(metadata).toMatchObject({ mechanism: m.name, options: JSON.stringify(m.options), form, dtype });
            expect(inputs.q).toEqual(["batch", "4", form === "decode" ? "1" : "length", "4"]);
            expect(Object.keys(outputs)[0]).toBe("y");
            const states = (prefix: string, x: object) =>
              Object.keys(x).flatMap((n) => (n.startsWith(prefix) ? [n.slice(prefix.length)] : []));
            if (form !== "prefill") expect(states("past.", inputs).sort()).toEqual(states("present.", outputs).sort());
            expect(Buffer.compare(file, exportOnnx(m, { ...options }))).toBe(0);
          }
        }
      }
    },
  );

  test.each([
    ["float32", "per-head"],
    ["float16", true],
  ] as const)("masks and bias go in as %s inputs, %s, over past keys too", async (dtype, shape) => {
    const [m, reference] = [softmax.create({}), softmax.reference({})];
    const also = ["mask", "bias", "keyMask"] as const;
    const options = { dims, dtype, mask: shape, bias: shape, keyMask: true, causal: true };
    const prefill = await start(exportOnnx(m, { ...options, form: "prefill" }));
    const decode = await start(exportOnnx(m, { ...options, form: "decode" }));
    const wide = (x: HostBlock): HostBlock => ({
      ...x,
      ...Object.fromEntries(["mask", "bias"].map((n) => [n, overHeads(x[n as "mask"]!, shape === true ? 1 : dims.Hq)])),
    });
    const first = wide(block(2, 7, 0, also));
    const before = await prefill.run(feeds(first, dtype));
    expect(await errorOf(before.y!, reference, { block: first, past: [], causal: true })).toBeLessThan(allowed[dtype]);
    const next = wide(block(2, 1, 7, also));
    const past = {
      "past.k": before["present.k"]!,
      "past.v": before["present.v"]!,
      "past.keep": before["present.keep"]!,
    };
    const after = await decode.run({ ...feeds(next, dtype), ...past });
    expect(await errorOf(after.y!, reference, { block: next, past: [first], causal: true })).toBeLessThan(
      allowed[dtype],
    );
  });

  test("float16: products and sums beyond its range stay finite and right", async () => {
    const scaled = (x: HostBlock, by: number): HostBlock => ({
      ...x,
      ...Object.fromEntries(["q", "k"].map((n) => [n, grown(x[n as "q"], by)])),
    });
    const exact = await start(exportOnnx(softmax.create({}), { form: "prefill", dims, dtype: "float16" }));
    const far = scaled(block(1, 6, 0), 400); // q.k up to about a million
    const { y } = await exact.run(feeds(far, "float16"));
    expect(await errorOf(y!, softmax.reference({}), { block: far, past: [], causal: false })).toBeLessThan(
      allowed.float16,
    );

    const linear = mechanisms.find((m) => m.name === "linear")!;
    const sums = await start(exportOnnx(linear.create({}), { form: "prefill", dims, dtype: "float16", causal: true }));
    const tokens = block(1, 400, 0);
    const long = { ...tokens, k: grown(tokens.k, 300, Math.abs) }; // sums of features beyond 65504
    const got = await sums.run(feeds(long, "float16"));
    expect(Math.max(...(await numbers(got["present.z"]!)))).toBeGreaterThan(65504);
    expect(await errorOf(got.y!, linear.reference({}), { block: long, past: [], causal: true })).toBeLessThan(
      allowed.float16,
    );
  });

  test("fused programs give the same, and are refused where they do not apply", async () => {
    let count = 0;
    for (const entry of mechanisms) {
      const m = (await creator(entry, { kind: "onnx" }))(entry.variants[0]);
      const reference = entry.reference(entry.variants[0]);
      const options = { form: "prefill", dims: { ...dims, L: 150 }, causal: true, fused: true } as const;
      if (fusedKernels(m).length === 0) {
        expect(() => exportOnnx(m, options)).toThrow(/no fused program/);
        continue;
      }
      count++;
      const file = exportOnnx(m, options);
      expect(checkOnnx(file).metadata.fused).toBe(fusedKernels(m)[0]!.name);
      expect(Buffer.compare(file, exportOnnx(m, { ...options, fused: false }))).not.toBe(0);
      const session = await start(file);
      const x = block(2, 150, 0);
      const { y } = await session.run(feeds(x, "float32"));
      expect(await errorOf(y!, reference, { block: x, past: [], causal: true })).toBeLessThan(allowed.float32);
      await session.release();
      const any = { ...options, dims, keyMask: m.name !== "softmax" } as const;
      if (m.name !== "softmax") {
        await continued(m, reference, any, [
          [2, 70, 200],
          [1, 64, 9],
        ]);
        continue;
      }
      expect(() => exportOnnx(m, { ...options, dims })).toThrow(/splits the block by length/);
      const why = thrown(() => exportOnnx(m, { ...options, keyMask: true }));
      expect(isAttentionError(why, "ATTN_NO_KERNEL"), String(why)).toBe(true);
      expect(String(why)).toMatch(/keyMask: /);
    }
    expect(count).toBeGreaterThan(1);
  });

  test("the runtime for the web gives the same", async () => {
    const web = await import("onnxruntime-web");
    web.env.wasm.numThreads = 1;
    for (const [m, reference] of rows.filter(([{ name }], i) => rows.findIndex(([r]) => r.name === name) === i)) {
      for (const dtype of ["float32", "float16"] as const) {
        const file = exportOnnx(m, { form: "prefill", dims, dtype, causal: true, chunk: 4 });
        const session = await web.InferenceSession.create(file, { executionProviders: ["wasm"] });
        const x = block(2, 9, 0);
        const inputs = Object.entries(x).map(([name, host]) => [name, tensor(web, host, dtype)]);
        const { y } = await session.run(Object.fromEntries(inputs));
        expect(await errorOf(y!, reference, { block: x, past: [], causal: true })).toBeLessThan(allowed[dtype]);
        await session.release();
      }
    }
  });
});

function thrown(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

const overHeads = ({ shape: [B, , L, T], data }: Host, heads: number): Host => {
  const all = data instanceof Uint8Array ? new Uint8Array(data.length * heads) : new Float64Array(data.length * heads);
  const each = L! * T!;
  for (let b = 0; b < B!; b++)
    for (let h = 0; h < heads; h++) all.set(data.subarray(b * each, (b + 1) * each), (b * heads + h) * each);
  return { shape: [B!, heads, L!, T!], data: all };
};

/** Multiplied by a number, and rounded to what float16 holds. */
const grown = ({ shape, data }: Host, by: number, also = (x: number) => x): Host => ({
  shape,
  data: Float64Array.from(data, (x) => f16round(also(x) * by)),
});
