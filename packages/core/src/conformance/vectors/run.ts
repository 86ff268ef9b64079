import type { Backend } from "../../backend/backend.ts";
import { blockOfNames, namesOfResult } from "../../backend/nested.ts";
import { attention } from "../../call/attention.ts";
import type { Options } from "../../program/call.ts";
import { isAttentionError } from "../../program/errors.ts";
import type { Mechanism } from "../../program/mechanism.ts";
import { compare, indexOf, unitRoundoff, type Worst } from "../tolerance.ts";
import type { VectorCase } from "./format.ts";
import { dtypeOf } from "./tensor.ts";

export interface VectorResult {
  readonly name: string;
  readonly status: "pass" | "fail" | "unsupported";
  /** Why it is unsupported or failed. */
  readonly reason?: string;
  /** The entry that used the largest part of its tolerance. */
  readonly worst?: Omit<Worst, "index"> & { readonly output: string; readonly index: readonly number[] };
}

/** Who runs the cases. */
export interface VectorSubject {
  readonly backend: Backend<unknown>;
  /** Makes a mechanism from its name and options; nothing where there is none of that name. */
  mechanism(name: string, options: Options): Mechanism | undefined;
}

/** Run every case. A feature that mechanism or backend declare that they lack is `unsupported`; everything else must agree. */
export async function runVectors(cases: readonly VectorCase[], subject: VectorSubject): Promise<VectorResult[]> {
  const results: VectorResult[] = [];
  for (const c of cases) results.push(await runCase(c, subject));
  return results;
}

/** The float type that a case runs in: float64 if any of its inputs is float64. The type of the expected outputs does not count. */
export const floatTypeOf = ({ inputs }: Pick<VectorCase, "inputs">): "float32" | "float64" =>
  Object.values(inputs).some((x) => dtypeOf(x) === "float64") ? "float64" : "float32";

async function runCase(c: VectorCase, { backend, mechanism: make }: VectorSubject): Promise<VectorResult> {
  const { name } = c;
  const held = new Set<unknown>();
  try {
    if (floatTypeOf(c) === "float64" && backend.dtype !== "float64") {
      return {
        name,
        status: "unsupported",
        reason: `the inputs of the case are float64 and ${backend.name} computes in ${backend.dtype}`,
      };
    }
    const mechanism = make(c.mechanism, c.options);
    if (!mechanism) return { name, status: "unsupported", reason: `there is no mechanism ${c.mechanism}` };
    const x: Record<string, unknown> = {};
    for (const [field, { data, shape }] of Object.entries(c.inputs)) {
      const tensor = backend.upload(data.slice(), shape);
      held.add(tensor);
      x[field] = tensor;
    }
    const attend = attention(mechanism, backend, { causal: c.causal, lse: "lse" in c.outputs });
    const got = namesOfResult(await attend(blockOfNames(x)));
    for (const tensor of Object.values(got)) held.add(tensor);
    return await judge(c, backend, got);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { name, status: isAttentionError(error, "ATTN_UNSUPPORTED") ? "unsupported" : "fail", reason };
  } finally {
    for (const tensor of held) backend.free(tensor);
  }
}

async function judge(
  c: VectorCase,
  backend: Backend<unknown>,
  got: Readonly<Record<string, unknown>>,
): Promise<VectorResult> {
  const { name, atol, rtol } = c;
  let worst: VectorResult["worst"];
  for (const [output, expected] of Object.entries(c.outputs)) {
    const tensor = got[output];
    if (tensor === undefined) {
      const reason = `the call gave no ${output}; it gave ${Object.keys(got).join(", ")}`;
      return { name, status: "fail", reason };
    }
    const shape = backend.shape(tensor);
    if (shape.join() !== expected.shape.join()) {
      return { name, status: "fail", reason: `${output} has shape [${shape}], expected [${expected.shape}]` };
    }
    // An expected float64 that the backend's type does not have is off by up to half a unit in the last place.
    const rounding = dtypeOf(expected) === "float64" ? unitRoundoff[backend.dtype] : 0;
    const { index, ...found } = compare(await backend.download(tensor), expected.data, (i) => {
      const size = Math.abs(expected.data[i]!);
      return atol + (Number.isFinite(size) ? (rtol + rounding) * size : 0);
    });
    if (index >= 0 && !(worst && worst.used >= found.used)) worst = { ...found, output, index: indexOf(index, shape) };
  }
  if (!worst) return { name, status: "pass" };
  if (worst.used <= 1) return { name, status: "pass", worst };
  const reason = `${worst.output}[${worst.index}] is ${worst.got}, expected ${worst.expected} within ${worst.allowed}`;
  return { name, status: "fail", reason, worst };
}
