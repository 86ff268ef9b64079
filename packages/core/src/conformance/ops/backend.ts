import type { Backend, Program } from "../../backend/backend.ts";
import type { VaryingAxes } from "../../program/call.ts";
import type { DType } from "../../program/ops.ts";
import { Checker } from "../checker.ts";
import { type Host, host } from "../host.ts";
import type { Case, OpsLaw } from "../law.ts";
import { calls } from "./compiled.ts";
import { define } from "./define.ts";
import { vjp } from "./gradients.ts";
import { random, transfer } from "./transfer.ts";

const abs = (x: Host): Host => ({ ...x, data: x.data.map(Math.abs) });

const twoLayers: Program = (o, x) => {
  const hidden = o.tanh(o.matmul(x.a!, x.b!));
  return { out: o.sum(o.mul(hidden, hidden), -1), hidden };
};

const compile: OpsLaw = {
  name: "compile",
  rules: "Backend",
  says: "a compiled program can be called many times, with other numbers, other sizes and growing inputs",
  cases: [
    {
      title: "other numbers, other sizes, and the first ones again",
      async run(checker) {
        const run = checker.backend.compile(twoLayers);
        for (const [m, k] of [
          [2, 3],
          [2, 3],
          [5, 3],
          [1, 17],
          [2, 3],
        ] as const) {
          const x = { a: random(checker, [m, k]), b: random(checker, [k, 4]) };
          const got = await checker.downloads(await run(checker.uploads(x)));
          const expected = twoLayers(define, x);
          for (const name of ["out", "hidden"]) checker.near(name, got[name]!, expected[name]!, 4, k);
        }
      },
    },
    {
      title: "an input that grows",
      async run(checker) {
        const growing: VaryingAxes = { axes: { cache: [null, "P", null] }, granularity: 1 };
        const program: Program = (o, x) => ({
          cache: o.concat([x.cache!, x.next!], -2),
          total: o.sum(o.concat([x.cache!, x.next!], -2), -2),
        });
        const run = checker.backend.compile(program, growing);
        for (const length of [1, 2, 3, 9, 1, 0]) {
          const x = { cache: random(checker, [2, length, 3]), next: random(checker, [2, 1, 3]) };
          const got = await checker.downloads(await run(checker.uploads(x)));
          const expected = program(define, x);
          checker.same("cache", got.cache!, expected.cache!);
          checker.near("total", got.total!, expected.total!, 8, length + 1);
        }
      },
    },
    {
      title: "outputs that are inputs, and one output under two names",
      async run(checker) {
        const x = random(checker, [2, 3]);
        const got = await checker.compute((o, { a }) => ({ a: a!, flat: o.reshape(a!, [6]), again: a! }), { a: x });
        checker.same("a", got.a!, x);
        checker.same("again", got.again!, x);
        checker.same("flat", got.flat!, { ...x, shape: [6] });
      },
    },
    ...(["inputs", "outputs"] as const).map(
      (freed): Case<Checker> => ({
        title: `${freed} are freed, and what shares their memory stays`,
        async run(checker) {
          const { backend } = checker;
          const x = random(checker, [2, 3]);
          const a = checker.upload(x);
          const run = backend.compile((o, { a }) => ({
            a: a!,
            flat: o.reshape(a!, [6]),
            column: o.reshape(a!, [6, 1]),
          }));
          const { a: same, flat, column } = await run({ a });
          for (const t of [same, flat, column]) checker.hold(t);
          for (const t of freed === "inputs" ? [a] : [same, flat]) checker.release(t);
          checker.upload(random(checker, [2, 3])); // takes what was freed by mistake
          checker.same("column", await checker.download(column), { ...x, shape: [6, 1] });
          if (freed === "outputs") checker.same("the input", await checker.download(a), x);
          else checker.same("a", await checker.download(same), x);
        },
      }),
    ),
    ...calls,
    {
      title: "inputs that the program does not read",
      async run(checker) {
        const x = { a: random(checker, [2, 3]), unused: random(checker, [4]) };
        const got = await checker.compute((o, { a }) => ({ out: o.mul(a!, 2) }), x);
        checker.near("out", got.out!, define.mul(x.a, 2), 4, 1);
      },
    },
  ],
};

const dtype: OpsLaw = {
  name: "dtype",
  rules: "Backend",
  says: "programs see the float type that the backend computes in, also when they are differentiated",
  cases: ["compile", "vjp"].map(
    (how): Case<Checker> => ({
      title: how,
      async run(checker) {
        const { backend } = checker;
        const expected = backend.dtype === "float16" ? "float32" : backend.dtype;
        const seen: string[] = [];
        const program: Program = (o, { a }) => {
          seen.push(o.dtype);
          return { out: o.mul(a!, 2) };
        };
        const a = random(checker, [2]);
        if (how === "compile") await checker.compute(program, { a });
        else if (backend.supports.gradients) await checker.vjp(program, { a }, { out: a }, ["a"]);
        else return;
        const wrong = seen.find((type) => type !== expected);
        checker.holds(seen.length > 0 && wrong === undefined, `a program saw ${wrong}, expected ${expected}`);
      },
    }),
  ),
};

/** Above this the suite allocates no tensor only to see it refused or accepted. */
const AFFORDABLE = 2 ** 24;

const FLOATS: readonly DType[] = ["float16", "float32", "float64"];

/** The backend, if there is one, has the float type and its accuracy. */
async function computesIn(dtype: DType, backend: Backend<unknown> | undefined, { random: numbers }: Checker) {
  if (backend === undefined) return;
  const checker = new Checker(backend, numbers);
  try {
    checker.holds(backend.dtype === dtype, `the backend made in ${dtype} says that its type is ${backend.dtype}`);
    const x = { a: random(checker, [2, 3]), b: random(checker, [3, 2]) };
    const got = await checker.compute((o, { a, b }) => ({ out: o.matmul(a!, b!) }), x);
    const scale = define.matmul(abs(x.a), abs(x.b));
    checker.near(`a product in ${dtype}`, got.out!, define.matmul(x.a, x.b), scale, 3);
  } finally {
    checker.free();
  }
}

const supports: OpsLaw = {
  name: "supports",
  rules: "Backend",
  says: "float types, ranks and sizes that are declared are accepted, and those beyond are refused by a typed error",
  cases: [
    {
      title: "empty axes",
      async run(checker) {
        const x = host([2, 0, 3]);
        checker.same("x", await checker.download(checker.upload(x)), x);
      },
    },
    ...[0, 1].map(
      (more): Case<Checker> => ({
        title: more === 0 ? "the highest rank" : "one axis more than the highest rank",
        async run(checker) {
          const { maxRank = 6 } = checker.backend.supports;
          if (more === 1 && checker.backend.supports.maxRank === undefined) return;
          const x = random(checker, [...Array<number>(maxRank - 1 + more).fill(1), 3]);
          checker.same("x", await checker.download(checker.upload(x)), x);
        },
      }),
    ),
    ...[0, 1].map(
      (more): Case<Checker> => ({
        title: more === 0 ? "the largest number of elements" : "one element more than the largest number",
        async run(checker) {
          const { maxElements } = checker.backend.supports;
          if (maxElements === undefined || maxElements > AFFORDABLE) return;
          const x = host([maxElements + more]);
          checker.same("x", await checker.download(checker.upload(x)), x);
        },
      }),
    ),
    {
      title: "float types",
      async run(checker) {
        const { dtype, supports } = checker.backend;
        const { dtypes = [dtype] } = supports;
        checker.holds(dtypes.includes(dtype), `supports.dtypes is ${dtypes}, and the backend computes in ${dtype}`);
        for (const type of FLOATS) {
          const made = () => checker.backendIn?.(type);
          if (dtypes.includes(type)) await computesIn(type, await made(), checker);
          else if (checker.backendIn) await checker.refuses(`a backend in ${type}`, undefined, made);
        }
      },
    },
  ],
};

export const backendLaws: readonly OpsLaw[] = [transfer, supports, compile, dtype, vjp];
