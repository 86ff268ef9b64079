import { replayCommand } from "@attnkit/catalog/replay";
import { expect, test } from "vitest";
import { lineOf, linkOf, parseReplay } from "../src/check/replay.ts";

const id = { law: "partition", mechanism: "linear", options: '{"featureMap":"relu"}', case: 3 };
const line = `replay: ${replayCommand({ ...id, backend: "tfjs-webgpu", dtype: "float32", seed: 7, names: [] })}`;

test("a line of the suite is read back, also out of an error message and a link", () => {
  const expected = { ...id, options: { featureMap: "relu" }, backend: "tfjs-webgpu", seed: 7 };
  expect(parseReplay(line)).toEqual(expected);
  const found = lineOf(`partition (S12): y[0] is 1, expected 2\n${line}`)!;
  const link = new URL(linkOf(found, "https://x.org/demo/?replay=old#tab=look"));
  expect(link.pathname + link.hash).toBe("/demo/#tab=check");
  expect(parseReplay(link.searchParams.get("replay")!)).toEqual(expected);
});

test("a line that is none says what is wrong with it", () => {
  expect(() => parseReplay("hello")).toThrow("has no --backend");
  expect(() => parseReplay(line.replace("--case 3", "--case x"))).toThrow("--case of the replay line is x");
  expect(() => parseReplay(line.replace(/'.*'/, "'[1]'"))).toThrow("not a JSON object");
  expect(lineOf("no line")).toBeUndefined();
});
