/**
 * Protocol Buffers' wire format, driven by a table of fields: the part that is needed to write and read ONNX models.
 * See https://protobuf.dev/programming-guides/encoding
 */

/**
 * The type of a field. `"int"` is an int32 or an enum, `"long"` an int64 as a bigint. A message is given by its table,
 * wrapped in a function because messages contain each other.
 */
export type FieldType = "int" | "long" | "float" | "double" | "string" | "bytes" | (() => Fields);

export interface Field {
  readonly number: number;
  readonly type: FieldType;
  /** The field is a list. Its numbers are written one by one, as ONNX's own writer does. They are also read packed. */
  readonly repeated?: boolean;
  /** The value 0 is written too, because its absence has another meaning. */
  readonly explicit?: boolean;
}

/** The fields of a message, by name. */
export type Fields = Readonly<Record<string, Field>>;

export type Message = Readonly<Record<string, unknown>>;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

const wireTypeOf = (type: FieldType): number =>
  type === "int" || type === "long" ? VARINT : type === "float" ? FIXED32 : type === "double" ? FIXED64 : LENGTH;

/** Returns the bytes of a message: known fields in the order of their numbers, without default values. */
export function encode(fields: Fields, message: Message): Uint8Array {
  const writer = new Writer();
  const sorted = Object.entries(fields).sort(([, a], [, b]) => a.number - b.number);
  for (const [name, field] of sorted) {
    const value = message[name];
    if (value === undefined) continue;
    if (field.repeated) for (const x of value as readonly unknown[]) writeOne(writer, field, x);
    else if (field.explicit || !isDefault(value)) writeOne(writer, field, value);
  }
  return writer.bytes();
}

const isDefault = (x: unknown): boolean =>
  x === 0 || x === 0n || x === "" || (x instanceof Uint8Array && x.length === 0);

function writeOne(writer: Writer, { number, type }: Field, value: unknown): void {
  writer.tag(number, wireTypeOf(type));
  writeValue(writer, type, value);
}

function writeValue(writer: Writer, type: FieldType, value: unknown): void {
  if (typeof type === "function") writer.block(encode(type(), value as Message));
  else if (type === "string") writer.block(new TextEncoder().encode(value as string));
  else if (type === "bytes") writer.block(value as Uint8Array);
  else if (type === "float") writer.float(value as number);
  else if (type === "double") writer.double(value as number);
  else writer.varint(BigInt(value as number | bigint));
}

/** Collects bytes in a buffer that grows by doubling. */
class Writer {
  #bytes = new Uint8Array(64);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  tag(number: number, wireType: number): void {
    this.varint(BigInt(number * 8 + wireType));
  }

  /** Writes an integer as a varint. Negative numbers are 64-bit two's complement. */
  varint(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    this.#reserve(10);
    while (rest > 127n) {
      this.#bytes[this.#length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  float(value: number): void {
    this.#reserve(4);
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  double(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** Writes the number of bytes, then the bytes. */
  block(bytes: Uint8Array): void {
    this.varint(BigInt(bytes.length));
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + more));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/**
 * Decodes a message. Repeated fields are always lists. Other fields are absent if the bytes do not contain them.
 * Unknown fields are skipped. Throws an Error with the position of the byte where the format is broken.
 */
export function decode(fields: Fields, bytes: Uint8Array): Message {
  const byNumber = new Map(Object.entries(fields).map(([name, field]) => [field.number, [name, field] as const]));
  const message: Record<string, unknown> = {};
  for (const [name, { repeated }] of Object.entries(fields)) if (repeated) message[name] = [];
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = Number(reader.varint());
    const [number, wireType] = [Math.floor(tag / 8), tag % 8];
    if (number === 0) reader.fail("a field has number 0");
    const [name, field] = byNumber.get(number) ?? [];
    if (name === undefined || field === undefined) {
      reader.skip(wireType);
      continue;
    }
    const expected = wireTypeOf(field.type);
    if (wireType === LENGTH && expected !== LENGTH && field.repeated) {
      const packed = new Reader(reader.block());
      while (!packed.done) (message[name] as unknown[]).push(readValue(packed, field.type));
      continue;
    }
    if (wireType !== expected) reader.fail(`field ${name} has wire type ${wireType}, expected ${expected}`);
    const value = readValue(reader, field.type);
    if (field.repeated) (message[name] as unknown[]).push(value);
    else message[name] = value;
  }
  return message;
}

function readValue(reader: Reader, type: FieldType): unknown {
  if (typeof type === "function") return decode(type(), reader.block());
  if (type === "string") return new TextDecoder("utf-8", { fatal: true }).decode(reader.block());
  if (type === "bytes") return reader.block();
  if (type === "float") return reader.float();
  if (type === "double") return reader.double();
  const value = BigInt.asIntN(64, reader.varint());
  return type === "int" ? Number(BigInt.asIntN(32, value)) : value;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  fail(rule: string): never {
    throw new Error(`${rule}, at byte ${this.#at} of ${this.#bytes.length}`);
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#take(1)]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return this.fail("a number has more than 10 bytes");
  }

  float(): number {
    return this.#view.getFloat32(this.#take(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8), true);
  }

  block(): Uint8Array {
    const length = Number(this.varint());
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  skip(wireType: number): void {
    if (wireType === VARINT) this.varint();
    else if (wireType === FIXED64) this.#take(8);
    else if (wireType === LENGTH) this.block();
    else if (wireType === FIXED32) this.#take(4);
    else this.fail(`wire type ${wireType} is not known`);
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length) this.fail(`${length} bytes are missing`);
    this.#at = start + length;
    return start;
  }
}
