import { readSafetensors, writeSafetensors } from "@attnkit/measure/safetensors";
import { type FileTensor, fileTensor, floats, isUnread, mask, type UnreadTensor } from "@attnkit/measure/tensor";
import { describe, expect, test } from "vitest";
import { readNpy, writeNpy } from "../src/input/npy.ts";
import { readNpz, writeNpz } from "../src/input/npz.ts";
import { bytesOf, VALUES } from "./fixtures.ts";

const read = (t: FileTensor | UnreadTensor | undefined): FileTensor => {
  if (t === undefined || isUnread(t)) throw new Error(`expected a tensor that is read, got ${t?.unread ?? "none"}`);
  return t;
};
const plain = (t: FileTensor | UnreadTensor | undefined) => {
  const { dtype, shape, bytes } = read(t);
  return { dtype, shape: [...shape], bytes: [...bytes] };
};

describe("files of the reference implementations", () => {
  test.each(["npy", "npyFortran", "npyBigEndian", "npyVersion3"] as const)("%s", (name) => {
    const t = read(readNpy(name, bytesOf(name)));
    expect([t.dtype, t.shape, [...floats(name, t)]]).toEqual(["F32", [2, 3], VALUES]);
  });

  test("npy of float16 and of booleans", () => {
    const half = read(readNpy("half", bytesOf("npyHalf")));
    expect([half.dtype, [...floats("half", half)]]).toEqual(["F16", VALUES]);
    const bool = read(readNpy("bool", bytesOf("npyBool")));
    expect([bool.dtype, [...mask("bool", bool)]]).toEqual(["BOOL", [0, 0, 0, 1, 1, 1]]);
  });

  test.each(["npz", "npzDeflated"] as const)("%s", (name) => {
    const all = readNpz(name, bytesOf(name));
    expect([...all.keys()]).toEqual(["q", "mask"]);
    expect([...floats("q", all.get("q")!)]).toEqual(VALUES);
    expect([...mask("mask", all.get("mask")!)]).toEqual([0, 0, 0, 1, 1, 1]);
  });

  test("safetensors, metadata left aside", () => {
    const all = readSafetensors("x", bytesOf("safetensors"));
    expect([...all.keys()].sort()).toEqual(["half", "mask", "n", "q"]);
    expect([...floats("q", all.get("q")!)]).toEqual(VALUES);
    expect([...floats("half", all.get("half")!)]).toEqual(VALUES);
    expect([...mask("n", all.get("n")!)]).toEqual([1, 1]);
  });
});

describe("what is written reads back the same", () => {
  const some = new Map([
    ["y", fileTensor(Float32Array.of(1.5, -0, Number.NaN, Number.NEGATIVE_INFINITY, 3e-45, 6), [2, 3])],
    ["lse", fileTensor(Float64Array.of(1 / 3, 1e300), [2])],
    ["state.keep", fileTensor(Uint8Array.of(1, 0, 7), [1, 3])],
    ["none", fileTensor(new Float32Array(0), [0, 4])],
    ["scalar", fileTensor(Float32Array.of(2), [])],
  ]);

  test.each([
    ["safetensors", (m: typeof some) => readSafetensors("x", writeSafetensors(m, { note: "ü" }))],
    ["npz", (m: typeof some) => readNpz("x", writeNpz(m))],
  ])("%s", (_, through) => {
    const back = through(some);
    expect([...back.keys()].sort()).toEqual([...some.keys()].sort());
    for (const [name, t] of some) expect(plain(back.get(name))).toEqual(plain(t));
  });

  test("npy", () => {
    for (const t of some.values()) expect(plain(readNpy("x", writeNpy(t)))).toEqual(plain(t));
  });

  test("the same tensors give the same bytes", () => {
    expect(writeNpz(some)).toEqual(writeNpz(some));
    expect(writeSafetensors(some)).toEqual(writeSafetensors(new Map([...some].reverse())));
  });
});

test("bfloat16 is the upper half of float32", () => {
  const t: FileTensor = { dtype: "BF16", shape: [3], bytes: Uint8Array.of(0x80, 0x3f, 0x80, 0xff, 0x49, 0xc0) };
  expect([...floats("x", t)]).toEqual([1, Number.NEGATIVE_INFINITY, -3.140625]);
});

describe("malformed files are refused, each for its own reason", () => {
  const header = (json: string, data = 0) => {
    const text = new TextEncoder().encode(json);
    const file = new Uint8Array(8 + text.length + data);
    new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
    file.set(text, 8);
    return file;
  };
  const entry = (dtype: string, shape: string, offsets: string) =>
    `{"q":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}}`;

  test.each<[string, Uint8Array, RegExp]>([
    ["empty", new Uint8Array(0), /0 bytes, expected at least 8/],
    ["a length beyond the file", bytesOf("safetensors").slice(0, 100), /truncated/],
    ["an absurd length", new Uint8Array(8).fill(255), /expected at most/],
    ["no JSON", header("hello"), /header is not JSON/],
    ["a list", header("[]"), /not a JSON object/],
    ["a type that is no text", header('{"q":{"dtype":8,"shape":[1],"data_offsets":[0,1]}}', 1), /tensor q has dtype 8/],
    [
      "too many bytes for 8-bit floats",
      header(entry("F8_E4M3", "[1]", "[0,2]"), 2),
      /tensor q .*F8_E4M3 has 2 bytes, expected 1/,
    ],
    ["half a byte of 4-bit floats", header(entry("F4", "[3]", "[0,2]"), 2), /tensor q .*F4 has 2 bytes, expected 1.5/],
    [
      "a newer type beyond the file",
      header(entry("F3_X", "[3]", "[0,2]"), 1),
      /tensor q lies at bytes 0 to 2.*truncated/,
    ],
    ["a negative size", header(entry("F32", "[-1]", "[0,4]"), 4), /shape \[-1\]/],
    ["a broken size", header(entry("F32", "[1.5]", "[0,4]"), 4), /shape \[1.5\]/],
    ["no offsets", header(entry("F32", "[1]", "null"), 4), /data_offsets null/],
    ["an entry that is null", header('{"q":null}'), /dtype undefined/],
    ["data cut short", header(entry("F32", "[2]", "[0,8]"), 4), /truncated/],
    ["too few bytes for the shape", header(entry("F32", "[2]", "[0,4]"), 4), /4 bytes, expected 8/],
    ["a hole", header(entry("F32", "[1]", "[4,8]"), 8), /without holes or overlap/],
    [
      "an overlap",
      header(
        '{"q":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"k":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      /without holes or overlap/,
    ],
    ["bytes left over", header(entry("F32", "[1]", "[0,4]"), 8), /end at byte 4 and the file holds 8/],
  ])("safetensors: %s", (_, file, reason) => {
    expect(() => readSafetensors("in.safetensors", file)).toThrow(reason);
    expect(() => readSafetensors("in.safetensors", file)).toThrow(/^in\.safetensors: /);
  });

  const npyHeader = (text: string) => {
    const file = writeNpy(fileTensor(Float32Array.of(1), [1]));
    file.fill(0x20, 10, 127).set(new TextEncoder().encode(text), 10);
    return file;
  };
  test.each<[string, Uint8Array, RegExp]>([
    ["empty", new Uint8Array(0), /does not begin with/],
    ["another file", new TextEncoder().encode("PK\u0003\u0004 this is no array"), /does not begin with/],
    ["another version", bytesOf("npy").with(6, 9), /version 9/],
    ["header cut short", bytesOf("npy").slice(0, 60), /truncated/],
    ["data cut short", bytesOf("npy").slice(0, -1), /23 bytes of data, expected 24: it is truncated/],
    ["bytes left over", Uint8Array.of(...bytesOf("npy"), 0), /25 bytes of data, expected 24/],
    [
      "text cut short",
      npyHeader("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }"),
      /of <U4 has 4 bytes of data, expected 16: it is truncated/,
    ],
    [
      "a table cut short",
      npyHeader("{'descr': [('a', '<f4'), ('b', '|i1', (3,))], 'fortran_order': False, 'shape': (1,), }"),
      /of table \(a <f4, b \|i1\) has 4 bytes of data, expected 7/,
    ],
    [
      "a negative size",
      npyHeader("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"),
      /shape is \(-1\), expected whole numbers >= 0/,
    ],
    [
      "a size beyond all numbers",
      npyHeader(`{'descr': '<f4', 'fortran_order': False, 'shape': (${"9".repeat(60)},), }`),
      /shape is \(1e\+60\)/,
    ],
    [
      "a type of no form",
      npyHeader("{'descr': 'four bytes', 'fortran_order': False, 'shape': (1,), }"),
      /expected 'descr', 'fortran_order' and 'shape'/,
    ],
    [
      "a header that is no literal",
      npyHeader("{'descr': '<f4', 'fortran_order': __import__('os'), 'shape': (1,), }"),
      /expected 'descr', 'fortran_order' and 'shape'/,
    ],
    ["a header that nests without end", npyHeader("(".repeat(110)), /expected 'descr'/],
    [
      "no shape",
      npyHeader("{'descr': '<f4', 'fortran_order': False, }"),
      /expected 'descr', 'fortran_order' and 'shape'/,
    ],
  ])("npy: %s", (_, file, reason) => {
    expect(() => readNpy("in.npy", file)).toThrow(reason);
  });

  test("npz: cut short, no zip, other content, nothing inside", async () => {
    const { zipSync } = await import("fflate");
    expect(() => readNpz("in.npz", bytesOf("npz").slice(0, 200))).toThrow(/not a valid \.npz/);
    expect(() => readNpz("in.npz", bytesOf("npy"))).toThrow(/not a valid \.npz/);
    expect(() => readNpz("in.npz", zipSync({ "readme.txt": Uint8Array.of(1) }))).toThrow(/it holds readme\.txt/);
    expect(() => readNpz("in.npz", zipSync({}))).toThrow(/holds no arrays|not a valid/);
    expect(() => readNpz("in.npz", zipSync({ "q.npy": Uint8Array.of(1) }))).toThrow(
      /^in\.npz: q\.npy: not a valid \.npy/,
    );
  });
});
