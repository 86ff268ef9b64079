import type { Tf } from "./tf.ts";

/** Returns a description of the processor that the current tfjs backend computes on. */
export function deviceOf(tf: Tf): string {
  const name = tf.getBackend();
  if (name === "cpu") return "JavaScript, one thread (tfjs)";
  if (name === "wasm") return `WebAssembly${simd(tf)} (tfjs)`;
  const backend = tf.backend() as { adapterInfo?: { vendor?: string; architecture?: string } };
  const { vendor, architecture } = backend.adapterInfo ?? {};
  if (name === "webgpu")
    return `WebGPU adapter ${[vendor, architecture].filter(Boolean).join(" ") || "unknown"} (tfjs)`;
  if (name === "webgl") return `WebGL ${tf.env().getNumber("WEBGL_VERSION")}, ${renderer(tf)} (tfjs)`;
  return `tfjs backend ${name}`;
}

/**
 * The part of a WebGL context that names the driver. It is declared here because this package is typed without the DOM.
 */
interface Context {
  readonly RENDERER: number;
  getExtension(name: "WEBGL_debug_renderer_info"): { readonly UNMASKED_RENDERER_WEBGL: number } | null;
  getParameter(name: number): unknown;
}

/** Returns the driver's name. Browsers that hide it return a general name. */
function renderer(tf: Tf): string {
  const { gl } = (tf.backend() as unknown as { readonly gpgpu: { readonly gl: Context } }).gpgpu;
  const unmasked = gl.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL;
  return String(gl.getParameter(unmasked ?? gl.RENDERER));
}

/** The wasm backend evaluates this flag while it starts. Here it is only read. */
function simd(tf: Tf): string {
  const flags = tf.env().features as Record<string, unknown>;
  return flags.WASM_HAS_SIMD_SUPPORT === true ? " with SIMD" : "";
}
