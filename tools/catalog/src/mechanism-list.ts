/** Every mechanism. A new one is one line here; `node tools/repo/derive.mjs` writes what follows from it. */
export { about as elementwise } from "@attnkit/elementwise/about";
export { about as linear } from "@attnkit/linear/about";
export { about as logsumexp } from "@attnkit/logsumexp/about";
export { about as polynomial } from "@attnkit/polynomial/about";
export { about as softmax } from "@attnkit/softmax/about";
