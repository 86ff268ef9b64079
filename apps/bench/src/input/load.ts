import { createHash } from "node:crypto";
import { dimsOfShapes } from "@attnkit/core/program";
import { embed } from "@attnkit/measure/embed";
import type { Sequence } from "@attnkit/measure/sequence";
import { type Io, UsageError } from "../io.ts";
import { blockOf, described, readTensors } from "./tensors.ts";
import { readText } from "./text.ts";

export interface Input {
  /** A description of the input for reports. */
  readonly source: string;
  /** The SHA-256 of the text's bytes, or of q, k and v. */
  readonly sha256: string;
  readonly sequence: Sequence;
  readonly notes: readonly string[];
}

/** Embeds a text as q, k and v, long enough for every length. Throws `UsageError`. */
export async function textInput(
  io: Io,
  path: string | null,
  sizes: { seed: number; length: number; heads: number; kvHeads: number; dim: number },
): Promise<Input> {
  const { source, bytes, sha256 } = await readText(io, path ?? undefined);
  const times = sizes.length / bytes.length;
  const notes =
    times > 1
      ? [
          `${source} has ${bytes.length} bytes; it is repeated ${times.toFixed(1)} times to reach ${sizes.length} tokens`,
        ]
      : [];
  return { source, sha256, sequence: embed(bytes, sizes), notes };
}

/** Reads q, k and v of a real model from a file. Throws `UsageError`. */
export async function tensorInput(io: Io, path: string): Promise<Input> {
  const tensors = await readTensors(io, path);
  const used = ([name]: readonly [string, unknown]) => ["q", "k", "v"].includes(name);
  const { block } = blockOf(path, new Map([...tensors].filter(used)), "float64");
  const shapes = { q: block.q.shape, k: block.k.shape, v: block.v.shape };
  const { B, Hq, Hkv, L, S, d, dv } = dimsOfShapes(shapes);
  const say = Object.entries(shapes)
    .map(([n, s]) => `${n} [${s.join(", ")}]`)
    .join(", ");
  const agree =
    new Set(Object.values(shapes).map((s) => s.length)).size === 1 &&
    shapes.v.at(-2) === S &&
    (shapes.v.length < 3 || shapes.v.at(-3) === Hkv) &&
    (shapes.v.length < 4 || (shapes.k[0] === B && shapes.v[0] === B)) &&
    shapes.k.at(-1) === d &&
    Hkv > 0 &&
    Hq % Hkv === 0;
  if (!agree)
    throw new UsageError(
      path,
      `${say} disagree; expected q [B, Hq, L, d], k [B, Hkv, L, d], v [B, Hkv, L, dv], Hq a multiple of Hkv, leading axes optional`,
    );
  if (L !== S)
    throw new UsageError(
      path,
      `${say}: ${L} queries and ${S} keys; the benchmark times causal self-attention and expects as many queries as keys`,
    );
  if (B * Hq * L * d * dv === 0) throw new UsageError(path, `${say}: an axis has size 0; expected sizes >= 1`);
  const [q, k, v] = [block.q, block.k, block.v].map((t) => t.data as Float32Array | Float64Array) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const sha = createHash("sha256");
  for (const x of [q, k, v]) sha.update(new Uint8Array(x.buffer, x.byteOffset, x.byteLength));
  const unused = described(new Map([...tensors].filter((entry) => !used(entry))));
  const notes = unused.length
    ? [`${path}: ${unused.join(", ")} not used: the benchmark times plain causal attention`]
    : [];
  return { source: path, sha256: sha.digest("hex"), sequence: { q, k, v, B, Hq, Hkv, length: L, d, dv }, notes };
}
