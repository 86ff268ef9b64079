import { constants } from "node:buffer";
import { crc32, inflateRawSync } from "node:zlib";

// fflate, which writes our files, verifies no checksum, keeps one of two entries of a name, and fails on the whole file
// if one entry uses another compression. Format: APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.3.

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const STORED = 0;
const DEFLATED = 8;

export interface ZipEntry {
  readonly name: string;
  /** The reason why `bytes` cannot be read, or `undefined`. */
  readonly unread: string | undefined;
  /** Returns the content. Its length and checksum are verified. */
  bytes(): Uint8Array;
}

/** Reports a malformed file. `entry` names the part that is at fault. */
export type Fail = (what: string, entry?: string) => never;

/** Returns every entry of a zip file in the order of its directory. Two entries may have the same name. */
export function readZip(file: Uint8Array, fail: Fail): ZipEntry[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const u16 = (at: number) => view.getUint16(at, true);
  const u32 = (at: number) => view.getUint32(at, true);
  const u64 = (at: number) => Number(view.getBigUint64(at, true));
  /** Returns whether a record with this signature and of `size` bytes is at `at`. */
  const is = (signature: number, at: number, size: number) =>
    at >= 0 && at + size <= file.length && u32(at) === signature;

  const { count, start } = directory();
  const entries: (ZipEntry & { readonly begin: number; readonly end: number })[] = [];
  let at = start;
  for (let n = 0; n < count; n++) {
    if (!is(CENTRAL, at, 46)) return fail(`entry ${n} of ${count} in its directory is missing`);
    const [nameLength, extraLength, commentLength] = [u16(at + 28), u16(at + 30), u16(at + 32)];
    const extraAt = at + 46 + nameLength;
    const next = extraAt + extraLength + commentLength;
    if (next > file.length)
      return fail(`entry ${n} of ${count} in its directory ends at byte ${next} of ${file.length}`);
    const flags = u16(at + 8);
    const name = new TextDecoder(flags & 0x800 ? "utf-8" : "latin1").decode(file.subarray(at + 46, extraAt));
    const long = zip64(extraAt, extraAt + extraLength, [u32(at + 24), u32(at + 20), u32(at + 42)]);
    if (!long) return fail("its zip64 sizes are missing", name);
    const [size, packed, offset] = long;
    if (!is(LOCAL, offset, 30)) return fail(`its header is not at byte ${offset} of ${file.length}`, name);
    const begin = offset + 30 + u16(offset + 26) + u16(offset + 28);
    const end = begin + packed;
    if (end > start)
      return fail(`it lies at bytes ${begin} to ${end}, expected to end before the directory at ${start}`, name);
    const method = u16(at + 10);
    const crc = u32(at + 16);
    const unread =
      flags & 1
        ? "encrypted"
        : method === STORED || method === DEFLATED
          ? undefined
          : `compressed with method ${method} of zip`;
    const bytes = () => content({ name, method, size, crc, packed: file.subarray(begin, end) }, fail);
    entries.push({ name, unread, bytes, begin: offset, end });
    at = next;
  }
  const inOrder = entries.toSorted((a, b) => a.begin - b.begin);
  for (const [i, { name, begin }] of inOrder.entries()) {
    const before = inOrder[i - 1];
    if (before && begin < before.end)
      return fail(`it begins at byte ${begin}, inside ${before.name}, which ends at ${before.end}`, name);
  }
  return entries;

  /**
   * Finds the directory through the record at the end of the file. A comment of up to 65535 bytes may follow that
   * record.
   */
  function directory(): { count: number; start: number } {
    let end = file.length - 22;
    const last = Math.max(0, end - 0xffff);
    while (end >= last && !(u32(end) === END && end + 22 + u16(end + 20) <= file.length)) end--;
    if (end < last)
      return fail("it has no directory of a zip file at its end: it is truncated or another kind of file");
    const short = { count: u16(end + 10), start: u32(end + 16) };
    if (short.count !== 0xffff && short.start !== 0xffffffff && u32(end + 12) !== 0xffffffff) return short;
    if (!is(LOCATOR64, end - 20, 20)) return short;
    const at = u64(end - 12);
    if (!is(END64, at, 56)) return fail(`its zip64 directory record is not at byte ${at}`);
    return { count: u64(at + 32), start: u64(at + 48) };
  }

  /** Replaces sizes of 0xffffffff by those of the zip64 field, in its order: size, packed size, offset. */
  function zip64(
    from: number,
    to: number,
    short: readonly [number, number, number],
  ): [number, number, number] | undefined {
    const long: [number, number, number] = [...short];
    if (!short.includes(0xffffffff)) return long;
    for (let field = from; field + 4 <= to; field += 4 + u16(field + 2)) {
      if (u16(field) !== 1) continue;
      let value = field + 4;
      const end = Math.min(to, value + u16(field + 2));
      for (const [i, x] of short.entries()) {
        if (x !== 0xffffffff) continue;
        if (value + 8 > end) return undefined;
        long[i] = u64(value);
        value += 8;
      }
      return long;
    }
    return undefined;
  }
}

function content(
  entry: { name: string; method: number; size: number; crc: number; packed: Uint8Array },
  fail: Fail,
): Uint8Array {
  const { name, method, size, crc, packed } = entry;
  let bytes = packed;
  if (method === DEFLATED) {
    try {
      bytes = inflateRawSync(packed, { maxOutputLength: Math.min(Math.max(1, size), constants.MAX_LENGTH) });
    } catch (error) {
      return fail(`it cannot be decompressed (${error instanceof Error ? error.message : String(error)})`, name);
    }
  }
  if (bytes.length !== size) return fail(`it has ${bytes.length} bytes, expected ${size}`, name);
  const hex = (n: number) => n.toString(16).padStart(8, "0");
  const got = crc32(bytes);
  if (got !== crc) return fail(`its checksum is ${hex(got)}, expected ${hex(crc)}: its bytes were changed`, name);
  return bytes;
}
