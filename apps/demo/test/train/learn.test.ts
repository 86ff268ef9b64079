/** The model learns with every mechanism, the same way for the same seed, and its gradients are those of the loss. */
import { mechanisms } from "@attnkit/catalog";
import { cpu } from "@attnkit/cpu";
import { tfjs } from "@attnkit/tfjs";
import { crossEntropy, oneHotRows } from "@attnkit/train";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { attendOn } from "../../src/train/model/attend.ts";
import { initialise, parameterCount, parameters } from "../../src/train/model/config.ts";
import { batchAt, corpus, heldOutBatch, unigramEntropy } from "../../src/train/model/data.ts";
import { embedded, forward, logits } from "../../src/train/model/forward.ts";
import { trainer, uploaded } from "../../src/train/model/trainer.ts";
import { type Plan, type Point, type Snapshots, startRun } from "../../src/train/run.ts";
import { each, host, small } from "./model.ts";

const text = new TextEncoder().encode("the cat sat on the mat and the dog ate. ".repeat(30));
const plan = (names: readonly string[], steps: number): Plan => ({
  models: mechanisms.filter((m) => names.includes(m.name)).map(small),
  text,
  seed: 7,
  batch: 4,
  steps,
  rate: 2e-2,
});
const run = async (p: Plan, from: Snapshots = {}, backend = host) => {
  const points: Point[] = [];
  const running = await startRun(backend as never, p, from);
  await running.go(new AbortController().signal, { point: (x) => points.push(x), snapshot() {} });
  return { points, running };
};

describe("learning", () => {
  test.each(each)(
    "%s: far below the entropy of single bytes, on text it never saw",
    async (name) => {
      const { points } = await run(plan([name], 80));
      const last = points.at(-1)!;
      expect(points[0]!.loss).toBeCloseTo(Math.log(256), 0);
      expect(last.step).toBe(80);
      expect(last.heldOut).toBeLessThan(0.8 * unigramEntropy(text));
      expect(points.every((p) => p.gradientNorm > 0 && p.attentionNorm > 0 && p.tokensPerSecond > 0)).toBe(true);
    },
    30_000,
  );

  test("two mechanisms see the same windows and start from the same weights; a seed gives the same curve", async () => {
    const curve = (points: readonly Point[], name: string) =>
      points.filter((p) => p.mechanism === name).map((p) => p.loss);
    const alone = (await run(plan(["linear"], 4))).points;
    const { points } = await run(plan(["softmax", "linear"], 4));
    expect(points.map((p) => p.mechanism)).toEqual([
      "softmax",
      "linear",
      "softmax",
      "linear",
      "softmax",
      "linear",
      "softmax",
      "linear",
    ]);
    expect(curve(points, "linear")).toEqual(curve(alone, "linear"));
    expect(curve((await run({ ...plan(["linear"], 4), seed: 8 })).points, "linear")).not.toEqual(
      curve(alone, "linear"),
    );
  });

  test("a run that goes on from a snapshot makes the steps that the first one would have made", async () => {
    const whole = (await run(plan(["logsumexp"], 8))).points;
    const { running } = await run(plan(["logsumexp"], 5));
    const snapshot = await running.trainerOf("logsumexp").snapshot();
    expect(snapshot.step).toBe(5);
    const rest = (await run(plan(["logsumexp"], 8), { logsumexp: snapshot })).points;
    const seen = ({ step, loss, gradientNorm }: Point) => ({ step, loss, gradientNorm });
    expect(rest.map(seen)).toEqual(whole.slice(5).map(seen));
  });

  test("an abort ends the run between two steps, and it can go on", async () => {
    const stop = new AbortController();
    const running = await startRun(host as never, plan(["softmax"], 6), {});
    const steps: number[] = [];
    const listen = (at?: number) => ({
      point(p: Point) {
        steps.push(p.step);
        if (p.step === at) stop.abort();
      },
      snapshot() {},
    });
    await running.go(stop.signal, listen(2));
    expect(steps).toEqual([1, 2]);
    await running.go(new AbortController().signal, listen());
    expect(steps).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("text shorter than two windows is refused with its length", () => {
    expect(() => corpus(text.subarray(0, 33), 16)).toThrow(/33 bytes; a context of 16 needs at least 34/);
    const { training, heldOut } = corpus(text.subarray(0, 34), 16);
    expect([training.length, heldOut.length]).toEqual([17, 17]);
  });
});

describe("gradients", () => {
  test.each(each)("%s: one step moves the loss as differences in float64 say", async (_, entry) => {
    const config = small(entry);
    const backend = cpu({ dtype: "float64" });
    const attend = attendOn(entry.create(config.options), backend as never);
    const batch = batchAt(corpus(text, config.context), 3, 0, 2, config.context);
    const flat = Float64Array.from(initialise(config, 5));
    const lossAt = async (w: Float64Array) => {
      let at = 0;
      const x = Object.fromEntries(
        parameters(config).map(({ name, shape }) => {
          const n = shape.reduce((a, b) => a * b, 1);
          at += n;
          return [name, backend.upload(w.subarray(at - n, at), shape)];
        }),
      );
      const o = backend.ops!;
      const { features } = forward(o, config, attend, x, embedded(o, x, batch.inputs));
      const targets = backend.upload(oneHotRows(batch.targets.flat(), 256), [2, config.context, 256]);
      return (await backend.download(crossEntropy(o, logits(o, x, features), targets)))[0]!;
    };
    // Against the norm that a step reports: along its own direction the gradient's slope is its length.
    const t = trainer(
      host as never,
      entry.create(config.options),
      config,
      { step: 0, weights: Float32Array.from(flat) },
      3e-3,
    );
    const { loss, gradientNorm } = await t.train(batch);
    expect(loss).toBeCloseTo(await lossAt(flat), 5);
    const { moments } = await t.snapshot();
    // After one step the first moment is a tenth of the clipped gradient.
    const direction = Float64Array.from(moments![0], (m) => 10 * m);
    const length = Math.hypot(...direction);
    const h = 1e-4;
    const moved = (by: number) => flat.map((w, i) => w + (by * direction[i]!) / length);
    const slope = ((await lossAt(moved(h))) - (await lossAt(moved(-h)))) / (2 * h);
    expect(slope / gradientNorm).toBeCloseTo(1, 3);
  });
});

describe("on tfjs", () => {
  beforeAll(async () => {
    await tf.setBackend("wasm");
  });

  test.each(["softmax", "linear"])("%s: the same curve as on cpu, and no tensor left behind", async (name) => {
    const p = plan([name], 3);
    const before = tf.memory().numTensors;
    const { points, running } = await run(p, {}, tfjs({ tf }) as never);
    const expected = (await run(p)).points;
    for (const [i, { loss, gradientNorm, attentionNorm }] of points.entries()) {
      expect(loss).toBeCloseTo(expected[i]!.loss, 3);
      expect(gradientNorm / expected[i]!.gradientNorm).toBeCloseTo(1, 2);
      expect(attentionNorm / expected[i]!.attentionNorm).toBeCloseTo(1, 2);
    }
    // The weights as one vector with two moments, which of it decays, and two scalars.
    const held = 3 + 1 + 2;
    expect(tf.memory().numTensors).toBe(before + held);
    running.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

test("weights by name are the flat vector cut in order", async () => {
  const config = small(mechanisms[0]!);
  const flat = Float32Array.from({ length: parameterCount(config) }, (_, i) => i);
  const x = uploaded(host as never, config, flat);
  const parts = await Promise.all(parameters(config).map(({ name }) => host.download(x[name] as never)));
  expect(parts.flatMap((p) => [...p])).toEqual([...flat]);
});

test("the held-out windows lie in the last tenth", () => {
  const data = corpus(text, 16);
  expect(data.training.length + data.heldOut.length).toBe(text.length);
  const { inputs, targets } = heldOutBatch(data, 5, 16);
  expect(inputs).toHaveLength(5);
  expect(inputs[0]).toEqual([...data.heldOut.subarray(0, 16)]);
  expect(targets.at(-1)).toEqual([...data.heldOut.subarray(-16)]);
});
