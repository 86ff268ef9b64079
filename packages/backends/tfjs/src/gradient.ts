import { AttentionError, type Tensors } from "@attnkit/core";
import { equalShapes, gradientRules, type Program, unbroadcast } from "@attnkit/core/backend";
import type { Ops } from "@attnkit/core/program";
import type { Tensor, Tf } from "./tf.ts";
import { onWebgl } from "./webgl.ts";

/**
 * `raw` under tfjs's own tape, with core's gradient rules instead of tfjs's: those of `maximum`, `minimum`, batched
 * `matMul` and `cumsum` have wrong shapes or axes, that of `where` lets NaN through, and most have to be registered by an
 * import that plain Node cannot do. Without a tape the operations run as they are.
 */
export function differentiable(tf: Tf, raw: Ops<Tensor>): Ops<Tensor> {
  type Op = Exclude<keyof Ops<Tensor>, "dtype" | "shape" | "constant">;
  type Args = readonly unknown[];
  const isTensor = (x: unknown): x is Tensor => x instanceof tf.Tensor;
  const tensorsOf = (x: unknown): Tensor[] => (isTensor(x) ? [x] : Array.isArray(x) ? x.flatMap(tensorsOf) : []);

  const op = <K extends Op>(name: K, operandsOf: (args: Args) => Args): Ops<Tensor>[K] => {
    const run = raw[name] as (...args: Args) => Tensor;
    const rule = (y: Tensor, args: Args) =>
      (rules[name] as (y: Tensor, ...args: Args) => readonly ((g: Tensor) => Tensor)[])(y, ...args);
    const taped = (...args: Args): Tensor => {
      onWebgl(tf); // refuses devices without float32
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
          // tfjs disposes of gradients that it adds up, so none may be `g` itself: reshape makes another tensor.
          return wanted.map((i, n) => {
            const { shape } = inputs[n] as Tensor;
            return o.reshape(unbroadcast(o, (pulls[i] as (g: Tensor) => Tensor)(g), shape), shape);
          });
        };
        return { value, gradFunc };
      })(...inputs);
    };
    return taped as Ops<Tensor>[K];
  };

  const first = (args: Args) => args.slice(0, 1);
  const two = (args: Args) => args.slice(0, 2);
  const o: Ops<Tensor> = {
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
  const rules: ReturnType<typeof gradientRules<Tensor>> = {
    ...gradientRules(o),
    // Core's work on any backend; these two need fewer launches.
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

/** `Backend.vjp` by tfjs's tape. */
export function vjp(
  tf: Tf,
  o: Ops<Tensor>,
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
          : refuse(`the seed of ${name} has another shape; got [${shape}], expected [${y.shape}]`);
      });
      // The seeds enter as gradients, not as factors: an output that is infinite would turn a seed of 0 into NaN.
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
