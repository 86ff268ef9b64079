import type { Program } from "../../backend/backend.ts";
import { kernelsFor } from "../../backend/kernels-for.ts";
import { blockOfNames, namesOfBlock } from "../../backend/nested.ts";
import type { Block, Causal, Result } from "../../program/block.ts";
import type { Call, How } from "../../program/call.ts";
import { checkCall } from "../../program/check-call.ts";
import type { Ops } from "../../program/ops.ts";
import { LawBroken } from "../checker.ts";
import { DIFFERENCES, differences } from "../differences.ts";
import type { Extras } from "../draw.ts";
import { bools, type Host, host, map, walk } from "../host.ts";
import type { Lab } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import type { HostBlock } from "../oracle.ts";

type Hosts = Readonly<Record<string, Host>>;
const fields = ["q", "k", "v", "mask", "bias", "keyMask"] as const;

/** Blocks one after the other in one program, so that gradients flow back through the carried state. */
function chain(lab: Lab, count: number, { kernels, ...how }: How & { readonly kernels: boolean }): Program {
  const { mechanism } = lab;
  return <T>(o: Ops<T>, x: Readonly<Record<string, T>>) => {
    const out: Record<string, T> = {};
    let state: Readonly<Record<string, T>> | undefined;
    for (let n = 0; n < count; n++) {
      const [q, k, v, mask, bias, keyMask] = fields.map((f) => x[`${f}${n}`]);
      const block = { ...{ q: q!, k: k!, v: v! }, mask, bias, keyMask, state };
      const result = kernels ? byKernel(lab, block, how) : mechanism.forward(o, block, how);
      out[`y${n}`] = result.y;
      if (how.lse) out[`lse${n}`] = result.lse!;
      state = result.state;
    }
    return out;
  };
}

/** The result of the first kernel that accepts the block. The tensors of the program are the backend's own. */
function byKernel<T>(lab: Lab, block: Block<T>, how: How): Result<T> {
  const { backend, mechanism } = lab;
  const named = Object.entries(namesOfBlock(block)).map(([name, t]) => [name, backend.shape(t)] as const);
  const call = checkCall(mechanism, how, blockOfNames(Object.fromEntries(named)));
  const kernel = kernelsFor(mechanism, backend).find((one) => one.accepts(call, backend) === true);
  if (!kernel) throw new LawBroken(`no kernel of ${mechanism.name} accepts a block of [${call.shapes.q}] inside vjp`);
  const out = kernel.run(block, call, backend) as Result<T> | Promise<unknown>;
  if (out instanceof Promise) throw new LawBroken(`kernel ${kernel.name} gives a promise, so vjp cannot follow it`);
  return out;
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

async function check(
  lab: Lab,
  blocks: readonly HostBlock[],
  causal: Causal,
  lse: boolean,
  { kernels = false, state = true }: { readonly kernels?: boolean; readonly state?: boolean } = {},
): Promise<void> {
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
  const program = chain(lab, blocks.length, { causal, lse, state, kernels });
  if (!lab.backend.supports.gradients) {
    const [x, s] = [lab.uploads(rank4), lab.uploads(seeds)];
    await lab.refuses("vjp of a backend without gradients", "ATTN_UNSUPPORTED", () =>
      lab.backend.vjp(program, x, s, wrt),
    );
    return;
  }
  const truth = differences(f, rank4, seeds, wrt);
  const got = await lab.vjp(program, rank4, seeds, wrt);
  const terms = blocks.reduce((n, block) => n + block.k.shape[2]!, blocks[0]!.q.shape[3]!);
  for (const name of wrt) {
    const scale = gradientScale(name, { expected, seeds, truth });
    const allowed = (i: number) => lab.allowance(terms, scale.data[i]!) + DIFFERENCES * scale.data[i]!;
    lab.within(`d/d ${name}`, got[name]!, truth[name]!, allowed);
  }
}

interface Found {
  readonly expected: Hosts;
  readonly seeds: Hosts;
  readonly truth: Hosts;
}

/**
 * The size of the terms that an entry of the gradient of `name` adds up: for each output row that the entry may reach,
 * |seed| times the error scale of the output. Rows of other batches, of other key/value heads, of earlier blocks, and for
 * q and bias of other queries do not count. The largest gradient of the same batch covers steep formulas.
 */
function gradientScale(name: string, { expected, seeds, truth }: Found): Host {
  const [, input, number] = /^(\D+)(\d+)$/.exec(name) as unknown as [string, string, string];
  const [x, Hkv] = [truth[name]!, truth[`k${number}`]!.shape[1]!];
  const perRow = input === "q" || input === "bias";
  const heads = x.shape[1]!;
  return host(x.shape, (_, [b, h, i]) => {
    let scale = 1;
    for (const [output, seed] of Object.entries(seeds)) {
      const block = Number(/\d+$/.exec(output)![0]);
      if (perRow ? block !== Number(number) : block < Number(number)) continue;
      const size = output.startsWith("y") ? expected[output.replace("y", "scale")]! : undefined;
      const Hq = seed.shape[1]!;
      walk(seed.shape, (n, [sb, sh, row]) => {
        if (seed.data[n] === 0 || (x.shape[0]! > 1 && sb !== b)) return;
        const mine = heads === Hq ? sh : Math.floor(sh! / (Hq / Hkv));
        if (heads > 1 && mine !== h) return;
        if (perRow && x.shape[2]! > 1 && row !== i) return;
        scale += Math.abs(seed.data[n]!) * (size ? size.data[n]! : 1);
      });
    }
    for (const g of Object.values(truth))
      walk(g.shape, (n, [gb]) => {
        if (gb === b || g.shape[0] === 1 || x.shape[0] === 1) scale = Math.max(scale, Math.abs(g.data[n]!));
      });
    return scale;
  });
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

export const kernelGradientLaw: Law = {
  name: "kernel-gradient",
  rules: "S8 S15",
  says: "where a backend says so, the gradient of a program that runs a kernel is that of the oracle",
  cases: ({ mechanism: { kernels = [], takes } }) => {
    if (kernels.length === 0) return [];
    const lse = takes.lse === true;
    const small = { B: 2, Hq: 2, Hkv: 1, d: 2, dv: 2 };
    const two = (lab: Lab, extras: Extras) => [
      lab.draw({ ...small, L: 3, S: 3 }, extras),
      lab.draw({ ...small, L: 1, S: 1 }, { ...extras, past: 3 }),
    ];
    const all: readonly (readonly [string, Extras, Causal, stateless?: true])[] = [
      ["two blocks, causal", { keyMask: true }, true],
      ["two blocks, every key", {}, false],
      ["without a state, causal", { keyMask: true }, true, true],
      ["without a state, every key", { keyMask: true }, false, true],
      ...(takes.mask === true ? ([["two blocks with a mask", { mask: true }, true]] as const) : []),
      ...(takes.bias === true ? ([["two blocks with a bias", { bias: true }, true]] as const) : []),
    ];
    return all.map(
      ([title, extras, causal, stateless]): Case<Lab> => ({
        title,
        async run(lab) {
          // A backend whose gradients do not reach kernels has none of this: its kernels are never differentiated.
          if (!lab.backend.supports.kernelGradients || kernelsFor(lab.mechanism, lab.backend).length === 0) return;
          if (
            kernelsFor(lab.mechanism, lab.backend).every(
              (kernel) => kernel.accepts(exampleCall(lab, causal, lse), lab.backend) !== true,
            )
          )
            return;
          const blocks = stateless ? [lab.draw({ ...small, L: 5, S: 5 }, extras)] : two(lab, extras);
          await check(lab, blocks, causal, lse, { kernels: true, state: !stateless });
        },
      }),
    );
  },
};

/** A call by which kernels say whether they run on this device at all. */
function exampleCall({ mechanism }: Lab, causal: Causal, lse: boolean): Call {
  const dims = { B: 2, Hq: 2, Hkv: 1, L: 3, S: 3, d: 2, dv: 2 };
  const shapes = { q: [2, 2, 3, 2], k: [2, 1, 3, 2], v: [2, 1, 3, 2] };
  return { mechanism: mechanism.name, options: mechanism.options, causal, lse, state: true, dims, shapes };
}
