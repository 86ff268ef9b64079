import type { Options } from "./call.ts";
import type { Mechanism } from "./mechanism.ts";
import type { OptionTable } from "./option-declarations.ts";
import type { Reference } from "./reference.ts";

/** A slider or a list of choices for one option. The values, the default and the steps come from the option's declaration. */
export interface OptionControl {
  readonly label: string;
  /** The part of the option's range that the slider covers; each bound defaults to the declared one. */
  readonly from?: number;
  readonly to?: number;
  /** The distance of two positions of the slider; by default the declared `multipleOf`. */
  readonly step?: number;
  /** For a default that depends on d: that default. The slider is then a factor of it, and 1 leaves the option out. */
  readonly timesDefault?: (d: number) => number;
}

/**
 * All that the tools of this repository know of one mechanism: the command line, the conformance suite, the bench, the demo
 * and the tables of READMEs read it. A package exports it as `about` from its entry `./about`.
 */
export interface AboutMechanism {
  readonly name: string;
  /** The paper: authors and year, its address, and the month of its first version, `YYYY-MM`. Lists are in this order. */
  readonly paper: { readonly cite: string; readonly url: string; readonly published: string };
  /** One row of the table of packages, in Markdown. */
  readonly summary: {
    /** The kind of attention, in a few words. */
    readonly what: string;
    /** The weight that a row gives to a key. */
    readonly weight: string;
    /** The contents of the state of one key/value head. */
    readonly state: string;
  };
  /** Makes the portable program from plain-data options. Throws `ATTN_OPTION`. */
  create(options?: Options): Mechanism;
  /** The mechanism's formula in float64. */
  reference(options?: Options): Reference;
  readonly options: OptionTable;
  /** The option sets that the conformance suite runs; the first is the default one. */
  readonly variants: readonly Options[];
  /** For each kind of kernels of this mechanism (`Kernel.kind`): loads the function that adds them. */
  readonly kernels?: Readonly<Record<string, () => Promise<(options?: Options) => Mechanism>>>;
  /** Option names that files and commands written before a renaming use, and their translation. */
  readonly former?: { readonly names: readonly string[]; translate(options: Options): Options };
  /** How the demo shows the mechanism. `options` are the ones that the controls stand for. */
  readonly picture: {
    /** The weight of a key, in the notation of the README. */
    formula(options: Options): string;
    /** Says whether the weight depends on the axis of the curve alone; if not, which line the curve follows. */
    note(options: Options): string;
    /** Every channel has weights of its own. */
    readonly perChannel?: true;
    readonly controls: Readonly<Record<string, OptionControl>>;
    /** Changes the options of the controls into ones whose weights can be drawn. */
    adjust?(options: Options): Options;
  };
}
