// Long file: one table of everything broken, with the kernels and rows that only its entries use.
import type { Backend, Block, Causal, Output } from "@attnkit/core";
import type { Kernel, Program } from "@attnkit/core/backend";
import type { Row } from "@attnkit/core/conformance";
import { type Call, type EagerOps, liftBlock, lowerResult, mergeOutputs, type Ops } from "@attnkit/core/program";
import { cpu, type NdArray } from "@attnkit/cpu";
import { brokenBackends, withOps } from "./backends.ts";
import { brokenMoves } from "./moves.ts";
import { brokenOps } from "./ops.ts";
import { type SoftmaxFault, softmax } from "./softmax.ts";
import { type LinearFault, linear, logsumexp } from "./states.ts";

/** Something broken, and the law that must notice. */
export interface Mutant {
  readonly name: string;
  readonly law: string;
  /** No law before `law` catches it, in the order of the suite. */
  readonly first: boolean;
  /** The backend is sound: only its rows are broken. */
  readonly soundBackend: boolean;
  backend(): Backend<unknown>;
  readonly rows: readonly Row[];
  /** The unbroken original. The same law must pass on it. */
  readonly whole: { backend(): Backend<unknown>; readonly rows: readonly Row[] };
}

const sound = { backend: () => cpu(), rows: [softmax()] };

const softmaxFaults: Readonly<Record<SoftmaxFault, string | readonly [string, Parameters<typeof softmax>[1]]>> = {
  "top-left for bottom-right": "oracle",
  "bottom-right for top-left": "oracle",
  "peeks one ahead": "oracle",
  "one query sees every key": "small-shapes",
  "one key is seen by every row": "small-shapes",
  "a key mask of one key is ignored": "small-shapes",
  "no past for one query over several keys": "small-shapes",
  "masks with -1e9": "oracle",
  "mean of the values on empty rows": "empty-rows",
  "window one too narrow": ["oracle", { window: [3, 1] }],
  "window ignores the past": ["partition", { window: [3, 1] }],
  "softcap ignored": ["oracle", { softcap: 2 }],
  "softcap after bias": ["oracle", { softcap: 2 }],
  "scale ignored": ["oracle", { scale: 0.3 }],
  "multiplies by the key mask": "no-leak",
  "h % Hkv": "grouped-heads",
  "no max-subtraction": "later-larger-key",
  "one maximum for all heads and batches": "later-larger-key",
  "key mask not remembered": "key-mask",
  "key mask ignored": "key-mask",
  "mask ignored": "oracle",
  "mask does not reach the past": "partition",
  "bias ignored": "oracle",
  "-Infinity in the bias averages": "empty-rows",
  "lse in bits": "lse",
  "lse without the maximum": "merge-outputs",
  "past keys not in lse": "lse",
  "state lost": "partition",
  "drops the last tile": "permutation",
  "last row wrong when L % 16 == 1": "edge-sizes",
  "wrong for odd L": "edge-sizes",
  "merge in the wrong order": ["merge", { window: [3, 1] }],
  "merge drops the second": "merge",
  "state is modified in place": "fork",
  "state lives outside the tensors": "state-round-trip",
  "divides first and selects later": "gradient",
  "says lse and gives none": "lse",
  "a bias below -3e38 masks": "far-bias",
  "scores overflow beside the lowest bias": "far-bias",
  "a clean-up hides NaN": "diverged",
  "the maximum counts masked keys": "domain",
  "row numbers of 8 bits": "long",
  "a trace of every value": "causality",
  "adds 0 times the sum of all heads": "independence",
  "the fifth head of a group is the fourth": "grouped-heads",
  "with a mask, the bias ends after 16 keys": "permutation",
  "the state keeps the last 24 entries of a key mask": "key-mask",
  "keys without queries are not remembered": "partition",
  "parts of a long cache weigh the same": "decode",
  "branches share one buffer": "fork",
  "empty rows are 1e-8": "empty-rows",
  "y is rounded otherwise when lse is asked for": "lse",
  "masked values are zeroed in the caller's v": "inputs-untouched",
  "the first call of a long block rounds otherwise": "deterministic",
};

const linearFaults: Readonly<Record<LinearFault, string>> = {
  "normaliser counts masked keys": "key-mask",
  "state keeps masked keys": "key-mask",
  "float16 state": "partition",
  "earlier rows by subtraction": "causality",
  "merge adds the normaliser once": "merge",
  "state of the last block only": "partition",
  "features overflow": "beyond-domain",
  "adds 1e-6 to the normaliser": "later-larger-key",
  "forgets the chunk before the last": "long",
};

/** A softmax that claims what it does not do. */
function claims(change: Partial<Row["mechanism"]>): Row {
  const row = softmax();
  return { ...row, mechanism: { ...row.mechanism, ...change } };
}

/** An output that counts as empty where its lse is below -3e38. */
const floored = <T>(o: Ops<T>, { y, lse }: Output<T>): Output<T> => ({
  y,
  lse: o.where(o.sub(o.maximum(lse, -3e38), lse), Number.NEGATIVE_INFINITY, lse),
});

/** A kernel of the cpu backend that runs the sound program of ./softmax.ts after `change` has changed its call. */
function kernel(
  name: string,
  accepts: (call: Call) => true | string,
  change: (
    block: Block<NdArray>,
    call: Call,
    o: Ops<NdArray>,
  ) => { block?: Block<NdArray>; causal?: Causal } = () => ({}),
): Kernel<unknown> {
  return {
    name,
    kind: "cpu",
    accepts,
    run(given, call) {
      const o = tape ?? cpu().ops;
      const changed = change(given as Block<NdArray>, call, o);
      const block = changed.block ?? (given as Block<NdArray>);
      const how = { lse: call.lse, causal: changed.causal ?? call.causal };
      const result = softmax().mechanism.forward(o, liftBlock(o, block), how);
      return lowerResult(o, call.state ? result : { ...result, state: {} }, call.shapes.q.length);
    },
  };
}

const withoutBatch = kernel(
  "no batch, no causality",
  (call) => call.shapes.q.length < 4 || "a batch",
  () => ({ causal: false }),
);

const decodeWithoutMasks = kernel(
  "one query sees every key",
  ({ dims: { L }, shapes }) => (L === 1 && !shapes.mask && !shapes.bias) || "more than one query, or masks",
  () => ({ causal: false }),
);

/** With grouped heads over a cache, takes the head axis of a mask to be what it was in the first call of the same sizes. */
function recallingKernel(): Kernel<unknown> {
  const shared = new Map<string, boolean>();
  return kernel(
    "recalls",
    () => true,
    (block, { dims, shapes, causal }, o) => {
      const { mask } = block;
      const grouped = dims.Hq > dims.Hkv && shapes.state?.k !== undefined;
      if (mask?.shape.length !== 4 || !grouped) return {};
      const key = `${shapes.q} ${shapes.k} ${shapes.state?.k} ${causal}`;
      const first = shared.get(key) ?? mask.shape[1] === 1;
      shared.set(key, first);
      return first ? { block: { ...block, mask: o.slice(mask, 1, 0, 1) } } : {};
    },
  );
}

/** Returns its state also where none is asked for. */
function keepingKernel(): Kernel<unknown> {
  const right = kernel("keeps", () => true);
  return { ...right, run: (block, call, backend) => right.run(block, { ...call, state: true }, backend) };
}

/** The sound softmax behind a kernel, and half of it in the program that the kernel stands in for. */
function hiddenProgram(): Row {
  const { forward } = softmax().mechanism;
  return claims({
    kernels: [kernel("right", () => true)],
    forward(o, block, how) {
      const result = forward(o, block, how);
      return { ...result, y: o.mul(result.y, 0.5) };
    },
  });
}

const replacedOps = [...brokenOps, ...brokenMoves];

const all: readonly Omit<Mutant, "first" | "soundBackend">[] = [
  ...replacedOps.map(({ name, law, replace }) => ({
    ...{ name, law, rows: [], whole: { ...sound, rows: [] } },
    backend: () => withOps(replace),
  })),
  ...brokenBackends.map(({ name, law, backend }) => {
    const { dtype } = backend();
    return {
      name,
      law,
      backend,
      rows: sound.rows,
      whole: { backend: () => cpu({ dtype: dtype as "float64" }), rows: sound.rows },
    };
  }),
  ...Object.entries(softmaxFaults).map(([fault, at]) => {
    const [law, options] = typeof at === "string" ? [at, {}] : at;
    const rows = [softmax(fault as SoftmaxFault, options)];
    return { ...sound, name: `softmax: ${fault}`, law, rows, whole: { ...sound, rows: [softmax(undefined, options)] } };
  }),
  ...Object.entries(linearFaults).map(([fault, law]) => ({
    ...{ ...sound, name: `linear: ${fault}`, law, rows: [linear(fault as LinearFault)] },
    whole: { ...sound, rows: [linear()] },
  })),
  {
    ...{ ...sound, name: "logsumexp: one maximum for the block", law: "later-larger-key" },
    ...{ rows: [logsumexp("one maximum for the block")], whole: { ...sound, rows: [logsumexp()] } },
  },
  {
    ...{ ...sound, name: "a kernel recalls the mask of its first call", law: "remembered", whole: sound },
    rows: [claims({ kernels: [recallingKernel()] })],
  },
  {
    ...{ ...sound, name: "a kernel for calls without a batch ignores causality", law: "rank", whole: sound },
    rows: [claims({ kernels: [withoutBatch] })],
  },
  {
    ...{ ...sound, name: "outputs are merged above a floor of -3e38", law: "merge-outputs", whole: sound },
    rows: [claims({ mergeOutputs: (o, a, b) => mergeOutputs(o, floored(o, a), floored(o, b)) })],
  },
  { ...sound, name: "a kernel hides a wrong program", law: "kernels", rows: [hiddenProgram()], whole: sound },
  {
    ...{ ...sound, name: "a kernel returns a state that was not asked for", law: "kernels", whole: sound },
    rows: [claims({ kernels: [keepingKernel()] })],
  },
  {
    ...{ ...sound, name: "a kernel for one query sees every key", law: "small-shapes", whole: sound },
    rows: [claims({ kernels: [decodeWithoutMasks] })],
  },
  {
    ...{ name: "the gradient of a kernel forgets the values", law: "kernel-gradient", rows: [tapedRow()] },
    ...{ backend: () => taped(true), whole: { backend: () => taped(false), rows: [tapedRow()] } },
  },
  {
    ...{ ...sound, name: "any state will do", law: "errors", whole: sound },
    rows: [
      claims({
        state(dims, names = []) {
          const more = names.filter((name) => !["k", "v", "keep"].includes(name));
          return {
            ...softmax().mechanism.state(dims),
            ...Object.fromEntries(more.map((name) => [name, { shape: [1] }])),
          };
        },
      }),
    ],
  },
  ignoresMask(),
];

/** It declares that it takes no mask; the door lets one through all the same. */
function ignoresMask(): Omit<Mutant, "first" | "soundBackend"> {
  let open = false;
  const { takes } = softmax().mechanism;
  const row = claims({
    takes: {
      ...{ bias: true, lse: true },
      get mask() {
        return open ? takes.mask : "masks are not written yet";
      },
    },
  });
  const backend = () => {
    open = true;
    return cpu();
  };
  const whole = { ...sound, rows: [claims({ takes: { ...takes, mask: "masks are not written yet" } })] };
  return { name: "a mask that is declared unsupported is let in", law: "unsupported", backend, rows: [row], whole };
}

/** For each law of mechanisms and of backends, what it is the first to catch. */
const FIRST: readonly string[] = [
  "upload keeps the caller's array",
  "a compiled program returns the result of its first call",
  "ranks above 5 denied, and accepted anyway",
  "programs are told float32 on a float64 backend",
  "gradients of inputs without influence are missing",
  "softmax: scale ignored",
  "softmax: no past for one query over several keys",
  "a kernel for calls without a batch ignores causality",
  "softmax: last row wrong when L % 16 == 1",
  "softmax: row numbers of 8 bits",
  "logsumexp: one maximum for the block",
  "softmax: the maximum counts masked keys",
  "linear: features overflow",
  "softmax: a trace of every value",
  "softmax: adds 0 times the sum of all heads",
  "softmax: the fifth head of a group is the fourth",
  "softmax: with a mask, the bias ends after 16 keys",
  "softmax: the state keeps the last 24 entries of a key mask",
  "softmax: keys without queries are not remembered",
  "softmax: parts of a long cache weigh the same",
  "softmax: branches share one buffer",
  "softmax: state lives outside the tensors",
  "softmax: merge in the wrong order",
  "softmax: multiplies by the key mask",
  "softmax: empty rows are 1e-8",
  "softmax: a bias below -3e38 masks",
  "softmax: a clean-up hides NaN",
  "softmax: y is rounded otherwise when lse is asked for",
  "outputs are merged above a floor of -3e38",
  "a kernel hides a wrong program",
  "softmax: divides first and selects later",
  "the gradient of a kernel forgets the values",
  "any state will do",
  "a mask that is declared unsupported is let in",
  "sync uses other operations",
  "softmax: masked values are zeroed in the caller's v",
  "softmax: the first call of a long block rounds otherwise",
  "keeps its inputs in one place across a wait",
  "a kernel recalls the mask of its first call",
];

/** The first mistake that is listed for each law of operations is caught by no earlier law. */
const firstOfOps = new Map(replacedOps.toReversed().map(({ name, law }) => [law, name]));

/**
 * A cpu backend whose gradients reach the kernel of `tapedRow`: the operations that the kernel runs by are those of the
 * gradient, while there is one. `wrong`: the values get no gradient from it.
 */
let tape: EagerOps<NdArray> | undefined;

function taped(wrong: boolean): Backend<NdArray> {
  const right = cpu();
  return {
    ...right,
    supports: { gradients: true, kernelGradients: true },
    shape: (x) => (tape ?? right).shape(x),
    async vjp(program, x, seeds, wrt) {
      let byKernel = false;
      const watched: Program = (o, inputs) => {
        const before = tape;
        tape = o as unknown as EagerOps<NdArray>;
        kernelRan = false;
        try {
          return program(o, inputs);
        } finally {
          byKernel = kernelRan;
          tape = before;
        }
      };
      const got = await right.vjp(watched, x, seeds, wrt);
      if (!wrong || !byKernel) return got;
      return Object.fromEntries(Object.entries(got).map(([n, g]) => [n, n.startsWith("v") ? right.ops.mul(g, 0) : g]));
    },
  };
}

let kernelRan = false;

function tapedRow(): Row {
  const row = kernel("taped", () => true);
  return claims({
    kernels: [
      {
        ...row,
        run(x, call, backend) {
          kernelRan = true;
          return row.run(x, call, backend);
        },
      },
    ],
  });
}

export const mutants: readonly Mutant[] = all.map((mutant) => ({
  ...mutant,
  first: FIRST.includes(mutant.name) || firstOfOps.get(mutant.law) === mutant.name,
  soundBackend: mutant.backend === sound.backend,
}));
