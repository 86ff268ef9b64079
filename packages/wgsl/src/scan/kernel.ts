import type { Block, Result, Tensors } from "@attnkit/core";
import { Remembered } from "@attnkit/core/backend";
import { type Call, everyRowSeesAllKeys } from "@attnkit/core/program";
import { dispatch, grid } from "../dispatch.ts";
import { gpuFacts } from "../gpu-facts.ts";
import type { Host } from "../host.ts";
import type { KernelSpec } from "../kernel.ts";
import { carryCode } from "./carry.ts";
import { decodeCode, freshCode } from "./decode.ts";
import type { Facts, MatrixState } from "./form.ts";
import { type ScanSizes, scanSizesOf } from "./layout.ts";
import { outputsCode } from "./outputs.ts";
import { totalsCode } from "./totals.ts";

/**
 * Makes a linear-time kernel: the totals of all chunks, the states between them, the outputs. It takes three dispatches
 * for any length, and for a single token one, or two if the device binds fewer buffers than one kernel needs. Besides inputs and outputs it allocates one state per chunk.
 * If the call keeps no state, the last chunk is not summed: a block of one causal chunk that continues nothing is one
 * dispatch, and allocates its outputs only.
 * @example
 * ```ts
 * withKernels(mechanism, webgpuKernel(mechanism, matrixStateKernel(form)));
 * ```
 */
export function matrixStateKernel(form: MatrixState): KernelSpec {
  const texts = new Remembered<string, string>(64);
  return {
    name: `${form.name} by chunks`,
    accepts(call, gpu) {
      const answer = form.accepts?.(call) ?? true;
      const layout = answer === true ? scanSizesOf(form, call, gpu) : answer;
      return typeof layout === "string" ? layout : true;
    },
    forward<T>(host: Host<T>, x: Block<T>, call: Call): Result<T> {
      const layout = scanSizesOf(form, call, gpuFacts(host.device)) as ScanSizes;
      const { dims, causal, lse } = call;
      const facts: Facts = {
        causal: !everyRowSeesAllKeys(dims.L, dims.S, causal),
        keyMask: x.keyMask !== undefined,
        state: x.state !== undefined,
        lse,
        keeps: call.state !== false,
        sums: layout.chunks > 0,
        before: layout.chunks > 0 || x.state !== undefined,
      };
      const floats = { empty: Number.NEGATIVE_INFINITY, ...form.numbers?.(call) };
      const stage: Stage<T> = (name, code, inputs, outputs, groups, vec4 = []) => {
        const key = [name, ...Object.values(facts)].join();
        dispatch(host, {
          ...{ name: `${form.name} ${name}`, code: texts.get(key, code), inputs, outputs, vec4 },
          ...{ sizes: { groups, ...layout }, floats, workgroups: grid(host, groups) },
        });
      };
      const io: Io<T> = { ...given(form, x), ...made(host, form, call, layout) };
      if (dims.L === 1 && dims.S === 1) decode(host, form, facts, layout, io, stage);
      else prefill(host, form, facts, layout, io, stage);
      const state = facts.keeps ? roles(form).map(([role, name]) => [name, io.next[`next_${role}`]!]) : [];
      return { ...(io.rows as Pick<Result<T>, "y" | "lse">), state: Object.fromEntries(state) };
    },
  };
}

/** Encodes one dispatch of `groups` workgroups. */
type Stage<T> = (
  name: string,
  code: () => string,
  inputs: Tensors<T>,
  outputs: Tensors<T>,
  groups: number,
  vec4?: readonly string[],
) => void;

/** Tensors under the names that they have in the kernels. */
interface Io<T> {
  readonly queries: Tensors<T>;
  readonly keys: Tensors<T>;
  readonly values: Tensors<T>;
  readonly state: Tensors<T>;
  /** y, and lse if asked for. */
  readonly rows: Tensors<T>;
  /** The state after the block; empty if it is not kept. */
  readonly next: Tensors<T>;
}

function prefill<T>(host: Host<T>, form: MatrixState, facts: Facts, n: ScanSizes, io: Io<T>, stage: Stage<T>): void {
  const own = { ...io.keys, ...io.values };
  const rescaled = facts.sums && form.rescaled;
  const tops: Tensors<T> = rescaled ? { tops: host.empty([n.heads, n.chunks, n.r], "float32") } : {};
  const before: Tensors<T> = facts.before ? { before: host.empty([n.heads, n.slots, n.r, n.w], "float32") } : {};
  if (facts.sums) {
    const groups = n.heads * n.chunks * n.featureTiles * n.columnTiles;
    stage("totals", () => totalsCode(form, facts), own, { ...before, ...tops }, groups);
  }
  if (facts.before) {
    const entries = Math.ceil((n.heads * n.r * n.w) / 64);
    stage("carry", () => carryCode(form, facts), { ...tops, ...io.state }, { ...before, ...io.next }, entries);
  }
  const seen = facts.causal ? own : {};
  const tiles = n.queryHeads * n.rowTiles * n.columnTiles;
  stage("outputs", () => outputsCode(form, facts), { ...io.queries, ...seen, ...before }, io.rows, tiles);
}

function decode<T>(host: Host<T>, form: MatrixState, facts: Facts, n: ScanSizes, io: Io<T>, stage: Stage<T>): void {
  const { next_sums, ...rest } = io.next;
  const { state_sums, ...past } = io.state;
  const matrix = { ...io.queries, ...io.values, ...(state_sums && { state_sums }) };
  const groups = n.heads * Math.ceil(n.dv / 16);
  const code = (split: boolean) => () => decodeCode(form, facts, split);
  const all = [matrix, io.keys, past, io.next, io.rows].flatMap(Object.keys);
  if (all.length <= gpuFacts(host.device).buffers) {
    stage("decode", code(false), { ...matrix, ...io.keys, ...past }, { ...io.next, ...io.rows }, groups);
    return;
  }
  const fresh = host.empty([n.heads, n.r, 4], "float32");
  const features = Math.ceil((n.heads * n.r) / 64);
  stage("token", () => freshCode(form, facts), { ...io.keys, ...past }, { fresh, ...rest }, features, ["fresh"]);
  stage("decode by parts", code(true), { ...matrix, fresh }, { ...(next_sums && { next_sums }), ...io.rows }, groups, [
    "fresh",
  ]);
}

/** Returns pairs of an entry's name in the kernels and its name in the mechanism's state. */
const roles = ({ state }: MatrixState) => Object.entries(state) as [keyof MatrixState["state"], string][];

function given<T>(
  form: MatrixState,
  { q, k, v, keyMask, state: past = {} }: Block<T>,
): Pick<Io<T>, "queries" | "keys" | "values" | "state"> {
  const state = roles(form).flatMap(([role, name]) => (past[name] ? [[`state_${role}`, past[name]]] : []));
  return {
    queries: { q },
    keys: { k, ...(keyMask && { keyMask }) },
    values: { v },
    state: Object.fromEntries(state),
  };
}

function made<T>(
  host: Host<T>,
  form: MatrixState,
  { dims: { B, Hkv, d, dv }, shapes, lse, state }: Call,
  { r }: ScanSizes,
): Pick<Io<T>, "rows" | "next"> {
  const rows = shapes.q.slice(0, -1);
  const shape = {
    sums: [B, Hkv, r, dv],
    divisor: form.divisor === "count" ? [B, 1, 1, 1] : [B, Hkv, r, 1],
    top: [B, Hkv, 1, d],
  };
  const kept = state === false ? [] : roles(form);
  const next = kept.map(([role]) => [`next_${role}`, host.empty(shape[role])]);
  return {
    rows: { y: host.empty([...rows, dv], form.storage ?? host.results), ...(lse && { lse: host.empty(rows) }) },
    next: Object.fromEntries(next),
  };
}
