import type { Law } from "../law.ts";
import { errorsLaw, unsupportedLaw } from "./door.ts";
import { divergedLaw, farBiasLaw } from "./floats.ts";
import { gradientLaw } from "./gradient.ts";
import { deterministicLaw, kernelsLaw, syncLaw, untouchedLaw } from "./manners.ts";
import { mergeLaw } from "./merge.ts";
import { lseLaw, mergeOutputsLaw } from "./normaliser.ts";
import { emptyLaw, leakLaw } from "./nothing.ts";
import { edgeLaw, longLaw, oracleLaw, rankLaw } from "./oracle.ts";
import { overlapLaw } from "./overlap.ts";
import { beyondLaw, domainLaw, rampLaw } from "./range.ts";
import { rememberedLaw } from "./remembered.ts";
import { forkLaw, partitionLaw, roundTripLaw } from "./sequence.ts";
import { smallLaw } from "./small.ts";
import { causalityLaw, groupedLaw, independenceLaw, permutationLaw, truncationLaw } from "./visibility.ts";

/** Every law of mechanisms. */
export const laws: readonly Law[] = [
  ...[oracleLaw, smallLaw, rankLaw, edgeLaw, longLaw],
  ...[partitionLaw, forkLaw, roundTripLaw, mergeLaw],
  ...[causalityLaw, independenceLaw, groupedLaw, permutationLaw, truncationLaw],
  ...[leakLaw, emptyLaw, domainLaw, rampLaw, beyondLaw],
  ...[farBiasLaw, divergedLaw],
  ...[lseLaw, mergeOutputsLaw, gradientLaw],
  ...[errorsLaw, unsupportedLaw, kernelsLaw, syncLaw, untouchedLaw, deterministicLaw, overlapLaw, rememberedLaw],
];
