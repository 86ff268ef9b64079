/** Calls as JavaScript may make them, and how they are refused. */
import type * as tf from "@tensorflow/tfjs-core";
import type * as tfl from "@tensorflow/tfjs-layers";
import { expect } from "vitest";

export const apply = (layer: { apply: tfl.layers.Layer["apply"] }, inputs: unknown, kwargs?: object): tf.Tensor =>
  layer.apply(inputs as tf.Tensor, kwargs as never) as tf.Tensor;

/** The call throws an `AttentionError` that says what was got and what was expected, and each of `says`. */
export const refused = (call: () => unknown, wanted: string, ...says: string[]): void => {
  try {
    call();
  } catch (error) {
    const { name, code, message } = error as { name: string; code: string; message: string };
    expect({ name, code }, message).toEqual({ name: "AttentionError", code: wanted });
    for (const text of [code === "ATTN_OPTION" ? "option" : "got", "expected", ...says])
      expect(message).toContain(text);
    return;
  }
  throw new Error("the call was not refused");
};
