import { type Kernel, kernelKinds, kernelsFor } from "@attnkit/core/backend";
import { expect, test } from "vitest";

const kernel = (name: string, kind: string) => ({ name, kind }) as unknown as Kernel<unknown>;
const kernels = [kernel("a", "webgpu"), kernel("b", "onnx"), kernel("c", "tfjs"), kernel("d", "webgpu")];
const names = (kind: string, hosts?: readonly string[]) => {
  const backend = { kind, ...(hosts && { hosts }) } as never;
  return kernelsFor({ kernels } as never, backend).map(({ name }) => name);
};

test("kernels of a backend's own kind and of those that it hosts, in the mechanism's order", () => {
  expect(names("tfjs", ["webgpu"])).toEqual(["a", "c", "d"]);
  expect(names("onnx")).toEqual(["b"]);
  expect(names("cpu")).toEqual([]);
  expect(names("cpu", [])).toEqual([]);
  expect(kernelsFor({} as never, { kind: "cpu" } as never)).toEqual([]);
});

test("kinds: the backend's own comes first", () => {
  expect(kernelKinds({ kind: "tfjs", hosts: ["webgpu"] })).toEqual(["tfjs", "webgpu"]);
  expect(kernelKinds({ kind: "onnx" })).toEqual(["onnx"]);
});
