/** Who does something in a runtime, and who waits for it. Two copies of this package share it: its form is fixed. */
export interface Line {
  busy: boolean;
  readonly waiting: (() => void)[];
}

const LINES: unique symbol = Symbol.for("@attnkit/onnx/lines");

/**
 * The line of the runtime that `env` is the environment of: one object for every backend that was given the module, and for
 * wrappers around it. The lines are global, because a page may hold two copies of this package.
 */
export function lineOf(env: object): Line {
  const shared = globalThis as { [LINES]?: WeakMap<object, Line> };
  shared[LINES] ??= new WeakMap();
  const line = shared[LINES].get(env) ?? { busy: false, waiting: [] };
  shared[LINES].set(env, line);
  return line;
}

/**
 * `act`, once everything before it in the line has ended, well or not. ONNX Runtime's web builds (1.30) do one thing at a
 * time: they keep arguments on the WebAssembly stack across `await`, so that runs which overlap overwrite each other, and a
 * run that begins while another waits for the GPU never ends. `act` must not wait for the same line.
 */
export async function inTurn<R>(line: Line, act: () => Promise<R>): Promise<R> {
  // The one before hands the line on while it is busy, so that nobody comes between.
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
