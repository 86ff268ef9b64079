import type { Tf } from "./tf.ts";

/** What does the work, in words, as far as the current tfjs backend tells. */
export function deviceOf(tf: Tf): string {
  const name = tf.getBackend();
  if (name === "cpu") return "JavaScript, one thread (tfjs)";
  if (name === "wasm") return `WebAssembly${simd(tf)} (tfjs)`;
  const backend = tf.backend() as { adapterInfo?: { vendor?: string; architecture?: string } };
  const { vendor, architecture } = backend.adapterInfo ?? {};
  if (name === "webgpu")
    return `WebGPU adapter ${[vendor, architecture].filter(Boolean).join(" ") || "unknown"} (tfjs)`;
  return `tfjs backend ${name}`;
}

/** Evaluated by the wasm backend while it started; not evaluated again. */
function simd(tf: Tf): string {
  const flags = tf.env().features as Record<string, unknown>;
  return flags.WASM_HAS_SIMD_SUPPORT === true ? " with SIMD" : "";
}
