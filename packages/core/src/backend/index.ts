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
export { eagerVjp } from "./eager-vjp.ts";
export { notOwnTensor, requireMechanism } from "./given.ts";
export { type GradientRule, type GradientRules, gradientRules, unbroadcast, zerosLike } from "./gradient-rules.ts";
export { type HostData, hostData, type NestedValues } from "./host-data.ts";
export type { Kernel } from "./kernel.ts";
export { kernelKinds, kernelsFor } from "./kernels-for.ts";
