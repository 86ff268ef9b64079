import type { Tensors } from "../program/block.ts";
import { AttentionError } from "../program/errors.ts";
import type { Ops } from "../program/ops.ts";
import { OWN_GRADIENT, type RecordsGradient } from "../program/with-gradient.ts";
import type { Program } from "./backend.ts";
import { type GradientRule, gradientRules, unbroadcast, zerosLike } from "./gradient-rules.ts";
import { equalShapes } from "./shape-rules.ts";

/**
 * Computes the vector-Jacobian product of `Backend.vjp` over any `Ops`. It runs `program` forward and then its tape
 * backward.
 * Both passes consist of primitives only. A recording backend can therefore record them, and a vjp of a vjp works. Only
 * operations between `wrt` and the seeded outputs are differentiated. `maximum`, `minimum` and `max` divide the
 * gradient of a tie equally.
 *
 * @param seeds The gradient of each seeded output, by name, in the output's shape.
 * @param wrt Names of the inputs to differentiate with respect to.
 * @returns The gradient of each input in `wrt`, in the input's shape.
 * @throws `ATTN_SHAPE` if a name is unknown or a seed does not have its output's shape.
 * @example
 * ```ts
 * const { a } = vjp(o, (ops, x) => ({ y: ops.mul(x.a, x.b) }), { a: a0, b: b0 }, { y: seed }, ["a"]); // seed b0
 * ```
 */
export function vjp<T>(
  o: Ops<T>,
  program: Program,
  x: Tensors<T>,
  seeds: Tensors<T>,
  wrt: readonly string[],
): Tensors<T> {
  return outputsAndVjp(o, program, x, seeds, wrt).gradients;
}

/**
 * Computes `vjp` and also returns the outputs of the program, which it runs once. The arguments and errors are those of
 * `vjp`. A training step needs both: the loss and its gradient.
 */
export function outputsAndVjp<T>(
  o: Ops<T>,
  program: Program,
  x: Tensors<T>,
  seeds: Tensors<T>,
  wrt: readonly string[],
): { readonly outputs: Tensors<T>; readonly gradients: Tensors<T> } {
  const tape: Tape = [];
  const inputs = Object.fromEntries(
    Object.entries(x).map(([name, value]): [string, Traced<T>] => [
      name,
      { value, steps: wrt.includes(name) ? [] : undefined },
    ]),
  );
  const outputs = program(traced(o, tape), inputs);
  const gradients = pullBack(o, tape, inputs, outputs, seeds, wrt);
  return { outputs: Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value])), gradients };
}

/** The operations of a program, each as the function that passes its gradient on. */
export type Tape = (() => void)[];

/** Runs the tape backward from the seeds and returns the gradients of the inputs `wrt`. */
export function pullBack<T>(
  o: Ops<T>,
  tape: Tape,
  inputs: Tensors<Traced<T>>,
  outputs: Tensors<Traced<T>>,
  seeds: Tensors<T>,
  wrt: readonly string[],
): Tensors<T> {
  for (const [name, seed] of Object.entries(seeds)) {
    const out = outputs[name];
    if (!out)
      throw new AttentionError(
        "ATTN_SHAPE",
        "vjp",
        `seeds: no output ${name}; got ${name}, expected ${Object.keys(outputs).join(", ")}`,
      );
    if (!equalShapes(o.shape(seed), o.shape(out.value)))
      throw new AttentionError(
        "ATTN_SHAPE",
        "vjp",
        `seed ${name} must have the shape of its output; got [${o.shape(seed)}], expected [${o.shape(out.value)}]`,
      );
    receive(o, out, seed);
  }
  for (const pull of tape.reverse()) pull();
  return Object.fromEntries(
    wrt.map((name) => {
      const input = inputs[name];
      if (!input)
        throw new AttentionError(
          "ATTN_SHAPE",
          "vjp",
          `wrt: no input ${name}; got ${name}, expected ${Object.keys(inputs).join(", ")}`,
        );
      const { gradient, value } = input;
      return [name, gradient === undefined ? zerosLike(o, value) : widened(o, gradient, value)];
    }),
  );
}

/** A tensor of the program that is being differentiated. */
export interface Traced<T> {
  readonly value: T;
  /**
   * The operands that the gradient flows to, each with its rule. Absent if no input in `wrt` depends on this tensor.
   */
  readonly steps: readonly { readonly to: Traced<T>; readonly pull: GradientRule<T> }[] | undefined;
  gradient?: T | undefined;
}

/** Returns a gradient in the shape of its tensor. That of a sum stays narrow until then, and is mostly added to another. */
const widened = <T>(o: Ops<T>, gradient: T, value: T): T =>
  equalShapes(o.shape(gradient), o.shape(value)) ? gradient : o.where(value, gradient, gradient);

/** Returns the gradient of a tensor that all its uses have passed on. Nothing reads it again: eager backends can free it. */
export function takeGradient<T>(o: Ops<T>, from: Traced<T>): T | undefined {
  const { gradient, value } = from;
  from.gradient = undefined;
  return gradient === undefined ? undefined : widened(o, gradient, value);
}

/** Adds to the gradient of a tensor, if an input in `wrt` depends on it. */
export function receive<T>(o: Ops<T>, to: Traced<T>, gradient: T): void {
  if (to.steps) to.gradient = to.gradient === undefined ? gradient : o.add(to.gradient, gradient);
}

/** Wraps `o` over traced tensors. Every operation runs at once and records on the tape how its gradient flows back. */
export function traced<T>(o: Ops<T>, tape: Tape): RecordsGradient<Traced<T>> {
  type Operand = Traced<T> | number;
  const value = (x: Operand) => (typeof x === "number" ? x : x.value);
  const rule = gradientRules(o);

  /** Makes a traced tensor. `pulls[i]` gives the gradient of operand i. */
  const node = (y: T, operands: readonly Operand[], pulls: readonly GradientRule<T>[]): Traced<T> => {
    const steps = operands.flatMap((to, i) => (typeof to !== "number" && to.steps ? [{ to, pull: pulls[i]! }] : []));
    const out: Traced<T> = { value: y, steps: steps.length > 0 ? steps : undefined };
    if (out.steps)
      tape.push(() => {
        const gradient = takeGradient(o, out);
        if (gradient === undefined) return;
        for (const { to, pull } of steps) receive(o, to, unbroadcast(o, pull(gradient), o.shape(to.value)));
      });
    return out;
  };
  const unary = (op: "exp" | "log" | "tanh") => (x: Traced<T>) => {
    const y = o[op](x.value);
    return node(y, [x], rule[op](y, x.value));
  };
  const binary = (op: "add" | "sub" | "mul" | "div" | "maximum" | "minimum") => (a: Operand, b: Operand) => {
    const y = o[op](value(a), value(b));
    return node(y, [a, b], rule[op](y, value(a), value(b)));
  };
  const along = (op: "sum" | "max" | "cumsum") => (x: Traced<T>, axis: number) => {
    const y = o[op](x.value, axis);
    return node(y, [x], op === "sum" ? [(g) => g] : rule[op](y, x.value, axis));
  };
  return {
    [OWN_GRADIENT](operands, { forward, backward }) {
      const values = operands.map((x) => x.value);
      const { y, kept = [] } = forward(o, values);
      if (!operands.some((x) => x.steps)) return { value: y, steps: undefined };
      const out: Traced<T> = { value: y, steps: [] };
      tape.push(() => {
        const g = takeGradient(o, out);
        if (g === undefined) return;
        for (const [i, gradient] of backward(o, g, values, kept).entries())
          if (gradient !== undefined) receive(o, operands[i]!, gradient);
      });
      return out;
    },
    dtype: o.dtype,
    shape: (x) => o.shape(x.value),
    constant: (data, shape) => ({ value: o.constant(data, shape), steps: undefined }),
    reshape(x, shape) {
      const y = o.reshape(x.value, shape);
      return node(y, [x], rule.reshape(y, x.value, shape));
    },
    transpose(x, perm) {
      const y = o.transpose(x.value, perm);
      return node(y, [x], rule.transpose(y, x.value, perm));
    },
    slice(x, axis, start, end) {
      const y = o.slice(x.value, axis, start, end);
      return node(y, [x], rule.slice(y, x.value, axis, start, end));
    },
    concat(xs, axis) {
      const values = xs.map((x) => x.value);
      const y = o.concat(values, axis);
      return node(y, xs, rule.concat(y, values, axis));
    },
    take(x, axis, indices) {
      const y = o.take(x.value, axis, indices);
      return node(y, [x], rule.take(y, x.value, axis, indices));
    },
    add: binary("add"),
    sub: binary("sub"),
    mul: binary("mul"),
    div: binary("div"),
    maximum: binary("maximum"),
    minimum: binary("minimum"),
    where(mask, a, b) {
      const y = o.where(mask.value, value(a), value(b));
      return node(y, [a, b], rule.where(y, mask.value, value(a), value(b)));
    },
    exp: unary("exp"),
    log: unary("log"),
    tanh: unary("tanh"),
    sum: along("sum"),
    max: along("max"),
    cumsum: along("cumsum"),
    matmul(a, b) {
      const y = o.matmul(a.value, b.value);
      return node(y, [a, b], rule.matmul(y, a.value, b.value));
    },
  };
}
