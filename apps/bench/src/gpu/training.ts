import type { Backend, DType, Result } from "@attnkit/core";
import { blockOfNames, kernelsFor, mechanismProgram, namesOfResult, type Program } from "@attnkit/core/backend";
import { allowance } from "@attnkit/core/conformance";
import { checkCall, type Reference } from "@attnkit/core/program";
import type { BaselineEntry } from "@attnkit/measure/baselines";
import { type Choice, label } from "@attnkit/measure/choice";
import type { CheckResult } from "@attnkit/measure/results";
import { part, type Sequence } from "@attnkit/measure/sequence";
import { upload } from "@attnkit/measure/subject";
import { mechanismNamed } from "../select.ts";
import type { Setting } from "./attnkit.ts";
import { refuseTooLarge, uploaded } from "./beside.ts";
import { type Cell, clocked, Refusal } from "./cell.ts";
import { uniform } from "./input.ts";
import { headAt, verdict } from "./truth.ts";

const NAMES = ["q", "k", "v"] as const;
type Gradients = Readonly<Record<(typeof NAMES)[number], unknown>>;

/** The setting of a group of training steps: `seed` is the gradient of the outputs, and truths are shared. */
export interface Training extends Setting {
  readonly seed: Float32Array;
  readonly gradients: GradientTruths;
}

/** One forward pass and the gradients of q, k and v per call. */
export const trainingCell = (choice: Choice, column: string, dtype: DType, how: Training): Cell => ({
  ...{ column, role: "attnkit", name: label(choice), dtype },
  async open() {
    const { columns, sequence } = how;
    const { s, checked } = await columns.subject(choice, column, dtype, sequence);
    const backend = await columns.backend(column, dtype);
    if (!backend.supports.gradients) throw new Refusal(`${column} computes no gradients`);
    const program = forward(s.mechanism, backend);
    const x = upload(s, 0, sequence.length);
    const seed = backend.upload(how.seed, part(sequence, 0, sequence.length).v.shape);
    const step = async () => (await backend.vjp(program, { ...x }, { y: seed }, NAMES)) as Gradients;
    const free = (g: Gradients) => Object.values(g).forEach((t) => void backend.free(t));
    return {
      checks: [checked, await how.gradients.check(label(choice), s.reference, dtype, await step(), backend, free)],
      ...{ flops: null, bytes: null, gpu: null },
      sample: async (calls) => (await timed(step, s.settle, free, calls)) / calls,
      dispose: () => [...Object.values(x), seed].forEach((t) => void backend.free(t)),
    };
  },
});

/** The same by tfjs's own gradients of a composition that a user would write. */
export const tfjsTrainingCell = (entry: BaselineEntry, how: Training): Cell => ({
  ...{ column: entry.backend, role: "composition", name: entry.name, dtype: "float32" },
  async open() {
    const { sequence } = how;
    const { Hq, Hkv, d, dv } = sequence;
    const own = await entry.create({ Hq, Hkv, d, dv });
    if (!own.gradients || !entry.computes) throw new Refusal(`${entry.name} has no gradients`);
    refuseTooLarge(own, sequence);
    const x = uploaded(own, sequence, 0);
    const seed = own.upload(how.seed, part(sequence, 0, sequence.length).v.shape);
    const step = async () => (await own.gradients!(x, seed)) as Gradients;
    const free = (g: Gradients) => Object.values(g).forEach(own.free);
    const { mechanism, options } = entry.computes;
    const reference = mechanismNamed(mechanism).reference(options);
    return {
      checks: [await how.gradients.check(mechanism, reference, "float32", await step(), own, free)],
      ...{ flops: null, bytes: null, gpu: null },
      sample: async (calls) => (await timed(step, own.settle, free, calls)) / calls,
      dispose: () => [...Object.values(x), seed].forEach(own.free),
    };
  },
});

async function timed(
  step: () => Promise<Gradients>,
  settle: (x: unknown) => Promise<void>,
  free: (g: Gradients) => void,
  calls: number,
): Promise<number> {
  return clocked(async () => {
    for (let i = 0; i < calls; i++) {
      const g = await step();
      if (i === calls - 1) await settle(g.k);
      free(g);
    }
  });
}

/** Returns the program that is differentiated: the kernel where the backend's gradients follow it, else the portable one. */
function forward(mechanism: Parameters<typeof mechanismProgram>[0], backend: Backend<unknown>): Program {
  const how = { causal: true, lse: false } as const;
  const portable = mechanismProgram(mechanism, how);
  if (!backend.supports.kernelGradients) return portable;
  const byKernel = (_: unknown, x: Readonly<Record<string, unknown>>) => {
    const shapes = Object.fromEntries(Object.entries(x).map(([name, t]) => [name, backend.shape(t)]));
    const call = checkCall(mechanism, how, blockOfNames(shapes));
    const kernel = kernelsFor(mechanism, backend).find((one) => one.accepts(call, backend) === true);
    const result = kernel?.run(blockOfNames(x), call, backend) as Result<unknown> | undefined;
    return result && { y: namesOfResult(result).y };
  };
  return ((o, x) => byKernel(o, x) ?? portable(o, x)) as Program;
}

/** Step of the central differences: its square times the third derivative is far below the rounding of float32. */
const STEP = 1e-4;
/** The error of the differences, as a share of the scale. */
const DIFFERENCES = 1e-6;

interface GradientTruth {
  readonly name: (typeof NAMES)[number];
  readonly h: number;
  readonly row: number;
  readonly values: readonly number[];
  readonly scale: number;
}

/**
 * Gradients of sampled rows by central differences of the float64 reference: of q in the middle, and of q, k and v at the last
 * token, whose key and value only its own row reads. Cells of one group share them.
 */
export class GradientTruths {
  readonly #sequence: Sequence;
  readonly #seed: Float32Array;
  readonly #known = new Map<string, GradientTruth[]>();

  constructor(sequence: Sequence, seed: Float32Array) {
    this.#sequence = sequence;
    this.#seed = seed;
  }

  async check(
    id: string,
    reference: Reference,
    dtype: DType,
    got: Gradients,
    { download }: { download(x: unknown): Promise<ArrayLike<number>> },
    free: (g: Gradients) => void,
  ): Promise<CheckResult> {
    const truths = this.#known.get(id) ?? this.#compute(reference);
    this.#known.set(id, truths);
    const data = { q: await download(got.q), k: await download(got.k), v: await download(got.v) };
    free(got);
    const { length, d } = this.#sequence;
    let used = 0;
    let detail = "";
    for (const { name, h, row, values, scale } of truths) {
      const allowed = allowance(dtype, row + 1 + d, scale) + DIFFERENCES * scale;
      for (const [c, expected] of values.entries()) {
        const value = data[name][(h * length + row) * d + c]!;
        const share = Number.isFinite(value) ? Math.abs(value - expected) / allowed : Number.POSITIVE_INFINITY;
        if (share <= used) continue;
        used = share;
        detail = `d/d${name} of row ${row} is ${value} where ${expected} is expected (allowed ${allowed.toExponential(2)})`;
      }
    }
    return verdict("gradient", length, truths.length, used, detail);
  }

  #compute(reference: Reference): GradientTruth[] {
    const { length, Hq } = this.#sequence;
    const last = length - 1;
    return [this.#at(reference, ["q"], 0, length >> 1), this.#at(reference, NAMES, Hq - 1, last)].flat();
  }

  #at(reference: Reference, names: readonly GradientTruth["name"][], h: number, row: number): GradientTruth[] {
    const { length, d, dv } = this.#sequence;
    const head = headAt(this.#sequence, 0, h, row);
    const seed = this.#seed.subarray((h * length + row) * dv, (h * length + row + 1) * dv);
    const loss = () => reference(head).y[0]!.reduce((sum, y, c) => sum + y * seed[c]!, 0);
    const found = names.map((name) => {
      const x = head[name].at(-1) as number[];
      const values = Array.from({ length: d }, (_, c) => {
        const at = x[c]!;
        const [up, down] = [at + STEP, at - STEP].map((value) => {
          x[c] = value;
          return loss();
        });
        x[c] = at;
        return (up! - down!) / (2 * STEP);
      });
      return { name, h, row, values };
    });
    const terms = reference(head).scale[0]!.reduce((sum, y, c) => sum + y * Math.abs(seed[c]!), 1);
    const largest = Math.max(...found.flatMap(({ values }) => values.map(Math.abs)));
    return found.map((truth) => ({ ...truth, scale: Math.max(terms, largest) }));
  }
}

/** Returns the seed of a sequence's outputs. */
export const seedOf = ({ B, Hq, length, dv }: Sequence): Float32Array => uniform(B * Hq * length * dv, 99);
