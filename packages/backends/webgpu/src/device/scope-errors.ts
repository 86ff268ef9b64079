import { deviceError } from "./health.ts";

/** An error scope that has ended, and its error: null if there was none, or if the device is lost, which is reported elsewhere. */
export interface EndedScope {
  /** The operation or allocation inside the scope. */
  readonly what: string;
  readonly filter: GPUErrorFilter;
  readonly error: Promise<GPUError | null>;
}

/** Throws the first error of these scopes as `ATTN_DEVICE`. */
export async function throwFirst(scopes: readonly EndedScope[]): Promise<void> {
  const errors = await Promise.all(scopes.map(({ error }) => error));
  scopes.forEach(({ what, filter }, i) => {
    const error = errors[i];
    if (error) throw deviceError(`${what}: ${PROBLEMS[filter]}${error.message}`);
  });
}

const PROBLEMS: Readonly<Record<GPUErrorFilter, string>> = {
  validation: "",
  "out-of-memory": "the device has not enough memory. Free tensors, call trim(), or use shorter blocks: ",
  internal: "WebGPU failed internally, for example because a kernel is too large for the driver: ",
};
