import { strides } from "@attnkit/core/backend";
import type { Own, OwnHost } from "./own-host.ts";

/** A buffer that several tensors share. Nothing behind the longest of them is ever written twice. */
interface Grown {
  readonly axis: number;
  readonly room: number;
  readonly strides: readonly number[];
  longest: number;
}

/** Returns the host of a library that also has tensors which grow. */
export function growing(host: OwnHost, capacity: number): OwnHost {
  const buffers = new WeakMap<GPUBuffer, Grown>();
  const own: Pick<OwnHost, "stored" | "growing" | "binding"> = {
    stored: (x) => ({ binding: host.binding(x), strides: buffers.get(x.buffer)?.strides ?? strides(x.shape) }),
    binding(x) {
      if (buffers.has(x.buffer)) throw new TypeError("no kernel of this test needs a row-major copy of a cache");
      return host.binding(x);
    },
    growing: {
      capacity,
      make(shape, storage, axis, room) {
        const whole = host.empty(shape.with(axis, room), storage);
        const order = [axis, ...shape.map((_, i) => i).filter((i) => i !== axis)];
        const steps = strides(order.map((i) => shape[i]!));
        const own = shape.map((_, i) => steps[order.indexOf(i)]!);
        buffers.set(whole.buffer, { axis, room, strides: own, longest: shape[axis]! });
        return { ...whole, shape };
      },
      longer(x: Own, axis, length) {
        const grown = buffers.get(x.buffer);
        const isFree = grown?.axis === axis && grown.longest === x.shape[axis] && length <= grown.room;
        if (!grown || !isFree) return undefined;
        grown.longest = length;
        return { ...x, shape: x.shape.with(axis, length) };
      },
      copy: host.copy,
    },
  };
  return Object.assign(Object.create(host) as OwnHost, own);
}
