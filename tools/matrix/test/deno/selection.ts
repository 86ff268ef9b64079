import { type Item, plan, type Row } from "@attnkit/core/conformance";
import { rows } from "../rows.ts";

/** Identifies a case of the conformance suite. */
export interface CaseId extends Pick<Item, "mechanism" | "law" | "title"> {
  readonly part: string;
}

/** One line that the program in Deno writes. `errors` holds the broken laws, and the errors that wgpu reported beside them. */
export type DenoResult =
  | { readonly kind: "adapter"; readonly name: string }
  | { readonly kind: "vector"; readonly name: string; readonly errors: readonly string[] }
  | (CaseId & { readonly kind: "case"; readonly ms: number; readonly errors: readonly string[] });

/** A part of the conformance suite. */
export interface Part {
  readonly part: string;
  readonly mechanisms: readonly Row[];
  chosen(item: Item): boolean;
}

/**
 * The laws that kernels are tested by on wgpu: they need each kernel of a mechanism, with a state and without, and special
 * values. wgpu zeroes workgroup memory, and the software driver unrolls this: it compiles such a kernel in one to three
 * seconds. Further laws compile more variants of the same text, which Dawn tests.
 */
const KERNEL_LAWS = new Set(["oracle", "decode", "no-leak", "diverged", "kernel-gradient"]);

/**
 * Returns the parts of the suite in the order in which Deno runs them. Programs consist of operations, which are tested in full.
 * `ATTNKIT_DENO_LAWS=all` runs the first case of every law.
 */
export async function parts(everyLaw: boolean): Promise<Part[]> {
  const first = ({ mechanism, case: n }: Item) => mechanism !== "ops" && n === 0;
  return [
    { part: "operations", mechanisms: [], chosen: () => true },
    {
      part: "portable programs",
      mechanisms: await rows({ kind: "portable" }, "first"),
      chosen: (item) => first(item) && (everyLaw || item.law === "partition"),
    },
    {
      part: "kernels",
      mechanisms: await rows({ kind: "webgpu" }, "first"),
      chosen: (item) => first(item) && (everyLaw || KERNEL_LAWS.has(item.law)),
    },
  ];
}

/** Returns the cases of the parts, in order. */
export const casesOf = (all: readonly Part[]): CaseId[] =>
  all.flatMap(({ part, mechanisms, chosen }) =>
    plan({ mechanisms }, chosen).map(({ mechanism, law, title }) => ({ part, mechanism, law, title })),
  );
