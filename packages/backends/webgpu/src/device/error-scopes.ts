import type { EndedScope } from "./scope-errors.ts";

/** The errors that WebGPU reports apart from the call that causes them, outermost scope first. */
const FILTERS: readonly GPUErrorFilter[] = ["internal", "out-of-memory", "validation"];

/** The error scopes of debug mode: they connect an error of WebGPU with the operation or allocation that caused it. */
export interface ErrorScopes {
  /**
   * Calls `act`, in debug mode inside error scopes. `what` names it in errors. `atEnd` is called before the scopes end, in
   * debug mode alone.
   */
  guarded<R>(what: string, act: () => R, atEnd?: () => void): R;
  /** Debug mode: rejects with the first error so far as `ATTN_DEVICE`. Resolves at once otherwise. */
  checked(): Promise<void>;
}

/** `enabled`: debug mode. Otherwise nothing is checked. */
export function errorScopes(device: GPUDevice, enabled: boolean): ErrorScopes {
  let ended: EndedScope[] = [];
  return {
    guarded(what, act, atEnd) {
      if (!enabled) return act();
      for (const filter of FILTERS) device.pushErrorScope(filter);
      try {
        return act();
      } finally {
        atEnd?.();
        for (const filter of FILTERS.toReversed())
          ended.push({ what, filter, error: device.popErrorScope().catch(() => null) });
      }
    },
    async checked() {
      if (ended.length === 0) return;
      const scopes = ended;
      ended = [];
      await (await import("./scope-errors.ts")).throwFirst(scopes);
    },
  };
}
