/** Generation through the state is the model itself; weight files and ONNX exports hold what was trained. */
import { attention } from "@attnkit/core";
import { readSafetensors, writeSafetensors } from "@attnkit/measure/safetensors";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { exportLayer } from "../../src/train/files/onnx.ts";
import { readModel, writeModel } from "../../src/train/files/weights.ts";
import { attendOn } from "../../src/train/model/attend.ts";
import { layerMechanism } from "../../src/train/model/attention.ts";
import { initialise, parameters } from "../../src/train/model/config.ts";
import { embedded, forward, lastLogits } from "../../src/train/model/forward.ts";
import { generate, sample, stepper } from "../../src/train/model/generate.ts";
import { uploaded } from "../../src/train/model/trainer.ts";
import { each, host, small } from "./model.ts";

const bytes = [...new TextEncoder().encode("The light stood at the end.")];

describe.each(each)("%s", (_, entry) => {
  const config = { ...small(entry), layers: 2 };
  const mechanism = entry.create(config.options);
  const flat = initialise(config, 11);
  const weights = uploaded(host as never, config, flat);

  test("token by token from the state, every row is that of the whole text at once", async () => {
    const attend = attendOn(mechanism, host as never);
    const steps = stepper(host as never, mechanism, config, weights);
    await steps.next(bytes.slice(0, 9));
    for (let t = 9; t < bytes.length; t++) {
      const logits = await steps.next([bytes[t]!]);
      const rows = embedded(host.ops!, weights as never, [bytes.slice(0, t + 1)]);
      const { features } = forward(host.ops!, config, attend, weights as never, rows);
      const whole = await host.download(lastLogits(host.ops!, weights as never, features));
      for (const [i, x] of logits.entries()) expect(x).toBeCloseTo(whole[i]!, 4);
    }
  });

  test("the state keeps its size, unless it is a cache of keys", async () => {
    const sizes: number[] = [];
    const prompt = Uint8Array.from(bytes);
    for await (const x of generate(host as never, mechanism, config, weights, prompt, {
      temperature: 1,
      length: 5,
      seed: 1,
    })) {
      expect(x.seen).toBe(bytes.length + sizes.length);
      sizes.push(x.stateBytes);
    }
    const grows = Object.values(mechanism.state({ B: 1, Hq: 2, Hkv: 2, L: 1, S: 1, d: 8, dv: 8 })).some((e) =>
      e.shape.includes("P"),
    );
    // Two layers of keys and values of 16 channels, 4 bytes each; and one row of the layer's input.
    const perToken = 2 * 2 * 16 * 4;
    if (grows) expect(sizes).toEqual(sizes.map((_, i) => (bytes.length + i) * perToken + 2 * 16 * 4));
    else expect(new Set(sizes).size).toBe(1);
  });

  test("a weight file gives back the same model", () => {
    const file = writeModel({ config, step: 42, weights: flat });
    expect(readModel("model.safetensors", file)).toEqual({ config, step: 42, weights: flat });
    const names = [...readSafetensors("model.safetensors", file).keys()].sort();
    expect(names).toEqual(
      parameters(config)
        .map((p) => p.name)
        .sort(),
    );
  });

  test("its exported layer computes in ONNX Runtime what it computes here", async () => {
    const model = { config, step: 0, weights: flat };
    let at = 0;
    const own = Object.fromEntries(
      parameters(config).flatMap(({ name, shape }) => {
        const data = flat.slice(at, at + shape.reduce((a, b) => a * b, 1));
        at += data.length;
        const prefix = "blocks.1.attention.";
        return name.startsWith(prefix) ? [[name.slice(prefix.length), { data, shape }]] : [];
      }),
    );
    const layer = attention(layerMechanism(mechanism, config, 1, own), host, { causal: true });
    const rows = (n: number, seed: number) => Float32Array.from({ length: n * 16 }, (_, i) => Math.sin(seed + i));
    const block = (n: number, seed: number) => ({ q: rows(n, seed), k: rows(n, seed + 1), v: rows(n, seed + 2) });
    const onHost = (x: ReturnType<typeof block>, n: number) => {
      const up = (data: Float32Array) => host.upload(data, [1, 1, n, 16]);
      return { q: up(x.q), k: up(x.k), v: up(x.v) };
    };
    const onOrt = (x: ReturnType<typeof block>, n: number) =>
      Object.fromEntries(
        Object.entries(x).map(([name, data]) => [name, new ort.Tensor("float32", data, [1, 1, n, 16])]),
      );
    const close = async (got: ort.Tensor, y: unknown) => {
      const expected = await host.download(y as never);
      expect(got.data).toHaveLength(expected.length);
      for (const [i, v] of (got.data as Float32Array).entries()) expect(v).toBeCloseTo(expected[i]!, 4);
    };
    const prompt = block(16, 1);
    const first = await layer(onHost(prompt, 16));
    const prefill = await ort.InferenceSession.create(exportLayer(mechanism, model, 1, "prefill"));
    const out = await prefill.run(onOrt(prompt, 16));
    await close(out.y!, first.y);

    const token = block(1, 5);
    const second = await layer({ ...onHost(token, 1), state: first.state });
    const decode = await ort.InferenceSession.create(exportLayer(mechanism, model, 1, "decode"));
    const past = Object.entries(out).flatMap(([n, t]) =>
      n.startsWith("present.") ? [[n.replace("present", "past"), t]] : [],
    );
    await close((await decode.run({ ...onOrt(token, 1), ...Object.fromEntries(past) })).y!, second.y);
  });
});

test("a temperature of 0 takes the likeliest byte, 1 follows the distribution", () => {
  const logits = Float32Array.of(0, Math.log(3), Math.log(6));
  expect(sample(logits, 0, 0.999)).toBe(2);
  expect([0, 0.09, 0.11, 0.39, 0.41, 0.999].map((at) => sample(logits, 1, at))).toEqual([0, 0, 1, 1, 2, 2]);
});

test.each([
  ["another program's weights", writeSafetensors(new Map()), /names the format null; expected "attnkit-demo\/1"/],
  ["no safetensors file", new TextEncoder().encode("hello, world"), /not a valid safetensors file/],
  [
    "sizes that no model has",
    writeSafetensors(new Map(), {
      format: "attnkit-demo/1",
      mechanism: "softmax",
      options: "{}",
      sizes: '{"layers":0}',
      step: "1",
    }),
    /layers is 0; expected a whole number from 1 to 12/,
  ],
  [
    "tensors missing",
    writeSafetensors(new Map(), {
      format: "attnkit-demo/1",
      mechanism: "softmax",
      options: "{}",
      sizes: '{"layers":1,"heads":1,"width":4,"context":2}',
      step: "1",
    }),
    /has no tensor embedding/,
  ],
])("a file with %s is refused with the reason", (_, file, message) => {
  expect(() => readModel("x.safetensors", file)).toThrow(message);
});
