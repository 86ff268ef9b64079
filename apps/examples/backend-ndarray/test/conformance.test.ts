import { conformance, replayByName } from "@attnkit/core/conformance";
import { softmax } from "@attnkit/softmax";
import { softmaxReference } from "@attnkit/softmax/reference";
import { describe, test } from "vitest";
import { ndarrayBackend } from "../src/index.ts";

/** Runs every law of the operations, and every law of softmax attention. A failing test prints the line that replays it. */
conformance(
  { describe, test, replay: replayByName("npx vitest run -t") },
  {
    backend: () => ndarrayBackend(),
    backendIn: (dtype) => ndarrayBackend({ dtype: dtype as "float32" }),
    mechanisms: [{ mechanism: softmax(), reference: softmaxReference() }],
  },
);
