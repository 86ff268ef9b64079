/** For everybody who calls attention. */
export type { Backend } from "../backend/backend.ts";
export type { Block, Causal, Result, State, Tensors } from "../program/block.ts";
export type { Options } from "../program/call.ts";
export { AttentionError, type ErrorCode, isAttentionError } from "../program/errors.ts";
export type { Mechanism } from "../program/mechanism.ts";
export type { Output } from "../program/merge-outputs.ts";
export type { Data, DataOf, DType, Shape } from "../program/ops.ts";
export { type Attention, type AttentionOptions, attention, type ResultOf } from "./attention.ts";
