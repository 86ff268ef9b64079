import type { Tensors } from "@attnkit/core";
import { Remembered } from "@attnkit/core/backend";
import { alignPositions, type Call, everyRowSeesAllKeys } from "@attnkit/core/program";
import { dispatch, grid } from "../dispatch.ts";
import { hasNoState, type KernelGradients } from "../gradients.ts";
import type { Host } from "../host.ts";
import { carryOf, type Direction, totalsOf } from "./backward-code.ts";
import { pullOf, weighOf } from "./backward-pairs.ts";
import { keyTokens, queryTokens } from "./backward-tokens.ts";
import type { MatrixState } from "./form.ts";
import { matrixStateKernel } from "./kernel.ts";

/** Tokens of a chunk, which is one tile. */
const CHUNK = 64;

/** A form with one feature per channel. With divisor `"none"`, `y` must be a multiple of `x`; otherwise it must be `x`, and so `value`. */
export type ChannelForm = MatrixState & { readonly divisor: "weights" | "none"; readonly features?: undefined };

/** The derivatives of `q` and `k` of a form with respect to `x`, as WGSL expressions of `x`. */
export interface MatrixStateDerivatives {
  readonly q: string;
  readonly k: string;
}

/** The tokens of one side of the pairs: their features and vectors, how many there are, and where they start. */
interface Side<T> {
  readonly x: T;
  readonly y: T;
  readonly count: number;
  readonly at: number;
  /** Sequences per key head. */
  readonly per: number;
}

/**
 * Makes the gradients of a form with one feature per channel, for calls without a state. Pairs within a chunk are computed one by
 * one; pairs of different chunks enter through a matrix of sums: `dq_i = A_i dy_i` reads those of earlier keys, dk and dv those
 * of later queries. They take at most 12 dispatches for any length, and memory that grows as L.
 * @example
 * ```ts
 * webgpuKernel(mechanism, { ...matrixStateKernel(form), gradients: matrixStateGradients(form, { q: "1.0", k: "1.0" }) });
 * ```
 */
export function matrixStateGradients(form: ChannelForm, derivatives: MatrixStateDerivatives): KernelGradients {
  const texts = new Remembered<string, string>(64);
  const normaliser = matrixStateKernel(normaliserForm(form));
  return {
    accepts: (call, gpu) => hasNoState(call) && bytesOf(call) <= gpu.largestBuffer,
    backward<T>(
      host: Host<T>,
      call: Call,
      { q, k, v, keyMask }: Tensors<T>,
      { y, lse }: Tensors<T>,
      seeds: Tensors<T>,
    ) {
      const { dims, causal } = call;
      const { B, Hq, Hkv, L, S, d, dv } = dims;
      const G = Hq / Hkv;
      const w = dv + 1;
      const whole = everyRowSeesAllKeys(L, S, causal);
      const at = whole ? { q: 0, k: 0, length: 0 } : alignPositions(L, S, causal);
      const mask: Tensors<T> = keyMask === undefined ? {} : { keyMask };
      const floats = form.numbers?.(call) ?? {};
      const norm = () => {
        if (form.divisor === "none") return {};
        if (form.rescaled && lse !== undefined) return { norm: lse };
        const how = { ...call, lse: form.rescaled === true, dims: { ...dims, dv: 1 } };
        const rows = normaliser.forward(host, { q: q!, k: k!, v: v!, ...mask }, how);
        return { norm: form.rescaled ? rows.lse! : rows.y };
      };
      const normed: Tensors<T> = norm();
      const dlse: Tensors<T> = call.lse ? { dlse: seeds.lse! } : {};
      const own = { heads: B * Hkv, Hkv, G, L, S, d, dv, w };
      const queries = { ...queryTokens(host, form, own, floats, { q: q!, dy: seeds.y!, y: y!, ...normed, ...dlse }) };
      const keys = { ...keyTokens(host, form, own, floats, { k: k!, v: v!, ...mask }) };
      const querySide: Side<T> = { ...queries, count: L, at: at.q, per: G };
      const keySide: Side<T> = { ...keys, count: S, at: at.k, per: 1 };

      const direction = (self: Side<T>, other: Side<T>, reversed: boolean, entry: string) => {
        const how: Direction = { rescaled: form.rescaled === true, causal: !whole, reversed, entry };
        const chunks = Math.ceil((whole ? other.count : at.length) / CHUNK);
        const firstTile = Math.floor(self.at / CHUNK);
        const ownTiles = Math.ceil((self.at + self.count) / CHUNK) - firstTile;
        const [featureTiles, columnTiles] = [Math.ceil(d / CHUNK), Math.ceil(w / CHUNK)];
        const sizes = {
          ...{ ...own, chunks, firstTile, ownTiles, featureTiles, columnTiles, owns: self.count, others: other.count },
          ...{ ownAt: self.at, otherAt: other.at, ownPer: self.per, otherPer: other.per },
        };
        const run = (
          name: string,
          code: (how: Direction) => string,
          inputs: Tensors<T>,
          outputs: Tensors<T>,
          groups: number,
        ) =>
          dispatch(host, {
            ...{ name: `${form.name} gradient ${name}`, inputs, outputs },
            code: texts.get([name, Object.values(how)].join(), () => code(how)),
            ...{ sizes: { groups, ...sizes }, floats, workgroups: grid(host, groups) },
          });
        const sums = host.empty([own.heads, chunks, d, w]);
        const [tops, slotTops] = how.rescaled ? [0, 1].map(() => host.empty([own.heads, chunks, d])) : [];
        const others: Tensors<T> = { otherX: other.x, otherY: other.y };
        const groups = own.heads * chunks * featureTiles * columnTiles;
        run("totals", totalsOf, others, { sums, ...(tops && { tops }) }, groups);
        const entries = Math.ceil((own.heads * d * w) / 64);
        run("carry", carryOf, { ...(tops && { tops }) }, { sums, ...(slotTops && { slotTops }) }, entries);
        const state: Tensors<T> = { sums, ...(slotTops && { slotTops }) };
        const seen = whole ? {} : others;
        const tiles = own.heads * self.per * ownTiles;
        return {
          pull(given: T, more: Tensors<T> = {}): T {
            const found = host.empty(host.shape(given));
            const x: Tensors<T> = how.rescaled ? { ownX: self.x } : {};
            run(
              "pull",
              pullOf,
              { given, ownY: self.y, ...x, ...seen, ...state, ...more },
              { found },
              tiles * featureTiles,
            );
            return found;
          },
          weigh(like: T): T {
            const found = host.empty(host.shape(like));
            run("weigh", weighOf, { ownX: self.x, ...seen, ...state }, { found }, tiles * columnTiles);
            return found;
          },
        };
      };
      const forQueries = direction(querySide, keySide, false, entryOf(form, derivatives.q, "q"));
      const dq = forQueries.pull(q!, form.rescaled ? {} : normed);
      const forKeys = direction(keySide, querySide, true, entryOf(form, derivatives.k, "k"));
      return { q: dq, k: forKeys.pull(k!), v: forKeys.weigh(v!) };
    },
  };
}

/** The features of queries are divided as their rows are, so the gradient of q is too. Exponents contain the divisor. */
function entryOf(form: ChannelForm, derivative: string, of: "q" | "k"): string {
  const divided =
    of === "k" || form.rescaled
      ? "own"
      : form.divisor === "none"
        ? "share_of(own)"
        : "select(own / norm[token], 0.0, norm[token] == 0.0)";
  return `
fn share_of(x: f32) -> f32 { return ${form.y ?? "x"}; }
fn entry_of(x: f32, sum: f32, token: u32) -> f32 { let own = sum * (${derivative}); return ${divided}; }`;
}

/** A form whose outputs are the sums of the weights: as y, or as lse if rescaled. */
const normaliserForm = ({ y: _, lseFactor: __, ...form }: ChannelForm): MatrixState => ({
  ...form,
  ...{ name: `${form.name} normaliser`, value: "1.0" },
  ...(!form.rescaled && { divisor: "none" as const }),
});

/** The bytes of the largest tensor that the gradients need. */
function bytesOf({ dims: { B, Hq, Hkv, L, S, d, dv } }: Call): number {
  const tokens = B * Math.max(Hq * L, Hkv * S) * Math.max(d, dv + 1);
  const states = B * Hkv * Math.ceil((L + S) / CHUNK) * d * (dv + 1);
  return 4 * Math.max(tokens, states);
}
