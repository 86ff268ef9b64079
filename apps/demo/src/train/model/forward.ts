import type { State, Tensors } from "@attnkit/core";
import { knownAxisSize, type Ops, zerosWithSize } from "@attnkit/core/program";
import { project, rootMeanSquareNorm, under } from "@attnkit/train";
import { type Attend, multiHead } from "./attention.ts";
import type { ModelConfig } from "./config.ts";

/** Byte values, `[B][L]`. */
export type Tokens = readonly (readonly number[])[];

export interface Output<T> {
  /** `[B, L, C]` after the last norm; times the embedding transposed they are the logits. */
  readonly features: T;
  /** Attention state and last row of every layer; feed it back to go on. */
  readonly state: State<T>;
  /** `[B, H, L, d]` of every layer. */
  readonly attention: readonly T[];
}

/** The rows of the embedding for tokens that are known while the program is made, `[B, L, C]`. */
export function embedded<T>(o: Ops<T>, w: Tensors<T>, tokens: Tokens): T {
  const rows = o.take(w.embedding!, 0, tokens.flat());
  return o.reshape(rows, [tokens.length, tokens[0]!.length, knownAxisSize(o, rows, 1)]);
}

/**
 * A byte-level decoder: pre-norm blocks of attention and MLP, the same for every mechanism. Order comes from causality and
 * from mixing each row with the one before it (token shift; Peng et al. 2023, 3.1.1), not from a table of positions: a
 * table ends somewhere, and a stream need not. `rows [B, L, C]` are those of the embedding;
 * `state` continues a sequence; any cut gives the same answer.
 */
export function forward<T>(
  o: Ops<T>,
  config: ModelConfig,
  attend: Attend,
  w: Tensors<T>,
  rows: T,
  state?: State<T>,
): Output<T> {
  const L = knownAxisSize(o, rows, 1);
  // Scaled (Vaswani et al. 2017, 3.4): as small as a head wants them, rows would drown in what the first block adds.
  let x = o.mul(rows, Math.sqrt(config.width));
  const next: Record<string, T> = {};
  const attention: T[] = [];
  for (let i = 0; i < config.layers; i++) {
    const own = under(`blocks.${i}.attention.`, w);
    const before = under(`${i}.`, state ?? {});
    const normed = rootMeanSquareNorm(o, x, own.norm!);
    const { previous: last, ...past } = before;
    const rows = o.concat([last ?? zerosWithSize(o, normed, 1, 1), normed], 1); // [B, 1 + L, C]
    const change = o.sub(o.slice(rows, 1, 0, L), normed);
    const mixed = (of: string) => o.add(normed, o.mul(change, own[`${of}.mix`]!));
    const inputs = { q: mixed("query"), k: mixed("key"), v: mixed("value") };
    const done = multiHead(o, config, own, inputs, Object.keys(past).length ? past : undefined, attend);
    attention.push(done.y);
    next[`${i}.previous`] = o.slice(rows, 1, L, L + 1);
    for (const [name, t] of Object.entries(done.state)) next[`${i}.${name}`] = t;
    x = o.add(x, done.out);
    x = o.add(x, mlp(o, under(`blocks.${i}.mlp.`, w), x));
  }
  return { features: rootMeanSquareNorm(o, x, w.norm!), state: next, attention };
}

/** The logits of the last row, `[B, 256]`. */
export function lastLogits<T>(o: Ops<T>, w: Tensors<T>, features: T): T {
  const [B, L, C] = o.shape(features) as [number, number, number];
  return logits(o, w, o.reshape(o.slice(features, 1, L - 1, L), [B, C]));
}

/** The logits of every row, `[..., 256]`; the embedding is also the head (Press and Wolf 2017). */
export const logits = <T>(o: Ops<T>, w: Tensors<T>, features: T): T =>
  project(o, features, o.transpose(w.embedding!, [1, 0]));

/** `relu(x)^2` between two matrices (So et al. 2021, 4). */
function mlp<T>(o: Ops<T>, w: Tensors<T>, x: T): T {
  const wide = o.maximum(project(o, rootMeanSquareNorm(o, x, w.norm!), w.up!), 0);
  return project(o, o.mul(wide, wide), w.down!);
}
