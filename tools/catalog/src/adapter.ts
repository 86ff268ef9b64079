import type { Backend } from "@attnkit/core";
import { isSoftware } from "@attnkit/tfjs/webgpu";
import { hostOf } from "@attnkit/wgsl";

/** The WebGPU adapter that a backend computes on. */
export interface Adapter {
  /** The name that the driver and WebGPU report. */
  readonly name: string;
  /** True if it computes on the CPU. Results are correct, but times say nothing about a GPU. */
  readonly software: boolean;
}

/** Returns the WebGPU adapter of a backend in this catalog, or undefined if it uses none. */
export async function adapterOf(name: string, backend: Backend<unknown>): Promise<Adapter | undefined> {
  if (name === "ort-webgpu") return describe(await runtimeInfo());
  const host = hostOf(backend);
  return typeof host === "string" ? undefined : describe(host.device.adapterInfo);
}

function describe(info: GPUAdapterInfo): Adapter {
  const { vendor, architecture, device, description } = info;
  const name = [...new Set([vendor, architecture, device, description])].filter(Boolean).join(", ");
  return { name: name || "unknown adapter", software: isSoftware(info) };
}

/** Returns the adapter that WebGPU gives to the same request. ONNX Runtime does not tell which adapter it took. */
async function runtimeInfo(): Promise<GPUAdapterInfo> {
  const powerPreference = "high-performance";
  const adapter = await (await gpuHere()).requestAdapter({ powerPreference });
  if (!adapter) throw new Error("WebGPU found no adapter on this machine");
  return adapter.info;
}

async function gpuHere(): Promise<GPU> {
  if ("window" in globalThis) return (globalThis as unknown as { navigator: { gpu: GPU } }).navigator.gpu;
  const { useAdapter } = await import("./dawn.ts");
  useAdapter();
  return (await import("webgpu")).create([]);
}
