import { type FileDType, type FileTensor, SIZES, sizeOf, swapped, type UnreadTensor } from "@attnkit/measure/tensor";
import { UsageError } from "../io.ts";
import { type Literal, parseLiteral } from "./literal.ts";

// npm's readers (npyjs 1.2) accept truncated files, ignore Fortran order and cannot write. Format:
// numpy.org/doc/stable/reference/generated/numpy.lib.format.html

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
const DTYPES: Readonly<Record<string, FileDType>> = {
  b1: "BOOL",
  u1: "U8",
  i1: "I8",
  u2: "U16",
  i2: "I16",
  f2: "F16",
  u4: "U32",
  i4: "I32",
  f4: "F32",
  u8: "U64",
  i8: "I64",
  f8: "F64",
};

/** Returns whether a file begins as .npy files do. */
export const isNpy = (file: Uint8Array): boolean => MAGIC.every((b, i) => file[i] === b);

/**
 * Returns the array of a .npy file of version 1, 2 or 3, in either byte order, in C or Fortran order. Arrays of text,
 * objects, complex numbers, dates and tables are not read: they are returned as `UnreadTensor`. Throws `UsageError`.
 */
export function readNpy(who: string, file: Uint8Array): FileTensor | UnreadTensor {
  const fail = (what: string): never => {
    throw new UsageError(who, `not a valid .npy file: ${what}`);
  };
  if (file.length < 12 || !isNpy(file)) fail("it does not begin with \\x93NUMPY and a header");
  const version = file[6]!;
  if (version < 1 || version > 3) fail(`version ${version}, expected 1, 2 or 3`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = version === 1 ? 10 : 12;
  const end = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (end > file.length) fail(`its header ends at byte ${end} and the file has ${file.length}: it is truncated`);
  const header = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(file.subarray(start, end));
  const fields = parseLiteral(header);
  const [descr, fortran, shape] =
    fields instanceof Map ? ["descr", "fortran_order", "shape"].map((n) => fields.get(n)) : [];
  const type = descr === undefined ? undefined : elementOf(descr);
  if (type === undefined || typeof fortran !== "boolean" || !Array.isArray(shape)) {
    return fail(
      `its header is ${JSON.stringify(header.trim().slice(0, 120))}, expected 'descr', 'fortran_order' and 'shape'`,
    );
  }
  if (!shape.every((s) => Number.isSafeInteger(s) && s >= 0))
    return fail(`its shape is (${shape.join(", ")}), expected whole numbers >= 0`);
  const bytes = file.subarray(end);
  const wanted = type.size === undefined ? Math.max(1, bytes.length) : sizeOf(shape) * type.size;
  if (bytes.length !== wanted) {
    fail(
      `[${shape.join(", ")}] of ${type.name} has ${bytes.length} bytes of data, expected ${wanted}${bytes.length < wanted ? ": it is truncated" : ""}`,
    );
  }
  const { dtype } = type;
  if (dtype === undefined) return { unread: `dtype ${type.name}`, shape };
  const little = type.name.startsWith(">") ? swapped(bytes, SIZES[dtype]) : bytes;
  return { dtype, shape, bytes: fortran ? rowMajor(little, shape, SIZES[dtype]) : little };
}

interface Element {
  /** The type in NumPy's notation. */
  readonly name: string;
  /** Bytes per element. `undefined` for objects, which are pickled. */
  readonly size: number | undefined;
  /** The type that it is read as. `undefined` if it is not read. */
  readonly dtype?: FileDType | undefined;
}

/** Returns the element type that a 'descr' stands for, or `undefined` if it is malformed. */
function elementOf(descr: Literal): Element | undefined {
  if (typeof descr === "string") {
    const [, , kind, digits] = /^([<>|=]?)([A-Za-z])(\d*)(\[[^[\]]+\])?$/.exec(descr) ?? [];
    if (kind === undefined) return undefined;
    const code = `${kind}${digits}`;
    if (Object.hasOwn(DTYPES, code)) return { name: descr, size: SIZES[DTYPES[code]!], dtype: DTYPES[code] };
    // NumPy gives the length of text in characters, and each takes four bytes.
    const size = digits === "" || kind === "O" ? undefined : Number(digits) * (kind === "U" ? 4 : 1);
    return { name: descr, size };
  }
  if (!Array.isArray(descr)) return undefined;
  let size: number | undefined = 0;
  const names: string[] = [];
  // A field is (name, type) or (name, type, shape). A name may be a pair of title and name.
  for (const field of descr as Literal[]) {
    if (!Array.isArray(field) || field.length < 2 || field.length > 3) return undefined;
    const [title, type, shape = []] = field as [Literal, Literal, Literal?];
    const element = elementOf(type);
    const sizes = Array.isArray(shape) ? shape : [shape];
    if (!element || !sizes.every((n) => Number.isSafeInteger(n))) return undefined;
    const one = element.size === undefined ? undefined : element.size * sizeOf(sizes as number[]);
    size = size === undefined || one === undefined ? undefined : size + one;
    names.push(`${Array.isArray(title) ? title.at(-1) : title} ${element.name}`);
  }
  const shown = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
  return { name: `table (${shown.join(", ")})`, size };
}

/**
 * Writes a .npy file of version 1, in C order, little-endian. BF16 has no NumPy name and is refused with `UsageError`.
 */
export function writeNpy({ dtype, shape, bytes }: FileTensor): Uint8Array {
  const code = Object.keys(DTYPES).find((c) => DTYPES[c] === dtype);
  if (code === undefined) throw new UsageError("npy", `dtype ${dtype} cannot be written: NumPy has no such type`);
  const descr = SIZES[dtype] === 1 ? `|${code}` : `<${code}`;
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`;
  // Magic, version and length take 10 bytes. The header ends in a newline, and the data begins at a multiple of 64.
  const total = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const file = new Uint8Array(total + bytes.length);
  file.set([...MAGIC, 1, 0]);
  new DataView(file.buffer).setUint16(8, total - 10, true);
  file.set(new TextEncoder().encode(`${dict.padEnd(total - 11)}\n`), 10);
  file.set(bytes, total);
  return file;
}

/** Converts column-major elements to row-major order. */
function rowMajor(bytes: Uint8Array, shape: readonly number[], size: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const index = shape.map(() => 0);
  for (let to = 0; to < bytes.length; to += size) {
    const from = index.reduce((sum, i, axis) => sum + i * strides[axis]!, 0) * size;
    out.set(bytes.subarray(from, from + size), to);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return out;
}
