import * as ort from "onnxruntime-node";

const [HEADS, CHANNELS, MOST_TOKENS] = [4, 16, 512];
/** The largest size of a number: softmax attention promises accurate results up to it. */
const LARGEST = 100;

/** @typedef {{ tokens: number, q: number[], k: number[], v: number[] }} Question */

/** Returns the checked question. Throws an Error that says what is wrong. */
export function parse(/** @type {string} */ body) {
  const { q, k, v } = Object(JSON.parse(body));
  const tokens = q?.length / (HEADS * CHANNELS);
  for (const [name, x] of Object.entries({ q, k, v })) {
    const fits =
      Array.isArray(x) && x.length === q.length && x.every((n) => typeof n === "number" && Math.abs(n) <= LARGEST);
    if (!fits || !Number.isInteger(tokens) || tokens < 1 || tokens > MOST_TOKENS)
      throw new Error(
        `${name} must be an array of ${HEADS} * tokens * ${CHANNELS} numbers from -${LARGEST} to ${LARGEST}, with 1 to ${MOST_TOKENS} tokens, the same for q, k and v.`,
      );
  }
  return /** @type {Question} */ ({ tokens, q, k, v });
}

/** Loads the file and returns a function that answers many questions in one run. */
export async function model(/** @type {string} */ path) {
  const session = await ort.InferenceSession.create(path);
  return async (/** @type {Question[]} */ questions) => {
    const [batch, longest] = [questions.length, Math.max(...questions.map(({ tokens }) => tokens))];
    const row = longest * CHANNELS;
    // Shorter questions are filled up with zeros at their end; the key mask says which tokens are there.
    const padded = (/** @type {"q" | "k" | "v"} */ name) => {
      const data = new Float32Array(batch * HEADS * row);
      questions.forEach((question, b) => {
        const own = question.tokens * CHANNELS;
        for (let h = 0; h < HEADS; h++) data.set(question[name].slice(h * own, (h + 1) * own), (b * HEADS + h) * row);
      });
      return new ort.Tensor("float32", data, [batch, HEADS, longest, CHANNELS]);
    };
    const present = new Uint8Array(batch * longest);
    questions.forEach(({ tokens }, b) => {
      present.fill(1, b * longest, b * longest + tokens);
    });
    const keyMask = new ort.Tensor("bool", present, [batch, longest]);
    const { y } = await session.run({ q: padded("q"), k: padded("k"), v: padded("v"), keyMask }, ["y"]);
    const data = /** @type {Float32Array} */ (y?.data);
    return questions.map(({ tokens }, b) => ({
      batch,
      y: Array.from({ length: HEADS }, (_, h) => {
        const start = (b * HEADS + h) * row;
        return [...data.subarray(start, start + tokens * CHANNELS)];
      }).flat(),
    }));
  };
}
