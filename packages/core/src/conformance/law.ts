import type { Checker } from "./checker.ts";
import type { Lab, Row } from "./lab.ts";

/** One example of a law: all that is random in it comes from the checker, so that it can be replayed alone. */
export interface Case<L> {
  readonly title: string;
  run(lab: L): Promise<void>;
}

/** Something that must hold for every mechanism, on every backend. */
export interface Law {
  readonly name: string;
  /** The rules of SEMANTICS that it tests, e.g. `"S12"`. */
  readonly rules: string;
  /** The law, in one sentence. */
  readonly says: string;
  cases(row: Row): readonly Case<Lab>[];
}

/** Something that must hold for the operations of every backend, whatever the mechanism. */
export interface OpsLaw {
  readonly name: string;
  readonly rules: string;
  readonly says: string;
  readonly cases: readonly Case<Checker>[];
}
