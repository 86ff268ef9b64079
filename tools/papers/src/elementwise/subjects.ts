import type { Mechanism } from "@attnkit/core";
import { elementwise } from "@attnkit/elementwise";
import { softmax } from "@attnkit/softmax";

/** Makes element-wise attention of an order. Tests pass functions that answer with another one. */
export type OfOrder = (order: number | "exact") => Mechanism;

export const ofOrder: OfOrder = (order) => elementwise({ order });

/** Mechanisms by the names of the paper's tables, where SA is softmax. Tests replace some by others. */
export type Subjects = Readonly<Record<string, Mechanism>>;

/** The three that the paper trains and times. */
export const COMPARED: Subjects = { "EA-2": ofOrder(2), "EA-6": ofOrder(6), softmax: softmax() };

/** The same and the exact form, which the paper defines and does not train. */
export const TRAINED: Subjects = { ...COMPARED, "EA exact": ofOrder("exact") };

/** Returns a mechanism by name. Throws a RangeError on an unknown one. */
export function subject(subjects: Subjects, name: string): Mechanism {
  const found = subjects[name];
  if (found === undefined)
    throw new RangeError(`elementwise: no mechanism ${name}; expected one of ${Object.keys(subjects).join(", ")}`);
  return found;
}
