import type { AboutBackend } from "@attnkit/core/backend";
import { cpu } from "./index.ts";

export const about: readonly AboutBackend[] = [
  {
    name: "cpu",
    kind: "cpu",
    dtypes: ["float32", "float64"],
    places: ["node", "browser"],
    create: async (how) => cpu(how?.dtype === "float64" ? { dtype: "float64" } : {}),
  },
];
