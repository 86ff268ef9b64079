import { service } from "./attend.js";

const answer = service();
self.addEventListener("message", async ({ data: request }) => {
  const reply = await answer(request);
  self.postMessage(reply, { transfer: reply.y ? [reply.y.buffer] : [] });
});
