import { type MechanismEntry, mechanisms } from "@attnkit/catalog";
import { cpu } from "@attnkit/cpu";
import type { ModelConfig } from "../../src/train/model/config.ts";

/** Sizes that learn within a second or two. */
export const small = (entry: MechanismEntry): ModelConfig => ({
  mechanism: entry.name,
  options: entry.variants[0]!,
  layers: 1,
  heads: 2,
  width: 16,
  context: 16,
});

export const each = mechanisms.map((entry) => [entry.name, entry] as const);

export const host = cpu();
