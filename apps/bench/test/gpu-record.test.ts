import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Cell, Ready } from "../src/gpu/cell.ts";
import { findings } from "../src/gpu/findings.ts";
import { measureGroup } from "../src/gpu/group.ts";
import { writeModels } from "../src/gpu/models.ts";
import { checkModels } from "../src/gpu/python.ts";
import { conclusions, groupTable } from "../src/gpu/report.ts";
import { type GroupPlan, groups, nameOf, TOTAL } from "../src/gpu/sizes.ts";
import type { Record, RecordCell, RecordGroup } from "../src/record.ts";
import { folder } from "./harness.ts";

const dir = folder();
const plan: GroupPlan = {
  ...{
    what: "prefill",
    sizes: { B: 1, H: 8, d: 64, length: 2048 },
    seconds: 1,
    samples: 5,
    calls: 1,
    repeats: 2,
    others: [],
  },
};
const watch = {
  signal: new AbortController().signal,
  progress: { step() {}, note() {}, stop() {} },
  left: () => 10,
};
const passed = { what: "prefill", size: 2048, rows: 4, used: 0.1, passed: true } as const;
const made = (how: Partial<Ready> = {}, cell: Partial<Cell> = {}): Cell => ({
  ...{ column: "webgpu", role: "attnkit", name: "softmax", dtype: "float32" },
  open: async () => ({
    ...{ checks: [passed], flops: 1e9, bytes: null, gpu: null, sample: async () => 0.03, dispose() {} },
    ...how,
  }),
  ...cell,
});

test("a cell with a wrong answer is not sampled, and fails; what stands beside it is refused", async () => {
  let samples = 0;
  const wrong: Partial<Ready> = {
    checks: [{ ...passed, passed: false, used: 7, detail: "row 3 is 1 where 2 is expected" }],
    async sample() {
      samples += 1;
      return 0.01;
    },
  };
  const { cells } = await measureGroup(
    plan,
    [made(wrong), made(wrong, { column: "tfjs-webgpu", role: "composition" })],
    watch,
  );
  expect(cells.map((c) => [c.status, c.samples.length])).toEqual([
    ["failed", 0],
    ["refused", 0],
  ]);
  expect(cells[0]!.reason).toBe("prefill check at 2048 tokens: row 3 is 1 where 2 is expected");
  expect(samples).toBe(0);
});

test("cells are sampled in turns, and freed", async () => {
  const order: string[] = [];
  const cell = (name: string) =>
    made(
      {
        async sample() {
          order.push(name);
          return 0.03;
        },
        dispose: () => void order.push(`free ${name}`),
      },
      { name },
    );
  const { cells } = await measureGroup(plan, [cell("a"), cell("b")], watch);
  expect(cells.map((c) => [c.samples.length, c.median, c.interval?.readable])).toEqual(Array(2).fill([5, 0.03, true]));
  const rounds = order.slice(4);
  expect(rounds).toEqual([...Array(5).fill(["a", "b"]).flat(), "free a", "free b"]);
});

test("a cell that does not fit into its seconds is cut and freed, and so is one after the end of the record", async () => {
  let freed = 0;
  const slow = made({ sample: async () => 0.5, dispose: () => void freed++ });
  const cut = await measureGroup(plan, [slow], watch);
  expect(cut.cells[0]).toMatchObject({
    status: "cut",
    reason: "3 samples of 500 ms do not fit into its 1 s",
    samples: [],
  });
  expect(freed).toBe(1);
  const late = await measureGroup(plan, [made()], { ...watch, left: () => 0 });
  expect(late.cells[0]).toMatchObject({ status: "cut", reason: "the time of the record was over before it" });
});

test("an error of WebGPU that belongs to no call ends its cell alone", async () => {
  const broken = made({
    sample: () => {
      queueMicrotask(() => process.emit("uncaughtException", new Error("WebGPU: device says no")));
      return new Promise(() => {});
    },
  });
  const { cells } = await measureGroup(plan, [broken, made()], watch);
  expect(cells.map((c) => c.status)).toEqual(["failed", "ok"]);
  expect(cells[0]!.reason).toBe("WebGPU: device says no");
});

const cell = (name: string, role: RecordCell["role"], seconds: number, more: Partial<RecordCell> = {}): RecordCell => ({
  ...{
    id: `${name} on ${more.column ?? "webgpu"} ${more.dtype ?? "float32"}`,
    column: "webgpu",
    role,
    name,
    dtype: "float32",
  },
  ...{
    status: "ok",
    checks: [passed],
    calls: 1,
    samples: Array(5).fill(seconds),
    median: seconds,
    q1: seconds,
    q3: seconds,
  },
  ...{ interval: { low: seconds, high: seconds, readable: true }, flops: null, bytes: null, gpu: null, spent: 1 },
  ...more,
});
const group = (what: RecordGroup["what"], cells: RecordCell[]): RecordGroup => ({
  ...{ name: nameOf({ ...plan, what }), what, sizes: plan.sizes, seconds: 1, cells },
});

test("findings compare with the fastest of each kind, in rates where the work differs", () => {
  const prefill = group("prefill", [
    cell("softmax", "attnkit", 0.02, { flops: 4e10 }),
    cell("matmul", "matmul", 0.01, { flops: 4.4e10 }),
    cell("matmul", "matmul", 0.008, { flops: 4.4e10, column: "ort-webgpu" }),
    cell("com.microsoft.MultiHeadAttention", "operator", 0.03, { column: "ort-webgpu" }),
    cell("Attention (ONNX 23)", "operator", 0.025, { column: "ort-webgpu" }),
    cell("matMul-softmax-matMul", "composition", 0.05, { column: "tfjs-webgpu" }),
  ]);
  const found = findings([prefill], () => false);
  expect(found.map(({ kind, against, promised }) => [kind, against, promised])).toEqual([
    ["matmul", "matmul on ort-webgpu float32", 0.3],
    ["operator", "Attention (ONNX 23) on ort-webgpu float32", 1],
    ["composition", "matMul-softmax-matMul on tfjs-webgpu float32", 3],
  ]);
  // 4e10 / 0.02 = 2e12 of 4.4e10 / 0.008 = 5.5e12 operations per second.
  expect(found.map(({ ratio }) => Number(ratio!.value.toFixed(4)))).toEqual([0.3636, 1.25, 2.5]);
  expect(found[0]!.says).toBe(
    "prefill L=2048 H=8 d=64: softmax on webgpu float32 makes 2000 GFLOP/s, 36 % (36 % to 36 %) of those of the fastest plain product, matmul on ort-webgpu float32, with 5500 (promised: at least 30 %; kept).",
  );
  expect(found[2]!.says).toContain("a factor 2.50 (2.50 to 2.50) (promised: at least 3.00; missed)");
});

test("findings of decoding: the copy's bandwidth, half over single; noise decides nothing; software has no ratio", () => {
  const half = { dtype: "float16", bytes: 5e8 };
  const cells = [
    cell("softmax", "attnkit", 0.001, { bytes: 1e9 }),
    cell("softmax", "attnkit", 0.0005, half),
    cell("buffer copy", "copy", 0.0008, { bytes: 1e9 }),
    cell("buffer copy", "copy", 0.0004, half),
  ];
  const found = findings([group("decode", cells)], () => false);
  expect(found.map(({ kind, cell, ratio }) => [kind, cell, ratio!.value])).toEqual([
    ["copy", "softmax on webgpu float32", 0.8],
    ["copy", "softmax on webgpu float16", 0.8],
    ["half", "softmax on webgpu float16", 2],
  ]);
  expect(found[0]!.says).toContain("80 % (80 % to 80 %) of the 1160 GiB/s of a copy of the same bytes");
  const noisy = { ...cells[0]!, samples: [0.001, 0.004, 0.0005, 0.002, 0.001] };
  expect(findings([group("decode", [noisy, cells[2]!])], () => false)[0]!.says).toContain("noisy");
  expect(findings([group("decode", [noisy, cells[2]!])], () => false)[0]!.says).toContain("not decided");
  const soft = findings([group("decode", cells)], () => true);
  expect(soft.every(({ ratio, says }) => ratio === null && says.includes("a software adapter has no ratio"))).toBe(
    true,
  );
});

test("the report says what was cut", () => {
  const shown = group("prefill", [
    cell("softmax", "attnkit", 0, { status: "cut", reason: "no time", samples: [], interval: null }),
  ]);
  const text = conclusions({
    groups: [shown],
    findings: [],
    onnx: null,
    table: null,
    budget: TOTAL,
  } as unknown as Record);
  expect(text).toContain("- prefill L=2048 H=8 d=64: softmax on webgpu float32 was cut: no time");
  expect(text).toContain("The kernels used the portable tiles.");
  expect(groupTable(shown, true)).toContain("Software adapter: correctness only");
});

test("a record has the sizes of the promises, and its cells fit into the time", () => {
  const names = groups(false).map(nameOf);
  for (const d of [64, 128]) for (const L of [2048, 4096, 8192]) expect(names).toContain(`prefill L=${L} H=8 d=${d}`);
  expect(names).toContain("decode B=8 T=16384 H=8 d=64");
  expect(names).toContain("linear-time L=16384 H=8 d=64");
  expect(names).toContain("training L=2048 H=8 d=64");
  expect(TOTAL).toBeLessThanOrEqual(330);
});

const script = fileURLToPath(new URL("../gpu/check_models.py", import.meta.url));
const python = (code: string): unknown =>
  JSON.parse(
    execFileSync(
      "python3",
      [
        "-c",
        `import sys; sys.path.insert(0, ${JSON.stringify(join(script, ".."))}); sys.dont_write_bytecode = True; import json, check_models as m\n${code}`,
      ],
      { encoding: "utf8" },
    ),
  );

test("the exported models have inputs and outputs, and hold in the Python packages that are here; the others are named", async () => {
  const at = mkdtempSync(join(dir, "models-"));
  await writeModels(at);
  const files = readdirSync(at);
  expect(files.length).toBe(50);
  const { inputs, outputs } = JSON.parse(readFileSync(join(at, "softmax-decode.json"), "utf8"));
  expect([inputs.q.shape, outputs.y.shape, inputs["past.k"].shape, outputs["present.k"].shape]).toEqual([
    [1, 2, 1, 8],
    [1, 2, 1, 8],
    [1, 2, 4, 8],
    [1, 2, 5, 8],
  ]);
  const half = JSON.parse(readFileSync(join(at, "softmax-decode-float16.json"), "utf8"));
  expect([half.inputs["past.k"].dtype, half.outputs.y.dtype, half.outputs["present.k"].dtype]).toEqual(
    Array(3).fill("float16"),
  );
  // One rounding to float16 and errors of float32: a result that is one unit in the last place off is wrong.
  const { data, allowed } = half.outputs.y as { data: number[]; allowed: number[] };
  for (const [i, x] of data.entries())
    expect(allowed[i]).toBeLessThan(2 ** -11 * Math.max(Math.abs(x), 2 ** -14) + 1e-5);
  const found = await checkModels();
  const missing = Object.entries(found.packages).filter(([, version]) => version === null);
  expect(found.models.length).toBe(25);
  for (const [name] of missing) expect(found.says).toContain(`${name} is not installed.`);
  for (const { checker, error, used } of found.models) {
    expect([null, "ok"]).toContain(checker);
    expect(error).toBe(null);
    expect(used ?? 0).toBeLessThanOrEqual(1);
  }
});

test("the Python script runs models, compares every entry, and reports the worst", async () => {
  const at = mkdtempSync(join(dir, "compared-"));
  const y = { shape: [1, 2], dtype: "float32", data: [1, 2], allowed: [0.1, 0.1] };
  for (const name of ["good", "wrong", "broken", "turned", "half", "more"]) {
    writeFileSync(join(at, `${name}.onnx`), "");
    writeFileSync(join(at, `${name}.json`), JSON.stringify({ name, inputs: {}, outputs: { y } }));
  }
  const found = python(`
def y(data, shape=[1, 2], dtype="float32", **others):
    return {"y": {"shape": shape, "dtype": dtype, "data": data}, **others}

answers = {
    "good": y([[1.0, 2.05]]),
    "wrong": y([[1.0, 2.5]]),
    "broken": y([[1.0, float("nan")]]),
    "turned": y([[1.0], [2.0]], [2, 1]),
    "half": y([[1.0, 2.0]], dtype="float16"),
    "more": y([[1.0, 2.0]], lse={}),
}
models = [m.check_model(${JSON.stringify(at)} + "/" + name + ".onnx", None, lambda path, case: answers[case["name"]]) for name in answers]
missing = {"onnx": m.optional("onnx_that_no_one_has")[1]}
print(json.dumps([models, m.sentence({"onnx": None, "onnxruntime": "1.0", "numpy": "1.0"}, missing, models)]))`);
  const [models, says] = found as [{ used: number | null; difference: number | null; error: string | null }[], string];
  expect(models[0]).toMatchObject({ difference: expect.closeTo(0.05), used: expect.closeTo(0.5), error: null });
  expect(models[1]!.used).toBeCloseTo(5);
  expect(models.slice(2).map(({ used, error }) => [used, error])).toEqual([
    [null, "not every entry of y is finite"],
    [null, "y has the shape [2, 1]; expected [1, 2]"],
    [null, "y has the dtype float16; expected float32"],
    [null, "the outputs are lse, y; expected y"],
  ]);
  expect(says).toContain("onnxruntime 1.0 computes 1 of 6 models within their allowed errors; not broken (not every");
  expect(says).toContain("wrong (5 times the allowed error).");
  expect(says).toMatch(/onnx is not installed\. onnx\.checker was not run\.$/);
  expect(python("print(json.dumps(m.compare([1.0], [1.0, 2.0], [1, 1])[0] > 1e300))")).toBe(true);
});

test("a machine without Python gets a record that says so", async () => {
  const found = await checkModels("no-such-python");
  expect(found.models).toEqual([]);
  expect(found.says).toContain("not checked by Python");
});
