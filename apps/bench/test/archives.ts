import { crc32, deflateRawSync } from "node:zlib";

/** The bytes of a .npy file with this header. */
export function npy(descr: string, shape: string, data: number | Uint8Array, version: 1 | 2 | 3 = 1): Uint8Array {
  const header = new TextEncoder().encode(`{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }\n`);
  const bytes = typeof data === "number" ? new Uint8Array(data) : data;
  const start = version === 1 ? 10 : 12;
  const file = new Uint8Array(start + header.length + bytes.length);
  file.set([0x93, ...new TextEncoder().encode("NUMPY"), version, 0, header.length & 255, header.length >> 8]);
  file.set(header, start);
  file.set(bytes, start + header.length);
  return file;
}

export interface Entry {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
}

/** A zip file, of which two entries may have the same name; `zip64` as Python writes files above 4 GiB. */
export function zip(entries: readonly Entry[], { zip64 = false, comment = "" } = {}): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes, method = 0, flags = 0x800 } of entries) {
    const packed = method === 8 ? deflateRawSync(bytes) : Buffer.from(bytes);
    const path = Buffer.from(name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(path.length, 26);
    const extra = Buffer.alloc(zip64 ? 28 : 0);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(flags, 8);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(crc32(bytes), 16);
    for (const [i, x] of [bytes.length, packed.length, at].entries()) {
      central.writeUInt32LE(zip64 ? 0xffffffff : x, [24, 20, 42][i]!);
      if (zip64) extra.writeBigUInt64LE(BigInt(x), 4 + 8 * i);
    }
    if (zip64) extra.writeUInt16LE(1, 0);
    if (zip64) extra.writeUInt16LE(24, 2);
    central.writeUInt16LE(path.length, 28);
    central.writeUInt16LE(extra.length, 30);
    parts.push(local, path, packed);
    directory.push(central, path, extra);
    at += 30 + path.length + packed.length;
  }
  const size = directory.reduce((n, part) => n + part.length, 0);
  const long = Buffer.alloc(zip64 ? 76 : 0);
  if (zip64) {
    long.writeUInt32LE(0x06064b50, 0);
    long.writeBigUInt64LE(BigInt(entries.length), 32);
    long.writeBigUInt64LE(BigInt(size), 40);
    long.writeBigUInt64LE(BigInt(at), 48);
    long.writeUInt32LE(0x07064b50, 56);
    long.writeBigUInt64LE(BigInt(at + size), 64);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(zip64 ? 0xffff : entries.length, 10);
  end.writeUInt32LE(zip64 ? 0xffffffff : size, 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : at, 16);
  end.writeUInt16LE(comment.length, 20);
  return new Uint8Array(Buffer.concat([...parts, ...directory, long, end, Buffer.from(comment)]));
}
