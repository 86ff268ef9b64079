/**
 * A queue for one ONNX Runtime module: whether an operation runs, and who waits for it. Two copies of this package
 * share the object, so its shape must not change.
 */
export interface Line {
  busy: boolean;
  readonly waiting: (() => void)[];
}

const LINES: unique symbol = Symbol.for("@attnkit/onnx/lines");

/**
 * Returns the queue of the runtime with environment `env`. All backends that were given this module share it, and so do
 * wrappers around the module. The map is global because a page may hold two copies of this package.
 */
export function lineOf(env: object): Line {
  const shared = globalThis as { [LINES]?: WeakMap<object, Line> };
  shared[LINES] ??= new WeakMap();
  const line = shared[LINES].get(env) ?? { busy: false, waiting: [] };
  shared[LINES].set(env, line);
  return line;
}

/**
 * Runs `act` after everything before it in the queue has settled.
 * ONNX Runtime's web builds (1.30) must do one thing at a time. They keep arguments on the WebAssembly stack across
 * `await`, so overlapping runs overwrite each other. A run that begins while another waits for the GPU never ends.
 * `act` must not wait for the same queue: it would wait for ever.
 */
export async function inTurn<R>(line: Line, act: () => Promise<R>): Promise<R> {
  // The previous operation stays busy while it hands over, so no other can start in between.
  if (line.busy) await new Promise<void>((enter) => line.waiting.push(enter));
  line.busy = true;
  try {
    return await act();
  } finally {
    const next = line.waiting.shift();
    if (next) next();
    else line.busy = false;
  }
}
