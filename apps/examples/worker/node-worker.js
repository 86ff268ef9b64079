import { parentPort } from "node:worker_threads";
import { service } from "./attend.js";

const answer = service();
parentPort?.on("message", async (request) => {
  const reply = await answer(request);
  parentPort?.postMessage(reply, reply.y ? [reply.y.buffer] : []);
});
