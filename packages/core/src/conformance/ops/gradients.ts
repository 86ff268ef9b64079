import type { Program } from "../../backend/backend.ts";
import type { Checker } from "../checker.ts";
import { host } from "../host.ts";
import type { Case, OpsLaw } from "../law.ts";
import { define } from "./define.ts";
import { random } from "./transfer.ts";

/** The cases that need gradients. A backend without them passes: the first case of the law tests the denial. */
const asked: readonly Case<Checker>[] = (
  [
    [
      "some inputs, in another order than the program's",
      async (checker) => {
        const program: Program = (o, { a, b }) => ({ out: o.mul(a!, b!) });
        const x = { a: random(checker, [2, 3]), b: random(checker, [2, 3]), c: random(checker, [2, 3]) };
        const seed = random(checker, [2, 3]);
        const gradients = { a: define.mul(x.b, seed), b: define.mul(x.a, seed), c: host([2, 3]) };
        for (const wrt of [["b", "a"], ["c", "b"], ["a"]] as const) {
          const got = await checker.vjp(program, x, { out: seed }, wrt);
          const names = Object.keys(got).sort().join();
          checker.holds(
            names === wrt.toSorted().join(),
            `vjp gave gradients for ${names}, expected ${wrt.join()} alone`,
          );
          for (const name of wrt) checker.near(`d/d ${name}`, got[name]!, gradients[name], 16, 1);
        }
      },
    ],
    [
      "one program twice, with other numbers and other sizes",
      async (checker) => {
        const program: Program = (o, { a }) => ({ out: o.mul(a!, a!) });
        for (const shape of [
          [2, 3],
          [2, 3],
          [4, 1],
        ]) {
          const [a, seed] = [random(checker, shape), random(checker, shape)];
          const got = await checker.vjp(program, { a }, { out: seed }, ["a"]);
          checker.near("d/d a", got.a!, define.mul(define.mul(a, 2), seed), 32, 1);
        }
      },
    ],
    [
      "inputs and seeds stay as they were, and each gradient is freed alone",
      async (checker) => {
        const given = { a: random(checker, [2, 3]), b: random(checker, [2, 3]) };
        const seed = random(checker, [2, 3]);
        const [x, out] = [checker.uploads(given), checker.upload(seed)];
        const program: Program = (o, { a, b }) => ({ out: o.add(a!, b!) });
        const { a, b } = await checker.backend.vjp(program, x, { out }, ["a", "b"]);
        checker.hold(a);
        checker.hold(b);
        checker.same("d/d a", await checker.download(a), seed);
        checker.release(a);
        checker.upload(random(checker, [2, 3])); // takes what was freed by mistake
        checker.same("d/d b", await checker.download(b), seed);
        checker.release(b);
        checker.upload(random(checker, [2, 3]));
        checker.same("the seed after the call", await checker.download(out), seed);
        for (const name of ["a", "b"] as const)
          checker.same(`input ${name} after the call`, await checker.download(x[name]), given[name]);
      },
    ],
    [
      "wrong arguments are refused",
      async (checker) => {
        const { backend } = checker;
        const [x, seed] = [checker.uploads({ a: random(checker, [2, 3]) }), random(checker, [2, 3])];
        const seeds = { out: checker.upload(seed) };
        const narrow = { out: checker.upload(random(checker, [1, 3])) };
        const program: Program = (o, { a }) => ({ out: o.mul(a!, 2) });
        await checker.refuses("vjp of an unknown input", "ATTN_SHAPE", () => backend.vjp(program, x, seeds, ["b"]));
        await checker.refuses("a seed of another shape", "ATTN_SHAPE", () => backend.vjp(program, x, narrow, ["a"]));
        await checker.refuses("a seed of no output", "ATTN_SHAPE", () =>
          backend.vjp(program, x, { other: seeds.out }, ["a"]),
        );
      },
    ],
  ] as readonly (readonly [string, Case<Checker>["run"]])[]
).map(([title, run]) => ({
  title,
  async run(checker) {
    if (checker.backend.supports.gradients) await run(checker);
  },
}));

export const vjp: OpsLaw = {
  name: "vjp",
  rules: "Backend S15",
  says: "gradients add over uses and over seeded outputs; an input without influence has gradient 0; denied where not supported",
  cases: [
    {
      title: "two uses, two outputs, one unread input",
      async run(checker) {
        const program: Program = (o, { a, b }) => ({ x: o.mul(a!, a!), y: o.add(a!, b!), z: o.mul(b!, 3) });
        const x = { a: random(checker, [2, 3]), b: random(checker, [3]), c: random(checker, [4]) };
        const seeds = { x: random(checker, [2, 3]), y: random(checker, [2, 3]) };
        if (!checker.backend.supports.gradients) {
          const [inputs, s] = [checker.uploads(x), checker.uploads(seeds)];
          await checker.refuses("vjp", "ATTN_UNSUPPORTED", () => checker.backend.vjp(program, inputs, s, ["a"]));
          return;
        }
        const got = await checker.vjp(program, x, seeds, ["a", "b", "c"]);
        const { add, mul, sum, reshape } = define;
        checker.near("d/d a", got.a!, add(mul(mul(x.a, 2), seeds.x), seeds.y), 16, 1);
        checker.near("d/d b", got.b!, reshape(sum(seeds.y, 0), [3]), 16, 2);
        checker.same("d/d c", got.c!, host([4]));
      },
    },
    ...asked,
  ],
};
