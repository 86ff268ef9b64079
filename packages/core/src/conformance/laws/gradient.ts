import type { Program } from "../../backend/backend.ts";
import type { Causal } from "../../program/block.ts";
import type { Ops } from "../../program/ops.ts";
import { DIFFERENCES, differences } from "../differences.ts";
import type { Extras } from "../draw.ts";
import { bools, type Host, host, map } from "../host.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock } from "../oracle.ts";
import { allowance } from "../tolerance.ts";

type Hosts = Readonly<Record<string, Host>>;
const fields = ["q", "k", "v", "mask", "bias", "keyMask"] as const;

/** Blocks one after the other in one program, so that gradients flow back through the carried state. */
function chain(lab: Lab, count: number, causal: Causal, lse: boolean): Program {
  const { mechanism } = lab;
  return <T>(o: Ops<T>, x: Readonly<Record<string, T>>) => {
    const out: Record<string, T> = {};
    let state: Readonly<Record<string, T>> | undefined;
    for (let n = 0; n < count; n++) {
      const [q, k, v, mask, bias, keyMask] = fields.map((f) => x[`${f}${n}`]);
      const block = { ...{ q: q!, k: k!, v: v! }, mask, bias, keyMask, state };
      const result = mechanism.forward(o, block, { causal, lse });
      out[`y${n}`] = result.y;
      if (lse) out[`lse${n}`] = result.lse!;
      state = result.state;
    }
    return out;
  };
}

/** The same in float64: the oracle of every block over the history before it. */
function chainOracle(lab: Lab, blocks: readonly HostBlock[], causal: Causal) {
  const at = (x: Hosts) =>
    blocks.map((block, n) => ({ ...block, q: x[`q${n}`]!, k: x[`k${n}`]!, v: x[`v${n}`]!, bias: x[`bias${n}`] }));
  return (x: Hosts): Hosts => {
    const now = at(x);
    const results = now.map((block, n) => lab.oracle(block, causal, now.slice(0, n)));
    return Object.fromEntries(
      results.flatMap(({ y, lse, scale }, n) => [
        ...([
          [`y${n}`, y],
          [`scale${n}`, scale],
        ] as const),
        ...(lse ? ([[`lse${n}`, lse]] as const) : []),
      ]),
    );
  };
}

async function check(lab: Lab, blocks: readonly HostBlock[], causal: Causal, lse: boolean): Promise<void> {
  // Away from 0, where feature maps may have a kink that differences would step over.
  const smooth = (x: Host) => map(x, (value) => lab.round(value + Math.sign(value || 1) * 0.05));
  const inputs: Record<string, Host> = {};
  for (const [n, block] of blocks.entries()) {
    for (const f of fields) {
      const x = block[f];
      if (x) inputs[`${f}${n}`] = f === "q" || f === "k" ? smooth(x) : x;
    }
  }
  const rank4 = Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => {
      const lead = name.startsWith("mask") || name.startsWith("bias") ? Array<number>(4 - x.shape.length).fill(1) : [];
      return [name, { ...x, shape: [...lead, ...x.shape] }];
    }),
  );
  const f = chainOracle(lab, blocks, causal);
  const expected = f(rank4);
  const seeds: Record<string, Host> = {};
  for (const [name, x] of Object.entries(expected)) {
    if (!name.startsWith("y") && !(lse && name.startsWith("lse"))) continue;
    // An lse of -Infinity has no gradient to follow, and a result worth nothing none worth comparing.
    const scale = expected[name.replace("y", "scale")]!;
    const counts = (i: number) => Number.isFinite(x.data[i]) && Number.isFinite(scale.data[i]);
    seeds[name] = host(x.shape, (i) => (counts(i) ? lab.round(lab.random.normal()) : 0));
  }
  const wrt = Object.keys(rank4).filter((name) => /^(q|k|v|bias)\d/.test(name));
  const program = chain(lab, blocks.length, causal, lse);
  if (!lab.backend.supports.gradients) {
    const [x, s] = [lab.uploads(rank4), lab.uploads(seeds)];
    await lab.refuses("vjp of a backend without gradients", "ATTN_UNSUPPORTED", () =>
      lab.backend.vjp(program, x, s, wrt),
    );
    return;
  }
  const truth = differences(f, rank4, seeds, wrt);
  const got = await lab.vjp(program, rank4, seeds, wrt);
  const scale = gradientScale(expected, seeds, truth);
  const terms = blocks.reduce((n, block) => n + block.k.shape[2]!, blocks[0]!.q.shape[3]!);
  const allowed = allowance(lab.backend.dtype, terms, scale) + DIFFERENCES * scale;
  for (const name of wrt) {
    lab.within(`d/d ${name}`, got[name]!, truth[name]!, () => allowed);
  }
}

/** Every entry adds up seeds times contributions to y; the largest gradient covers steep formulas. */
function gradientScale(expected: Hosts, seeds: Hosts, truth: Hosts): number {
  let scale = 1;
  for (const [name, seed] of Object.entries(seeds)) {
    const size = expected[name.replace("y", "scale")]!;
    for (let i = 0; i < seed.data.length; i++) {
      if (seed.data[i] !== 0) scale += Math.abs(seed.data[i]!) * (name.startsWith("y") ? size.data[i]! : 1);
    }
  }
  for (const x of Object.values(truth)) for (const value of x.data) scale = Math.max(scale, Math.abs(value));
  return scale;
}

export const gradientLaw: Law = {
  name: "gradient",
  rules: "S8 S11 S15",
  says: "gradients equal differences of the oracle, through the carried state too; a backend without them says so",
  cases: ({ mechanism: { takes } }) => {
    const small = { B: 1, Hq: 2, Hkv: 1, d: 2, dv: 2 };
    const two = (lab: Lab, extras: Extras = {}) => [
      lab.draw({ ...small, L: 3, S: 3 }, extras),
      lab.draw({ ...small, L: 2, S: 2 }, { ...extras, past: 3 }),
    ];
    const cases: Case<Lab>[] = [
      ...([true, false, "end"] as const).map(
        (causal): Case<Lab> => ({
          title: `two blocks, grouped heads, causal ${causal}`,
          run: (lab) => check(lab, two(lab), causal, false),
        }),
      ),
      { title: "two blocks with keyMask", run: (lab) => check(lab, two(lab, { keyMask: true }), true, false) },
      {
        title: "batches and equal heads, more keys than queries",
        run: (lab) => check(lab, [lab.draw({ B: 2, Hq: 2, Hkv: 2, d: 2, dv: 2, L: 2, S: 3 })], "end", false),
      },
      {
        title: "across a chunk of 16",
        run: (lab) => check(lab, [lab.draw({ B: 1, Hq: 1, Hkv: 1, d: 1, dv: 1, L: 18, S: 18 })], true, false),
      },
      {
        title: "rows without keys",
        async run(lab) {
          const [first, second] = two(lab) as [HostBlock, HostBlock];
          const hidden = { ...first, keyMask: bools([1, 3], (_, [, j]) => j! > 1) };
          await check(lab, [hidden, second], true, false);
        },
      },
    ];
    if (takes.mask === true || takes.bias === true) {
      const extras = { mask: true, bias: true, keyMask: true };
      cases.push({ title: "with masks and bias", run: (lab) => check(lab, two(lab, extras), true, false) });
    }
    if (takes.lse === true) cases.push({ title: "of lse too", run: (lab) => check(lab, two(lab), true, true) });
    return cases;
  },
};
