import type * as ORT from "onnxruntime-common";
import type { Places } from "./device.ts";
import { inTurn, lineOf } from "./line.ts";
import type { Ort } from "./ort.ts";
import type { Session } from "./sessions.ts";

/**
 * Makes sessions of a web build. Their creation, runs and release take turns (`inTurn`).
 * In ONNX Runtime 1.30, disposing of a GPU tensor after its session was released accesses freed memory. A session is
 * therefore released after the last tensor that it made.
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
          // The caller of release has its answer already, so a failure could not be reported to anyone.
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
