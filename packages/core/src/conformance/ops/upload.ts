import type { NestedValues } from "../../backend/host-data.ts";
import type { ErrorCode } from "../../program/errors.ts";
import type { Data, Shape } from "../../program/ops.ts";
import type { Checker } from "../checker.ts";
import { fromData, type Host } from "../host.ts";
import type { Case } from "../law.ts";

const floats = (shape: Shape, ...data: number[]): Host => ({ shape, data: Float64Array.from(data) });
const mask = (shape: Shape, ...data: number[]): Host => ({ shape, data: Uint8Array.from(data) });

/** Uploads data of any type. */
const given = ({ backend }: Checker, data: unknown, shape?: Shape): unknown => backend.upload(data as Data, shape!);

/** The data that callers give: nested arrays, parts of larger arrays, masks of any byte. */
const accepted: readonly (readonly [string, () => Data | NestedValues, Shape | undefined, Host])[] = [
  [
    "numbers in nested arrays",
    () => [
      [1.5, -2],
      [0, 4],
      [5, 0.25],
    ],
    undefined,
    floats([3, 2], 1.5, -2, 0, 4, 5, 0.25),
  ],
  ["nested arrays of three axes with their shape", () => [[[1], [2]]], [1, 2, 1], floats([1, 2, 1], 1, 2)],
  [
    "booleans in nested arrays",
    () => [
      [true, false],
      [false, false],
    ],
    undefined,
    mask([2, 2], 1, 0, 0, 0),
  ],
  ["a list of numbers", () => [3, 0.5], undefined, floats([2], 3, 0.5)],
  ["a part of a Float32Array", () => Float32Array.of(9, 9, 1, 2, 9).subarray(2, 4), [2], floats([2], 1, 2)],
  ["a part of a Float64Array", () => Float64Array.of(9, 1, 2, 9).subarray(1, 3), [2], floats([2], 1, 2)],
  ["a part of a Uint8Array", () => Uint8Array.of(1, 0, 1, 0, 0).subarray(1, 4), [3], mask([3], 0, 1, 0)],
  ["a mask of bytes other than 0 and 1", () => Uint8Array.of(255, 0, 2, 128), [2, 2], mask([2, 2], 1, 0, 1, 1)],
];

/** The data that `upload` refuses, and the code. */
const refused: readonly (readonly [string, ErrorCode, unknown, Shape | undefined])[] = [
  ["3 numbers as [2, 2]", "ATTN_DATA", Float32Array.of(1, 2, 3), [2, 2]],
  ["5 numbers as [2, 2]", "ATTN_DATA", Float32Array.of(1, 2, 3, 4, 5), [2, 2]],
  ["one number as [3]", "ATTN_DATA", Float32Array.of(1), [3]],
  ["an Int32Array", "ATTN_DATA", Int32Array.of(1, 2), [2]],
  ["text", "ATTN_DATA", "12", [2]],
  ["nothing", "ATTN_DATA", undefined, [0]],
  ["ragged arrays", "ATTN_DATA", [[1, 2], [3]], undefined],
  ["numbers beside booleans", "ATTN_DATA", [1, true], undefined],
  ["text in an array", "ATTN_DATA", [1, "2"], undefined],
  ["nested arrays with another shape", "ATTN_SHAPE", [[1, 2]], [2]],
  ["a negative size", "ATTN_SHAPE", Float32Array.of(1, 2, 3, 4), [-2, -2]],
  ["a size that is not whole", "ATTN_SHAPE", Float32Array.of(1, 2, 3), [1.5, 2]],
];

/** The data that is uploaded belongs to the caller, and so does what is downloaded. */
const copied = [Float32Array, Float64Array, Uint8Array].map(
  (Kind): Case<Checker> => ({
    title: `a ${Kind.name} is copied, both ways`,
    async run(checker) {
      const { backend } = checker;
      const data: Data = Kind.of(1, 0, 1);
      const shape = [3];
      const t = checker.hold(given(checker, data, shape));
      data.fill(Kind === Uint8Array ? 0 : 9);
      shape[0] = 1;
      const first = await backend.download(t);
      const expected = Kind === Uint8Array ? mask([3], 1, 0, 1) : floats([3], 1, 0, 1);
      checker.same("x after the uploaded array and its shape changed", await checker.download(t), expected);
      const other = checker.hold(given(checker, Kind.of(0, 1, 0), [3]));
      await backend.download(other);
      checker.same("an array that was downloaded before another", fromData(first, [3]), expected);
      first.fill(Kind === Uint8Array ? 0 : 7);
      checker.same("x after the downloaded array changed", await checker.download(t), expected);
    },
  }),
);

/** Cases of the law `transfer` on the data of the caller. */
export const uploads: readonly Case<Checker>[] = [
  ...copied,
  ...accepted.map(
    ([title, data, shape, expected]): Case<Checker> => ({
      title,
      async run(checker) {
        const t = checker.hold(given(checker, data(), shape));
        const got = await checker.download(t);
        checker.same("x", got, expected);
        const isMask = expected.data instanceof Uint8Array;
        checker.holds(got.data instanceof Uint8Array === isMask, `x is ${isMask ? "no" : "a"} boolean tensor`);
      },
    }),
  ),
  ...refused.map(
    ([title, code, data, shape]): Case<Checker> => ({
      title: `${title}: refused`,
      async run(checker) {
        await checker.refuses(`upload of ${title}`, code, () => given(checker, data, shape));
      },
    }),
  ),
];
