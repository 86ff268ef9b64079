import type * as ORT from "onnxruntime-common";
import type { Places } from "./device.ts";
import { inTurn, lineOf } from "./line.ts";
import type { Ort } from "./ort.ts";
import type { Session } from "./sessions.ts";

/**
 * Makes sessions of a web build. They are made, run and released in turn (`inTurn`). Disposing of a tensor on the GPU after
 * its session was released runs into freed memory (ONNX Runtime 1.30): a session lives as long as the tensors that it made.
 */
export const onWeb =
  (ort: Ort, { read }: Places) =>
  async (model: Uint8Array, options: ORT.InferenceSession.SessionOptions): Promise<Session> => {
    const line = lineOf(ort.env);
    const session = await inTurn(line, () => ort.InferenceSession.create(model, options));
    const end = () => inTurn(line, () => session.release());
    let alive = 0;
    let released = false;
    const held = (x: ORT.Tensor): ORT.Tensor => {
      alive++;
      return ort.Tensor.fromGpuBuffer(x.gpuBuffer, {
        dataType: x.type as "float32",
        dims: x.dims,
        download: async () => (await read(x)) as Float32Array,
        dispose() {
          x.dispose();
          alive--;
          // Nobody waits for this release any more, so nobody could be told that it failed.
          if (released && alive === 0) end().catch(() => {});
        },
      });
    };
    return {
      async run(feeds) {
        const made = (await inTurn(line, () => session.run(feeds))) as Record<string, ORT.Tensor>;
        for (const name in made) if (made[name]!.location === "gpu-buffer") made[name] = held(made[name]!);
        return made;
      },
      async release() {
        released = true;
        if (alive === 0) await end();
      },
    };
  };
