import type { Backend, Data, Shape } from "@attnkit/core";
import { cpu, type NdArray } from "@attnkit/cpu";

/** A backend with a mistake outside of its operations. */
export interface BrokenBackend {
  readonly name: string;
  readonly law: string;
  readonly backend: () => Backend<NdArray>;
}

/** Mistakes in how tensors are made, read and freed. */
export const brokenTransfers: readonly BrokenBackend[] = [
  {
    name: "upload keeps the caller's array",
    law: "transfer",
    backend: () => ({
      ...cpu(),
      upload: (data: unknown, shape?: Shape) =>
        data instanceof Float32Array ? { data, shape: [...shape!] } : cpu().upload(data as Data, shape!),
    }),
  },
  {
    name: "a result is freed with the array that it shares memory with",
    law: "compile",
    backend: () => {
      const freed = new Set<unknown>();
      const right = cpu();
      return {
        ...right,
        free: (x) => void freed.add(x.data.buffer),
        download: async (x) => (freed.has(x.data.buffer) ? x.data.map(() => 0) : right.download(x)),
      } as Backend<NdArray>;
    },
  },
  {
    name: "anything is a tensor",
    law: "transfer",
    backend: () => ({ ...cpu(), shape: (x) => x?.shape ?? [] }),
  },
  {
    name: "boolean says no to every tensor",
    law: "transfer",
    backend: () => ({ ...cpu(), boolean: () => false }),
  },
  {
    name: "masks come back as floats",
    law: "transfer",
    backend: () => ({ ...cpu(), download: async (x) => Float32Array.from(x.data) }),
  },
  {
    name: "upload takes any length",
    law: "transfer",
    backend: () => ({
      ...cpu(),
      upload: (data: unknown, shape?: Shape) =>
        Array.isArray(data)
          ? cpu().upload(data, shape)
          : { ...cpu().upload(data as Data, [(data as Data).length]), shape: [...shape!] },
    }),
  },
  {
    name: "every byte of a mask is kept",
    law: "transfer",
    backend: () => ({
      ...cpu(),
      upload: (data: unknown, shape?: Shape) =>
        data instanceof Uint8Array ? { data: data.slice(), shape: [...shape!] } : cpu().upload(data as Data, shape!),
    }),
  },
  {
    name: "upload reads the buffer of an array from its start",
    law: "transfer",
    backend: () =>
      uploading((data) => (data instanceof Float64Array ? new Float64Array(data.buffer, 0, data.length) : data)),
  },
  {
    name: "upload takes integers for floats",
    law: "transfer",
    backend: () => uploading((data) => (data instanceof Int32Array ? Float64Array.from(data) : data)),
  },
  {
    name: "upload flattens ragged arrays",
    law: "transfer",
    backend: () =>
      uploading((data) =>
        Array.isArray(data) && data.some((row) => row.length !== data[0].length) ? data.flat() : data,
      ),
  },
  {
    name: "nested booleans become floats",
    law: "transfer",
    backend: () =>
      uploading((data) =>
        Array.isArray(data) ? JSON.parse(JSON.stringify(data), (_, x) => (x === !!x ? +x : x)) : data,
      ),
  },
  {
    name: "upload takes the size of a negative axis",
    law: "transfer",
    backend: () =>
      uploading(
        (data) => data,
        (shape) => shape.map(Math.abs),
      ),
  },
];

/** A cpu backend that changes what it is given before it uploads. */
function uploading(change: (data: unknown) => unknown, reshape = (shape: Shape): Shape => shape): Backend<NdArray> {
  const right = cpu();
  return {
    ...right,
    upload: (data: unknown, shape?: Shape) => right.upload(change(data) as Data, (shape && reshape(shape)) as Shape),
  };
}
