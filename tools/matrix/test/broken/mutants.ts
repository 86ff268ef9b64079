import type { Backend, Output } from "@attnkit/core";
import type { Kernel } from "@attnkit/core/backend";
import type { Row } from "@attnkit/core/conformance";
import { mergeOutputs, type Ops } from "@attnkit/core/program";
import { cpu, type NdArray } from "@attnkit/cpu";
import { brokenBackends, withOps } from "./backends.ts";
import { brokenOps } from "./ops.ts";
import { type SoftmaxFault, softmax } from "./softmax.ts";
import { type LinearFault, linear, logsumexp } from "./states.ts";

/** Something broken, and the law that must notice. */
export interface Mutant {
  readonly name: string;
  readonly law: string;
  backend(): Backend<unknown>;
  readonly rows: readonly Row[];
  /** The unbroken original. The same law must pass on it. */
  readonly whole: { backend(): Backend<unknown>; readonly rows: readonly Row[] };
}

const sound = { backend: () => cpu(), rows: [softmax()] };

const softmaxFaults: Readonly<Record<SoftmaxFault, string | readonly [string, Parameters<typeof softmax>[1]]>> = {
  "top-left for bottom-right": "oracle",
  "bottom-right for top-left": "oracle",
  "peeks one ahead": "causality",
  "one query sees every key": "small-shapes",
  "one key is seen by every row": "small-shapes",
  "a key mask of one key is ignored": "small-shapes",
  "no past for one query over several keys": "small-shapes",
  "masks with -1e9": "empty-rows",
  "mean of the values on empty rows": "empty-rows",
  "window one too narrow": ["oracle", { window: [3, 1] }],
  "window ignores the past": ["partition", { window: [3, 1] }],
  "softcap ignored": ["oracle", { softcap: 2 }],
  "softcap after bias": ["oracle", { softcap: 2 }],
  "scale ignored": ["oracle", { scale: 0.3 }],
  "multiplies by the key mask": "no-leak",
  "h % Hkv": "grouped-heads",
  "no max-subtraction": "domain",
  "one maximum for all heads and batches": "independence",
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

const any = [-1, -1, -1, -1];

const halfKernel: Kernel<unknown> = {
  name: "halves",
  backend: "cpu",
  accepts: () => true,
  run(x, call) {
    const o = cpu().ops;
    const { y, state } = softmax().mechanism.forward(o, x as never, call);
    return { y: o.mul(y, 0.5), ...Object.fromEntries(Object.entries(state).map(([n, t]) => [`state.${n}`, t])) };
  },
};

/** Takes one query, as in a decode, and leaves out its masks. */
const decodeKernel: Kernel<unknown> = {
  name: "decode without masks",
  backend: "cpu",
  accepts: ({ dims: { L }, shapes }) => (L === 1 && !shapes.mask && !shapes.bias) || "more than one query, or masks",
  run(x, call) {
    const block = { ...x, state: x["state.k"] && { k: x["state.k"], v: x["state.v"], keep: x["state.keep"] } };
    const { y, lse, state } = softmax().mechanism.forward(cpu().ops, block as never, { ...call, causal: false });
    const entries = Object.entries(state).map(([n, t]) => [`state.${n}`, t]);
    return { y, ...(call.lse && { lse }), ...Object.fromEntries(entries) };
  },
};
/** It takes a call whose q has the shape of an earlier one for that call's. */
function recallingKernel(): Kernel<unknown> {
  const pasts = new Map<string, number>();
  return {
    name: "recalls",
    backend: "cpu",
    accepts: (call) => call.shapes.q!.length === 4 || "rank",
    run(x, call) {
      const o = cpu().ops;
      const now = call.shapes["state.k"]?.[2] ?? 0;
      const key = call.shapes.q!.join();
      const past = Math.min(now, pasts.get(key) ?? now);
      pasts.set(key, past);
      const cut = (t: unknown) => o.slice(t as NdArray, 2, now - past, now);
      const kept = past > 0 && { k: cut(x["state.k"]), v: cut(x["state.v"]) };
      const block = {
        ...x,
        state: kept ? { ...kept, ...(x["state.keep"] !== undefined && { keep: x["state.keep"] }) } : undefined,
      };
      const { y, state } = softmax().mechanism.forward(o, block as never, call);
      return { y, ...Object.fromEntries(Object.entries(state).map(([n, t]) => [`state.${n}`, t])) };
    },
  };
}

export const mutants: readonly Mutant[] = [
  ...brokenOps.map(({ name, law, replace }) => ({
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
    ...{ ...sound, name: "a kernel recalls the past of its first call", law: "remembered", whole: sound },
    rows: [claims({ kernels: [recallingKernel()] })],
  },
  {
    ...{ ...sound, name: "outputs are merged above a floor of -3e38", law: "merge-outputs", whole: sound },
    rows: [claims({ mergeOutputs: (o, a, b) => mergeOutputs(o, floored(o, a), floored(o, b)) })],
  },
  { ...sound, name: "a kernel gives half", law: "kernels", rows: [claims({ kernels: [halfKernel] })], whole: sound },
  {
    ...{ ...sound, name: "a kernel for one query sees every key", law: "small-shapes", whole: sound },
    rows: [claims({ kernels: [decodeKernel] })],
  },
  {
    ...{ ...sound, name: "any state will do", law: "errors", whole: sound },
    rows: [claims({ state: () => ({ k: { shape: any }, v: { shape: any }, keep: { shape: [-1, -1] } }) })],
  },
  ignoresMask(),
];

/** It declares that it takes no mask; the door lets one through all the same. */
function ignoresMask(): Mutant {
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
