import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * The files that take longest, in this order. A clean clone knows no durations, and Vitest then goes by file size. The
 * conformance files are the shortest texts and the longest runs: they would come last, one after the other.
 */
const LONGEST = [
  "/deno/wgpu",
  "/conformance/",
  "/webgpu/",
  "page.test",
  "apps/bench/test/b",
  "apps/bench/test/record",
  "tarballs",
  "repo/test/install",
  "/onnx/",
  "/layers/",
  "/doors/",
];

const rank = ({ moduleId }: TestSpecification): number => {
  const found = LONGEST.findIndex((part) => moduleId.includes(part));
  return found < 0 ? LONGEST.length : found;
};

/** Sorts test files so that no long one starts when all others are done. */
export class LongestFirst extends BaseSequencer {
  /** Orders `files` by {@link LONGEST}; within one entry Vitest's own order holds, which uses durations that it knows. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
