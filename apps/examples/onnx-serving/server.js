/** POST { q, k, v }, each `[heads, tokens, channels]` as one array of numbers; the answer is { y, batch }. */
import { createServer } from "node:http";
import { model, parse } from "./attend.js";
import { batcher } from "./batcher.js";

const MOST_BYTES = 4_000_000;
/** How long a question waits for others. */
const waitMs = Number(process.env.WAIT_MS ?? 5);
const attend = batcher(await model(process.argv[2] ?? "attention.onnx"), { waitMs, most: 32 });

const server = createServer(async (request, response) => {
  const reply = (/** @type {number} */ status, /** @type {object} */ body) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (request.method !== "POST") return reply(405, { error: "Send { q, k, v } with POST." });
  let question;
  try {
    question = parse(await text(request));
  } catch (error) {
    request.resume(); // The rest of a question that is too long is read and dropped.
    return reply(400, { error: /** @type {Error} */ (error).message });
  }
  try {
    return reply(200, await attend(question));
  } catch (error) {
    console.error(error);
    return reply(500, { error: "The model could not be run." });
  }
});
server.listen(Number(process.env.PORT ?? 8000), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`);
});

async function text(/** @type {import("node:http").IncomingMessage} */ request) {
  const chunks = [];
  let bytes = 0;
  // The end of this loop, by default, would close the connection, before the reply.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`A question has at most ${MOST_BYTES} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
