import type { Tensors } from "../../program/block.ts";
import type { Ops, Shape } from "../../program/ops.ts";
import type { Checker } from "../checker.ts";
import type { Case } from "../law.ts";
import { apart, type Spec, value } from "./spec.ts";

interface View {
  readonly title: string;
  /** The shape of the tensor that the view is made of. */
  readonly of: Shape;
  make<T>(o: Ops<T>, x: T): T;
}

/** Results of moves, of shape [4, 3]. A backend may keep them as views, with strides and an offset that operations must heed. */
const VIEWS: readonly View[] = [
  { title: "a transposed tensor", of: [3, 4], make: (o, x) => o.transpose(x, [1, 0]) },
  { title: "a slice of columns", of: [4, 5], make: (o, x) => o.slice(x, 1, 1, 4) },
  { title: "a slice of rows", of: [6, 3], make: (o, x) => o.slice(x, 0, 2, 6) },
];

/**
 * Returns one case for each kind of view: `program` gets it as `view`, and the inputs of `shapes` beside it. The numbers
 * are positive if `positive` is set.
 */
export const ofViews = (
  title: string,
  program: <T>(o: Ops<T>, view: T, x: Tensors<T>) => T,
  {
    shapes = {},
    positive = false,
    ...rest
  }: Pick<Spec, "exact" | "terms"> & {
    readonly shapes?: Readonly<Record<string, Shape>>;
    readonly positive?: boolean;
  } = {},
): Case<Checker>[] =>
  VIEWS.map((view) =>
    value({
      ...rest,
      title: `${title} ${view.title}`,
      inputs: apart({ v: view.of, ...shapes }, positive),
      program: (o, x) => program(o, view.make(o, x.v!), x),
    }),
  );
