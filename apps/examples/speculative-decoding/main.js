/**
 * A cheap model, the draft, proposes a few words. The costly one, the target, reads them in one block and says after each
 * word what it would have said itself. The words up to the first difference are accepted: exactly those of the target.
 */
import { logsumexp } from "@attnkit/logsumexp";
import { softmax } from "@attnkit/softmax";
import { model } from "./model.js";

const TEXT = `this is the house that jack built . this is the malt that lay in the house that jack built . this is the rat
  that ate the malt that lay in the house that jack built . this is the cat that killed the rat that ate the malt that
  lay in the house that jack built . this is the dog that worried the cat`;
/** Words that are generated, and words that the draft proposes at a time. */
const [LENGTH, PROPOSALS] = [40, 4];

const prompt = TEXT.split(/\s+/);
const vocabulary = [...new Set(prompt)];
const ids = prompt.map((word) => vocabulary.indexOf(word));
const text = (/** @type {readonly number[]} */ words) => words.map((word) => vocabulary[word]).join(" ");

const words = vocabulary.length;
const newTarget = () => model(softmax({ scale: 1 }), { words, context: 3, sharpness: 2 });

const target = newTarget();
const spoken = await speculate(target, model(logsumexp(), { words, context: 1, sharpness: 12 }));
console.log(`text: ${text(spoken)}`);
const alone = newTarget();
const same = text(await decode(alone)) === text(spoken);
console.log(`the target alone says ${same ? "the same" : "something else"}`);
console.log(`calls of the target: ${target.calls}; alone: ${alone.calls}`);

/** Decodes a word at a time. */
async function decode(/** @type {ReturnType<typeof model>} */ target) {
  let { next, memory } = await target.read(target.start, ids);
  const out = next.slice(-1);
  while (out.length < LENGTH) {
    ({ next, memory } = await target.read(memory, out.slice(-1)));
    out.push(...next);
  }
  return out;
}

async function speculate(
  /** @type {ReturnType<typeof model>} */ target,
  /** @type {ReturnType<typeof model>} */ draft,
) {
  const first = await target.read(target.start, ids);
  const out = first.next.slice(-1);
  /** The words that the target has read, and the certain words that it has not. */
  let [kept, unread] = [first.memory, out.slice()];
  /** The same for the draft. */
  let [draftKept, draftUnread] = [draft.start, [...ids, ...out]];
  while (out.length < LENGTH) {
    // After many rejections the target reads what it has not yet read, without proposals, so that blocks stay short.
    const count = unread.length > 2 * PROPOSALS ? 0 : PROPOSALS;
    /** The memory of the draft before each proposal. */
    const memories = [];
    /** @type {number[]} */
    const proposals = [];
    for (let i = 0; i < count; i++) {
      const { next, memory } = await draft.read(
        memories.at(-1) ?? draftKept,
        i === 0 ? draftUnread : proposals.slice(-1),
      );
      memories.push(memory);
      proposals.push(...next.slice(-1));
    }

    const { next, memory } = await target.read(kept, [...unread, ...proposals]);
    const own = next.slice(unread.length - 1); // what the target says after the last certain word and after each proposal
    const differs = proposals.findIndex((word, i) => word !== own[i]);
    const accepted = differs < 0 ? proposals.length : differs;
    const certain = own.slice(0, accepted + 1);
    out.push(...certain);

    if (accepted === proposals.length) [kept, unread] = [memory, certain.slice(-1)];
    // The new memory contains rejected words: the target goes on from the one it kept.
    else unread.push(...certain);
    // The draft has a memory before each proposal, among them the one after the last accepted word that it has read.
    const back = Math.min(accepted, memories.length - 1);
    if (back >= 0) [draftKept, draftUnread] = [memories[back] ?? draftKept, certain.slice(back)];
    else draftUnread.push(...certain);
    if (count > 0)
      console.log(
        `proposed: ${text(proposals)} | accepted: ${text(proposals.slice(0, accepted)) || "nothing"} | then: ${text(certain.slice(-1))}`,
      );
  }
  return out.slice(0, LENGTH);
}
