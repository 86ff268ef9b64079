import type { Checker } from "../checker.ts";
import { bools, fromData, type Host, host } from "../host.ts";
import type { Case, OpsLaw } from "../law.ts";
import { uploads } from "./upload.ts";

/** Normally distributed numbers that the backend has. */
export const random = (checker: Checker, shape: readonly number[]): Host =>
  host(shape, () => checker.round(checker.random.normal()));

export const transfer: OpsLaw = {
  name: "transfer",
  rules: "Backend",
  says: "what is uploaded is downloaded again: floats in the backend's type, masks as bytes, shapes as given",
  cases: [
    ...[[], [1], [3, 4], [2, 1, 3, 2], [0], [2, 0, 3]].flatMap((shape): Case<Checker>[] => [
      {
        title: `floats [${shape}]`,
        async run(checker) {
          const x = random(checker, shape);
          const t = checker.upload(x);
          checker.same("x", await checker.download(t), x);
          checker.holds(checker.backend.boolean?.(t) !== true, "boolean says that floats are a mask");
        },
      },
      {
        title: `mask [${shape}]`,
        async run(checker) {
          const x = bools(shape, () => checker.random.chance(0.5));
          const t = checker.upload(x);
          const data = await checker.backend.download(t);
          checker.holds(data instanceof Uint8Array, "a mask was not downloaded as Uint8Array");
          checker.same("mask", fromData(data, checker.backend.shape(t)), x);
          checker.holds(checker.backend.boolean?.(t) !== false, "boolean says that a mask is none");
        },
      },
    ]),
    {
      title: "either float array, and special numbers",
      async run(checker) {
        const special = [0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
        const { dtype } = checker.backend;
        for (const data of [Float32Array.from(special), Float64Array.from(special)]) {
          const back = await checker.backend.download(checker.hold(checker.backend.upload(data, [6])));
          const right = dtype === "float64" ? back instanceof Float64Array : back instanceof Float32Array;
          checker.holds(right, `${dtype} was downloaded as ${back.constructor.name}`);
          checker.same("x", fromData(back, [6]), { shape: [6], data: Float64Array.from(special) });
        }
      },
    },
    ...uploads,
    {
      title: "values that are no tensors are refused",
      async run(checker) {
        const { backend } = checker;
        for (const x of [{}, null, undefined, 3, [1, 2], Float32Array.of(1)]) {
          await checker.refuses(`shape of ${String(x)}`, "ATTN_DATA", () => backend.shape(x));
          await checker.refuses(`download of ${String(x)}`, "ATTN_DATA", () => backend.download(x));
        }
      },
    },
  ],
};
