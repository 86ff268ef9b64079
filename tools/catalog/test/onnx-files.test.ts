import { mechanisms } from "@attnkit/catalog";
import type { HostBlock } from "@attnkit/core/conformance";
import { type ExportOptions, exportOnnx } from "@attnkit/onnx";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { allowed, block, type DType, dims, errorOf, tensor } from "./onnx-file.ts";

const rows = mechanisms.flatMap(({ create, reference, variants }) =>
  variants.map((options) => [create(options), reference(options)] as const),
);
const start = (file: Uint8Array) =>
  ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
const feeds = (x: HostBlock, dtype: DType) =>
  Object.fromEntries(Object.entries(x).map(([name, host]) => [name, tensor(ort, host, dtype)]));

describe.each(rows.map(([m, r]) => [`${m.name} ${JSON.stringify(m.options)}`, m, r] as const))(
  "%s",
  (_, m, reference) => {
    test.each([
      ["float32", true],
      ["float32", false],
      ["float16", true],
    ] as const)("%s, causal %s: one prefill and one block file for every batch and length", async (dtype, causal) => {
      const common: Omit<ExportOptions, "form"> = { dims, dtype, causal, keyMask: true, chunk: 4 };
      const prefill = await start(exportOnnx(m, { ...common, form: "prefill" }));
      const more = await start(exportOnnx(m, { ...common, form: "block" }));
      for (const [B, L, next] of [
        [1, 1, 6],
        [3, 9, 1],
        [2, 8, 4],
      ] as const) {
        const first = block(B, L, 0, ["keyMask"]);
        const before = await prefill.run(feeds(first, dtype));
        expect(await errorOf(before.y!, reference, { block: first, past: [], causal })).toBeLessThan(allowed[dtype]);
        const past = Object.entries(before).flatMap(([name, x]) =>
          name.startsWith("present.") ? [[name.replace("present", "past"), x] as const] : [],
        );
        const second = block(B, next, L, ["keyMask"]);
        const after = await more.run({ ...feeds(second, dtype), ...Object.fromEntries(past) });
        expect(await errorOf(after.y!, reference, { block: second, past: [first], causal })).toBeLessThan(
          allowed[dtype],
        );
      }
      await prefill.release();
      await more.release();
    });
  },
);
