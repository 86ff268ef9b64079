import type { Program } from "../../backend/backend.ts";
import type { Checker } from "../checker.ts";
import { bools, type Host, host, map } from "../host.ts";
import type { Case } from "../law.ts";
import { define } from "./define.ts";
import { random } from "./transfer.ts";

type Inputs = Readonly<Record<string, Host>>;

/** Runs a prepared program on host arrays, and compares its output `out` with the definitions. */
async function agrees(
  checker: Checker,
  run: ReturnType<Checker["backend"]["compile"]>,
  program: Program,
  x: Inputs,
): Promise<void> {
  const { out } = await checker.downloads(await run(checker.uploads(x)));
  checker.near("out", out!, program(define, x).out!, 8, 4);
}

const difference: Program = (o, { a, b }) => ({ out: o.sub(a!, b!) });
const rowSums: Program = (o, { a }) => ({ out: o.sum(a!, -1) });
const selects: Program = (o, { m, a }) => ({ out: o.where(m!, a!, 0) });

/** Cases of the law `compile` on several calls and several programs. */
export const calls: readonly Case<Checker>[] = [
  {
    title: "two programs, prepared before either is called",
    async run(checker) {
      const programs = [difference, rowSums];
      const prepared = programs.map((program) => checker.backend.compile(program));
      for (const n of [0, 1, 0]) {
        const x = { a: random(checker, [2, 3]), b: random(checker, [2, 3]) };
        await agrees(checker, prepared[n]!, programs[n]!, x);
      }
    },
  },
  {
    title: "inputs that are named in another order",
    async run(checker) {
      const run = checker.backend.compile(difference);
      const [a, b] = [random(checker, [2, 3]), random(checker, [2, 3])];
      for (const x of [
        { a, b },
        { b, a },
      ])
        await agrees(checker, run, difference, x);
    },
  },
  {
    title: "other shapes of as many elements, and of the same digits",
    async run(checker) {
      const run = checker.backend.compile(rowSums);
      for (const shape of [[2, 6], [3, 4], [12], [1, 12], [11, 2], [1, 1, 12]])
        await agrees(checker, run, rowSums, { a: random(checker, shape) });
    },
  },
  {
    title: "a mask of booleans, then of floats, then of booleans",
    async run(checker) {
      const run = checker.backend.compile(selects);
      for (const float of [false, true, false]) {
        const m = bools([2, 3], () => checker.random.chance(0.5));
        const a = random(checker, [2, 3]);
        await agrees(checker, run, selects, { m: float ? map(m, (x) => x / 2) : m, a });
      }
    },
  },
  {
    title: "an output that is a constant, freed between two calls",
    async run(checker) {
      const { backend } = checker;
      const expected = host([2, 2], (i) => i + 1);
      const run = backend.compile((o, { a }) => ({ c: o.constant([1, 2, 3, 4], [2, 2]), a: o.mul(a!, 2) }));
      for (const _ of [1, 2]) {
        const { c, a } = await run({ a: checker.upload(random(checker, [2, 2])) });
        checker.hold(a);
        checker.same("c", await checker.download(checker.hold(c)), expected);
        checker.release(c);
        checker.upload(random(checker, [2, 2])); // takes what was freed by mistake
      }
    },
  },
  {
    title: "moves that change nothing, and one output under two names: each is freed alone",
    async run(checker) {
      const x = random(checker, [2, 3]);
      const run = checker.backend.compile((o, { a }) => {
        const twice = o.mul(a!, 2);
        return {
          slice: o.slice(a!, 0, 0, 2),
          transpose: o.transpose(a!, [0, 1]),
          concat: o.concat([a!], 0),
          reshape: o.reshape(a!, [2, 3]),
          take: o.take(a!, 0, [0, 1]),
          twice,
          again: twice,
        };
      });
      const a = checker.upload(x);
      const out = Object.entries(await run({ a }));
      for (const [, t] of out) checker.hold(t);
      checker.release(a);
      for (const [name, t] of out) {
        checker.upload(random(checker, [2, 3])); // takes what was freed by mistake
        const expected = name === "twice" || name === "again" ? define.mul(x, 2) : x;
        checker.near(name, await checker.download(t), expected, 4, 1);
        checker.release(t);
      }
    },
  },
  {
    title: "a program that throws: its error is its call's, and the next call works",
    async run(checker) {
      const { backend } = checker;
      const x = { a: random(checker, [2, 3]), b: random(checker, [2, 3]) };
      const fails: Program = (o, { a, b }) => {
        o.mul(a!, b!);
        throw new Error("as it should");
      };
      const call = async () => backend.compile(fails)(checker.uploads(x));
      const error = await call().then(
        () => "none",
        (reason: unknown) => String(reason),
      );
      checker.holds(error.includes("as it should"), `a program that throws: got error ${error}, expected its own`);
      await agrees(checker, backend.compile(difference), difference, x);
    },
  },
];
