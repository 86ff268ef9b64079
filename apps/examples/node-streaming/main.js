/**
 * Words arrive one by one. For each word, two attention heads look up which words followed it so far:
 * k is the previous word, v and q are the word itself, each as one channel of a vector.
 */
import { setTimeout as pause } from "node:timers/promises";
import { attention } from "@attnkit/core";
import { cpu } from "@attnkit/cpu";
import { logsumexp } from "@attnkit/logsumexp";
import { softmax } from "@attnkit/softmax";

const TEXT = `this is the house that jack built . this is the malt that lay in the house that jack built . this is the rat
  that ate the malt that lay in the house that jack built . this is the cat that killed the rat that ate the malt`;
/** The largest number of different words, which is also the number of channels d. */
const CHANNELS = 64;
/** Larger numbers give the words that match more weight beside all the others. */
const SHARPNESS = 12;

const backend = cpu();
/** Each head and its state after the words so far. @type {{ attend: any, state?: any }[]} */
const heads = [
  { attend: attention(softmax(), backend, { causal: true }) },
  { attend: attention(logsumexp(), backend, { causal: true }) },
];

/** The words seen so far; the index of a word is its channel. @type {string[]} */
const vocabulary = [];
let previous = -1;

for await (const word of process.argv[2] === "-" ? wordsOf(process.stdin) : wordsOf(slowly(TEXT))) {
  const isNew = !vocabulary.includes(word);
  if (isNew) vocabulary.push(word);
  if (vocabulary.length > CHANNELS)
    throw new Error(`This example knows ${CHANNELS} different words; "${word}" is one more.`);
  const current = vocabulary.indexOf(word);
  const block = { q: vector(current, SHARPNESS), k: vector(previous, SHARPNESS), v: vector(current, 1) };
  const columns = [];
  for (const head of heads) {
    const { y, state } = await head.attend({ ...block, state: head.state });
    head.state = state; // all that the next word needs of this one
    const guess = isNew ? "?" : mostLikely(await backend.download(y));
    columns.push(`${head.attend.mechanism.name} ${guess} (${bytesOf(state)} bytes)`.padEnd(32));
  }
  console.log(word.padEnd(8), ...columns);
  previous = current;
}

/** Returns a tensor `[1, d]`: one token of one head. Without a channel, all entries are 0. */
function vector(/** @type {number} */ channel, /** @type {number} */ size) {
  return backend.upload(
    Float32Array.from({ length: CHANNELS }, (_, c) => (c === channel ? size : 0)),
    [1, CHANNELS],
  );
}

/** Returns the word with the largest entry of y: y is the mean of the words that followed. */
function mostLikely(/** @type {import("@attnkit/core").DataOf<"float32">} */ y) {
  return vocabulary[y.indexOf(Math.max(...y))];
}

function bytesOf(/** @type {Record<string, import("@attnkit/cpu").NdArray>} */ state) {
  return Object.values(state).reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
}

/** Yields each word as soon as the white space behind it has arrived. */
async function* wordsOf(/** @type {AsyncIterable<string | Buffer>} */ chunks) {
  let rest = "";
  for await (const chunk of chunks) {
    const words = (rest + chunk).split(/\s+/);
    rest = words.pop() ?? "";
    yield* words.filter((word) => word !== "");
  }
  if (rest !== "") yield rest;
}

async function* slowly(/** @type {string} */ text) {
  for (const word of text.split(/\s+/)) {
    yield `${word} `;
    await pause(20);
  }
}
