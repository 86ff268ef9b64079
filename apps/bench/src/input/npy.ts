import { type FileDType, type FileTensor, SIZES, sizeOf, swapped } from "@attnkit/measure/tensor";
import { UsageError } from "../io.ts";

// Own code: npm's readers (npyjs 1.2) refuse neither truncated files nor Fortran order and cannot write.
// Format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html

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

/** The array of a .npy file of version 1, 2 or 3, either byte order, C or Fortran order. Throws `UsageError`. */
export function readNpy(who: string, file: Uint8Array): FileTensor {
  const fail = (what: string): never => {
    throw new UsageError(who, `not a valid .npy file: ${what}`);
  };
  if (file.length < 12 || MAGIC.some((b, i) => file[i] !== b)) fail("it does not begin with \\x93NUMPY and a header");
  const version = file[6]!;
  if (version < 1 || version > 3) fail(`version ${version}, expected 1, 2 or 3`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const start = version === 1 ? 10 : 12;
  const end = start + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (end > file.length) fail(`its header ends at byte ${end} and the file has ${file.length}: it is truncated`);
  const header = new TextDecoder(version === 3 ? "utf-8" : "latin1").decode(file.subarray(start, end));
  const descr = /'descr'\s*:\s*'([<>|=]?)(\w+)'/.exec(header);
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (!descr || fortran === undefined || sizes === undefined) {
    return fail(
      `its header is ${JSON.stringify(header.trim().slice(0, 120))}, expected 'descr', 'fortran_order' and 'shape' of one plain element type`,
    );
  }
  const dtype = DTYPES[descr[2]!];
  if (dtype === undefined)
    return fail(`dtype ${descr[1]}${descr[2]}, expected one of ${Object.keys(DTYPES).join(", ")}`);
  const shape = sizes.split(",").flatMap((s) => (s.trim() ? [Number(s)] : []));
  const size = SIZES[dtype];
  const wanted = sizeOf(shape) * size;
  if (file.length - end !== wanted) {
    fail(
      `[${shape.join(", ")}] of ${dtype} has ${file.length - end} bytes of data, expected ${wanted}${file.length - end < wanted ? ": it is truncated" : ""}`,
    );
  }
  const raw = file.subarray(end);
  const little = descr[1] === ">" ? swapped(raw, size) : raw;
  return { dtype, shape, bytes: fortran === "True" ? rowMajor(little, shape, size) : little };
}

/** The bytes of a .npy file of version 1, C order, little-endian. BF16 has no NumPy name and is refused. */
export function writeNpy({ dtype, shape, bytes }: FileTensor): Uint8Array {
  const code = Object.keys(DTYPES).find((c) => DTYPES[c] === dtype);
  if (code === undefined) throw new UsageError("npy", `dtype ${dtype} has no NumPy name; expected any other`);
  const descr = SIZES[dtype] === 1 ? `|${code}` : `<${code}`;
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${tuple}), }`;
  // Magic, version and length take 10 bytes, the header ends in a newline, and the data begins at a multiple of 64.
  const total = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const file = new Uint8Array(total + bytes.length);
  file.set([...MAGIC, 1, 0]);
  new DataView(file.buffer).setUint16(8, total - 10, true);
  file.set(new TextEncoder().encode(`${dict.padEnd(total - 11)}\n`), 10);
  file.set(bytes, total);
  return file;
}

/** Column-major elements in row-major order. */
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
