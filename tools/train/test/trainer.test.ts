/** A training run gives the same losses on every backend, learns, goes on from a snapshot, and says when it diverges. */
import { backends } from "@attnkit/catalog";
import { cpu } from "@attnkit/cpu";
import { constant, type StepReport, trainer } from "@attnkit/train";
import { describe, expect, test } from "vitest";
import { byteBatch, byteModel, mechanisms, tiny } from "./tiny.ts";

const host = cpu() as never;
const ort = await backends.find(({ name }) => name === "ort-cpu")!.create({ threads: 1 });

async function losses(backend: typeof ort, name: string, steps: number): Promise<StepReport[]> {
  const t = trainer(backend, byteModel(mechanisms[name]!));
  const out: StepReport[] = [];
  for (let i = 0; i < steps; i++) out.push(await t.step(byteBatch(tiny, i)));
  t.dispose();
  return out;
}

describe.each(Object.keys(mechanisms))("%s", (name) => {
  test("the same losses and gradient lengths on cpu and on ONNX Runtime", async () => {
    const [a, b] = [await losses(host, name, 6), await losses(ort, name, 6)];
    for (const [i, { loss, gradientNorm, diverged }] of a.entries()) {
      expect(diverged).toBe(false);
      expect(b[i]!.loss).toBeCloseTo(loss, 4);
      expect(b[i]!.gradientNorm / gradientNorm).toBeCloseTo(1, 3);
    }
    expect(a[0]!.loss).toBeCloseTo(Math.log(tiny.classes), 0);
  });

  test("one batch is learned by heart", async () => {
    const t = trainer(ort, { ...byteModel(mechanisms[name]!), schedule: constant(1e-2), decay: 0 });
    let last = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 250; i++) last = (await t.step(byteBatch())).loss;
    expect(last).toBeLessThan(0.05);
    t.dispose();
  });
});
