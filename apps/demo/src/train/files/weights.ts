import type { Options } from "@attnkit/core";
import { readSafetensors, writeSafetensors } from "@attnkit/measure/safetensors";
import { fileTensor, floats } from "@attnkit/measure/tensor";
import { placed } from "@attnkit/train";
import { fault, type ModelConfig, parameterCount, parameters } from "../model/config.ts";

/** The format name in the metadata of a weight file. */
const FORMAT = "attnkit-demo/1";

/** A trained model as a file holds it. */
export interface SavedModel {
  readonly config: ModelConfig;
  /** Steps it was trained for. */
  readonly step: number;
  /** Flat, in the order of `parameters`. */
  readonly weights: Float32Array;
}

/** A safetensors file: one F32 tensor per parameter, sizes, mechanism and step as metadata. */
export function writeModel({ config, step, weights }: SavedModel): Uint8Array {
  const tensors = placed(parameters(config)).map(
    ({ name, shape, start, end }) => [name, fileTensor(weights.slice(start, end), shape)] as const,
  );
  const { mechanism, options, ...sizes } = config;
  return writeSafetensors(new Map(tensors), {
    format: FORMAT,
    mechanism,
    options: JSON.stringify(options),
    sizes: JSON.stringify(sizes),
    step: String(step),
  });
}

/** The model in such a file; every tensor is checked. Throws with `who`, the file's name, where it is none. */
export function readModel(who: string, file: Uint8Array): SavedModel {
  const tensors = readSafetensors(who, file);
  const { config, step } = described(who, file);
  const weights = new Float32Array(parameterCount(config));
  for (const { name, shape, start } of placed(parameters(config))) {
    const tensor = tensors.get(name);
    if (!tensor) throw new Error(`${who}: has no tensor ${name}; it is not a model of the sizes it names`);
    if (tensor.shape.join() !== shape.join())
      throw new Error(`${who}: ${name} is [${tensor.shape.join(", ")}]; expected [${shape.join(", ")}]`);
    const values = floats(`${who}: ${name}`, tensor);
    const bad = values.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0) throw new Error(`${who}: ${name} holds ${values[bad]}; expected finite numbers`);
    weights.set(values, start);
  }
  return { config, step, weights };
}

/** The metadata, checked field by field: it comes from a file. */
function described(who: string, file: Uint8Array): Pick<SavedModel, "config" | "step"> {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as { __metadata__?: unknown };
  const metadata = (header.__metadata__ ?? {}) as Readonly<Record<string, unknown>>;
  if (metadata.format !== FORMAT)
    throw new Error(
      `${who}: its metadata names the format ${JSON.stringify(metadata.format ?? null)}; expected "${FORMAT}"`,
    );
  const sizes = objectIn(who, "sizes", metadata.sizes) as Readonly<Record<string, number>>;
  const { layers, heads, width, context } = sizes;
  const config: ModelConfig = {
    mechanism: String(metadata.mechanism),
    options: objectIn(who, "options", metadata.options) as Options,
    layers: layers!,
    heads: heads!,
    width: width!,
    context: context!,
  };
  const wrong = fault(config);
  if (wrong !== undefined) throw new Error(`${who}: ${wrong}`);
  const step = Number(metadata.step);
  if (!Number.isInteger(step) || step < 0)
    throw new Error(`${who}: its step is ${JSON.stringify(metadata.step ?? null)}; expected a whole number`);
  return { config, step };
}

function objectIn(who: string, name: string, text: unknown): object {
  try {
    const value: unknown = JSON.parse(String(text));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Falls through to the one message for everything that is not an object.
  }
  throw new Error(`${who}: its metadata has ${name} ${JSON.stringify(text ?? null)}; expected a JSON object`);
}
