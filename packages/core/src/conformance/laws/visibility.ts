import { draw, fit } from "../draw.ts";
import { bools, type Host, map, slice, take } from "../host.ts";
import type { Lab, Outcome, Row } from "../lab.ts";
import type { Case, Law } from "../law.ts";
import { type HostBlock, type OracleResult, oracle } from "../oracle.ts";
import { random } from "../random.ts";

/** The first `n` rows of what the oracle said. */
export const firstRows = (x: OracleResult, n: number): OracleResult => ({
  ...x,
  y: slice(x.y, 2, 0, n),
  scale: slice(x.scale, 2, 0, n),
});

export const causalityLaw: Law = {
  name: "causality",
  rules: "S3",
  says: "changing the future changes nothing earlier, however large the change",
  cases: () =>
    [
      { title: "other tokens", size: 12, causal: true, v: 1, k: 0 },
      { title: "values a million times larger", size: 40, causal: true, v: 1e6, k: 0 },
      { title: "keys at the edge of the domain", size: 40, causal: true, v: 1, k: 1 },
      { title: 'other tokens, causal "end"', size: 12, causal: "end", v: 1, k: 0 },
    ].map(
      ({ title, size, causal, v, k }): Case<Lab> => ({
        title,
        async run(lab) {
          const mode = causal === true ? true : "end";
          const block = lab.draw({ B: 1, L: size, S: size + (mode === "end" ? 4 : 0) });
          const other = lab.draw({ B: 1, L: size, S: size + (mode === "end" ? 4 : 0) });
          const edge = Math.min(lab.mechanism.domain.k, 1e4);
          const row = lab.random.integer(1, size - 2); // the last row that must not change
          const keys = row + (mode === "end" ? 4 : 0);
          const after = (a: Host, b: Host, last: number, change: (x: number) => number) =>
            map(a, (x, at) => (at[2]! > last ? lab.round(change(b.data[flat(b, at)]!)) : x));
          const attend = lab.attention({ causal: mode });
          const changed = {
            q: after(block.q, other.q, row, (x) => x),
            k: after(block.k, other.k, keys, (x) => (k ? Math.sign(x) * edge : x)),
            v: after(block.v, other.v, keys, (x) => x * v),
          };
          const expected = firstRows(lab.oracle(block, mode), row + 1);
          const first = (o: Outcome) => ({ y: slice(o.y, 2, 0, row + 1) });
          lab.agrees("before: ", first(await lab.run(attend, block)), expected);
          lab.agrees("after: ", first(await lab.run(attend, changed)), expected);
        },
      }),
    ),
};

const flat = (x: Host, at: readonly number[]): number => at.reduce((i, n, axis) => i * x.shape[axis]! + n, 0);

export const independenceLaw: Law = {
  name: "independence",
  rules: "S1 S2",
  says: "batches and heads do not touch: NaN in one leaves the others as they were",
  cases: () =>
    (["batch", "head"] as const).map(
      (axis): Case<Lab> => ({
        title: axis === "batch" ? "batches" : "heads, grouped",
        async run(lab) {
          const dims = { B: 3, Hq: 4, Hkv: 2, L: 5, S: 5 };
          const block = lab.draw(dims, { keyMask: true });
          const [at, victim] = axis === "batch" ? [0, 1] : [1, 1];
          const poison = (x: Host, group: number) =>
            map(x, (value, index) => (Math.floor(index[at]! / group) === victim ? Number.NaN : value));
          const group = axis === "batch" ? 1 : dims.Hq / dims.Hkv;
          const poisoned = { ...block, q: poison(block.q, group), k: poison(block.k, 1), v: poison(block.v, 1) };
          const attend = lab.attention({ causal: true });
          const [clean, sick] = [await lab.run(attend, block), await lab.run(attend, poisoned)];
          lab.agrees("", clean, lab.oracle(block, true));
          const healthy = (x: Host) =>
            take(
              x,
              at,
              Array.from({ length: x.shape[at]! }, (_, i) => i).filter((i) => Math.floor(i / group) !== victim),
            );
          lab.same("y beside NaN", healthy(sick.y), healthy(clean.y));
        },
      }),
    ),
};

export const groupedLaw: Law = {
  name: "grouped-heads",
  rules: "S2",
  says: "a call with grouped heads and the same call with repeated key/value heads give the same outputs",
  cases: () =>
    [
      [4, 2],
      [6, 3],
      [5, 1],
    ].map(
      ([Hq, Hkv]): Case<Lab> => ({
        title: `${Hq} query heads over ${Hkv}`,
        async run(lab) {
          const heads = Array.from({ length: Hq! }, (_, h) => Math.floor(h / (Hq! / Hkv!)));
          const repeat = (x: HostBlock) => ({ ...x, k: take(x.k, 1, heads), v: take(x.v, 1, heads) });
          const block = lab.draw({ Hq: Hq!, Hkv: Hkv! }, { keyMask: true });
          const next = lab.draw({ Hq: Hq!, Hkv: Hkv!, L: 2, S: 2 });
          for (const causal of [true, false]) {
            const attend = lab.attention({ causal });
            const [grouped, repeated] = [await lab.run(attend, block), await lab.run(attend, repeat(block))];
            lab.alike("", grouped, repeated, lab.oracle(block, causal));
            const after = await lab.run(attend, next, grouped.state);
            const afterRepeated = await lab.run(attend, repeat(next), repeated.state);
            lab.alike("next block: ", after, afterRepeated, lab.oracle(next, causal, [block]));
          }
        },
      }),
    ),
};

const reordered = (x: HostBlock, order: readonly number[]): HostBlock => {
  const last = (mask: Host | undefined) => mask && take(mask, -1, order);
  return {
    ...{ q: x.q, k: take(x.k, 2, order), v: take(x.v, 2, order) },
    ...{ mask: last(x.mask), bias: last(x.bias), keyMask: last(x.keyMask) },
  };
};

/** Tells whether the reference ignores the positions of keys. A window does not: a key that moves leaves it. */
function ignoresPositions({ mechanism, reference }: Row): boolean {
  const draws = random("positions");
  const block = draw(draws, (x) => x, mechanism, fit(mechanism, { B: 1, Hq: 1, Hkv: 1, L: 3, S: 19 }));
  const [plain, moved] = [block, reordered(block, draws.permutation(19))].map((x) =>
    oracle(reference, { block: x, causal: false }),
  ) as [OracleResult, OracleResult];
  return plain.y.data.every((x, i) => Math.abs(x - moved.y.data[i]!) <= 1e-9 * (1 + plain.scale.data[i]!));
}

export const permutationLaw: Law = {
  name: "permutation",
  rules: "S1 S2 S4 S5",
  says: "without causality calls that differ in the order of keys agree; the order of batches and heads is that of the outputs",
  cases: (row) => [
    ...(ignoresPositions(row) ? [false, true] : []).map(
      (masked): Case<Lab> => ({
        title: masked ? "keys, with masks and bias" : "keys",
        async run(lab) {
          const block = lab.draw({ L: 3, S: 19 }, masked ? { mask: true, bias: true, keyMask: true } : {});
          const shuffled = reordered(block, lab.random.permutation(19));
          const attend = lab.attention();
          const [plain, moved] = [await lab.run(attend, block), await lab.run(attend, shuffled)];
          lab.alike("", moved, plain, lab.oracle(block, false));
        },
      }),
    ),
    ...(["batches", "heads"] as const).map(
      (what): Case<Lab> => ({
        title: `${what}, causal`,
        async run(lab) {
          const block = lab.draw({ B: 3, Hq: 3, Hkv: 3, L: 6, S: 6 }, { keyMask: true });
          const axis = what === "batches" ? 0 : 1;
          const order = [2, 0, 1];
          const move = (x: Host) => take(x, axis, order);
          const keyMask = axis === 0 ? move(block.keyMask!) : block.keyMask;
          const other: HostBlock = { q: move(block.q), k: move(block.k), v: move(block.v), keyMask };
          const attend = lab.attention({ causal: true });
          const [plain, moved] = [await lab.run(attend, block), await lab.run(attend, other)];
          lab.alike("", moved, { y: move(plain.y) }, lab.oracle(other, true));
        },
      }),
    ),
  ],
};

export const truncationLaw: Law = {
  name: "key-mask",
  rules: "S4",
  says: "a key that keyMask removes might as well be absent, for this block and for every later one",
  cases: () =>
    [true, false].flatMap((causal): Case<Lab>[] => [
      {
        title: `trailing keys, causal ${causal}`,
        async run(lab) {
          const keep = 5;
          const block = lab.draw({ L: 8, S: 8 });
          const masked = { ...block, keyMask: bools([2, 8], (_, [, j]) => j! < keep) };
          const cutOff = { q: block.q, k: slice(block.k, 2, 0, keep), v: slice(block.v, 2, 0, keep) };
          lab.agrees("", await lab.run(lab.attention({ causal }), masked), lab.oracle(cutOff, causal));
        },
      },
      {
        title: `any keys, remembered by the state, causal ${causal}`,
        async run(lab) {
          const blocks = [
            { S: 7, L: 7 },
            { S: 1, L: 1 },
            { S: 20, L: 20 },
            { S: 3, L: 3 },
          ];
          const drawn = blocks.map((dims, n) => lab.draw({ Hq: 4, Hkv: 2, ...dims }, { keyMask: n !== 1 }));
          await lab.follow(lab.attention({ causal }), causal, drawn);
        },
      },
      {
        title: `all keys of one batch, causal ${causal}`,
        async run(lab) {
          const first = { ...lab.draw({ L: 6, S: 6 }), keyMask: bools([2, 6], (_, [b]) => b === 1) };
          await lab.follow(lab.attention({ causal }), causal, [first, lab.draw({ L: 4, S: 4 })]);
        },
      },
    ]),
};
