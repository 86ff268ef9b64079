import type { Options } from "@attnkit/core";
import type { AboutMechanism } from "@attnkit/core/program";
import { about as elementwise } from "@attnkit/elementwise/about";
import { about as linear } from "@attnkit/linear/about";
import { about as logsumexp } from "@attnkit/logsumexp/about";
import { about as polynomial } from "@attnkit/polynomial/about";
import { about as softmax } from "@attnkit/softmax/about";

/** One mechanism with its options, as tables and figures name it. */
export interface Contender {
  readonly about: AboutMechanism;
  readonly options: Options;
  /** True if the state is every key and value: it grows with the context. */
  readonly cache: boolean;
}

/** Every mechanism in both forms of its state, by name. */
export const contenders: Readonly<Record<string, Contender>> = {
  softmax: { about: softmax, options: {}, cache: true },
  logsumexp: { about: logsumexp, options: {}, cache: false },
  linear: { about: linear, options: {}, cache: false },
  "polynomial 2": { about: polynomial, options: { power: 2, form: "linear" }, cache: false },
  "polynomial 2, cache": { about: polynomial, options: { power: 2, form: "quadratic" }, cache: true },
  "elementwise 2": { about: elementwise, options: { order: 2 }, cache: false },
  "elementwise 6": { about: elementwise, options: { order: 6 }, cache: false },
  "elementwise exact": { about: elementwise, options: { order: "exact" }, cache: true },
};
