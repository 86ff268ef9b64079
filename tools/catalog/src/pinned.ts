import type { Backend } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import { type Tf, tfjs } from "@attnkit/tfjs";

/**
 * attnkit on the tfjs backend `name`, which must be the current one. tfjs has one current backend for everybody, and
 * several may be held at a time: each call makes this one current again.
 */
export function pinned(tf: Tf, name: string): Backend<unknown> {
  const backend = tfjs({ tf });
  const here = <A extends unknown[], R>(act: (...args: A) => R) => {
    return (...args: A): R => {
      if (tf.getBackend() !== name) void tf.setBackend(name); // started above, so it is current at once
      return act(...args);
    };
  };
  const ops = Object.fromEntries(
    Object.entries(backend.ops).map(([op, act]) => [op, typeof act === "function" ? here(act) : act]),
  );
  return {
    ...backend, // also makes its name and device, which follow tfjs, those of now
    // Kernels ask for tfjs before they look what it runs on, which another backend's call may have changed.
    get tf() {
      return here(() => tf)();
    },
    ops: ops as unknown as Ops<unknown>,
    upload: here(backend.upload) as Backend<unknown>["upload"],
    compile: (program) => here(backend.compile(program)) as ReturnType<Backend<unknown>["compile"]>,
    vjp: here(backend.vjp),
  } as Backend<unknown>;
}
