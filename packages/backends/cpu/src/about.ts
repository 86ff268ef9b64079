import type { AboutBackend } from "@attnkit/core/backend";
import { cpu } from "./index.ts";
import { type CpuDType, dtypes } from "./ndarray.ts";

export const about: readonly AboutBackend[] = [
  {
    name: "cpu",
    kind: "cpu",
    dtypes,
    places: ["node", "browser"],
    // The factory refuses the types that it does not have.
    create: async ({ dtype } = {}) => cpu(dtype && { dtype: dtype as CpuDType }),
  },
];
