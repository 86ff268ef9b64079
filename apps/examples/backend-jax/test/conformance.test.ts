import { conformance, type ExpectedFailure, replayByName } from "@attnkit/core/conformance";
import { softmax } from "@attnkit/softmax";
import { softmaxReference } from "@attnkit/softmax/reference";
import { describe, test } from "vitest";
import expectedFailures from "../expected-failures.json" with { type: "json" };
import { jaxBackend } from "../src/index.ts";

/** Runs every law of the operations, and the first case of every law of softmax attention. The known faults of jax-js are data. */
conformance(
  { describe, test, replay: replayByName("npx vitest run -t") },
  {
    backend: jaxBackend,
    mechanisms: [{ mechanism: softmax(), reference: softmaxReference() }],
    expectedFailures: expectedFailures as ExpectedFailure[],
  },
  (item) => item.mechanism === "ops" || item.case === 0,
);
