import { extname } from "node:path";
import type { Data, DType, Shape } from "@attnkit/core";
import { isStateName } from "@attnkit/core/backend";
import { readSafetensors } from "@attnkit/measure/safetensors";
import {
  type FileEntries,
  type FileTensor,
  floats,
  isUnread,
  mask,
  sizeOf,
  type UnreadTensor,
} from "@attnkit/measure/tensor";
import { readInput } from "../files.ts";
import { type Io, UsageError } from "../io.ts";
import { readNpy } from "./npy.ts";
import { readNpz } from "./npz.ts";

export interface HostTensor {
  readonly data: Data;
  readonly shape: Shape;
}

/** One block in host memory, as a file gives it. */
export interface HostBlock {
  readonly q: HostTensor;
  readonly k: HostTensor;
  readonly v: HostTensor;
  readonly mask?: HostTensor;
  readonly bias?: HostTensor;
  readonly keyMask?: HostTensor;
  readonly state?: Readonly<Record<string, HostTensor>>;
}

const OPTIONAL = ["mask", "bias", "keyMask"] as const;
/** The largest finite number of each float type. */
const LARGEST: Readonly<Record<DType, number>> = {
  float16: 65504,
  float32: 3.4028234663852886e38,
  float64: Number.MAX_VALUE,
};

/**
 * Reads every tensor of a .safetensors, .npz or .npy file. A .npy file holds q, k and v stacked, `[3, ...]`. A tensor
 * of an unsupported type is an error only if it is used. Throws `UsageError`.
 */
export async function readTensors(io: Io, path: string): Promise<FileEntries> {
  const kind = extname(path).toLowerCase();
  if (![".safetensors", ".npz", ".npy"].includes(kind)) {
    throw new UsageError(path, `extension ${kind || "(none)"}; expected .safetensors, .npz or .npy`);
  }
  const bytes = await readInput(io, path);
  if (bytes.length === 0) throw new UsageError(path, "is empty; expected a file that holds q, k and v");
  if (kind === ".safetensors") return readSafetensors(path, bytes);
  return kind === ".npz" ? readNpz(path, bytes) : unstacked(path, readNpy(path, bytes));
}

/**
 * Returns the block in a file's tensors: q, k, v, and mask, bias, keyMask and `state.<name>` if present. Type and rank
 * are checked, and that `dtype` can hold every number. `ignored` lists the other names, with the type if it is
 * unsupported. Throws `UsageError`.
 */
export function blockOf(path: string, tensors: FileEntries, dtype: DType): { block: HostBlock; ignored: string[] } {
  const required = (name: "q" | "k" | "v"): HostTensor => {
    const t = tensors.get(name);
    if (!t)
      throw new UsageError(
        path,
        `holds no tensor ${name} (it holds ${described(tensors).join(", ") || "none"}); expected q, k and v`,
      );
    if (isUnread(t)) return { data: floats(`${path}: ${name}`, t), shape: t.shape };
    if (t.shape.length < 2 || t.shape.length > 4) {
      throw new UsageError(
        path,
        `${name} [${t.shape.join(", ")}] has rank ${t.shape.length}; expected 2, 3 or 4: [B, heads, tokens, channels], leading axes optional`,
      );
    }
    return { data: floats(`${path}: ${name}`, t), shape: t.shape };
  };
  const [q, k, v] = [required("q"), required("k"), required("v")];
  const optional: Partial<Record<(typeof OPTIONAL)[number], HostTensor>> = {};
  for (const name of OPTIONAL) {
    const t = tensors.get(name);
    const read = name === "bias" ? floats : mask;
    if (t) optional[name] = { data: read(`${path}: ${name}`, t), shape: t.shape };
  }
  const hidden = hiddenRows(k.shape, optional.keyMask);
  finite(`${path}: q`, q, dtype);
  finite(`${path}: k`, k, dtype, hidden);
  finite(`${path}: v`, v, dtype, hidden);
  if (optional.bias) finite(`${path}: bias`, optional.bias, dtype, undefined, true);
  const state = stateOf(path, tensors, dtype);
  const ignored = new Map([...tensors].filter(([n]) => !isStateName(n) && !["q", "k", "v", ...OPTIONAL].includes(n)));
  for (const [name, t] of ignored) if (!isUnread(t)) refuseMisspelt(path, name, tensors);
  return { block: { q, k, v, ...optional, ...(state && { state }) }, ignored: described(ignored) };
}

/** Returns the names of tensors for messages, each with its type if that is unsupported. */
export const described = (tensors: FileEntries): string[] =>
  [...tensors].map(([name, t]) => {
    // A name may contain anything, and a message is one line.
    const plain = name === "" || /[\p{C}\p{Zl}\p{Zp}]/u.test(name) ? JSON.stringify(name) : name;
    return isUnread(t) ? `${plain} (${t.unread})` : plain;
  });

/** Returns the `state.<name>` tensors of a file by name, or undefined if it holds none. */
export function stateOf(path: string, tensors: FileEntries, dtype: DType): Record<string, HostTensor> | undefined {
  const state: [name: string, tensor: HostTensor][] = [];
  for (const [name, t] of tensors) {
    if (!isStateName(name)) continue;
    const who = `${path}: ${name}`;
    const tensor = { data: isUnread(t) || t.dtype.includes("F") ? floats(who, t) : mask(who, t), shape: t.shape };
    finite(who, tensor, dtype, undefined, true);
    state.push([name.slice(6), tensor]);
  }
  // `fromEntries` keeps an entry called __proto__. It is then refused like every unknown entry.
  return state.length ? Object.fromEntries(state) : undefined;
}

/** Splits one array `[3, ...]` into q, k and v. */
function unstacked(path: string, t: FileTensor | UnreadTensor): FileEntries {
  if (isUnread(t)) return new Map(["q", "k", "v"].map((name) => [name, t]));
  if (t.shape.length < 3 || t.shape[0] !== 3) {
    throw new UsageError(
      path,
      `[${t.shape.join(", ")}]; expected q, k and v stacked in one array [3, ...], or a .npz or .safetensors file that names them`,
    );
  }
  const part = t.bytes.length / 3;
  const shape = t.shape.slice(1);
  return new Map(
    ["q", "k", "v"].map((name, i) => [
      name,
      { dtype: t.dtype, shape, bytes: t.bytes.subarray(i * part, (i + 1) * part) },
    ]),
  );
}

/** Throws `UsageError` with the index of a number that is not finite in `dtype`. `hidden(i)` exempts element i. */
function finite(
  who: string,
  { data, shape }: HostTensor,
  dtype: DType,
  hidden?: (i: number, shape: Shape) => boolean,
  minusInfinity = false,
): void {
  if (data instanceof Uint8Array) return;
  for (let i = 0; i < data.length; i++) {
    const x = data[i]!;
    if (Math.abs(x) <= LARGEST[dtype] || (minusInfinity && x === Number.NEGATIVE_INFINITY) || hidden?.(i, shape))
      continue;
    const place = placeOf(i, shape).join(", ");
    const allowed = minusInfinity ? "finite numbers or -Infinity" : "finite numbers";
    throw new UsageError(who, `${x} at [${place}] of [${shape.join(", ")}]; expected ${allowed} within ${dtype}`);
  }
}

/**
 * Returns whether an element of k or v belongs to a key that the key mask removes. Such a row may hold anything
 * (SEMANTICS S9).
 */
function hiddenRows(k: Shape, keyMask: HostTensor | undefined): ((i: number, shape: Shape) => boolean) | undefined {
  if (!keyMask) return undefined;
  const S = k.at(-2)!;
  const perBatch = (shape: Shape) => (shape.length === 4 ? sizeOf(shape.slice(1)) : Number.POSITIVE_INFINITY);
  return (i, shape) => {
    const token = Math.floor(i / shape.at(-1)!) % S;
    return keyMask.data[Math.floor(i / perBatch(shape)) * S + token] === 0;
  };
}

function placeOf(i: number, shape: Shape): number[] {
  const place: number[] = [];
  for (const size of shape.toReversed()) {
    place.unshift(i % size);
    i = Math.floor(i / size);
  }
  return place;
}

/** Throws `UsageError` if a name is nearly a known one, and the file has no tensor of the known name. */
function refuseMisspelt(path: string, name: string, tensors: FileEntries): void {
  const plain = (s: string) => s.replace(/[^a-z0-9]/gi, "").toLowerCase();
  const meant = OPTIONAL.find((n) => plain(n) === plain(name) && !tensors.has(n));
  if (meant) throw new UsageError(path, `tensor ${name} has no meaning; rename it to ${meant}`);
}
