import type { Backend, Tensors } from "@attnkit/core";
import { eager, type Nested, type NestedProgram, vjp } from "@attnkit/core/backend";
import type { EagerOps } from "@attnkit/core/program";
import { cpu, type NdArray } from "@attnkit/cpu";
import { brokenGradients } from "./gradients.ts";
import { type BrokenBackend, brokenTransfers } from "./transfer.ts";

/** The cpu backend with some operations replaced, everywhere where it uses them. */
export function withOps(
  replace: (right: EagerOps<NdArray>) => Partial<EagerOps<NdArray>>,
  dtype: "float32" | "float64" = "float32",
): Backend<NdArray> {
  const right = cpu({ dtype });
  const ops = { ...right.ops, ...replace(right.ops) };
  return {
    ...right,
    ops,
    compile: eager(ops),
    vjp: async (program, x, seeds, wrt) => vjp(ops, program, x, seeds, wrt),
  };
}

const gradients = (
  change: (got: Tensors<NdArray>, x: Tensors<NdArray>, right: Backend<NdArray>) => Tensors<NdArray>,
): Backend<NdArray> => {
  const right = cpu();
  return { ...right, vjp: async (p, x, seeds, wrt) => change(await right.vjp(p, x, seeds, wrt), x, right) };
};

const mapped = (x: Tensors<NdArray>, f: (x: NdArray, name: string) => NdArray): Tensors<NdArray> =>
  Object.fromEntries(Object.entries(x).map(([name, t]) => [name, f(t, name)]));

const scaled = (x: NdArray, by: number): NdArray => ({ ...x, data: x.data.map((value) => value * by) });

type Record = Nested<NdArray>;
type Run = (x: Record) => Promise<Record>;
type Waits = (x: Record, run: Run) => Promise<Record>;

/** The `compile` of cpu, with something between the caller and each program. */
const compiling = (around: (run: Run) => Run): Backend<NdArray>["compile"] =>
  ((program: NestedProgram) => around(cpu().compile(program))) as unknown as Backend<NdArray>["compile"];

/** A backend whose calls wait before they compute, as those of a device or a worker do. */
function waiting(
  how: (own: { place: { x?: Record | undefined }; wait: () => Promise<void> }) => Waits,
): Backend<NdArray> {
  const right = cpu();
  const run = how({ place: {}, wait: async () => {} });
  return {
    ...right,
    compile: compiling((compute) => (x) => run(x, compute)),
  };
}

/** Mistakes in what surrounds the operations; those of laws of mechanisms run with the softmax of ./softmax.ts. */
export const brokenBackends: readonly BrokenBackend[] = [
  {
    name: "gradient of the wrong sign",
    law: "op-sub",
    backend: () => gradients((got) => mapped(got, (x) => scaled(x, -1))),
  },
  {
    name: "gradient is not summed over broadcast axes",
    law: "op-add",
    backend: () =>
      gradients((got, x) =>
        mapped(got, (g, name) => (x[name]!.data.length === 1 && g.data.length === 1 ? scaled(g, 0.5) : g)),
      ),
  },
  {
    name: "gradients of inputs without influence are missing",
    law: "vjp",
    backend: () =>
      gradients((got) => Object.fromEntries(Object.entries(got).filter(([, g]) => g.data.some((x) => x !== 0)))),
  },
  {
    name: "ranks above 5 denied, and accepted anyway",
    law: "supports",
    backend: () => ({ ...cpu(), supports: { gradients: true, maxRank: 5 } }),
  },
  {
    name: "gradients denied, and computed anyway",
    law: "vjp",
    backend: () => ({ ...cpu(), supports: { gradients: false } }),
  },
  {
    name: "no gradient through the carried state",
    law: "gradient",
    backend: () => {
      const right = cpu();
      return {
        ...right,
        async vjp(program, x, seeds, wrt) {
          const near = Object.fromEntries(Object.entries(seeds).filter(([name]) => name.endsWith("0")));
          const all = await right.vjp(program, x, seeds, wrt);
          const first = await right.vjp(program, x, near, wrt);
          return mapped(all, (g, name) => (name.endsWith("0") ? first[name]! : g));
        },
      };
    },
  },
  {
    name: "the second call gets the first one's result",
    law: "deterministic",
    backend: () => {
      const right = cpu();
      return {
        ...right,
        compile: compiling((run) => {
          const results = new Map<string, Promise<Record>>();
          return (x) => {
            const key = JSON.stringify(x, (name, value) => (name === "data" ? [] : value));
            const found = results.get(key) ?? run(x);
            results.set(key, found);
            return found;
          };
        }),
      };
    },
  },
  {
    name: "keeps its inputs in one place across a wait",
    law: "overlap",
    backend: () =>
      waiting(({ place, wait }) => async (x, run) => {
        place.x = x;
        await wait();
        return run(place.x);
      }),
  },
  {
    name: "refuses a call while another runs",
    law: "overlap",
    backend: () =>
      waiting(({ place, wait }) => async (x, run) => {
        if (place.x) throw new Error("busy");
        place.x = x;
        await wait();
        place.x = undefined;
        return run(x);
      }),
  },
  {
    name: "a call that fails takes those that wait for it with it",
    law: "overlap",
    backend: () => {
      let line: Promise<unknown> = Promise.resolve();
      return waiting(() => (x, run) => {
        const mine = line.then(() => run(x));
        line = mine;
        mine.catch(() => {
          if (line === mine) line = Promise.resolve();
        });
        return mine;
      });
    },
  },
  {
    name: "a compiled program returns the result of its first call",
    law: "compile",
    backend: () => {
      const right = cpu();
      return {
        ...right,
        compile: compiling((run) => {
          let first: Promise<Record> | undefined;
          return (x) => {
            first ??= run(x);
            return first;
          };
        }),
      };
    },
  },
  {
    name: "only the last program is kept",
    law: "compile",
    backend: () => {
      let last: Run;
      return {
        ...cpu(),
        compile: compiling((run) => {
          last = run;
          return (x) => last(x);
        }),
      };
    },
  },
  {
    name: "the inputs of a program are matched by their order",
    law: "compile",
    backend: () => {
      return {
        ...cpu(),
        compile: compiling((run) => {
          let names: readonly string[] | undefined;
          return (x) => {
            names ??= Object.keys(x);
            return run(Object.fromEntries(Object.values(x).map((t, i) => [names![i] ?? i, t])));
          };
        }),
      };
    },
  },
  ...brokenGradients,
  {
    name: "matmul in float32 on a float64 backend",
    law: "op-matmul",
    backend: () => withOps((o) => ({ matmul: (a, b) => single(o.matmul(a, b)) }), "float64"),
  },
  {
    name: "exp in float32 on a float64 backend",
    law: "oracle",
    backend: () => withOps((o) => ({ exp: (x) => single(o.exp(x)) }), "float64"),
  },
  {
    name: "programs are told float32 on a float64 backend",
    law: "dtype",
    backend: () => withOps(() => ({ dtype: "float32" }), "float64"),
  },
  {
    name: "float32's lowest number masks on a float64 backend",
    law: "far-bias",
    backend: () => withOps(() => ({ dtype: "float32" }), "float64"),
  },
  ...brokenTransfers,
  {
    name: "random rounding",
    law: "deterministic",
    backend: () =>
      withOps((o) => ({ exp: (x) => ({ ...x, data: o.exp(x).data.map((y) => y * (1 + Math.random() * 2e-7)) }) })),
  },
  {
    name: "works in place on its inputs",
    law: "inputs-untouched",
    backend: () =>
      withOps((o) => ({
        where: (m, a, b) =>
          typeof a === "number" || typeof b !== "number" ? o.where(m, a, b) : inPlace(a, o.where(m, a, b)),
      })),
  },
  {
    name: "a result of lower rank is lost",
    law: "rank",
    backend: () =>
      withOps((o) => ({
        reshape: (x, shape) => (shape.length < x.shape.length ? scaled(o.reshape(x, shape), 0) : o.reshape(x, shape)),
      })),
  },
  {
    name: "a mask is measured once",
    law: "remembered",
    backend: () => {
      const seen = new Set<unknown>();
      // Shapes of the same length are the first one's, where one batch of masks follows another.
      return {
        ...cpu(),
        shape(x) {
          if (!(x.data instanceof Uint8Array)) return x.shape;
          const known = seen.has(x.shape.length);
          seen.add(x.shape.length);
          return known ? [...x.shape.slice(0, -1), 1] : x.shape;
        },
      };
    },
  },
  {
    name: "sync uses other operations",
    law: "sync",
    backend: () => {
      const right = cpu();
      return { ...right, ops: { ...right.ops, exp: (x: NdArray) => scaled(right.ops.exp(x), 1.001) } };
    },
  },
];

const single = (x: NdArray): NdArray => ({ ...x, data: x.data.map(Math.fround) });

function inPlace(target: NdArray, value: NdArray): NdArray {
  if (target.data.length !== value.data.length) return value;
  (target.data as Float32Array).set(value.data as Float32Array);
  return target;
}
