import type { Tensors } from "@attnkit/core";
import type { Remembered } from "@attnkit/core/backend";
import { dispatch, grid } from "../dispatch.ts";
import type { Host } from "../host.ts";
import { carryOf, type Direction, totalsOf } from "./backward-code.ts";
import { pullOf } from "./backward-pull.ts";
import type { GradientSizes } from "./backward-sizes.ts";
import { weighOf } from "./backward-weigh.ts";
import type { MatrixState } from "./form.ts";
import { TILE } from "./layout.ts";
import type { Monomials } from "./monomials.ts";

/** The tokens of one side of the pairs: their features and vectors, how many there are, and where they start. */
export interface Side<T> {
  readonly x: T;
  readonly y: T;
  readonly count: number;
  readonly at: number;
  /** Sequences per key head. */
  readonly per: number;
}

/** The gradients of one side's tokens, once the sums over the other side are known. */
export interface Gradients<T> {
  /** Returns the gradient of `given`, which is q or k. `more` are tensors that `Direction.entry` reads. */
  pull(given: T, more?: Tensors<T>): T;
  /** Returns the gradient of v in the shape of `like`. `mask` is the key mask, if it removes weights. */
  weigh(like: T, mask: Tensors<T>): T;
}

/**
 * Returns a function that sums over the tokens of `other` for those of `self`. The states of both directions lie in one buffer: a
 * second direction replaces those of the first.
 */
export function directions<T>(
  host: Host<T>,
  form: MatrixState,
  monomials: Monomials | undefined,
  { length, qAt: _, kAt: __, whole, ...own }: GradientSizes,
  floats: Readonly<Record<string, number>>,
  texts: Remembered<string, string>,
): (self: Side<T>, other: Side<T>, how: Pick<Direction, "reversed" | "entry">) => Gradients<T> {
  const { heads, d, dv, r, w, chunk } = own;
  const most = Math.ceil(length / chunk);
  const before = whole === 1 || most > 1 || form.rescaled === true;
  const state = (columns: readonly number[]) => host.empty([heads, most, r, ...columns]);
  const tops: Tensors<T> = form.rescaled ? { tops: state([]) } : {};
  const states: Tensors<T> = before ? { sums: state([w]), ...(form.rescaled && { slotTops: state([]) }) } : {};
  return (self, other, { reversed, entry }) => {
    const how: Direction = { rescaled: form.rescaled === true, causal: !whole, reversed, entry, before, monomials };
    const chunks = whole ? Math.ceil(other.count / chunk) : most;
    const firstTile = Math.floor(self.at / TILE);
    const ownTiles = Math.ceil((self.at + self.count) / TILE) - firstTile;
    const tilesOf = (n: number) => Math.ceil(n / TILE);
    const [featureTiles, columnTiles, channelTiles, valueTiles] = [tilesOf(r), tilesOf(w), tilesOf(d), tilesOf(dv)];
    const sizes = {
      ...{ ...own, chunks, firstTile, ownTiles, featureTiles, columnTiles, channelTiles, valueTiles },
      ...{ owns: self.count, others: other.count, ownAt: self.at, otherAt: other.at },
      ...{ ownPer: self.per, otherPer: other.per },
    };
    const run = (
      name: string,
      code: (how: Direction) => string,
      inputs: Tensors<T>,
      outputs: Tensors<T>,
      groups: number,
    ) => {
      const masked = inputs.keyMask !== undefined;
      const key = [name, masked, before, !whole, reversed, entry].join();
      dispatch(host, {
        ...{ name: `${form.name} gradient ${name}`, inputs, outputs },
        code: texts.get(key, () => code({ ...how, masked })),
        ...{ sizes: { groups, ...sizes }, floats, workgroups: grid(host, groups) },
      });
    };
    const others: Tensors<T> = { otherX: other.x, otherY: other.y };
    if (before) {
      const { slotTops } = states;
      const groups = heads * chunks * featureTiles * columnTiles;
      run("totals", totalsOf, others, { sums: states.sums!, ...tops }, groups);
      run(
        "carry",
        carryOf,
        tops,
        { sums: states.sums!, ...(slotTops && { slotTops }) },
        Math.ceil((heads * r * w) / 64),
      );
    }
    const seen = whole ? {} : others;
    const tiles = heads * self.per * ownTiles;
    return {
      pull(given, more = {}) {
        const found = host.empty(host.shape(given));
        const x: Tensors<T> = form.rescaled || monomials ? { ownX: self.x } : {};
        run(
          "pull",
          pullOf,
          { given, ownY: self.y, ...x, ...seen, ...states, ...more },
          { found },
          tiles * channelTiles,
        );
        return found;
      },
      weigh(like, mask) {
        const found = host.empty(host.shape(like));
        run("weigh", weighOf, { ownX: self.x, ...seen, ...states, ...mask }, { found }, tiles * valueTiles);
        return found;
      },
    };
  };
}
