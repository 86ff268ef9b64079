import { describe, test } from "node:test";
import { conformance } from "@attnkit/core/conformance";
import { cpu } from "@attnkit/cpu";
import { about } from "../src/about.ts";

// Every law of mechanisms, for each option set. The laws of operations are left out: the cpu backend passes them.
conformance(
  { describe, test },
  {
    backend: () => cpu(),
    mechanisms: about.variants.map((options) => ({
      mechanism: about.create(options),
      reference: about.reference(options),
    })),
  },
  (item) => item.mechanism === about.name,
);
