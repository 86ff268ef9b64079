import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "@attnkit/measure/safetensors";
import { fileTensor, floats } from "@attnkit/measure/tensor";
import { describe, expect, test } from "vitest";
import { readNpy, writeNpy } from "../src/input/npy.ts";
import { readNpz } from "../src/input/npz.ts";
import { UsageError } from "../src/io.ts";
import { type Entry, npy, zip } from "./archives.ts";
import { cli, folder } from "./harness.ts";

// A file may hold arrays of types that attnkit does not read: they are an error only where the call uses them.

const dir = folder();
const text = new TextEncoder();
const run = (file: string, ...more: string[]) =>
  cli(dir, ["run", "--mechanism", "softmax", "--tensors", file, "--out", "out.npz", ...more]);
const result = () => [...floats("y", readNpz("out.npz", readFileSync(join(dir, "out.npz"))).get("y")!)];

const ones = writeNpy(fileTensor(new Float32Array(4).fill(1), [1, 1, 2, 2]));
const qkv: readonly Entry[] = ["q", "k", "v"].map((name) => ({ name: `${name}.npy`, bytes: ones }));
const saved = (name: string, bytes: Uint8Array) => {
  writeFileSync(join(dir, name), bytes);
  return name;
};

/** NumPy types that are not read: notation in the header, bytes of one element, name in messages. */
const NUMPY: readonly (readonly [descr: string, size: number, name: string])[] = [
  ["'<U4'", 16, "<U4"],
  ["'>U1'", 4, ">U1"],
  ["'|S3'", 3, "|S3"],
  ["'|O'", 5, "|O"],
  ["'<c8'", 8, "<c8"],
  ["'<c16'", 16, "<c16"],
  ["'<f16'", 16, "<f16"],
  ["'<M8[D]'", 8, "<M8[D]"],
  ["'<m8[25s]'", 8, "<m8[25s]"],
  ["'<V2'", 2, "<V2"],
  ["[('a', '<f4'), ('', '|V4'), (\"it's\", '<i8', (2,))]", 24, "table (a <f4,  |V4, it's <i8)"],
  ["[(('long title', 'a'), [('x', '|u1')]), ('b', '|O')]", 9, "table (a table (x |u1), b |O)"],
];

describe("npz", () => {
  test.each(NUMPY)("%s that is not used is named and left alone", async (descr, size, name) => {
    const file = saved("other.npz", zip([...qkv, { name: "w.npy", bytes: npy(descr, "()", size) }]));
    const { code, err } = await run(file);
    expect([code, err]).toEqual([0, `note: other.npz: w (dtype ${name}) not used\n`]);
    expect(result()).toEqual([1, 1, 1, 1]);
  });

  test.each(
    NUMPY.flatMap((type) => ["q", "bias", "mask", "keyMask", "state.k"].map((name) => [name, ...type] as const)),
  )("%s of %s is refused by name", async (name, descr, size, type) => {
    const entries = [
      ...qkv.filter((e) => e.name !== `${name}.npy`),
      { name: `${name}.npy`, bytes: npy(descr, "(1, 1)", size) },
    ];
    const { code, out, err } = await run(saved("used.npz", zip(entries)));
    const [expected, way] = /mask/i.test(name)
      ? ["BOOL or an integer type", "x.astype(bool)"]
      : ["F16, BF16, F32 or F64", "x.astype(np.float32)"];
    expect([code, out]).toEqual([2, ""]);
    expect(err.startsWith(`attnkit: used.npz: ${name}: dtype ${type}; expected ${expected}`)).toBe(true);
    expect(err).toContain(way);
    expect(err).not.toMatch(/valid|broken/);
    expect(err.trimEnd().split("\n").length).toBe(1);
  });

  test("what else an archive may hold beside q, k and v", async () => {
    const others: Entry[] = [
      { name: "readme.txt", bytes: text.encode("hello") },
      { name: "empty.npy", bytes: npy("'<f4'", "(0, 3)", 0) },
      { name: "count.npy", bytes: npy("'<i8'", "()", 8) },
      { name: "bzip2.npy", bytes: ones, method: 12 },
      { name: "secret.npy", bytes: ones, flags: 1 },
      { name: "twice.npy", bytes: ones },
      { name: "twice.npy", bytes: ones },
      { name: "two\nlines.npy", bytes: npy("'<U1'", "(1,)", 4) },
      { name: "table.npy", bytes: npy("[('\u00fc', '<f4')]", "(2,)", 8, 3) },
      { name: "V.npy", bytes: ones },
      { name: "keyMask2.npy", bytes: ones },
      { name: "Mask.npy", bytes: npy("'<U6'", "()", 24) },
    ];
    const { code, err } = await run(saved("others.npz", zip([...qkv, ...others])));
    expect(err).toBe(
      'note: others.npz: readme.txt (no .npy file), empty, count, bzip2 (compressed with method 12 of zip), secret (encrypted), twice (2 entries of this name), "two\\nlines" (dtype <U1), table (dtype table (\u00fc <f4)), V, keyMask2, Mask (dtype <U6) not used\n',
    );
    expect(code).toBe(0);
  });

  test.each<[string, readonly Entry[], RegExp]>([
    ["two arrays q", [...qkv, qkv[0]!], /: q: 2 entries of this name; expected one/],
    [
      "q in another compression",
      [{ ...qkv[0]!, method: 14 }, ...qkv.slice(1)],
      /: q: compressed with method 14 of zip; expected a stored or deflated entry/,
    ],
    ["q that is encrypted", [{ ...qkv[0]!, flags: 1 }, ...qkv.slice(1)], /: q: encrypted; expected/],
    [
      "q that is text",
      [{ name: "q", bytes: text.encode("1 2 3") }, ...qkv.slice(1)],
      /: q: no \.npy file; expected an array/,
    ],
    [
      "a misspelt mask",
      [...qkv, { name: "key_mask.npy", bytes: ones }],
      /tensor key_mask has no meaning; rename it to keyMask/,
    ],
    [
      "no array at all",
      [{ name: "readme.txt", bytes: text.encode("hello") }],
      /holds no arrays \(it holds readme\.txt\)/,
    ],
    [
      "no q",
      [...qkv.slice(1), { name: "m.npy", bytes: npy("'<U4'", "()", 16) }],
      /holds no tensor q \(it holds k, v, m \(dtype <U4\)\)/,
    ],
    [
      "an unused array cut short",
      [...qkv, { name: "w.npy", bytes: npy("'<U4'", "(2,)", 31) }],
      /: w\.npy: .*31 bytes of data, expected 32: it is truncated/,
    ],
    [
      "pickled objects without any",
      [...qkv, { name: "w.npy", bytes: npy("'|O'", "(2,)", 0) }],
      /: w\.npy: .*truncated/,
    ],
  ])("%s is refused", async (_, entries, reason) => {
    const { code, out, err } = await run(saved("refused.npz", zip(entries)));
    expect(err).toMatch(reason);
    expect([code, out, err.trimEnd().split("\n").length]).toEqual([2, "", 1]);
  });

  test.each([
    ["deflated", zip(qkv.map((e) => ({ ...e, method: 8 })))],
    ["zip64", zip(qkv, { zip64: true })],
    ["a comment that looks like an end", zip(qkv, { comment: `PK\u0005\u0006${"x".repeat(40)}` })],
    ["arrays without the extension", zip(qkv.map((e) => ({ ...e, name: e.name.slice(0, 1) })))],
    ["header version 2", zip(qkv.map((e) => ({ ...e, bytes: npy("'<f4'", "(1, 1, 2, 2)", ones.subarray(-16), 2) })))],
    ["sizes of Python 2", zip(qkv.map((e) => ({ ...e, bytes: npy("'<f4'", "(1L, 1L, 2L, 2L)", ones.subarray(-16)) })))],
  ])("%s is read", async (_, bytes) => {
    expect(await run(saved("read.npz", bytes))).toMatchObject({ code: 0, err: "" });
    expect(result()).toEqual([1, 1, 1, 1]);
  });

  test("an entry whose bytes were changed, that overlaps another, or that lies outside the file is named", () => {
    const file = zip(qkv);
    const flipped = file.slice();
    flipped[file.indexOf(0x93) + ones.length - 1]! ^= 1;
    expect(() => readNpz("x.npz", flipped)).toThrow(/^x\.npz: q\.npy: a broken entry .*checksum/);
    const directory = Buffer.from(file).indexOf(Buffer.from([0x50, 0x4b, 1, 2]));
    const second = directory + 46 + 5;
    const moved = file.slice();
    moved.set(file.subarray(directory + 42, directory + 46), second + 42);
    expect(() => readNpz("x.npz", moved)).toThrow(/^x\.npz: k\.npy: a broken entry .*inside q\.npy/);
    const outside = file.slice();
    outside.set([255, 255, 255, 0], second + 42);
    expect(() => readNpz("x.npz", outside)).toThrow(/^x\.npz: k\.npy: a broken entry .*its header is not at byte/);
  });
});

test("a .npy of another type names the type", async () => {
  const { code, err } = await run(saved("text.npy", npy("'<U4'", "(3, 1, 1)", 48)));
  expect(err).toMatch(/^attnkit: text\.npy: q: dtype <U4; expected F16, BF16, F32 or F64/);
  expect(code).toBe(2);
});

describe("safetensors", () => {
  const file = (others: Readonly<Record<string, readonly [dtype: string, shape: number[], bytes: number]>>) => {
    const header: Record<string, unknown> = { __metadata__: { made: "by hand" } };
    let at = 0;
    for (const [name, [dtype, shape, bytes]] of Object.entries({ ...base, ...others })) {
      header[name] = { dtype, shape, data_offsets: [at, at + bytes] };
      at += bytes;
    }
    const json = text.encode(JSON.stringify(header));
    const all = new Uint8Array(8 + json.length + at);
    new DataView(all.buffer).setBigUint64(0, BigInt(json.length), true);
    all.set(json, 8);
    return all;
  };
  const f32 = ["F32", [1, 2], 8] as const;
  const base = { q: f32, k: f32, v: f32 };
  const TYPES = [
    ["F8_E4M3", 2],
    ["F8_E5M2", 2],
    ["F8_E8M0", 2],
    ["F4", 1],
    ["C64", 16],
    ["F3_OF_TOMORROW", 9],
  ] as const;

  test.each(TYPES)("%s that is not used is named and left alone", async (type, bytes) => {
    const { code, err } = await run(saved("other.safetensors", file({ w: [type, [1, 2], bytes], n: ["I64", [1], 8] })));
    expect([code, err]).toEqual([0, `note: other.safetensors: w (dtype ${type}), n not used\n`]);
    expect(result()).toEqual([0, 0]);
  });

  test.each(
    TYPES.flatMap((type) => ["q", "bias", "mask", "keyMask", "state.k"].map((name) => [name, ...type] as const)),
  )("%s of %s is refused by name", async (name, type, bytes) => {
    const { code, out, err } = await run(saved("used.safetensors", file({ [name]: [type, [1, 2], bytes] })));
    const expected = /mask/i.test(name) ? "BOOL or an integer type" : "F16, BF16, F32 or F64";
    expect([code, out]).toEqual([2, ""]);
    expect(err.startsWith(`attnkit: used.safetensors: ${name}: dtype ${type}; expected ${expected}`)).toBe(true);
    expect(err).not.toMatch(/valid/);
  });

  test("--state names what it does not use, apart from the outputs of the run before", async () => {
    saved("block.safetensors", file({}));
    await cli(dir, ["run", "--mechanism", "linear", "--tensors", "block.safetensors", "--out", "s.safetensors"]);
    const state = new Map(
      [...readSafetensors("s", readFileSync(join(dir, "s.safetensors")))].filter((e) => "dtype" in e[1]),
    );
    const some = fileTensor(Float32Array.of(1), [1]);
    saved("more.safetensors", writeSafetensors(new Map([...(state as Map<string, typeof some>), ["State.s", some]])));
    const next = (from: string) =>
      cli(dir, ["run", "--mechanism", "linear", "--tensors", "block.safetensors", "--state", from, "--out", "n.npz"]);
    expect(await next("s.safetensors")).toMatchObject({ code: 0, err: "" });
    expect(await next("more.safetensors")).toMatchObject({
      code: 0,
      err: "note: more.safetensors: State.s not used\n",
    });
  });
});

test("changed bytes give a result or a UsageError, and never another exception", () => {
  let seed = 1;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const table = npy("[('a', '<f4', (2,)), ('b', [('c', '|S3')])]", "(2, 1)", 22);
  const files: [(who: string, file: Uint8Array) => unknown, Uint8Array][] = [
    [readNpy, table],
    [readNpz, zip([{ name: "t.npy", bytes: table, method: 8 }, qkv[0]!])],
    [readNpz, zip([{ name: "t.npy", bytes: table }], { zip64: true })],
    [readSafetensors, writeSafetensors(new Map([["q", fileTensor(new Float32Array(4), [2, 2])]]))],
  ];
  let refused = 0;
  for (const [read, whole] of files) {
    for (let n = 0; n < 1500; n++) {
      const file = n % 5 === 0 ? whole.slice(0, random(whole.length)) : whole.slice();
      for (let i = random(3); i >= 0 && file.length > 0; i--) file[random(file.length)] = random(256);
      try {
        read("x", file);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        refused++;
      }
    }
  }
  expect(refused).toBeGreaterThan(1000);
});
