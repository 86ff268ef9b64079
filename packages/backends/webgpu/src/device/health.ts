import { AttentionError } from "@attnkit/core";

/** Returns the error of this backend about its device. */
export const deviceError = (message: string): AttentionError => new AttentionError("ATTN_DEVICE", "webgpu", message);

/** The state of a device: in use, lost, or released by `dispose`. */
export interface Health {
  /** Throws `ATTN_DEVICE` if the device is lost or `dispose` was called. */
  require(): void;
  /** Returns a promise with the result of `work`. It rejects with `ATTN_DEVICE` if the work fails or the device is lost before. */
  during<R>(what: string, work: Promise<R>): Promise<R>;
  dispose(): void;
}

/** Watches a device for its loss. */
export function watch(device: GPUDevice): Health {
  let ended: string | undefined;
  const lost = device.lost.then(({ reason, message }) => {
    ended ??= `the device is lost (${reason || "unknown reason"}: ${message || "no message"}). Request a new device and make a new backend`;
    return ended;
  });
  const requireAlive = () => {
    if (ended !== undefined) throw deviceError(ended);
  };
  return {
    require: requireAlive,
    async during(what, work) {
      const failed = lost.then((why): never => {
        throw deviceError(`${what}: ${why}`);
      });
      // The losing promise of the race is settled too: without this handler it would be an unhandled rejection.
      failed.catch(() => {});
      work.catch(() => {});
      try {
        return await Promise.race([work, failed]);
      } catch (error) {
        requireAlive();
        throw error instanceof AttentionError ? error : deviceError(`${what}: ${(error as Error).message}`);
      }
    },
    dispose() {
      ended ??= "dispose() was called; expected no further use of this backend";
    },
  };
}
