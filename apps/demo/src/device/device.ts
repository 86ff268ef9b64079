/** Plain facts about what can compute on this page. Importing this file loads no framework. */
import type { Backend } from "@attnkit/core";
import type * as TF from "@tensorflow/tfjs-core";

export type BackendName = "webgpu" | "tfjs-webgpu" | "tfjs-wasm" | "cpu";

/** Best first: who cannot open one is offered the next. */
export const backendNames: readonly BackendName[] = ["webgpu", "tfjs-webgpu", "tfjs-wasm", "cpu"];

/** As people call them. Bare WebGPU is `@attnkit/webgpu`; WebGPU and WebAssembly are tfjs's. */
export const titles: Readonly<Record<BackendName, string>> = {
  webgpu: "Bare WebGPU",
  "tfjs-webgpu": "WebGPU",
  "tfjs-wasm": "WebAssembly",
  cpu: "JavaScript",
};

/** The device that computes. */
export interface Device {
  readonly name: BackendName;
  /** The adapter's own name, or what runs on the processor. */
  readonly adapter: string;
  /** A GPU does the work; false for the processor, a software adapter included. */
  readonly hardware: boolean;
  /** `"looking"`: the browser has not said yet which adapter it has. `"lost"`: `reason` says why. */
  readonly status: "looking" | "ready" | "lost";
  readonly reason?: string;
  /** Those before it that this browser or device cannot do, and why. */
  readonly passed: readonly Passed[];
}

export interface Passed {
  readonly name: BackendName;
  readonly reason: string;
  /** It works, and is passed over for another reason: the visitor may choose it. */
  readonly usable?: true;
}

/** A backend that is ready to compute. */
export interface OpenBackend {
  readonly name: BackendName;
  readonly backend: Backend<unknown>;
  /** A description of the device that computes. */
  readonly adapter: string;
  readonly hardware: boolean;
  /** Plain facts for a report; empty where there is no GPU. */
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** tfjs, where the backend is one of its; it has one current backend, and `activate` makes this one current. */
  readonly tf?: typeof TF;
  activate(): void;
  /** Why the device was lost, once it is; never resolves for the processor. */
  readonly lost: Promise<string>;
}

/** The backend and what it runs on, as results name what made them. */
export const nameOf = ({ name, adapter }: Pick<Device, "name" | "adapter">): string => `${titles[name]} (${adapter})`;

/** The one to try after `name`; undefined after the last. */
export function next(name: BackendName): BackendName | undefined {
  return backendNames[backendNames.indexOf(name) + 1];
}

/** True if it computes on a WebGPU adapter. */
export const onAdapter = (name: BackendName): boolean => name === "webgpu" || name === "tfjs-webgpu";
