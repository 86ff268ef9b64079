import type { ExpectedFailure } from "@attnkit/core/conformance";

/** What is known to fail on tfjs-webgpu, and why. */
export const webgpuFailures: readonly ExpectedFailure[] = [
  {
    law: "independence",
    reason:
      "tfjs 4.22 reads b of a matMul beyond its inner axis, into the next batch, and multiplies it by 0: NaN stays NaN",
  },
];
