import type { Block, Causal } from "./block.ts";
import type { Shape } from "./ops.ts";

/** The sizes of one call, by axis letter (see `Block`). */
export interface Dims {
  readonly B: number;
  readonly Hq: number;
  readonly Hkv: number;
  readonly L: number;
  readonly S: number;
  readonly d: number;
  readonly dv: number;
}

/** How a block is to be read. */
export interface How {
  readonly causal: Causal;
  /** True if the result contains `lse`. */
  readonly lse: boolean;
  /**
   * False if no state is to be computed: `Result.state` is then `{}`. Default true, so that who runs a program by hand, for a
   * file, a gradient or a count of operations, leaves it out.
   */
  readonly state?: boolean;
}

/** One call in plain data: what kernels decide on and error messages quote. */
export interface Call extends How {
  readonly mechanism: string;
  readonly options: Options;
  readonly state: boolean;
  readonly dims: Dims;
  /** The shapes of the block's tensors, those of the state included. */
  readonly shapes: Block<Shape>;
}

/** Plain data: with the name it says exactly which function this is. */
export type Options = Readonly<Record<string, unknown>>;

/** An axis whose size may differ from call to call: batch, the block's tokens where L = S, past keys, past and own keys. */
export type Axis = "B" | "L" | "P" | "P+L";

/** Which calls one recording of a program may serve. A backend that does not record has no use for it. */
export interface VaryingAxes {
  /**
   * For each input, the symbolic name of each axis, or null if the program fixes its size. Axes with the same name have
   * the same size in one call.
   */
  readonly axes: Readonly<Record<string, readonly (Axis | null)[]>>;
  /** `Mechanism.granularity` of the block's length; 1 where no axis is one of the block's tokens. */
  readonly granularity: number;
}
