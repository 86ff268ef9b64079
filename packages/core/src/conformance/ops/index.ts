import type { OpsLaw } from "../law.ts";
import { backendLaws } from "./backend.ts";
import { booleanLaws } from "./booleans.ts";
import { moveLaws } from "./moves.ts";
import { pointwiseLaws } from "./pointwise.ts";
import { reductionLaws } from "./reductions.ts";

/** Every law of operations and backends. */
export const opsLaws: readonly OpsLaw[] = [
  ...backendLaws,
  ...moveLaws,
  ...pointwiseLaws,
  ...reductionLaws,
  ...booleanLaws,
];
