import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { embed } from "@attnkit/measure/embed";
import { writeSafetensors } from "@attnkit/measure/safetensors";
import { part, rounded, spread } from "@attnkit/measure/sequence";
import { type FileTensor, type FileTensors, fileTensor } from "@attnkit/measure/tensor";
import { describe, expect, test } from "vitest";
import { tensorInput, textInput } from "../src/input/load.ts";
import { writeNpy } from "../src/input/npy.ts";
import { blockOf, readTensors } from "../src/input/tensors.ts";
import { folder, tensors } from "./harness.ts";

const sizes = { seed: 3, length: 300, heads: 4, kvHeads: 2, dim: 8 };
const text = new TextEncoder().encode("The quick brown fox jumps over the lazy dog. ".repeat(9));
const io = { out() {}, err() {}, columns: 0, cwd: folder(), signal: new AbortController().signal };

describe("text to q, k and v", () => {
  test("the same seed gives the same numbers, another seed others", () => {
    const [a, b] = [embed(text, sizes), embed(text, sizes)];
    expect([a.q, a.k, a.v]).toEqual([b.q, b.k, b.v]);
    expect(embed(text, { ...sizes, seed: 4 }).q).not.toEqual(a.q);
    expect([a.q.length, a.k.length, a.v.length]).toEqual([4 * 300 * 8, 2 * 300 * 8, 2 * 300 * 8]);
  });

  test("a longer run sees the same first tokens", () => {
    const [short, long] = [embed(text, { ...sizes, length: 100 }), embed(text, sizes)];
    expect(part(long, 0, 100).k.data).toEqual(short.k);
  });

  test("q, k and v have variance near 1 and no wild values", () => {
    const s = embed(text, { ...sizes, heads: 8, kvHeads: 8, dim: 32 });
    for (const x of [s.q, s.k, s.v]) {
      const { deviation, largest } = spread(x);
      expect(deviation).toBeGreaterThan(0.8);
      expect(deviation).toBeLessThan(1.2);
      expect(largest).toBeLessThan(8);
    }
  });

  test("the same byte at another place is another token", () => {
    const s = embed(new TextEncoder().encode("aa"), { ...sizes, length: 2 });
    expect(part(s, 0, 1).k.data).not.toEqual(part(s, 1, 2).k.data);
  });

  test("the default text is the repository's documentation", async () => {
    const input = await textInput(io, null, { ...sizes, length: 10 });
    expect(input.source).toBe("attnkit's documentation");
    expect(input.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test("a short text repeats, and says so", async () => {
    writeFileSync(join(io.cwd, "short.txt"), "abc");
    const { notes, sequence } = await textInput(io, "short.txt", { ...sizes, length: 30 });
    expect(notes).toEqual(["short.txt has 3 bytes; it is repeated 10.0 times to reach 30 tokens"]);
    expect(sequence.length).toBe(30);
  });
});

test("parts of a sequence are the tokens asked for, of every head", () => {
  const s = embed(text, sizes);
  const { q, k } = part(s, 5, 7);
  expect([q.shape, k.shape]).toEqual([
    [1, 4, 2, 8],
    [1, 2, 2, 8],
  ]);
  expect([...q.data.subarray(16, 24)]).toEqual([...s.q.subarray((300 + 5) * 8, (300 + 5) * 8 + 8)]);
});

test("rounding to a float type changes a sequence only where it must", () => {
  const s = { ...embed(text, { ...sizes, length: 4 }) };
  expect(rounded(s, "float64")).toBe(s);
  expect(rounded(s, "float32").q).toBe(s.q);
  const half = rounded(s, "float16");
  expect(half.q).not.toEqual(s.q);
  expect(rounded(half, "float16").q).toEqual(half.q);
});

describe("tensor files", () => {
  const put = (name: string, t: FileTensor): FileTensors => new Map([...tensors(3), [name, t]]);

  test("a .npy is q, k and v stacked", async () => {
    const data = Float32Array.from({ length: 3 * 5 * 2 }, (_, i) => i);
    writeFileSync(join(io.cwd, "qkv.npy"), writeNpy(fileTensor(data, [3, 5, 2])));
    const { block } = blockOf("qkv.npy", await readTensors(io, "qkv.npy"), "float32");
    expect([block.q.shape, [...block.v.data]]).toEqual([[5, 2], [...data.subarray(20)]]);
  });

  test("masks of any integer type, state, and names without a meaning", () => {
    const all = new Map([
      ...tensors(3),
      [
        "keyMask",
        { dtype: "I64", shape: [3], bytes: Uint8Array.from({ length: 24 }, (_, i) => +(i === 8 || i === 23)) },
      ],
      ["state.s", fileTensor(Float32Array.of(1, Number.NEGATIVE_INFINITY), [2])],
      ["y", fileTensor(Float32Array.of(1), [1])],
    ] as [string, FileTensor][]);
    const { block, ignored } = blockOf("x", all, "float32");
    expect([...block.keyMask!.data]).toEqual([0, 1, 1]);
    expect([...block.state!.s!.data]).toEqual([1, Number.NEGATIVE_INFINITY]);
    expect(ignored).toEqual(["y"]);
  });

  test("keys that the key mask removes may hold anything, others may not", () => {
    const bad = tensors(3, 4, (name, data) => {
      if (name !== "q") data[6] = Number.NaN;
    });
    const mask = (...bits: number[]) =>
      new Map([...bad, ["keyMask", fileTensor(Uint8Array.from(bits), [1, 3])]] as [string, FileTensor][]);
    expect(() => blockOf("x", mask(1, 0, 1), "float32")).not.toThrow();
    expect(() => blockOf("x", mask(0, 1, 1), "float32")).toThrow(
      "x: k: NaN at [1, 2] of [3, 4]; expected finite numbers within float32",
    );
  });

  test.each<[string, FileTensors, string, RegExp]>([
    ["no v", new Map([...tensors(3)].slice(0, 2)), "float32", /holds no tensor v \(it holds q, k\)/],
    ["rank 1", put("k", fileTensor(Float32Array.of(1, 2), [2])), "float32", /k \[2\] has rank 1; expected 2, 3 or 4/],
    ["rank 5", put("q", fileTensor(Float32Array.of(1), [1, 1, 1, 1, 1])), "float32", /rank 5/],
    [
      "integers as q",
      put("q", { dtype: "I32", shape: [1, 1], bytes: new Uint8Array(4) }),
      "float32",
      /q: dtype I32; expected F16, BF16, F32 or F64/,
    ],
    ["a float mask", put("mask", fileTensor(Float32Array.of(0), [1, 1])), "float32", /mask: dtype F32; expected BOOL/],
    ["NaN", put("q", fileTensor(Float32Array.of(1, Number.NaN), [1, 2])), "float32", /q: NaN at \[0, 1\]/],
    [
      "Infinity",
      put("v", fileTensor(Float32Array.of(Number.POSITIVE_INFINITY), [1, 1])),
      "float32",
      /v: Infinity at \[0, 0\]/,
    ],
    [
      "too large for float32",
      put("v", fileTensor(Float64Array.of(1e300), [1, 1])),
      "float32",
      /1e\+300 at \[0, 0\].*within float32/,
    ],
    [
      "+Infinity as bias",
      put("bias", fileTensor(Float32Array.of(Number.POSITIVE_INFINITY), [1, 1])),
      "float32",
      /finite numbers or -Infinity/,
    ],
    [
      "a misspelt name",
      put("key_mask", fileTensor(Uint8Array.of(1), [1])),
      "float32",
      /tensor key_mask has no meaning; rename it to keyMask/,
    ],
    ["NaN in a state", put("state.k", fileTensor(Float32Array.of(Number.NaN), [1])), "float32", /state\.k: NaN/],
  ])("%s is refused", (_, all, dtype, reason) => {
    expect(() => blockOf("in.npz", all, dtype as "float32")).toThrow(reason);
  });

  test("the benchmark reads q, k and v; whatever else there is, of any type, is named", async () => {
    const others = { mask: "F8_E4M3", model: "F4", "state.s": "F32", key_mask: "BOOL" };
    const file = writeSafetensors(
      new Map([
        ...tensors(2, 1),
        ...Object.keys(others).map((name) => [name, fileTensor(Float32Array.of(1), [1])] as const),
      ]),
    );
    // The same header with other types, and as many elements as give four bytes.
    let header = new TextDecoder().decode(file.subarray(8, file.length - 3 * 8 - 4 * 4));
    for (const [name, type] of Object.entries(others)) {
      const n = { F8_E4M3: 4, F4: 8, F32: 1, BOOL: 4 }[type];
      header = header.replace(`"${name}":{"dtype":"F32","shape":[1]`, `"${name}":{"dtype":"${type}","shape":[${n}]`);
    }
    const text = new TextEncoder().encode(header);
    const changed = new Uint8Array(8 + text.length + 3 * 8 + 4 * 4);
    new DataView(changed.buffer).setBigUint64(0, BigInt(text.length), true);
    changed.set(text, 8);
    changed.set(file.subarray(file.length - 3 * 8 - 4 * 4), 8 + text.length);
    writeFileSync(join(io.cwd, "dump.safetensors"), changed);
    const { notes, sequence } = await tensorInput(io, "dump.safetensors");
    expect(notes).toEqual([
      "dump.safetensors: key_mask, mask (dtype F8_E4M3), model (dtype F4), state.s not used: the benchmark times plain causal attention",
    ]);
    expect([sequence.length, sequence.d]).toEqual([2, 1]);
  });

  test("what is no tensor file", async () => {
    mkdirSync(join(io.cwd, "dir.npz"));
    writeFileSync(join(io.cwd, "x.bin"), "x");
    await expect(readTensors(io, "x.bin")).rejects.toThrow(
      "x.bin: extension .bin; expected .safetensors, .npz or .npy",
    );
    await expect(readTensors(io, "nope.npz")).rejects.toThrow("nope.npz: no such file or folder");
    await expect(readTensors(io, "dir.npz")).rejects.toThrow("dir.npz: is a folder");
    writeFileSync(join(io.cwd, "two.npy"), writeNpy(fileTensor(new Float32Array(8), [2, 2, 2])));
    await expect(readTensors(io, "two.npy")).rejects.toThrow(
      "two.npy: [2, 2, 2]; expected q, k and v stacked in one array [3, ...]",
    );
  });
});
