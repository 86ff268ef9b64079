/** An experiment: claims of one paper, each with its cells, its rule and its verdict. */
import type { Figure } from "./figure.ts";
import type { Params, Values } from "./params.ts";
import type { Table } from "./table.ts";

export type { Params, Values } from "./params.ts";

export interface Paper {
  /** arXiv number, with the version that is quoted: `"2310.11685v2"`. */
  readonly arxiv: string;
  readonly title: string;
  readonly authors: string;
  readonly year: number;
}

export type Size = "default" | "full";

/** The arguments of a cell beside its parameters. */
export interface CellContext {
  /** The only source of chance: use `normals(seed)` and `uniforms(seed)` of `@attnkit/measure/random`. */
  readonly seed: number;
  readonly size: Size;
  /** Aborts when the run is interrupted. Check it between training steps. */
  readonly signal: AbortSignal;
  /** Reports the finished share of this cell, from 0 to 1. */
  progress(share: number): void;
}

export type Ruling = "supported" | "not supported" | "not decidable at this size";

export interface Verdict {
  readonly ruling: Ruling;
  /** A sentence with the numbers that decided, each with its spread over seeds. */
  readonly measured: string;
}

/** One sentence of a paper and how it is checked. */
export interface Claim {
  /** Unique in its experiment, lower case with hyphens. */
  readonly name: string;
  /** The claim in one sentence, as the paper makes it. */
  readonly sentence: string;
  readonly paper: Paper;
  /** Section, theorem, equation, table or figure of that version: `"Section 5, Theorem 4.2"`. */
  readonly where: string;
  /** The rule of the verdict in one sentence, written before the measurement. `judge` is this rule. */
  readonly rule: string;
  /** Deviations from the paper's set-up, as sentences. Empty if there are none. */
  readonly deviations: readonly string[];
  /** Cells whose times count: no other cell may run beside them. Default false. */
  readonly alone?: boolean;
  /**
   * Another claim of the experiment whose cells this claim judges, so that they are measured once. `cells`, `measure`,
   * `alone` and `seeds` must be that claim's. Default: none.
   */
  readonly from?: string;
  /** Fewer seeds than the run's default are never used; more if this is larger. Default 3. */
  readonly seeds?: number;
  cells(size: Size): readonly Params[];
  measure(params: Params, context: CellContext): Promise<Values>;
  judge(table: Table): Verdict;
  figures(table: Table): readonly Figure[];
}

export interface Experiment {
  /** Its name on the command line. */
  readonly name: string;
  /** One sentence: what it asks. */
  readonly summary: string;
  readonly claims: readonly Claim[];
}
