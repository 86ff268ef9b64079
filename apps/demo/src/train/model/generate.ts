import type { Backend, Mechanism, Tensors } from "@attnkit/core";
import type { Program } from "@attnkit/core/backend";
import { uniforms } from "@attnkit/measure/random";
import { sizeOf } from "@attnkit/measure/tensor";
import { under } from "@attnkit/train";
import { attendOn } from "./attend.ts";
import type { ModelConfig } from "./config.ts";
import { embedded, forward, lastLogits } from "./forward.ts";

export interface Sampling {
  /** Divides the logits; 0 takes the likeliest byte. */
  readonly temperature: number;
  /** Bytes to generate. */
  readonly length: number;
  readonly seed: number;
}

export interface Generated {
  readonly byte: number;
  /** Bytes that the state holds after this token: attention and last rows, all layers. */
  readonly stateBytes: number;
  /** Tokens that the state has seen. */
  readonly seen: number;
  /** For this token, sampling and download included. */
  readonly seconds: number;
}

/**
 * Bytes after a prompt: the prompt is one block, then every token is one step from the state, and no earlier token is run
 * again. An empty prompt counts as one line feed. The weights stay the caller's.
 */
export async function* generate(
  backend: Backend<unknown>,
  mechanism: Mechanism,
  config: ModelConfig,
  weights: Tensors<unknown>,
  prompt: Uint8Array,
  { temperature, length, seed }: Sampling,
): AsyncGenerator<Generated, void, void> {
  const uniform = uniforms(seed);
  const steps = stepper(backend, mechanism, config, weights);
  try {
    let next = prompt.length ? [...prompt] : [0x0a];
    let seen = 0;
    for (let i = 0; i < length; i++) {
      const start = performance.now();
      const logits = await steps.next(next);
      seen += next.length;
      const byte = sample(logits, temperature, uniform());
      yield { byte, seen, stateBytes: steps.bytes(), seconds: (performance.now() - start) / 1000 };
      next = [byte];
    }
  } finally {
    steps.dispose();
  }
}

/** The model as a recurrence: tokens in, logits of the last one out, the state kept inside. */
export function stepper(
  backend: Backend<unknown>,
  mechanism: Mechanism,
  config: ModelConfig,
  weights: Tensors<unknown>,
): { next(tokens: readonly number[]): Promise<Float32Array>; bytes(): number; dispose(): void } {
  const attend = attendOn(mechanism, backend);
  let state: Tensors<unknown> = {};
  const free = () => {
    for (const t of Object.values(state)) backend.free(t);
  };
  return {
    async next(tokens) {
      const program: Program = (o, x) => {
        const before = under("state.", x);
        const rows = embedded(o, x, [tokens]);
        const out = forward(o, config, attend, x, rows, Object.keys(before).length ? before : undefined);
        const named = Object.entries(out.state).map(([n, t]) => [`state.${n}`, t] as const);
        return { logits: lastLogits(o, x, out.features), ...Object.fromEntries(named) };
      };
      const given = Object.fromEntries(Object.entries(state).map(([n, t]) => [`state.${n}`, t]));
      const { logits, ...rest } = await backend.compile(program)({ ...weights, ...given });
      const values = Float32Array.from((await backend.download(logits)) as Float32Array);
      backend.free(logits);
      free();
      state = under("state.", rest);
      return values;
    },
    bytes: () => Object.values(state).reduce<number>((n, t) => n + 4 * sizeOf(backend.shape(t)), 0),
    dispose() {
      free();
      state = {};
    },
  };
}

/** The index that `at`, uniform in 0..1, falls on; softmax(logits / temperature) is the distribution. */
export function sample(logits: Float32Array, temperature: number, at: number): number {
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (temperature === 0) return logits.indexOf(top);
  const weights = Array.from(logits, (x) => Math.exp((x - top) / temperature));
  let rest = at * weights.reduce((a, b) => a + b, 0);
  for (const [i, weight] of weights.entries()) {
    rest -= weight;
    if (rest < 0) return i;
  }
  return weights.length - 1;
}
