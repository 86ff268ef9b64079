/** For authors of mechanisms: the operations, the contract of a mechanism, and helpers that most mechanisms need. */
export type { AboutMechanism, OptionControl } from "./about-mechanism.ts";
export type { Axis, Call, Dims, How, VaryingAxes } from "./call.ts";
export { checkCall, dimsOfShapes } from "./check-call.ts";
export { checkState, checkStates } from "./check-states.ts";
export {
  type AlignedPositions,
  alignPositions,
  causalChunkMask,
  chunkGranularity,
  chunkSizeAtMost,
  chunkSizeForFeatures,
  everyRowSeesAllKeys,
  type FactoredInputs,
  factoredSum,
  joinChunks,
  splitIntoChunks,
  splitQueriesIntoChunks,
} from "./chunks.ts";
export {
  appendOnes,
  arange,
  axisSize,
  type BlockShape,
  blockShape,
  clip,
  divideOrZero,
  EMPTY_EXPONENT,
  foldQueryHeads,
  HIDDEN_EXPONENT,
  headGroupSize,
  indicesAlong,
  knownAxisSize,
  logOrMinusInfinity,
  onesAlong,
  pad,
  presentKeys,
  replaceAbsent,
  shiftAlong,
  splitOnes,
  transposeLast,
  tril,
  unfoldQueryHeads,
  zerosWithSize,
} from "./derived-ops.ts";
export {
  type AppendedKeys,
  allKeysPresent,
  appendKeys,
  cacheEntries,
  type ExtendedCache,
  extendCache,
  hideScores,
  hideWeights,
  mergeCaches,
} from "./kv-cache.ts";
export { largestScore, lowestFinite } from "./limits.ts";
export type { StateEntry, Takes } from "./mechanism.ts";
export { mergeOutputs } from "./merge-outputs.ts";
export type { CacheOps, EagerOps, Ops } from "./ops.ts";
export {
  choiceOption,
  declareOptions,
  flagOption,
  type NumberRange,
  numberOption,
  numbersOption,
  type Option,
  type OptionDeclarations,
  type OptionsOf,
  type OptionTable,
  type OtherValues,
  type ResolvedOptions,
} from "./option-declarations.ts";
export {
  isPositiveInteger,
  isPositiveNumber,
  knownOptions,
  nearestName,
  requireOneOf,
  requireOption,
} from "./options.ts";
export { liftBlock, liftTensor, lowerResult } from "./rank.ts";
export type { Head, HeadResult, Matrix, Reference } from "./reference.ts";
export {
  combineRescaled,
  exclusivePrefix,
  type Rescaled,
  rescaledScan,
  scanGranularity,
  scanTotal,
} from "./rescaled-scan.ts";
export {
  type Dim,
  dividedDim,
  isKnown,
  isKnownShape,
  minusDim,
  multipleOf,
  partsOf,
  plusDim,
  requireKnown,
  requireSameDim,
  SymbolicDim,
  type SymbolicShape,
  timesDim,
} from "./sizes.ts";
export { type PastKeys, visibleKeys, type Window } from "./visibility.ts";
export { stopGradient, type WithGradient, withGradient } from "./with-gradient.ts";
