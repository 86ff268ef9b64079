import type { Data } from "@attnkit/core";

/**
 * Returns the relative Frobenius distance `||a - b|| / ||b||` of two arrays of one length: 0 where they are equal, and
 * Infinity where b is 0 and a is not.
 */
export function relativeDistance(a: Data, b: Data): number {
  let [difference, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    size += b[i]! ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference) / Math.sqrt(size);
}

/**
 * Returns the mean over the rows of `width` numbers of the cosine between a's row and b's. It is blind to the length of
 * a row, which the distance is not. Two rows of zeros have the cosine 1, a row of zeros and another one 0.
 */
export function meanCosine(a: Data, b: Data, width: number): number {
  const rows = b.length / width;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    let [both, ofA, ofB] = [0, 0, 0];
    for (let i = row * width; i < (row + 1) * width; i++) {
      both += a[i]! * b[i]!;
      ofA += a[i]! ** 2;
      ofB += b[i]! ** 2;
    }
    sum += ofA === 0 && ofB === 0 ? 1 : ofA === 0 || ofB === 0 ? 0 : both / (Math.sqrt(ofA) * Math.sqrt(ofB));
  }
  return sum / rows;
}
