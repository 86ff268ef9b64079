import { type Random, random } from "@attnkit/core/conformance";
import type { OnnxAttentionAttributes } from "@attnkit/softmax/onnx-attention";

export interface Array4 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** One call of the ONNX operator; attributes as ONNX has them, booleans as 1 and 0. */
export interface Case {
  readonly name: string;
  readonly attributes: OnnxAttentionAttributes;
  readonly inputs: Readonly<Record<string, Array4>>;
  readonly mask: "boolean" | "float";
  readonly opset: 23 | 24 | 25;
}

export interface Outputs {
  readonly Y: Float64Array;
  readonly qk: Float64Array;
}

/**
 * The operator index by index in float64, from ONNX's text (opsets 23 to 25 with the corrections of 2026). Shares no code
 * with the mechanism, its reference or the compatibility layer.
 */
export function definition({ attributes, inputs, mask: type }: Case): Outputs {
  const { Q, K, V, attn_mask: mask, past_key: pastK, past_value: pastV, nonpad_kv_seqlen: counts } = inputs;
  const packed = Q!.shape.length === 3;
  const number = (x: number | bigint | undefined, missing: number) => (x === undefined ? missing : Number(x));
  const Hq = packed ? number(attributes.q_num_heads, 0) : Q!.shape[1]!;
  const Hkv = packed ? number(attributes.kv_num_heads, 0) : K!.shape[1]!;
  const B = Q!.shape[0]!;
  const [L, S] = [Q!, K!].map((x) => x.shape[packed ? 1 : 2]!) as [number, number];
  const [d, dv] = [packed ? Q!.shape[2]! / Hq : Q!.shape[3]!, packed ? V!.shape[2]! / Hkv : V!.shape[3]!];
  const P = pastK?.shape[2] ?? 0;
  const T = P + S;
  const at = (x: Array4, H: number, w: number, b: number, h: number, n: number, c: number) => {
    const N = x.shape[packed ? 1 : 2]!;
    return x.data[packed ? (b * N + n) * H * w + h * w + c : ((b * H + h) * N + n) * w + c]!;
  };
  const key = (x: Array4, past: Array4 | undefined, w: number, b: number, h: number, j: number, c: number) =>
    j < P ? past!.data[((b * Hkv + h) * P + j) * w + c]! : at(x, Hkv, w, b, h, j - P, c);
  const masked = (b: number, h: number, i: number, j: number): number => {
    const full = [b, h, i, j].slice(4 - mask!.shape.length);
    // A last axis that is shorter ends the mask, even one of size 1: nobody attends to the rest.
    if (j >= mask!.shape.at(-1)!) return type === "boolean" ? 0 : Number.NEGATIVE_INFINITY;
    const index = full.reduce((n, k, axis) => n * mask!.shape[axis]! + (mask!.shape[axis] === 1 ? 0 : k), 0);
    return mask!.data[index]!;
  };
  const scale = attributes.scale ?? 1 / Math.sqrt(d);
  const cap = attributes.softcap ?? 0;
  const [left, right] = [number(attributes.left_window_size, -1), number(attributes.right_window_size, -1)];
  const mode = number(attributes.qk_matmul_output_mode, 0);
  const Y = new Float64Array(B * Hq * L * dv);
  const qk = new Float64Array(B * Hq * L * T);
  for (let b = 0; b < B; b++)
    for (let h = 0; h < Hq; h++)
      for (let i = 0; i < L; i++) {
        const kv = Math.floor(h / (Hq / Hkv));
        const position = (counts ? counts.data[b]! - L : P) + i;
        const row = Array.from({ length: T }, (_, j) => {
          let s = 0;
          for (let c = 0; c < d; c++) s += at(Q!, Hq, d, b, h, i, c) * key(K!, pastK, d, b, kv, j, c);
          const scaled = s * scale;
          const capped = cap > 0 ? cap * Math.tanh(scaled / cap) : scaled;
          const hidden =
            (Number(attributes.is_causal ?? 0) === 1 && j > position) ||
            (left >= 0 && j < position - left) ||
            (right >= 0 && j > position + right) ||
            (counts !== undefined && j >= counts.data[b]!) ||
            (mask !== undefined && type === "boolean" && masked(b, h, i, j) === 0);
          const bias = mask !== undefined && type === "float" ? masked(b, h, i, j) : 0;
          return { scaled, capped, biased: hidden ? Number.NEGATIVE_INFINITY : capped + bias };
        });
        const top = Math.max(...row.map((r) => r.biased));
        const weights = row.map((r) => (r.biased === Number.NEGATIVE_INFINITY ? 0 : Math.exp(r.biased - top)));
        const sum = weights.reduce((a, w) => a + w, 0);
        const shares = weights.map((w) => (sum === 0 ? 0 : w / sum)); // a row that sees nothing is 0
        row.forEach((r, j) => {
          qk[((b * Hq + h) * L + i) * T + j] = [r.scaled, r.capped, r.biased, shares[j]!][mode]!;
        });
        for (let c = 0; c < dv; c++) {
          const y = shares.reduce((a, w, j) => (w === 0 ? a : a + w * key(V!, pastV, dv, b, kv, j, c)), 0);
          Y[packed ? (b * L + i) * Hq * dv + h * dv + c : ((b * Hq + h) * L + i) * dv + c] = y;
        }
      }
  return { Y, qk };
}

/** A case for every seed; small sizes, every attribute and input in many combinations. */
export function drawn(seed: number): Case {
  const r = random(`onnx attention ${seed}`);
  const pick = <X>(...xs: readonly X[]): X => r.pick(xs);
  const opset = pick(23, 24, 25);
  const packed = pick(true, false);
  const [B, Hkv, G, d, dv] = [pick(1, 2), pick(1, 2), pick(1, 2), pick(2, 4), pick(2, 3)];
  const [L, S] = [pick(1, 2, 5), pick(1, 3, 6)];
  const nonpad = opset >= 24 && pick(true, false, false);
  const P = !nonpad && pick(true, false) ? pick(1, 4) : 0;
  const T = P + S;
  const type = pick("boolean", "float");
  const shape = (H: number, n: number, w: number) => (packed ? [B, n, H * w] : [B, H, n, w]);
  const maskShape = pick(
    undefined,
    [L, T],
    [1, L, T],
    [B, 1, L, T],
    [B, Hkv * G, L, T],
    [L, Math.max(1, T - 1)],
    [1, 1, 1, T],
  );
  const window = opset === 25 && pick(true, false);
  return {
    name: `${seed}`,
    opset,
    mask: type,
    attributes: {
      ...(packed && { q_num_heads: Hkv * G, kv_num_heads: Hkv }),
      ...(pick(true, false) && { is_causal: 1 }),
      ...(pick(true, false) && { scale: pick(0.3, 2) }),
      ...(pick(true, false) && { softcap: pick(0, 1.5) }),
      ...(window && { left_window_size: pick(-1, 0, 2), right_window_size: pick(-1, 0, 1) }),
      qk_matmul_output_mode: pick(0, 1, 2, 3),
    },
    inputs: {
      Q: normal(r, shape(Hkv * G, L, d)),
      K: normal(r, shape(Hkv, S, d)),
      V: normal(r, shape(Hkv, S, dv)),
      ...(maskShape && { attn_mask: type === "float" ? normal(r, maskShape) : bits(r, maskShape) }),
      ...(P > 0 && { past_key: normal(r, [B, Hkv, P, d]), past_value: normal(r, [B, Hkv, P, dv]) }),
      ...(nonpad && { nonpad_kv_seqlen: { shape: [B], data: Float64Array.from({ length: B }, () => pick(1, S)) } }),
    },
  };
}

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const normal = (r: Random, shape: readonly number[]): Array4 => ({
  shape,
  data: Float64Array.from({ length: count(shape) }, () => Math.fround(r.normal())),
});
const bits = (r: Random, shape: readonly number[]): Array4 => ({
  shape,
  data: Float64Array.from({ length: count(shape) }, () => +r.chance(0.7)),
});
