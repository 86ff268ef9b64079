/** Asks the browser what it has, before any framework is loaded. */
import { isSoftware } from "@attnkit/tfjs/webgpu";
import { type BackendName, type Device, next, onAdapter, type Passed } from "./device.ts";

/** The first backend that is tried if the visitor chose none. */
const AUTOMATIC: BackendName = "tfjs-webgpu";

/** The header's device until the browser has answered. */
export const looking: Device = {
  name: AUTOMATIC,
  adapter: "asking the browser",
  hardware: false,
  status: "looking",
  passed: [],
};

/**
 * The first backend from `wanted` on that this browser has. `"cpu"` it always has. With `"auto"` a WebGPU adapter that
 * computes on the processor is passed over: WebAssembly does the same work many times faster.
 */
export async function probe(wanted: BackendName | "auto"): Promise<Device> {
  const passed: Passed[] = [];
  for (
    let name: BackendName | undefined = wanted === "auto" ? AUTOMATIC : wanted;
    name !== undefined;
    name = next(name)
  ) {
    const found: Found | string = await look[name]();
    if (typeof found === "string") passed.push({ name, reason: found });
    else if (wanted === "auto" && onAdapter(name) && !found.hardware)
      passed.push({ name, reason: `its adapter (${found.adapter}) is software and slower`, usable: true });
    else return { name, ...found, status: "ready", passed };
  }
  throw new Error("unreachable: JavaScript runs");
}

export type Found = Pick<Device, "adapter" | "hardware">;

/** For each backend: finds its device, or returns the reason why there is none. */
const look: Readonly<Record<BackendName, () => Promise<Found | string>>> = {
  webgpu: lookForAdapter,
  "tfjs-webgpu": lookForAdapter,
  async "tfjs-wasm"() {
    return typeof WebAssembly === "object" ? onProcessor["tfjs-wasm"] : "this browser has no WebAssembly";
  },
  async cpu() {
    return onProcessor.cpu;
  },
};

/** Finds the adapter of both backends that compute on WebGPU. */
async function lookForAdapter(): Promise<Found | string> {
  if (!globalThis.isSecureContext) return "WebGPU needs a page served over https or from localhost";
  if (!navigator.gpu) return "this browser has no WebGPU";
  const adapter = await requestAdapter().catch((error: unknown) => String(error));
  if (adapter === null) return "the browser offers no WebGPU adapter on this machine";
  return typeof adapter === "string" ? adapter : describeAdapter(adapter.info, isFallback(adapter));
}

export const onProcessor = {
  "tfjs-wasm": { adapter: "the processor, through WebAssembly", hardware: false },
  cpu: { adapter: "the processor, one thread", hardware: false },
} as const;

const requestAdapter = (): Promise<GPUAdapter | null> =>
  navigator.gpu.requestAdapter({ powerPreference: "high-performance" });

/** Browsers before the flag moved to `info` have it on the adapter. */
const isFallback = (adapter: object): boolean => "isFallbackAdapter" in adapter && adapter.isFallbackAdapter === true;

export function describeAdapter(info: GPUAdapterInfo, fallback = false): Found {
  const words = [info.vendor, info.architecture, info.description].filter(Boolean);
  const adapter = [...new Set(words)].join(" ") || "an adapter that does not tell its name";
  return { adapter, hardware: !fallback && !isSoftware(info) };
}
