import { deviceError } from "./health.ts";

/** The errors that WebGPU reports apart from the call that causes them, outermost scope first. */
const FILTERS = ["internal", "out-of-memory", "validation"] as const satisfies readonly GPUErrorFilter[];

/** The error scopes of debug mode: they connect an error of WebGPU with the operation or allocation that caused it. */
export class ErrorScopes {
  readonly #device: GPUDevice;
  readonly #enabled: boolean;
  /** The errors that are not yet known, in the order of their scopes' ends: each promise settles with an error or nothing. */
  #checks: Promise<Error | undefined>[] = [];

  /** `enabled`: debug mode. Otherwise nothing is checked. */
  constructor(device: GPUDevice, enabled: boolean) {
    this.#device = device;
    this.#enabled = enabled;
  }

  /**
   * Calls `act`, in debug mode inside error scopes. `what` names it in errors. `atEnd` is called before the scopes end, in
   * debug mode alone.
   */
  guarded<R>(what: string, act: () => R, atEnd: () => void = () => {}): R {
    if (!this.#enabled) return act();
    for (const filter of FILTERS) this.#device.pushErrorScope(filter);
    try {
      return act();
    } finally {
      atEnd();
      for (const filter of FILTERS.toReversed()) this.#pop(what, filter);
    }
  }

  /** Debug mode: rejects with the first error so far as `ATTN_DEVICE`. Resolves at once otherwise. */
  async checked(): Promise<void> {
    if (this.#checks.length === 0) return;
    const checks = this.#checks;
    this.#checks = [];
    const error = (await Promise.all(checks)).find((e) => e !== undefined);
    if (error) throw error;
  }

  #pop(what: string, filter: GPUErrorFilter): void {
    const prefix = filter === "validation" ? what : `${what}: ${PROBLEMS[filter]}`;
    this.#checks.push(
      this.#device.popErrorScope().then(
        (error) => (error ? deviceError(`${prefix}: ${error.message}`) : undefined),
        () => undefined, // the device is lost, which is reported by whatever waits for it
      ),
    );
  }
}

const PROBLEMS = {
  "out-of-memory": "the device has not enough memory. Free tensors, call trim(), or use shorter blocks",
  internal: "WebGPU failed internally, for example because a kernel is too large for the driver",
} as const;
