import { UsageError } from "./error.ts";
import {
  type FileEntries,
  type FileTensor,
  type FileTensors,
  isDType,
  SIZES,
  sizeOf,
  type UnreadTensor,
} from "./tensor.ts";

// The packages of this name on npm are a placeholder and one that reads no data. The format is an 8-byte length, a JSON
// header and the raw bytes (github.com/huggingface/safetensors, "Format").

/** The limit of the reference implementation in bytes. A longer header is an attack or not a safetensors file. */
const MAX_HEADER = 100_000_000;

/** Bits per element of types that the format has and that are not read. */
const UNREAD_BITS: Readonly<Record<string, number>> = {
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  C64: 64,
};

/**
 * Returns the tensors of a safetensors file. A tensor of an unsupported type is an `UnreadTensor`. `who` is the file's
 * name in messages. Throws `UsageError`.
 */
export function readSafetensors(who: string, file: Uint8Array): FileEntries {
  const fail = (what: string): never => {
    throw new UsageError(who, `not a valid safetensors file: ${what}`);
  };
  if (file.length < 8) fail(`it has ${file.length} bytes, expected at least 8`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = view.getBigUint64(0, true);
  if (length > MAX_HEADER) fail(`its header claims ${length} bytes, expected at most ${MAX_HEADER}`);
  const start = 8 + Number(length);
  if (start > file.length)
    fail(`its header claims ${length} bytes and the file has ${file.length - 8} after the length: it is truncated`);
  const header = parseHeader(file.subarray(8, start), fail);
  const data = file.subarray(start);
  const spans: [begin: number, end: number, name: string][] = [];
  const tensors = new Map<string, FileTensor | UnreadTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
    if (typeof dtype !== "string" || dtype === "")
      return fail(`tensor ${name} has dtype ${JSON.stringify(dtype)}, expected the name of a type`);
    if (!Array.isArray(shape) || !shape.every(isSize))
      return fail(`tensor ${name} has shape ${JSON.stringify(shape)}, expected whole numbers >= 0`);
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
      return fail(`tensor ${name} has data_offsets ${JSON.stringify(offsets)}, expected [begin, end]`);
    }
    const [begin, end] = offsets as [number, number];
    if (begin > end || end > data.length) {
      fail(
        `tensor ${name} lies at bytes ${begin} to ${end} and there are ${data.length}${end > data.length ? ": it is truncated" : ""}`,
      );
    }
    // The element size of a type that is newer than this list is unknown. Only its place in the file can be checked.
    const bits = isDType(dtype) ? 8 * SIZES[dtype] : Object.hasOwn(UNREAD_BITS, dtype) ? UNREAD_BITS[dtype] : undefined;
    const wanted = bits === undefined ? end - begin : (sizeOf(shape) * bits) / 8;
    if (end - begin !== wanted)
      fail(`tensor ${name} [${shape.join(", ")}] of ${dtype} has ${end - begin} bytes, expected ${wanted}`);
    spans.push([begin, end, name]);
    tensors.set(
      name,
      isDType(dtype) ? { dtype, shape, bytes: data.subarray(begin, end) } : { unread: `dtype ${dtype}`, shape },
    );
  }
  spans.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let at = 0;
  for (const [begin, end, name] of spans) {
    if (begin !== at)
      fail(
        `tensor ${name} begins at byte ${begin}, expected ${at}: tensors must follow each other without holes or overlap`,
      );
    at = end;
  }
  if (at !== data.length) fail(`its tensors end at byte ${at} and the file holds ${data.length}`);
  return tensors;
}

/** Writes a safetensors file: an aligned header, then tensors by descending element size and by name. */
export function writeSafetensors(tensors: FileTensors, metadata?: Readonly<Record<string, string>>): Uint8Array {
  const sorted = [...tensors].sort(([m, a], [n, b]) => SIZES[b.dtype] - SIZES[a.dtype] || (m < n ? -1 : m > n ? 1 : 0));
  const header: Record<string, unknown> = metadata ? { __metadata__: metadata } : {};
  let at = 0;
  for (const [name, { dtype, shape, bytes }] of sorted) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + padded + at);
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true);
  file.fill(0x20, 8, 8 + padded).set(json, 8);
  let offset = 8 + padded;
  for (const [, { bytes }] of sorted) {
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

const isSize = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;

function parseHeader(bytes: Uint8Array, fail: (what: string) => never): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    return fail(`its header is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header))
    return fail("its header is not a JSON object");
  return header as Record<string, unknown>;
}
