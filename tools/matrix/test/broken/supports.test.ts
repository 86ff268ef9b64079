/** Declarations of a backend beyond gradients: both sides of each. */
import { AttentionError, type Backend, type Data, type DType, type Shape } from "@attnkit/core";
import { eager, type Supports, vjp } from "@attnkit/core/backend";
import { type Report, runConformance } from "@attnkit/core/conformance";
import type { EagerOps, Ops } from "@attnkit/core/program";
import { cpu, type NdArray } from "@attnkit/cpu";
import { expect, test, vi } from "vitest";
import { softmax } from "./softmax.ts";

vi.setConfig({ testTimeout: 60_000 });

/** The cpu backend with other declarations; `refuse` says which tensors it does not make. */
function declaring(
  supports: Omit<Supports, "gradients">,
  {
    refuse = () => false,
    replace = {},
  }: { refuse?: (shape: readonly number[]) => boolean; replace?: Partial<Ops<NdArray>> } = {},
): Backend<NdArray> {
  const right = cpu();
  const made = (x: NdArray): NdArray => {
    if (refuse(x.shape)) throw new AttentionError("ATTN_UNSUPPORTED", "small", `no tensor of shape [${x.shape}]`);
    return x;
  };
  const replaced = { ...right.ops, ...replace };
  const ops = Object.fromEntries(
    Object.entries(replaced).map(([name, op]) => {
      if (name === "shape" || typeof op !== "function") return [name, op];
      return [name, (...args: unknown[]) => made((op as (...given: unknown[]) => NdArray)(...args))];
    }),
  ) as unknown as EagerOps<NdArray>;
  return {
    ...right,
    ...{ name: "small", ops, supports: { gradients: true, ...supports } },
    upload: ((data: Data, shape: Shape) => made(right.upload(data, shape))) as Backend<NdArray>["upload"],
    compile: eager(ops),
    vjp: async (program, x, seeds, wrt) => vjp(right.ops, program, x, seeds, wrt),
  };
}

const run = (backend: Backend<unknown>, law: string): Promise<Report> =>
  runConformance({ backend: () => backend, mechanisms: [softmax()] }, { filter: { law } });
const failures = ({ cases }: Report): string[] => cases.filter((c) => c.status !== "pass").map((c) => c.error!);

const laws = ["transfer", "supports", "op-slice", "op-matmul", "op-exp", "op-take"];
const empty = (shape: readonly number[]) => shape.includes(0);

test.each(laws)("a backend without empty axes conforms if it refuses them: %s", async (law) => {
  expect(failures(await run(declaring({ emptyAxes: false }, { refuse: empty }), law))).toEqual([]);
});

test("a denial that is not kept, and a lack that is not declared, are failures", async () => {
  expect(failures(await run(declaring({ emptyAxes: false }), "op-matmul")).join()).toMatch(
    /declares no empty axes and accepted \[3,0\]/,
  );
  expect(failures(await run(declaring({}, { refuse: empty }), "op-matmul")).length).toBeGreaterThan(0);
  expect(failures(await run(declaring({ emptyAxes: false }, { refuse: empty }), "supports"))).toEqual([]);
});

test("ranks and sizes: accepted up to the limit, refused beyond it", async () => {
  const limits = { maxRank: 4, maxElements: 5000 };
  const kept = declaring(limits, { refuse: (s) => s.length > 4 || s.reduce((a, b) => a * b, 1) > 5000 });
  expect(failures(await run(kept, "supports"))).toEqual([]);
  expect(failures(await run(declaring(limits), "supports"))).toHaveLength(2);
  const less = declaring(limits, { refuse: (s) => s.length > 3 || s.reduce((a, b) => a * b, 1) > 5000 });
  expect(failures(await run(less, "supports"))).toHaveLength(1);
});

const inType = (dtype: DType) => cpu({ dtype: dtype as "float32" });

test("float types: those that are declared compute in it, and every other one is refused", async () => {
  const failed = async (supports: Partial<Supports>, backendIn?: (dtype: DType) => Backend<unknown>) => {
    const subject = { backend: () => declaring(supports), mechanisms: [], ...(backendIn && { backendIn }) };
    return failures(await runConformance(subject, { filter: ({ title }) => title === "float types" })).join();
  };
  const both: Partial<Supports> = { dtypes: ["float32", "float64"] };
  expect(await failed(both, inType)).toBe("");
  expect(await failed({}, (dtype) => (dtype === "float32" ? cpu() : inType("float16")))).toBe("");
  expect(await failed({ dtypes: ["float64"] })).toMatch(
    /supports\.dtypes is float64, and the backend computes in float32/,
  );
  expect(await failed({}, inType)).toMatch(/a backend in float64 was accepted/);
  expect(await failed(both, (dtype) => (dtype === "float16" ? inType(dtype) : cpu()))).toMatch(
    /made in float64 says that its type is float32/,
  );
  const rounding = () => ({ ...cpu(), dtype: "float64" as const });
  expect(await failed(both, (dtype) => (dtype === "float64" ? rounding() : inType(dtype)))).toMatch(
    /a product in float64\[.*\] is .*, expected/,
  );
  const refusing = (dtype: DType) => {
    if (dtype === "float32") return cpu();
    throw new TypeError("no such type");
  };
  expect(await failed({}, refusing)).toMatch(
    /a backend in float16 threw TypeError: no such type, expected an AttentionError/,
  );
});

const { ops } = cpu();
/** Wrong by 40 units in the last place. */
const coarse = { log: (x: NdArray) => ops.mul(ops.log(x), 1 + 40 * 2 ** -23) };

test.each(["op-log", "lse"])("a coarse logarithm passes as far as it is declared: %s", async (law) => {
  expect(failures(await run(declaring({ accuracy: { log: 64 } }, { replace: coarse }), law))).toEqual([]);
  expect(failures(await run(declaring({}, { replace: coarse }), law)).length).toBeGreaterThan(0);
});

test("the declared accuracy of one operation loosens no other", async () => {
  const exp = { exp: (x: NdArray) => ops.mul(ops.exp(x), 1 + 40 * 2 ** -23) };
  expect(failures(await run(declaring({ accuracy: { log: 64 } }, { replace: exp }), "op-exp")).length).toBeGreaterThan(
    0,
  );
});
