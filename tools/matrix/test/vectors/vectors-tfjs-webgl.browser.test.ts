/** Golden vectors on the backend that Node lacks: those of `ATTNKIT_VECTORS`, one test per case, or the oracle's. */
import { backends, creator, mechanisms } from "@attnkit/catalog";
import type { Options } from "@attnkit/core";
import { readVectors, runVectors, type VectorCase, type VectorResult } from "@attnkit/core/conformance";
import { describe, expect, inject, test, vi } from "vitest";
import { expected } from "./vector-case.ts";

vi.setConfig({ testTimeout: 180_000 });

const backendEntry = backends.find((b) => b.name === "tfjs-webgl")!;
const { name, create } = backendEntry;
const makers = await Promise.all(
  mechanisms.map(async (entry) => [entry.name, await creator(entry, backendEntry)] as const),
);
const mechanism = (wanted: string, options: Options) => Object.fromEntries(makers)[wanted]?.(options);

async function run(c: VectorCase): Promise<VectorResult> {
  const [result] = await runVectors([c], { backend: await create(), mechanism });
  return result!;
}

const given = inject("vectors").map(({ path, text }) => ({ path, cases: readVectors(JSON.parse(text)) }));

describe.each(given)(`$path on ${name}`, ({ cases }) => {
  test.each(cases)("$name", async (c) => {
    const { status, reason } = await run(c);
    if (status === "unsupported") console.log(`unsupported ${c.name}: ${reason}`);
    expect(status, reason).not.toBe("fail");
  });
});

if (given.length === 0)
  describe(`vectors of the oracle on ${name}`, () => {
    const cases = mechanisms.flatMap((m) => m.variants.map((options) => expected(m.name, options, "float32", 0)));
    test.each(cases)("$name", async (c) => {
      expect(await run(c)).toMatchObject({ status: "pass" });
    });

    test("a wrong number fails, and a case in float64 is unsupported", async () => {
      const { outputs, ...rest } = cases[0]!;
      const data = Float32Array.from(outputs.y!.data);
      data[3]! += 1;
      expect(await run({ ...rest, outputs: { y: { ...outputs.y!, data } } })).toMatchObject({ status: "fail" });
      expect(await run(expected("softmax", {}, "float64", 0))).toMatchObject({ status: "unsupported" });
    });
  });
