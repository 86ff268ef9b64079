import type * as ORT from "onnxruntime-common";
import type { Places } from "./device.ts";
import type { Ort } from "./index.ts";
import type { Session } from "./sessions.ts";

/**
 * Makes sessions of a web build on a provider that waits for a device. Two things of ONNX Runtime 1.30 are seen to. It does
 * one thing at a time: a second call while the first waits for the GPU never ends, and the page with it. And disposing of a
 * tensor on the GPU after its session was released runs into freed memory: a session lives as long as the tensors it made.
 */
export const onWeb =
  (ort: Ort, { read }: Places) =>
  async (model: Uint8Array, options: ORT.InferenceSession.SessionOptions): Promise<Session> => {
    const session = await inTurn(ort, () => ort.InferenceSession.create(model, options));
    const end = () => inTurn(ort, () => session.release());
    let alive = 0;
    let released = false;
    const held = (x: ORT.Tensor): ORT.Tensor => {
      if (x.location !== "gpu-buffer") return x;
      alive++;
      return ort.Tensor.fromGpuBuffer(x.gpuBuffer, {
        dataType: x.type as "float32",
        dims: x.dims,
        download: async () => (await read(x)) as Float32Array,
        dispose() {
          x.dispose();
          alive--;
          if (released && alive === 0) void end();
        },
      });
    };
    return {
      async run(feeds) {
        const made = await inTurn(ort, () => session.run(feeds));
        return Object.fromEntries(Object.entries(made).map(([name, x]) => [name, held(x as ORT.Tensor)]));
      },
      async release() {
        released = true;
        if (alive === 0) await end();
      },
    };
  };

/** One line for all that is done with a runtime, whichever backend it is for. */
function inTurn<R>({ env }: Ort, act: () => Promise<R>): Promise<R> {
  const mine = (lines.get(env) ?? Promise.resolve()).then(act, act);
  lines.set(env, mine);
  return mine;
}

const lines = new WeakMap<object, Promise<unknown>>();
