import { AttentionError, type Mechanism, type Options } from "@attnkit/core";
import { isPositiveInteger, knownOptions, requireOption } from "@attnkit/core/program";
import { everyLayer } from "./base.ts";
import type { MultiHeadAttentionArgs } from "./public.ts";
import type { Config, Given, MechanismEntry, Scores } from "./types.ts";

/** The arguments of a layer, checked and with defaults. */
export interface Setup {
  readonly mechanism: Mechanism;
  readonly scores: Scores | undefined;
  readonly numHeads: number;
  readonly numKvHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  /** Undefined: as many channels as the query. */
  readonly outputShape: number | undefined;
  readonly useCausalMask: boolean;
  readonly useBias: boolean;
  readonly dropout: number;
  readonly dropoutOn: "weights" | "output";
  readonly returnAttentionScores: boolean;
  readonly useInputMask: boolean;
  /** Undefined: rank, type and shape decide. */
  readonly lastIsMask: boolean | undefined;
  readonly kernels: "prefer" | "require" | "never";
}

export const who = "MultiHeadAttention";

const own = [
  ...["mechanism", "mechanismOptions", "numHeads", "numKvHeads", "keyDim", "valueDim", "outputShape", "useCausalMask"],
  ...["useBias", "dropout", "dropoutOn", "returnAttentionScores", "useInputMask", "lastIsMask"],
  "kernels",
];
const weights = ["kernel", "bias"].flatMap((x) => [`${x}Initializer`, `${x}Regularizer`]);
const constraints = ["kernelConstraint", "biasConstraint"];

/**
 * Checks the arguments of a layer and adds defaults. Throws `ATTN_OPTION`, and `ATTN_UNSUPPORTED` if weights are asked
 * for and the mechanism has no `scores`, or if a constraint is given.
 */
export function resolve(args: MultiHeadAttentionArgs, { mechanisms = {} }: Given): Setup {
  // tf.layers writes an absent value as null.
  const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value != null)) as typeof args;
  knownOptions(who, given, [...own, ...weights, ...constraints, ...everyLayer]);
  for (const name of constraints)
    if (name in given)
      throw new AttentionError(
        "ATTN_UNSUPPORTED",
        who,
        `tf.layers applies constraints to weights that are set, but not to the steps of fit; got ${name}, expected none: use a regularizer, or set the weights after each step`,
      );
  const mechanism = mechanismOf(given, mechanisms);
  const { numHeads, keyDim, numKvHeads = numHeads, valueDim = keyDim, outputShape, dropout = 0 } = given;
  const sizes = { numHeads, numKvHeads, keyDim, valueDim, ...(outputShape !== undefined && { outputShape }) };
  for (const [name, n] of Object.entries(sizes)) requireOption(isPositiveInteger(n), who, name, n, "an integer >= 1");
  const even = numHeads % numKvHeads === 0;
  requireOption(even, who, "numKvHeads", numKvHeads, `a divisor of numHeads, which is ${numHeads}`);
  const {
    useCausalMask = false,
    useBias = true,
    returnAttentionScores = false,
    useInputMask = true,
    lastIsMask,
  } = given;
  for (const [name, x] of Object.entries({ useCausalMask, useBias, returnAttentionScores, useInputMask }))
    requireOption(typeof x === "boolean", who, name, x, "true or false");
  const told = lastIsMask === undefined || typeof lastIsMask === "boolean";
  requireOption(told, who, "lastIsMask", lastIsMask, "true, false or undefined");
  const rate = typeof dropout === "number" && dropout >= 0 && dropout < 1;
  requireOption(rate, who, "dropout", dropout, "a number >= 0 and < 1");
  const { dropoutOn = "weights", kernels = "prefer" } = given;
  requireOption(["weights", "output"].includes(dropoutOn), who, "dropoutOn", dropoutOn, '"weights" or "output"');
  const modes = ["prefer", "require", "never"];
  requireOption(modes.includes(kernels), who, "kernels", kernels, '"prefer", "require" or "never"');
  const scores = entryOf(mechanisms, mechanism.name)?.scores;
  const without = (what: string): never => {
    throw new AttentionError(
      "ATTN_UNSUPPORTED",
      who,
      `${what} the weights of ${mechanism.name}; got no scores for it, expected mechanisms: { ${mechanism.name}: { create, scores } } in attentionLayers, if the mechanism has scores`,
    );
  };
  if (!scores && returnAttentionScores) without("returnAttentionScores needs");
  if (!scores && dropout > 0 && dropoutOn === "weights") without('dropout with dropoutOn: "weights" needs');
  return {
    ...{ mechanism, scores, numHeads, numKvHeads, keyDim, valueDim, outputShape, useCausalMask, useBias },
    ...{ dropout, dropoutOn, returnAttentionScores, useInputMask, lastIsMask, kernels },
  };
}

/**
 * Returns the arguments as plain data. `resolve` makes the same setup from it if the mechanism is registered by its
 * name.
 */
export function configOf({ mechanism, scores, ...rest }: Setup): Config {
  const plain = Object.entries(mechanism.options).filter(([, value]) => value !== undefined);
  const config = { ...rest, outputShape: rest.outputShape ?? null, lastIsMask: rest.lastIsMask ?? null };
  return { ...config, mechanism: mechanism.name, mechanismOptions: Object.fromEntries(plain) as Config };
}

function mechanismOf(
  { mechanism, mechanismOptions }: MultiHeadAttentionArgs,
  mechanisms: NonNullable<Given["mechanisms"]>,
): Mechanism {
  if (typeof mechanism === "object") {
    const valid = typeof mechanism.forward === "function" && typeof mechanism.name === "string";
    requireOption(valid, who, "mechanism", mechanism, "a mechanism such as linear(), or the name of one");
    const alone = mechanismOptions === undefined;
    requireOption(alone, who, "mechanismOptions", mechanismOptions, "none: the mechanism is given by value");
    return mechanism;
  }
  const entry = entryOf(mechanisms, mechanism);
  const names = Object.keys(mechanisms).join(", ") || "none: pass mechanisms: { linear } to attentionLayers";
  requireOption(entry !== undefined, who, "mechanism", mechanism, `a mechanism, or the name of one of ${names}`);
  return (entry as MechanismEntry).create(mechanismOptions as Options | undefined);
}

function entryOf(mechanisms: NonNullable<Given["mechanisms"]>, name: string): MechanismEntry | undefined {
  const entry = Object.hasOwn(mechanisms, name) ? mechanisms[name] : undefined;
  return typeof entry === "function" ? { create: entry } : entry;
}
