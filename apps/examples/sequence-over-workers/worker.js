import { parentPort } from "node:worker_threads";
import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { logsumexp } from "@attnkit/logsumexp";

const attend = attention(logsumexp(), cpu(), { causal: true });
/** The piece of this worker. @type {Record<"q" | "k" | "v", import("@attnkit/cpu").NdArray>} */
let piece;

parentPort?.on("message", async (message) => {
  if (message.piece) {
    // Step 1: the state of the piece alone. It does not depend on queries, so there are none.
    piece = message.piece;
    const [heads, , channels] = piece.q.shape;
    const none = { shape: [heads ?? 1, 0, channels ?? 1], data: new Float32Array(0) };
    parentPort?.postMessage((await attend({ ...piece, q: none })).state);
  } else {
    // Step 2: the outputs of the piece after everything before it, of which this worker gets the state only.
    parentPort?.postMessage((await attend({ ...piece, state: message.before })).y);
  }
});
