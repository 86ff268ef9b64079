import { AttentionError } from "@attnkit/core";

/** Returns the error of this backend about its device. */
export const deviceError = (message: string): AttentionError => new AttentionError("ATTN_DEVICE", "webgpu", message);

/** The state of a device: in use, lost, or released by `dispose`. */
export interface Health {
  /** Throws `ATTN_DEVICE` if the device is lost or `dispose` was called. */
  require(): void;
  /** Resolves with the reason when the device is lost. */
  readonly lost: Promise<string>;
  dispose(): void;
}

/** Watches a device for its loss. */
export function watch(device: GPUDevice): Health {
  let ended: string | undefined;
  return {
    require() {
      if (ended !== undefined) throw deviceError(ended);
    },
    lost: device.lost.then(({ reason, message }) => {
      ended ??= `the device is lost (${reason || "unknown reason"}: ${message || "no message"}). Request a new device and make a new backend`;
      return ended;
    }),
    dispose() {
      ended ??= "dispose() was called; expected no further use of this backend";
    },
  };
}
