import type { Backend } from "@attnkit/core";

/** Values that plain JavaScript may hand in anywhere, by what they are. */
export const wrongValues: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  "0": () => 0,
  "1": () => 1,
  "-1": () => -1,
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  "1.5": () => 1.5,
  "a bigint": () => 2n,
  true: () => true,
  false: () => false,
  "no text": () => "",
  "a text": () => "q",
  "a symbol": () => Symbol("q"),
  "no entries": () => [],
  "one number": () => [1],
  "numbers in arrays": () => [[1, 2]],
  "two texts": () => ["a", "b"],
  "an object": () => ({}),
  "an object without prototype": () => Object.create(null),
  "an object with a": () => ({ a: 1 }),
  "a shape alone": () => ({ shape: [2, 2] }),
  "dims alone": () => ({ dims: [2, 2] }),
  "a shape with plain data": () => ({ shape: [2, 2], data: [1, 2, 3, 4] }),
  "a function": () => () => 1,
  "an arrow that throws": () => () => {
    throw new Error("called");
  },
  "a class": () => class Foo {},
  "a promise": () => Promise.resolve(),
  "a date": () => new Date(0),
  "a map": () => new Map(),
  "an Error": () => new Error("x"),
  "a Float32Array": () => new Float32Array(4),
  "an Int32Array": () => new Int32Array(4),
  "an ArrayBuffer": () => new ArrayBuffer(16),
};

/** Tensors of a backend that fit hardly anywhere. */
export const wrongTensors = <T>(b: Backend<T>): Readonly<Record<string, () => unknown>> => ({
  "a scalar tensor": () => b.upload(new Float32Array(1), []),
  "a tensor of rank 1": () => b.upload(new Float32Array(3), [3]),
  "a tensor of rank 5": () => b.upload(new Float32Array(1), [1, 1, 1, 1, 1]),
  "a tensor [5, 7]": () => b.upload(new Float32Array(35), [5, 7]),
  "an empty tensor": () => b.upload(new Float32Array(0), [0, 0]),
  "a boolean tensor [2, 2]": () => b.upload(new Uint8Array(4), [2, 2]),
  "a float tensor [2, 2]": () => b.upload(new Float32Array(4), [2, 2]),
});
