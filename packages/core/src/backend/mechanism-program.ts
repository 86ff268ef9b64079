import type { Tensors } from "../program/block.ts";
import type { How } from "../program/call.ts";
import type { Mechanism } from "../program/mechanism.ts";
import type { Ops } from "../program/ops.ts";
import type { SymbolicShape } from "../program/sizes.ts";
import type { Program } from "./backend.ts";

/** The mechanism as a function of named tensors of rank 2, 3 or 4; see `Program` for the names. */
export function mechanismProgram(mechanism: Mechanism, how: How): Program {
  return <T>(o: Ops<T>, x: Tensors<T>): Tensors<T> => {
    const rank = o.shape(x.q!).length;
    const lift = (t: T | undefined) => (t === undefined ? undefined : o.reshape(t, lifted(o.shape(t))));
    const lower = (t: T) => (rank === 4 ? t : o.reshape(t, o.shape(t).slice(4 - rank)));
    const keyMask = x.keyMask === undefined ? undefined : o.reshape(x.keyMask, lifted(o.shape(x.keyMask)).slice(2));
    const state = unprefixed("state.", x);
    const {
      y,
      lse,
      state: next,
    } = mechanism.forward(
      o,
      {
        q: lift(x.q)!,
        k: lift(x.k)!,
        v: lift(x.v)!,
        mask: lift(x.mask),
        bias: lift(x.bias),
        keyMask,
        state: Object.keys(state).length ? state : undefined,
      },
      how,
    );
    return { y: lower(y), ...(how.lse && lse !== undefined && { lse: lower(lse) }), ...prefixed("state.", next) };
  };
}

const lifted = (s: SymbolicShape): SymbolicShape => [...Array<number>(Math.max(0, 4 - s.length)).fill(1), ...s];

const prefixed = <T>(prefix: string, x: Tensors<T> = {}): Tensors<T> => {
  const all: Record<string, T> = {};
  for (const n in x) all[prefix + n] = x[n]!;
  return all;
};

const unprefixed = <T>(prefix: string, x: Tensors<T>): Tensors<T> => {
  const all: Record<string, T> = {};
  for (const n in x) if (n.startsWith(prefix)) all[n.slice(prefix.length)] = x[n]!;
  return all;
};
