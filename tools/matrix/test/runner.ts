import { type Runner, replayByName } from "@attnkit/core/conformance";
import { describe, test } from "vitest";

/** The test runner of one file, given by its `import.meta.url`: a case that fails ends with the command that runs it again. */
export function runnerOf(url: string): Runner {
  const project = "window" in globalThis ? "browser" : "node";
  const path = /tools\/matrix\/test\/[^?]*/.exec(url)?.[0];
  return { describe, test, replay: replayByName(`npx vitest run --project ${project} ${path} -t`) };
}
