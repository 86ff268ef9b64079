import { mechanisms } from "@attnkit/catalog";
import type { Row } from "@attnkit/core/conformance";

/** Mechanisms with their oracles: in every variant, or in the first of each, where the same engine runs the rest elsewhere. */
export const rows = (variants: "all" | "first"): readonly Row[] =>
  mechanisms.flatMap((entry) =>
    (variants === "all" ? entry.variants : entry.variants.slice(0, 1)).map((options) => ({
      mechanism: entry.create(options),
      reference: entry.reference(options),
    })),
  );
