import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type MechanismEntry, mechanisms } from "@attnkit/catalog";
import { attention, type State } from "@attnkit/core";
import { allowance, unitRoundoff } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { part, type Sequence } from "@attnkit/measure/sequence";
import { type ExportOptions, exportOnnx } from "@attnkit/onnx";
import { drawn } from "./input.ts";
import { headAt } from "./truth.ts";

type Stored = "float16" | "float32";

interface Input {
  readonly shape: readonly number[];
  readonly dtype: Stored;
  readonly data: readonly number[];
}

interface Output extends Input {
  /** The largest |difference| that each entry may have. */
  readonly allowed: readonly number[];
}

/** One exported model with inputs and expected outputs: `<name>.json` beside `<name>.onnx`. */
export interface ModelCase {
  readonly name: string;
  readonly inputs: Readonly<Record<string, Input>>;
  readonly outputs: Readonly<Record<string, Output>>;
}

const SIZES = { B: 1, H: 2, d: 8, length: 7 };
/** Tokens in the state of the models that take one. */
const PAST = 4;

const FORMS: readonly { form: ExportOptions["form"]; dtype: Stored }[] = [
  { form: "prefill", dtype: "float32" },
  { form: "block", dtype: "float32" },
  { form: "decode", dtype: "float32" },
  { form: "prefill", dtype: "float16" },
  { form: "decode", dtype: "float16" },
];

/** Writes the models of every mechanism into a folder: causal prefill, a block and one token after a state; prefill and one token in float16 too. */
export async function writeModels(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const entry of mechanisms) {
    for (const { form, dtype } of FORMS) {
      const { file, ...model } = await modelCase(entry, form, dtype);
      await writeFile(join(folder, `${model.name}.onnx`), file);
      await writeFile(join(folder, `${model.name}.json`), JSON.stringify(model));
    }
  }
}

async function modelCase(
  entry: MechanismEntry,
  form: ExportOptions["form"],
  dtype: Stored,
): Promise<ModelCase & { readonly file: Uint8Array }> {
  const past = form === "prefill" ? 0 : PAST;
  const sequence = drawn({ ...SIZES, length: form === "decode" ? PAST + 1 : SIZES.length }, 5);
  const options = entry.variants[0] ?? {};
  const { B, H, d } = SIZES;
  const mechanism = entry.create(options);
  const file = exportOnnx(mechanism, { form, dtype, causal: true, dims: { Hq: H, d } });
  const block = part(sequence, past, sequence.length);
  const given = Object.entries(block).map(
    ([name, { shape, data }]) => [name, { shape, dtype, data: [...data] }] as const,
  );
  const states = await statesOf(entry, sequence, past);
  const entries = mechanism.state({ B, Hq: H, Hkv: H, L: 1, S: 1, d, dv: d });
  // A cache has the type of the inputs; a sum over tokens is float32.
  const stored = (name: string) => (entries[name]?.shape.includes("P") ? dtype : "float32");
  return {
    name: `${entry.name}-${form}${dtype === "float16" ? "-float16" : ""}`,
    inputs: {
      ...Object.fromEntries(given),
      ...Object.fromEntries(
        Object.entries(states.before).map(([name, { shape, data }]) => [
          `past.${name}`,
          { shape, dtype: stored(name), data },
        ]),
      ),
    },
    outputs: {
      y: expectedRows(entry, sequence, past, dtype),
      ...Object.fromEntries(
        Object.entries(states.after).map(([name, { shape, data }]) => {
          // A sum may cancel: the largest entry of the state measures its terms.
          const scale = Math.max(1, ...data.map(Math.abs));
          const allowed = data.map((x) => allowedFor(stored(name), sequence.length + d, scale, x));
          return [`present.${name}`, { shape, dtype: stored(name), data, allowed }];
        }),
      ),
    },
    file,
  };
}

/** The model computes in float32 whatever it stores, so that a float16 output has one more rounding, of the result. */
const allowedFor = (stored: Stored, n: number, scale: number, expected: number): number =>
  allowance("float32", n, scale) +
  (stored === "float16" ? unitRoundoff.float16 * Math.max(Math.abs(expected), SMALLEST_NORMAL_HALF) : 0);

/** Halves below it are spaced as those just above it. */
const SMALLEST_NORMAL_HALF = 2 ** -14;

/** The rows of y from `past` on, by the float64 reference. */
function expectedRows(entry: MechanismEntry, s: Sequence, past: number, dtype: Stored): Output {
  const reference = entry.reference(entry.variants[0] ?? {});
  const [data, allowed]: [number[], number[]] = [[], []];
  for (let h = 0; h < s.Hq; h++) {
    for (let row = past; row < s.length; row++) {
      const { y, scale } = reference(headAt(s, 0, h, row));
      const last = y[0]!;
      data.push(...last);
      allowed.push(...last.map((x, c) => allowedFor(dtype, row + 1 + s.d, scale[0]![c]!, x)));
    }
  }
  return { shape: [1, s.Hq, s.length - past, s.dv], dtype, data, allowed };
}

interface Values {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** The states before and after the block, by the portable program in float64. The first is rounded to float32, as the model gets it. */
async function statesOf(
  entry: MechanismEntry,
  sequence: Sequence,
  past: number,
): Promise<Record<"before" | "after", Record<string, Values>>> {
  const backend = cpu({ dtype: "float64" });
  const attend = attention(entry.create(entry.variants[0] ?? {}), backend, { causal: true });
  const run = async (from: number, to: number, state?: State<ReturnType<typeof backend.upload>>) => {
    const { q, k, v } = part(sequence, from, to);
    const up = ({ data, shape }: typeof q) => backend.upload(data, shape);
    return (await attend({ q: up(q), k: up(k), v: up(v), ...(state && { state }) })).state;
  };
  const before = past > 0 ? await run(0, past) : undefined;
  const after = await run(past, sequence.length, before);
  const values = async (state: typeof after | undefined, round: (x: number) => number) => {
    const out: Record<string, Values> = {};
    for (const [name, x] of Object.entries(state ?? {}))
      if (x) out[name] = { shape: backend.shape(x), data: Array.from(await backend.download(x), round) };
    return out;
  };
  return { before: await values(before, Math.fround), after: await values(after, (x) => x) };
}
