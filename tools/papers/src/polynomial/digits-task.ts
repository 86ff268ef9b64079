import { dataOrder, gatherRows, generatorAt, shuffled } from "@attnkit/train";
import { CLASSES, type Digits, digits, patches, SIDE } from "../data/digits.ts";
import { BATCH, type Examples, type Task } from "./learn.ts";

/** The classification of digits that are cut into patches of `side` pixels, for a number of steps. */
export function digitsTask(side: number, steps: number, seed: number): Task {
  const { train, heldOut } = digits();
  const unit = standardised(train.images);
  const [x, held] = [patches(unit(train), side), patches(unit(heldOut), side)];
  const order = dataOrder(train.count, { batch: BATCH, seed });
  // The held-out images are stored digit by digit: the first of them, whose norms are measured, should show all digits.
  const mixed = shuffled(heldOut.count, generatorAt(1, 0));
  const some = (images: Float32Array, { labels }: Digits, rows: readonly number[]): Examples => ({
    x: gatherRows(images, SIDE ** 2, rows),
    labels: rows.map((row) => labels[row]!),
  });
  return {
    ...{ tokens: (SIDE / side) ** 2, channels: side ** 2, classes: CLASSES, steps },
    train: (step) => some(x, train, order.batchAt(step)),
    heldOut: some(held, heldOut, mixed),
  };
}

/** Returns the map to mean 0 and deviation 1 over all pixels of the given images. */
function standardised(pixels: Float32Array): (d: Digits) => Digits {
  const mean = pixels.reduce((sum, x) => sum + x, 0) / pixels.length;
  const deviation = Math.sqrt(pixels.reduce((sum, x) => sum + (x - mean) ** 2, 0) / pixels.length);
  return (d) => ({ ...d, images: d.images.map((x) => (x - mean) / deviation) });
}
