import { dataOrder, gatherRows, generatorAt, shuffled } from "@attnkit/train";
import { CLASSES, digits, patches, SIDE } from "../data/digits.ts";
import { BATCH, type Examples, type Task } from "./learn.ts";

/** The classification of digits that are cut into patches of `side` pixels, for a number of steps. */
export function digitsTask(side: number, steps: number, seed: number): Task {
  const { train, heldOut } = cut(side);
  const order = dataOrder(train.labels.length, { batch: BATCH, seed });
  return {
    ...{ tokens: (SIDE / side) ** 2, channels: side ** 2, classes: CLASSES, steps },
    train: (step) => some(train, order.batchAt(step)),
    heldOut,
  };
}

type Parts = Readonly<Record<"train" | "heldOut", Examples>>;

/** The examples by the side of their patches: a process measures several cells with the same ones. */
const known = new Map<number, Parts>();

function cut(side: number): Parts {
  const made = known.get(side) ?? prepared(side);
  known.set(side, made);
  return made;
}

/** Both parts with the mean and the deviation of the pixels of the first. */
function prepared(side: number): Parts {
  const { train, heldOut } = digits();
  let [sum, squares] = [0, 0];
  for (const x of train.images) [sum, squares] = [sum + x, squares + x * x];
  const mean = sum / train.images.length;
  const deviation = Math.sqrt(squares / train.images.length - mean ** 2);
  const unit = (images: Float32Array) => images.map((x) => (x - mean) / deviation);
  const part = ({ count, images, labels }: typeof train): Examples => ({
    x: patches({ count, images: unit(images) }, side),
    labels,
  });
  // Images are stored digit by digit: the first held-out ones, whose norms are measured, should show all digits.
  return { train: part(train), heldOut: some(part(heldOut), shuffled(heldOut.count, generatorAt(1, 0))) };
}

const some = ({ x, labels }: Examples, rows: readonly number[]): Examples => ({
  x: gatherRows(x, SIDE ** 2, rows),
  labels: rows.map((row) => labels[row]!),
});
