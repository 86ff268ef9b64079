import type { Backend } from "@attnkit/core";
import type { Ops } from "@attnkit/core/program";
import { type Tf, tfjs } from "@attnkit/tfjs";

/**
 * Makes attnkit's backend on the tfjs backend `name`, which must be current. tfjs has one current backend per process,
 * and several may be held at a time: each call makes this one current again.
 */
export function pinned(tf: Tf, name: string): Backend<unknown> {
  const backend = tfjs({ tf });
  const here = <A extends unknown[], R>(act: (...args: A) => R) => {
    return (...args: A): R => {
      if (tf.getBackend() !== name) void tf.setBackend(name); // it was started above, so it becomes current synchronously
      return act(...args);
    };
  };
  const ops = Object.fromEntries(
    Object.entries(backend.ops).map(([op, act]) => [op, typeof act === "function" ? here(act) : act]),
  );
  return {
    ...backend, // fixes the name and device, which otherwise follow tfjs's current backend
    // Kernels ask for the host before they run, and another backend may be current then.
    webgpuHost: here(backend.webgpuHost),
    get tf() {
      return here(() => tf)();
    },
    ops: ops as unknown as Ops<unknown>,
    upload: here(backend.upload) as Backend<unknown>["upload"],
    compile: (program) => here(backend.compile(program)) as ReturnType<Backend<unknown>["compile"]>,
    vjp: here(backend.vjp),
  } as Backend<unknown>;
}
