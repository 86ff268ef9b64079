import { isStateName } from "../../backend/nested.ts";
import type { Causal } from "../../program/block.ts";
import type { Options } from "../../program/call.ts";
import { AttentionError } from "../../program/errors.ts";
import { decode, dtypeOf, type EncodedTensor, encode, type VectorTensor } from "./tensor.ts";

/** A file of expected results: `{ "format": "attnkit-vectors/1", "cases": [...] }`. */
export interface VectorFile {
  readonly format: "attnkit-vectors/1";
  readonly cases: readonly (Omit<VectorCase, "inputs" | "outputs"> & {
    readonly inputs: Readonly<Record<string, EncodedTensor>>;
    readonly outputs: Readonly<Record<string, EncodedTensor>>;
  })[];
}

/** One call and what it must give. Passes if `|got - expected| <= atol + rtol |expected|` everywhere. */
export interface VectorCase {
  readonly name: string;
  /** Name of the mechanism, and its options. */
  readonly mechanism: string;
  readonly options: Options;
  readonly causal: Causal;
  /** `q k v`, and `mask bias keyMask state.<name>` where given; `mask` and `keyMask` are booleans. */
  readonly inputs: Readonly<Record<string, VectorTensor>>;
  /** Any of `y lse state.<name>`. */
  readonly outputs: Readonly<Record<string, VectorTensor>>;
  readonly atol: number;
  readonly rtol: number;
}

const INPUT = /^(q|k|v|mask|bias|keyMask|state\..+)$/;
const OUTPUT = /^(y|lse|state\..+)$/;

export const writeVectors = (cases: readonly VectorCase[]): VectorFile => ({
  format: "attnkit-vectors/1",
  cases: cases.map((c) => ({ ...c, inputs: mapValues(c.inputs, encode), outputs: mapValues(c.outputs, encode) })),
});

/** Check and decode a file's content. Throws `ATTN_DATA`, naming the case and the field. */
export function readVectors(file: unknown): VectorCase[] {
  const { format, cases } = record(file, "vectors");
  if (format !== "attnkit-vectors/1") {
    throw wrong("vectors", `format is ${JSON.stringify(format)}, expected "attnkit-vectors/1"`);
  }
  if (!Array.isArray(cases)) throw wrong("vectors", "cases is no list");
  const names = new Set<string>();
  return cases.map((entry: unknown, n) => {
    const c = readCase(entry, n);
    if (names.has(c.name)) throw wrong(`case ${c.name}`, "another case has this name");
    names.add(c.name);
    return c;
  });
}

function readCase(entry: unknown, n: number): VectorCase {
  const c = record(entry, `case number ${n}`);
  if (typeof c.name !== "string" || c.name === "") throw wrong(`case number ${n}, name`, "expected text");
  const where = `case ${c.name}`;
  const { mechanism, causal, atol, rtol } = c;
  if (typeof mechanism !== "string") throw wrong(`${where}, mechanism`, "expected the name of a mechanism");
  if (causal !== true && causal !== false && causal !== "end") {
    throw wrong(`${where}, causal`, `is ${JSON.stringify(causal)}, expected true, false or "end"`);
  }
  const options = record(c.options, `${where}, options`);
  const tolerance = (x: unknown, field: string): number => {
    if (typeof x === "number" && Number.isFinite(x) && x >= 0) return x;
    throw wrong(`${where}, ${field}`, `is ${JSON.stringify(x)}, expected a number from 0`);
  };
  const inputs = tensors(c.inputs, `${where}, inputs`, INPUT);
  for (const name of ["q", "k", "v"]) if (!inputs[name]) throw wrong(`${where}, inputs.${name}`, "is missing");
  for (const [name, x] of Object.entries(inputs)) {
    const boolean = name === "mask" || name === "keyMask";
    // A state may hold masks too: its mechanism knows.
    if (isStateName(name) || boolean === (dtypeOf(x) === "bool")) continue;
    throw wrong(`${where}, inputs.${name}`, `is ${dtypeOf(x)}, expected ${boolean ? "bool" : "float32 or float64"}`);
  }
  const outputs = tensors(c.outputs, `${where}, outputs`, OUTPUT);
  if (Object.keys(outputs).length === 0) throw wrong(`${where}, outputs`, "is empty: there is nothing to compare");
  const [a, r] = [tolerance(atol, "atol"), tolerance(rtol, "rtol")];
  return { name: c.name, mechanism, options, causal, inputs, outputs, atol: a, rtol: r };
}

function tensors(x: unknown, where: string, names: RegExp): Record<string, VectorTensor> {
  const given = record(x, where);
  for (const name of Object.keys(given)) {
    if (!names.test(name)) throw wrong(`${where}.${name}`, `is no field of a call, expected ${names.source}`);
  }
  return mapValues(given, (tensor, name) => decode(tensor, `${where}.${name}`));
}

function record(x: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof x === "object" && x !== null && !Array.isArray(x)) return x as Record<string, unknown>;
  throw wrong(where, `got ${JSON.stringify(x)?.slice(0, 40)}, expected an object`);
}

const wrong = (where: string, message: string): AttentionError => new AttentionError("ATTN_DATA", where, message);

const mapValues = <X, Y>(x: Readonly<Record<string, X>>, f: (value: X, name: string) => Y): Record<string, Y> =>
  Object.fromEntries(Object.entries(x).map(([name, value]) => [name, f(value, name)]));
