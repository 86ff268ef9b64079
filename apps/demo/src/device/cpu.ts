import { cpu } from "@attnkit/cpu";
import type { OpenBackend } from "./device.ts";
import { onProcessor } from "./probe.ts";

export function openCpu(): OpenBackend {
  const lost = new Promise<string>(() => {});
  return { name: "cpu", backend: cpu(), ...onProcessor.cpu, features: [], limits: {}, activate() {}, lost };
}
