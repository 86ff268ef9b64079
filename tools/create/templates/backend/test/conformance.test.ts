import { describe, test } from "node:test";
import { conformance } from "@attnkit/core/conformance";
import { softmax } from "@attnkit/softmax";
import { softmaxReference } from "@attnkit/softmax/reference";
import { myBackend } from "../src/index.ts";

// The laws of single operations come first, each against its definition. Then softmax attention, against its oracle.
conformance(
  { describe, test },
  {
    backend: () => myBackend(),
    mechanisms: [{ mechanism: softmax(), reference: softmaxReference() }],
  },
);
