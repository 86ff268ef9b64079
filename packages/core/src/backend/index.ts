/** For authors of backends and kernels. */
export type { AboutBackend } from "./about-backend.ts";
export {
  type Compiled,
  type CompiledNested,
  eager,
  type NestedProgram,
  type Program,
  type Supports,
} from "./backend.ts";
export { checkVjp } from "./check-vjp.ts";
export { type ProgramCost, programCost } from "./cost.ts";
export { requireFunction } from "./describe.ts";
export { type EagerTape, eagerTape } from "./eager-tape.ts";
export { eagerVjp } from "./eager-vjp.ts";
export { notOwnTensor, requireMechanism } from "./given.ts";
export { type GradientRule, type GradientRules, gradientRules, unbroadcast, zerosLike } from "./gradient-rules.ts";
export { type HostData, hostData, type NestedValues } from "./host-data.ts";
export type { Kernel } from "./kernel.ts";
export { type KernelTarget, kernelKinds, kernelsFor } from "./kernels-for.ts";
export { broadcastLoops, collapse, type Loops, strides } from "./loops.ts";
export { type ForwardProgram, forwardProgram, mechanismProgram } from "./mechanism-program.ts";
export {
  blockOfNames,
  isStateName,
  type Nested,
  namesOfBlock,
  namesOfResult,
  resultOfNames,
  stateName,
  stateOfNames,
} from "./nested.ts";
export type { JointOperation } from "./recorder.ts";
export { Remembered } from "./remembered.ts";
export {
  broadcastShape,
  checkedShape,
  concatShape,
  dataShape,
  elementCount,
  equalShapes,
  matmulShape,
  nonNegativeAxis,
  reduceShape,
  reshapeShape,
  sliceShape,
  takeShape,
  transposeShape,
} from "./shape-rules.ts";
export { varyingAxes } from "./varying-axes.ts";
export { outputsAndVjp, vjp } from "./vjp.ts";
