import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { onnx } from "../src/index.ts";
import { OLDEST_RUNTIME } from "../src/version.ts";

/** The runtime, as if it had another version. */
const as = (version: string) => ({ ...ort, env: { ...ort.env, versions: { common: version, node: version } } });

test("the oldest ONNX Runtime is that of package.json", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(manifest.peerDependencies["onnxruntime-common"]).toBe(`>=${OLDEST_RUNTIME}`);
});

test.each(["1.20.1", "1.9.0", "0.30.0"])("ONNX Runtime %s is refused", (version) => {
  expect(() => onnx({ ort: as(version) })).toThrow(
    expect.objectContaining({
      code: "ATTN_OPTION",
      message: expect.stringContaining(`ONNX Runtime ${version}`),
    }),
  );
});

test.each([OLDEST_RUNTIME, "1.22.0-rev", "1.30.0", "2.0.0"])("ONNX Runtime %s is accepted", (version) => {
  expect(onnx({ ort: as(version) }).device).toContain(version);
});
