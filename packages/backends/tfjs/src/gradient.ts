import { AttentionError, type Tensors } from "@attnkit/core";
import { equalShapes, type GradientRules, gradientRules, type Program, unbroadcast } from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import type { Tensor, Tf } from "./tf.ts";
import { onWebgl } from "./webgl.ts";

/**
 * Registers core's gradient rules on tfjs's own tape, for operations `raw`.
 * tfjs's rules cannot be used. Those of `maximum`, `minimum`, batched `matMul` and `cumsum` have wrong shapes or axes.
 * That of `where` lets NaN through. Most need an import that plain Node cannot load. If no tape is active, the
 * operations run unchanged.
 */
export function differentiable(tf: Tf, raw: EagerOps<Tensor>): EagerOps<Tensor> {
  type Op = Exclude<keyof EagerOps<Tensor>, "dtype" | "shape" | "constant" | "store">;
  type Args = readonly unknown[];
  const isTensor = (x: unknown): x is Tensor => x instanceof tf.Tensor;
  const tensorsOf = (x: unknown): Tensor[] => (isTensor(x) ? [x] : Array.isArray(x) ? x.flatMap(tensorsOf) : []);

  const op = <K extends Op>(name: K, operandsOf: (args: Args) => Args): EagerOps<Tensor>[K] => {
    const run = raw[name] as (...args: Args) => Tensor;
    const rule = (y: Tensor, args: Args) =>
      (rules[name] as (y: Tensor, ...args: Args) => readonly ((g: Tensor) => Tensor)[])(y, ...args);
    const taped = (...args: Args): Tensor => {
      onWebgl(tf); // throws on devices without float32
      if (tf.engine().state.gradientDepth === 0) return run(...args);
      const operands = operandsOf(args);
      const wanted = [...operands.keys()].filter((i) => tensorsOf(operands[i]).some((x) => x.dtype === "float32"));
      const inputs = wanted.map((i) => operands[i] as Tensor);
      return tf.customGrad((...given) => {
        const value = run(...args);
        (given.at(-1) as unknown as (kept: Tensor[]) => void)([value, ...tensorsOf(args)]);
        const gradFunc = (g: Tensor, [y, ...kept]: Tensor[]): Tensor[] => {
          const restored = (x: unknown): unknown =>
            isTensor(x) ? kept.shift() : Array.isArray(x) && x.some(isTensor) ? x.map(restored) : x;
          const pulls = rule(y as Tensor, args.map(restored));
          // tfjs disposes of gradients that it adds up. `g` itself must not be among them, so reshape makes a new
          // tensor.
          return wanted.map((i, n) => {
            const { shape } = inputs[n] as Tensor;
            return o.reshape(unbroadcast(o, (pulls[i] as (g: Tensor) => Tensor)(g), shape), shape);
          });
        };
        return { value, gradFunc };
      })(...inputs);
    };
    return taped as EagerOps<Tensor>[K];
  };

  const first = (args: Args) => args.slice(0, 1);
  const two = (args: Args) => args.slice(0, 2);
  const o: EagerOps<Tensor> = {
    dtype: raw.dtype,
    shape: raw.shape,
    constant: raw.constant,
    reshape: op("reshape", first),
    transpose: op("transpose", first),
    slice: op("slice", first),
    concat: op("concat", ([xs]) => xs as Args),
    take: op("take", first),
    add: op("add", two),
    sub: op("sub", two),
    mul: op("mul", two),
    div: op("div", two),
    maximum: op("maximum", two),
    minimum: op("minimum", two),
    where: op("where", ([, a, b]) => [a, b]),
    exp: op("exp", first),
    log: op("log", first),
    tanh: op("tanh", first),
    sum: op("sum", first),
    max: op("max", first),
    cumsum: op("cumsum", first),
    matmul: op("matmul", two),
  };
  const zeros = (shape: readonly number[]) => tf.zeros([...shape]);
  const rules: GradientRules<Tensor, number> = {
    ...gradientRules(o),
    // Core's rules work on every backend. On tfjs, these two need fewer launches.
    sum: (_, x) => [(g) => o.mul(g, tf.ones(x.shape))],
    slice: (_, x, axis, start, end) => [
      (g) => {
        const size = x.shape.at(axis) as number;
        const at = axis < 0 ? axis + x.rank : axis;
        const none = (n: number) => (n > 0 ? [zeros(x.shape.with(at, n))] : []);
        return o.concat([...none(start), g, ...none(size - end)], axis);
      },
    ],
  };
  return o;
}

/** Computes `Backend.vjp` with tfjs's tape. Throws `ATTN_SHAPE` if a name is unknown or a seed has the wrong shape. */
export function vjp(
  tf: Tf,
  o: EagerOps<Tensor>,
  program: Program,
  x: Tensors<Tensor>,
  seeds: Tensors<Tensor>,
  wrt: readonly string[],
): Tensors<Tensor> {
  if (wrt.length === 0) return {};
  const names = Object.keys(seeds);
  const inputs = wrt.map((name) => x[name] as Tensor);
  return tf.tidy(() => {
    const seeded = () => {
      const outputs = program(o, x);
      const counted = names.map((name) => {
        const y =
          outputs[name] ?? refuse(`seeds: no output ${name}; got ${name}, expected ${Object.keys(outputs).join(", ")}`);
        const { shape } = seeds[name] as Tensor;
        return equalShapes(y.shape, shape)
          ? y
          : refuse(`seed ${name} must have the shape of its output; got [${shape}], expected [${y.shape}]`);
      });
      // The seeds are injected as gradients. As factors of a sum, an infinite output would turn a seed of 0 into NaN.
      return tf.customGrad(() => ({
        value: tf.scalar(0),
        gradFunc: () => names.map((name) => tf.clone(seeds[name] as Tensor)),
      }))(...counted);
    };
    const { grads } = tf.engine().gradients(seeded, inputs, undefined, true);
    return Object.fromEntries(wrt.map((name, i) => [name, grads[i] ?? tf.zeros(inputs[i]!.shape)]));
  });
}

function refuse(message: string): never {
  throw new AttentionError("ATTN_SHAPE", "vjp", message);
}
