import type { Law } from "../law.ts";
import { decodeLaw } from "./decode.ts";
import { beyondLaw, domainLaw, rampLaw } from "./domain.ts";
import { emptyLaw, leakLaw } from "./empty-rows.ts";
import { errorsLaw, unsupportedLaw } from "./errors.ts";
import { divergedLaw, farBiasLaw } from "./floats.ts";
import { gradientLaw, kernelGradientLaw } from "./gradient.ts";
import { kernelsLaw, syncLaw } from "./kernels.ts";
import { mergeLaw } from "./merge.ts";
import { lseLaw, mergeOutputsLaw } from "./normaliser.ts";
import { edgeLaw, longLaw, oracleLaw, rankLaw } from "./oracle.ts";
import { overlapLaw } from "./overlap.ts";
import { deterministicLaw, untouchedLaw } from "./purity.ts";
import { rememberedLaw } from "./remembered.ts";
import { forkLaw, partitionLaw, roundTripLaw } from "./sequence.ts";
import { smallLaw } from "./small.ts";
import { causalityLaw, groupedLaw, independenceLaw, permutationLaw, truncationLaw } from "./visibility.ts";

/**
 * Every law of mechanisms, in the order in which they run. The general laws come first. Each of the others is the first to
 * catch some fault, which `tools/matrix/test/broken` proves.
 */
export const laws: readonly Law[] = [
  ...[oracleLaw, smallLaw, rankLaw, edgeLaw, longLaw],
  ...[rampLaw, domainLaw, beyondLaw],
  ...[causalityLaw, independenceLaw, groupedLaw, permutationLaw, truncationLaw],
  ...[partitionLaw, decodeLaw, forkLaw, roundTripLaw, mergeLaw],
  ...[leakLaw, emptyLaw, farBiasLaw, divergedLaw],
  ...[lseLaw, mergeOutputsLaw, kernelsLaw, gradientLaw, kernelGradientLaw],
  ...[errorsLaw, unsupportedLaw, syncLaw, untouchedLaw, deterministicLaw, overlapLaw, rememberedLaw],
];
