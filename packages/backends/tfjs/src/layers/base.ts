import { isPositiveInteger, requireOption } from "@attnkit/core/program";
import type { LayerArgs } from "./types.ts";

/** The arguments that tf.layers accepts for every layer, and the entries that it adds to a saved configuration. */
export const everyLayer: readonly string[] = [
  ...["name", "trainable", "inputShape", "batchInputShape", "batchSize", "dtype", "inputDType", "inputDtype"],
  ...["weights", "customObjects"],
];

type Base = LayerArgs & { readonly inputDtype?: LayerArgs["inputDType"]; readonly customObjects?: unknown };

/**
 * Checks the arguments of tf.layers' own `Layer`, which ignores invalid ones.
 *
 * @param axes Names of the first input's axes after the batch. The size of an axis named "channels" must be known.
 * @returns The arguments for `super`, without absent ones.
 * @throws `ATTN_OPTION` if an argument is invalid.
 */
export function baseArgs(who: string, args: object, axes: readonly string[]): LayerArgs {
  requireOption(typeof args === "object" && args !== null, who, "arguments", args, "an object of arguments");
  const given = Object.entries(args).filter(([name, value]) => everyLayer.includes(name) && value != null);
  const { inputDtype, customObjects, ...base } = Object.fromEntries(given) as Base;
  const check = (ok: boolean, name: keyof Base, expected: string) =>
    requireOption(ok, who, name, args[name as never], expected);
  const { name, trainable, inputShape, batchInputShape, batchSize, weights } = base;
  check(name === undefined || (typeof name === "string" && name !== ""), "name", "a non-empty string");
  check(trainable === undefined || typeof trainable === "boolean", "trainable", "true or false");
  const classes = customObjects === undefined || typeof customObjects === "object";
  check(
    classes,
    "customObjects",
    "an object of classes, as tf.layers adds to the configuration of a layer that it loads",
  );
  check(weights === undefined || Array.isArray(weights), "weights", "a list of tensors");
  const sizes = (shape: unknown, names: readonly string[]) =>
    shape === undefined ||
    (Array.isArray(shape) &&
      shape.length === names.length &&
      shape.every((n, i) => (n === null ? names[i] !== "channels" : isPositiveInteger(n))));
  const unknown = axes.includes("channels")
    ? "; L may be null if it is not known, channels must be a number"
    : "; null if a size is not known";
  check(sizes(inputShape, axes), "inputShape", `[${axes.join(", ")}]${unknown}`);
  check(sizes(batchInputShape, ["B", ...axes]), "batchInputShape", `[B, ${axes.join(", ")}]${unknown}`);
  const agree = !inputShape || !batchInputShape || inputShape.join() === batchInputShape.slice(1).join();
  check(
    agree,
    "inputShape",
    `that of batchInputShape, which is [${batchInputShape?.map((n) => n ?? "null").join(", ")}]`,
  );
  check(batchSize === undefined || isPositiveInteger(batchSize), "batchSize", "an integer >= 1");
  const used =
    batchSize === undefined || (batchInputShape ? batchInputShape[0] === batchSize : inputShape !== undefined);
  check(
    used,
    "batchSize",
    "undefined, unless inputShape is given: only the first layer of a model has a batch size, and batchInputShape contains it",
  );
  const first = inputShape !== undefined || batchInputShape !== undefined;
  const types = [base.dtype, base.inputDType, inputDtype].filter((dtype) => dtype !== undefined);
  for (const dtype of types) {
    const known = ["float32", "int32"].includes(dtype) && dtype === types[0];
    requireOption(known, who, "dtype", types.length > 1 ? types : dtype, 'one type of the input, "float32" or "int32"');
    const takes = first || dtype === "float32";
    requireOption(
      takes,
      who,
      "dtype",
      dtype,
      '"float32", the type of the computation. Only with inputShape, dtype is the type of the input',
    );
  }
  return { ...base, ...(types.length > 0 && { dtype: types[0] as NonNullable<LayerArgs["dtype"]> }) };
}
