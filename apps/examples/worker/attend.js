import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { softmax } from "@attnkit/softmax";

/**
 * @typedef {{ id: number, session: string, shape: number[], q: Float32Array, k: Float32Array, v: Float32Array }} Request
 * @typedef {{ id: number, y?: Float32Array<ArrayBuffer>, error?: string }} Reply
 */

/**
 * Returns a function from a message to its reply. The state of each session stays here: only q, k, v and y travel.
 *
 * @returns {(request: Request) => Promise<Reply>}
 */
export function service() {
  const backend = cpu();
  const attend = attention(softmax(), backend, { causal: true });
  const states = new Map();
  /** Blocks of a session are computed in the order in which they came. @type {Promise<unknown>} */
  let last = Promise.resolve();

  const compute = async (/** @type {Request} */ { id, session, shape, q, k, v }) => {
    try {
      const up = (/** @type {Float32Array} */ x) => backend.upload(x, shape);
      const { y, state } = await attend({ q: up(q), k: up(k), v: up(v), state: states.get(session) });
      states.set(session, state);
      return { id, y: /** @type {Float32Array<ArrayBuffer>} */ (await backend.download(y)) };
    } catch (error) {
      return { id, error: String(error) };
    }
  };
  return (request) => {
    const reply = last.then(() => compute(request));
    last = reply;
    return reply;
  };
}
