import type { Program } from "../../backend/backend.ts";
import type { VaryingAxes } from "../../program/call.ts";
import type { Bench } from "../bench.ts";
import { bools, fromData, type Host, host } from "../host.ts";
import type { Case, OpsLaw } from "../law.ts";
import { define } from "./define.ts";

const random = (bench: Bench, shape: readonly number[]): Host => host(shape, () => bench.round(bench.random.normal()));

const transfer: OpsLaw = {
  name: "transfer",
  rules: "Backend",
  says: "what is uploaded is downloaded again: floats in the backend's type, masks as bytes, shapes as given",
  cases: [
    ...[[], [1], [3, 4], [2, 1, 3, 2], [0], [2, 0, 3]].flatMap((shape): Case<Bench>[] => [
      {
        title: `floats [${shape}]`,
        async run(bench) {
          const x = random(bench, shape);
          bench.same("x", await bench.download(bench.upload(x)), x);
        },
      },
      {
        title: `mask [${shape}]`,
        async run(bench) {
          const x = bools(shape, () => bench.random.chance(0.5));
          const t = bench.hold(bench.backend.upload(Uint8Array.from(x.data), shape));
          const data = await bench.backend.download(t);
          bench.holds(data instanceof Uint8Array, "a mask was not downloaded as Uint8Array");
          bench.same("mask", fromData(data, bench.backend.shape(t)), x);
        },
      },
    ]),
    {
      title: "either float array, and special numbers",
      async run(bench) {
        const special = [0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
        const { dtype } = bench.backend;
        for (const data of [Float32Array.from(special), Float64Array.from(special)]) {
          const back = await bench.backend.download(bench.hold(bench.backend.upload(data, [6])));
          const right = dtype === "float64" ? back instanceof Float64Array : back instanceof Float32Array;
          bench.holds(right, `${dtype} was downloaded as ${back.constructor.name}`);
          bench.same("x", fromData(back, [6]), { shape: [6], data: Float64Array.from(special) });
        }
      },
    },
    {
      title: "the caller's array is copied, both ways",
      async run(bench) {
        const data = Float32Array.of(1, 2, 3);
        const t = bench.hold(bench.backend.upload(data, [3]));
        data.fill(9);
        const first = await bench.backend.download(t);
        const expected = { shape: [3], data: Float64Array.of(1, 2, 3) };
        bench.same("x after the uploaded array changed", fromData(first, [3]), expected);
        first.fill(7);
        bench.same("x after the downloaded array changed", await bench.download(t), expected);
      },
    },
    {
      title: "a wrong length is refused",
      async run(bench) {
        await bench.refuses("upload of 3 numbers as [2, 2]", "ATTN_DATA", () =>
          bench.backend.upload(Float32Array.of(1, 2, 3), [2, 2]),
        );
      },
    },
  ],
};

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
      async run(bench) {
        const run = bench.backend.compile(twoLayers);
        for (const [m, k] of [
          [2, 3],
          [2, 3],
          [5, 3],
          [1, 17],
          [2, 3],
        ] as const) {
          const x = { a: random(bench, [m, k]), b: random(bench, [k, 4]) };
          const got = await bench.downloads(await run(bench.uploads(x)));
          const expected = twoLayers(define, x);
          for (const name of ["out", "hidden"]) bench.near(name, got[name]!, expected[name]!, 4, k);
        }
      },
    },
    {
      title: "an input that grows",
      async run(bench) {
        const growing: VaryingAxes = { axes: { cache: [null, "P", null] }, granularity: 1 };
        const program: Program = (o, x) => ({
          cache: o.concat([x.cache!, x.next!], -2),
          total: o.sum(o.concat([x.cache!, x.next!], -2), -2),
        });
        const run = bench.backend.compile(program, growing);
        for (const length of [1, 2, 3, 9, 1, 0]) {
          const x = { cache: random(bench, [2, length, 3]), next: random(bench, [2, 1, 3]) };
          const got = await bench.downloads(await run(bench.uploads(x)));
          const expected = program(define, x);
          bench.same("cache", got.cache!, expected.cache!);
          bench.near("total", got.total!, expected.total!, 8, length + 1);
        }
      },
    },
    {
      title: "outputs that are inputs, and one output under two names",
      async run(bench) {
        const x = random(bench, [2, 3]);
        const got = await bench.compute((o, { a }) => ({ a: a!, flat: o.reshape(a!, [6]), again: a! }), { a: x });
        bench.same("a", got.a!, x);
        bench.same("again", got.again!, x);
        bench.same("flat", got.flat!, { ...x, shape: [6] });
      },
    },
    {
      title: "inputs that the program does not read",
      async run(bench) {
        const x = { a: random(bench, [2, 3]), unused: random(bench, [4]) };
        const got = await bench.compute((o, { a }) => ({ out: o.mul(a!, 2) }), x);
        bench.near("out", got.out!, define.mul(x.a, 2), 4, 1);
      },
    },
  ],
};

const vjp: OpsLaw = {
  name: "vjp",
  rules: "Backend S15",
  says: "gradients add over uses and over seeded outputs; an input without influence has gradient 0; denied where not supported",
  cases: [
    {
      title: "two uses, two outputs, one unread input",
      async run(bench) {
        const program: Program = (o, { a, b }) => ({ x: o.mul(a!, a!), y: o.add(a!, b!), z: o.mul(b!, 3) });
        const x = { a: random(bench, [2, 3]), b: random(bench, [3]), c: random(bench, [4]) };
        const seeds = { x: random(bench, [2, 3]), y: random(bench, [2, 3]) };
        if (!bench.backend.supports.gradients) {
          const [inputs, s] = [bench.uploads(x), bench.uploads(seeds)];
          await bench.refuses("vjp", "ATTN_UNSUPPORTED", () => bench.backend.vjp(program, inputs, s, ["a"]));
          return;
        }
        const got = await bench.vjp(program, x, seeds, ["a", "b", "c"]);
        const { add, mul, sum, reshape } = define;
        bench.near("d/d a", got.a!, add(mul(mul(x.a, 2), seeds.x), seeds.y), 16, 1);
        bench.near("d/d b", got.b!, reshape(sum(seeds.y, 0), [3]), 16, 2);
        bench.same("d/d c", got.c!, host([4]));
      },
    },
  ],
};

const dtype: OpsLaw = {
  name: "dtype",
  rules: "Backend",
  says: "programs see the float type that the backend computes in, also when they are differentiated",
  cases: ["compile", "vjp"].map(
    (how): Case<Bench> => ({
      title: how,
      async run(bench) {
        const { backend } = bench;
        const expected = backend.dtype === "float16" ? "float32" : backend.dtype;
        const seen: string[] = [];
        const program: Program = (o, { a }) => {
          seen.push(o.dtype);
          return { out: o.mul(a!, 2) };
        };
        const a = random(bench, [2]);
        if (how === "compile") await bench.compute(program, { a });
        else if (backend.supports.gradients) await bench.vjp(program, { a }, { out: a }, ["a"]);
        else return;
        const wrong = seen.find((type) => type !== expected);
        bench.holds(seen.length > 0 && wrong === undefined, `a program saw ${wrong}, expected ${expected}`);
      },
    }),
  ),
};

export const backendLaws: readonly OpsLaw[] = [transfer, compile, dtype, vjp];
