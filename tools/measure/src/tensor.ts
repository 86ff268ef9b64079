import type { Data, Shape } from "@attnkit/core";
import { Float16Array } from "@petamoriken/float16";
import { UsageError } from "./error.ts";

/** True if this machine stores the highest byte first. Files store it last. */
const bigEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 0;

/** Element types of files, by safetensors' names, with their sizes in bytes. */
export const SIZES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
} as const;

export type FileDType = keyof typeof SIZES;

/** A tensor as a file stores it: little-endian, row-major bytes. */
export interface FileTensor {
  readonly dtype: FileDType;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

/** A tensor in a file that is not read, because of its element type or its storage. */
export interface UnreadTensor {
  /** The reason in a few words: `dtype <U4`, `dtype F8_E4M3`. */
  readonly unread: string;
  /** How to store it instead, if another element type does not help. */
  readonly remedy?: string;
  readonly shape: Shape;
}

export type FileTensors = ReadonlyMap<string, FileTensor>;

/** Everything in a file, by name: tensors, and those that are not read. */
export type FileEntries = ReadonlyMap<string, FileTensor | UnreadTensor>;

/** Returns the number of elements of a shape. */
export const sizeOf = (shape: Shape): number => shape.reduce((n, s) => n * s, 1);

export const isDType = (x: unknown): x is FileDType => typeof x === "string" && Object.hasOwn(SIZES, x);

export const isUnread = (t: FileTensor | UnreadTensor): t is UnreadTensor => "unread" in t;

/** Returns the elements as floats. Throws `UsageError` for other types: q, k, v and bias must be floats. */
export function floats(who: string, t: FileTensor | UnreadTensor): Float32Array | Float64Array {
  if (isUnread(t)) return refuse(who, t, NO_FLOATS);
  const buffer = native(t);
  switch (t.dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return new Float64Array(buffer);
    case "F16":
      return Float32Array.from(new Float16Array(buffer));
    case "BF16": {
      // A bfloat16 is the upper half of a float32.
      const wide = Uint32Array.from(new Uint16Array(buffer), (half) => half << 16);
      return new Float32Array(wide.buffer);
    }
    default:
      throw new UsageError(who, `dtype ${t.dtype}; ${NO_FLOATS}`);
  }
}

/** Returns the elements as a mask, true where not 0. Throws `UsageError` for floats: they might be an additive mask. */
export function mask(who: string, t: FileTensor | UnreadTensor): Uint8Array {
  if (isUnread(t)) return refuse(who, t, NO_MASK);
  if (t.dtype.includes("F")) {
    throw new UsageError(
      who,
      `dtype ${t.dtype}; expected BOOL or an integer type, true = may attend (an additive float mask is the tensor "bias")`,
    );
  }
  const size = SIZES[t.dtype];
  const out = new Uint8Array(t.bytes.length / size);
  for (let i = 0; i < t.bytes.length; i++) if (t.bytes[i] !== 0) out[Math.floor(i / size)] = 1;
  return out;
}

const NO_FLOATS =
  "expected F16, BF16, F32 or F64 (in NumPy float16, float32 or float64): save it as a float tensor, with x.astype(np.float32) in NumPy or x.float() in PyTorch";
const NO_MASK =
  'expected BOOL or an integer type, true = may attend: save it with x.astype(bool) in NumPy or x.bool() in PyTorch (an additive float mask is the tensor "bias")';

function refuse(who: string, { unread, remedy }: UnreadTensor, expected: string): never {
  throw new UsageError(who, `${unread}; ${remedy ?? expected}`);
}

/** Converts host data to a file tensor. Bytes are a mask. */
export function fileTensor(data: Data, shape: Shape): FileTensor {
  const dtype = data instanceof Uint8Array ? "BOOL" : data instanceof Float64Array ? "F64" : "F32";
  const own = data instanceof Uint8Array ? Uint8Array.from(data, (x) => (x ? 1 : 0)) : data;
  const bytes = new Uint8Array(own.buffer, own.byteOffset, own.byteLength);
  return { dtype, shape, bytes: bigEndian ? swapped(bytes, SIZES[dtype]) : bytes };
}

/** Reverses the bytes of each element. */
export function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) out[i - (i % size) + size - 1 - (i % size)] = bytes[i]!;
  return out;
}

/** Returns an aligned copy in this machine's byte order. */
function native({ dtype, bytes }: FileTensor): ArrayBuffer {
  const size = SIZES[dtype];
  return (bigEndian ? swapped(bytes, size) : Uint8Array.from(bytes)).buffer as ArrayBuffer;
}
