import { AttentionError } from "@attnkit/core";
import type { AboutBackend } from "@attnkit/core/backend";
import { myBackend } from "./index.ts";

/** The backends of this package, for the `attnkit` command line. */
export const about: readonly AboutBackend[] = [
  {
    name: "my-backend",
    kind: "my-backend",
    dtypes: ["float32"],
    places: ["node", "browser"],
    async create({ dtype = "float32" } = {}) {
      if (dtype === "float32") return myBackend();
      throw new AttentionError("ATTN_OPTION", "my-backend", `dtype is ${dtype}; expected float32`);
    },
  },
];
